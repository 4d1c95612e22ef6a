/*
 * biosock's <openssl/crypto.h>: the allocator of the strings that the BIO_*
 * routines return.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * Which header a program gets
 *   -DBIOSOCK_ALONE            this one (what `pkg-config --cflags biosock` sets)
 *   an OpenSSL further down
 *   the include path           that OpenSSL's: this file only includes it
 *   neither                    this one
 * "An OpenSSL" is any library that has <openssl/opensslv.h>: OpenSSL, LibreSSL,
 * AWS-LC, BoringSSL. bio.h and err.h decide in the same way, so that the three
 * never come from two libraries.
 */
#if !defined(BIOSOCK_ALONE) && defined(__has_include_next)
#  if __has_include_next(<openssl/opensslv.h>)
#    define BIOSOCK_CRYPTO_YIELDS 1
#  endif
#endif

#if defined(BIOSOCK_CRYPTO_YIELDS)
#  undef BIOSOCK_CRYPTO_YIELDS
#  pragma GCC system_header /* #include_next is not standard C */
#  include_next <openssl/crypto.h>
#elif !defined(BIOSOCK_OPENSSL_CRYPTO_H)
#  define BIOSOCK_OPENSSL_CRYPTO_H

#  if defined(OPENSSL_VERSION_TEXT)
#    error "biosock: OpenSSL's own headers are in use already: drop -DBIOSOCK_ALONE and use biosock-overlay"
#  endif

/* OpenSSL's headers include these, and programs rely on it. */
#  include <stddef.h>
#  include <stdlib.h>
#  include <time.h>

/* The level of OpenSSL's interface that this subset has (BIO_SOCK_TFO and
 * BIO_ADDR_dup are new in 3.2), for programs that check the version. */
#  define OPENSSL_VERSION_MAJOR 3
#  define OPENSSL_VERSION_MINOR 2
#  define OPENSSL_VERSION_PATCH 0
#  define OPENSSL_VERSION_NUMBER 0x30200000L

/* Warns about uses of a deprecated routine, except with
 * OPENSSL_SUPPRESS_DEPRECATED or an OPENSSL_API_COMPAT older than the
 * deprecation. */
#  if defined(OPENSSL_API_COMPAT)
#    define BIOSOCK_API_BEFORE_(hex, level) \
         (OPENSSL_API_COMPAT < (level) || \
          (OPENSSL_API_COMPAT >= 0x00900000L && OPENSSL_API_COMPAT < (hex)))
#  else
#    define BIOSOCK_API_BEFORE_(hex, level) 0
#  endif
#  if !defined(__GNUC__) || defined(OPENSSL_SUPPRESS_DEPRECATED)
#    define BIOSOCK_DEPRECATED_1_1_0
#    define BIOSOCK_DEPRECATED_3_0
#  else
#    if BIOSOCK_API_BEFORE_(0x10100000L, 10100)
#      define BIOSOCK_DEPRECATED_1_1_0
#    else
#      define BIOSOCK_DEPRECATED_1_1_0 __attribute__((deprecated("since OpenSSL 1.1.0")))
#    endif
#    if BIOSOCK_API_BEFORE_(0x30000000L, 30000)
#      define BIOSOCK_DEPRECATED_3_0
#    else
#      define BIOSOCK_DEPRECATED_3_0 __attribute__((deprecated("since OpenSSL 3.0")))
#    endif
#  endif

#  if !defined(OPENSSL_FILE)
#    define OPENSSL_FILE __FILE__
#    define OPENSSL_LINE __LINE__
#  endif

#  define OPENSSL_malloc(num) CRYPTO_malloc(num, OPENSSL_FILE, OPENSSL_LINE)
#  define OPENSSL_zalloc(num) CRYPTO_zalloc(num, OPENSSL_FILE, OPENSSL_LINE)
#  define OPENSSL_strdup(str) CRYPTO_strdup(str, OPENSSL_FILE, OPENSSL_LINE)
#  define OPENSSL_strndup(str, n) CRYPTO_strndup(str, n, OPENSSL_FILE, OPENSSL_LINE)
#  define OPENSSL_free(addr) CRYPTO_free(addr, OPENSSL_FILE, OPENSSL_LINE)

#  if defined(__cplusplus)
extern "C" {
#  endif

void *CRYPTO_malloc(size_t num, const char *file, int line);
void *CRYPTO_zalloc(size_t num, const char *file, int line);
char *CRYPTO_strdup(const char *str, const char *file, int line);
char *CRYPTO_strndup(const char *str, size_t max, const char *file, int line);
void CRYPTO_free(void *ptr, const char *file, int line);

#  if defined(__cplusplus)
}
#  endif
#endif
