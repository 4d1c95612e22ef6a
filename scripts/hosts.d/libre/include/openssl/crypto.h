#ifndef STAND_IN_CRYPTO_H
#define STAND_IN_CRYPTO_H
#include <stddef.h>
#include <openssl/opensslv.h>
#ifdef __cplusplus
extern "C" {
#endif
void *CRYPTO_malloc(size_t size, const char *file, int line);
void CRYPTO_free(void *memory, const char *file, int line);
#define OPENSSL_malloc(size) CRYPTO_malloc((size), NULL, 0)
#define OPENSSL_free(memory) CRYPTO_free((memory), NULL, 0)
#ifdef __cplusplus
}
#endif
#endif
