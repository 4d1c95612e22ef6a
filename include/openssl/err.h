/*
 * biosock's <openssl/err.h>: the error queue of the calling thread, with codes
 * packed as in OpenSSL 3.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * Yields to the <openssl/err.h> of an OpenSSL further down the include path
 * unless BIOSOCK_ALONE is defined: see crypto.h.
 */
#if !defined(BIOSOCK_ALONE) && defined(__has_include_next)
#  if __has_include_next(<openssl/opensslv.h>)
#    define BIOSOCK_ERR_YIELDS 1
#  endif
#endif

#if defined(BIOSOCK_ERR_YIELDS)
#  undef BIOSOCK_ERR_YIELDS
#  pragma GCC system_header /* #include_next is not standard C */
#  include_next <openssl/err.h>
#elif !defined(BIOSOCK_OPENSSL_ERR_H)
#  define BIOSOCK_OPENSSL_ERR_H

#  include <errno.h>
#  include <limits.h>
#  include <stdio.h>
#  include <openssl/bio.h>

/* The queue has 16 slots, one of which is always free. */
#  define ERR_NUM_ERRORS 16

/* The flags of an entry's data. */
#  define ERR_TXT_MALLOCED 0x01
#  define ERR_TXT_STRING 0x02

/* Which library raised an entry. */
#  define ERR_LIB_NONE 1
#  define ERR_LIB_SYS 2
#  define ERR_LIB_CRYPTO 15
#  define ERR_LIB_BIO 32
#  define ERR_LIB_USER 128

/* The parts of a code: an OS error is the top bit and an errno, any other is
 * eight bits of library above 23 bits of reason, whose flags start at bit 18. */
#  define ERR_SYSTEM_FLAG ((unsigned int)INT_MAX + 1)
#  define ERR_SYSTEM_MASK ((unsigned int)INT_MAX)
#  define ERR_LIB_OFFSET 23L
#  define ERR_LIB_MASK 0xFF
#  define ERR_RFLAGS_OFFSET 18L
#  define ERR_RFLAGS_MASK 0x1F
#  define ERR_REASON_MASK 0X7FFFFF
#  define ERR_RFLAG_FATAL (0x1 << ERR_RFLAGS_OFFSET)
#  define ERR_RFLAG_COMMON (0x2 << ERR_RFLAGS_OFFSET)

#  define ERR_SYSTEM_ERROR(errcode) (((errcode) & ERR_SYSTEM_FLAG) != 0)
#  define ERR_PACK(lib, func, reason) \
       ((((unsigned long)(lib) & ERR_LIB_MASK) << ERR_LIB_OFFSET) | \
        ((unsigned long)(reason) & ERR_REASON_MASK))

/* Reasons common to all libraries. */
#  define ERR_R_FATAL (ERR_RFLAG_FATAL | ERR_RFLAG_COMMON)
#  define ERR_R_SYS_LIB (ERR_LIB_SYS | ERR_RFLAG_COMMON)
#  define ERR_R_BIO_LIB (ERR_LIB_BIO | ERR_RFLAG_COMMON)
#  define ERR_R_MALLOC_FAILURE (256 | ERR_R_FATAL)
#  define ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED (257 | ERR_R_FATAL)
#  define ERR_R_PASSED_NULL_PARAMETER (258 | ERR_R_FATAL)
#  define ERR_R_INTERNAL_ERROR (259 | ERR_R_FATAL)
#  define ERR_R_INIT_FAIL (261 | ERR_R_FATAL)
#  define ERR_R_PASSED_INVALID_ARGUMENT (262 | ERR_RFLAG_COMMON)
#  define ERR_R_OPERATION_FAIL (263 | ERR_R_FATAL)
#  define ERR_R_UNSUPPORTED (268 | ERR_RFLAG_COMMON)

#  if defined(__GNUC__)
#    define BIOSOCK_MAYBE_UNUSED __attribute__((unused))
#  else
#    define BIOSOCK_MAYBE_UNUSED
#  endif

#  if defined(__cplusplus)
extern "C" {
#  endif

BIOSOCK_MAYBE_UNUSED static inline int ERR_GET_LIB(unsigned long code)
{
    return ERR_SYSTEM_ERROR(code) ? ERR_LIB_SYS : (int)((code >> ERR_LIB_OFFSET) & ERR_LIB_MASK);
}

BIOSOCK_MAYBE_UNUSED static inline int ERR_GET_REASON(unsigned long code)
{
    return (int)(code & (ERR_SYSTEM_ERROR(code) ? ERR_SYSTEM_MASK : (unsigned int)ERR_REASON_MASK));
}

BIOSOCK_MAYBE_UNUSED static inline int ERR_GET_RFLAGS(unsigned long code)
{
    return ERR_SYSTEM_ERROR(code) ? 0 : (int)(code & (ERR_RFLAGS_MASK << ERR_RFLAGS_OFFSET));
}

BIOSOCK_MAYBE_UNUSED static inline int ERR_FATAL_ERROR(unsigned long code)
{
    return (ERR_GET_RFLAGS(code) & ERR_RFLAG_FATAL) != 0;
}

BIOSOCK_MAYBE_UNUSED static inline int ERR_COMMON_ERROR(unsigned long code)
{
    return (ERR_GET_RFLAGS(code) & ERR_RFLAG_COMMON) != 0;
}

/* The oldest entry, removed from the queue. */
unsigned long ERR_get_error(void);
unsigned long ERR_get_error_all(const char **file, int *line, const char **func,
                                const char **data, int *flags);
BIOSOCK_DEPRECATED_3_0
unsigned long ERR_get_error_line_data(const char **file, int *line, const char **data, int *flags);

/* The oldest entry, left on the queue. */
unsigned long ERR_peek_error(void);
unsigned long ERR_peek_error_line(const char **file, int *line);
unsigned long ERR_peek_error_func(const char **func);
unsigned long ERR_peek_error_data(const char **data, int *flags);
unsigned long ERR_peek_error_all(const char **file, int *line, const char **func,
                                 const char **data, int *flags);
BIOSOCK_DEPRECATED_3_0
unsigned long ERR_peek_error_line_data(const char **file, int *line, const char **data, int *flags);

/* The newest entry, left on the queue. */
unsigned long ERR_peek_last_error(void);
unsigned long ERR_peek_last_error_line(const char **file, int *line);
unsigned long ERR_peek_last_error_func(const char **func);
unsigned long ERR_peek_last_error_data(const char **data, int *flags);
unsigned long ERR_peek_last_error_all(const char **file, int *line, const char **func,
                                      const char **data, int *flags);
BIOSOCK_DEPRECATED_3_0
unsigned long ERR_peek_last_error_line_data(const char **file, int *line, const char **data,
                                            int *flags);

/* Error codes as strings. */
char *ERR_error_string(unsigned long code, char *buf);
void ERR_error_string_n(unsigned long code, char *buf, size_t len);
const char *ERR_lib_error_string(unsigned long code);
const char *ERR_reason_error_string(unsigned long code);
BIOSOCK_DEPRECATED_3_0
const char *ERR_func_error_string(unsigned long code);

/* The whole queue: emptied, or printed and emptied. */
void ERR_clear_error(void);
void ERR_print_errors_fp(FILE *fp);
void ERR_print_errors_cb(int (*cb)(const char *str, size_t len, void *u), void *u);

/* Marks in the queue. */
int ERR_set_mark(void);
int ERR_pop_to_mark(void);
int ERR_clear_last_mark(void);

#  if defined(__cplusplus)
}
#  endif
#endif
