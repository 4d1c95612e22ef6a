#ifndef STAND_IN_ERR_H
#define STAND_IN_ERR_H
#include <stdio.h>
#include <openssl/opensslv.h>
#ifdef __cplusplus
extern "C" {
#endif
#define ERR_LIB_SYS 2
#define ERR_LIB_BIO 32
#define ERR_R_SYS_LIB 2
#define ERR_R_BUF_LIB 7
#define ERR_R_BIO_LIB 32
#define ERR_R_MALLOC_FAILURE 65
#define ERR_R_PASSED_NULL_PARAMETER 67
#define ERR_R_INTERNAL_ERROR 68
#define ERR_GET_LIB(e) ((int)(((e) >> 24) & 0xff))
#define ERR_GET_FUNC(e) ((int)(((e) >> 12) & 0xfff))
#define ERR_GET_REASON(e) ((int)((e)&0xfff))
void ERR_put_error(int lib, int func, int reason, const char *file, int line);
void ERR_asprintf_error_data(char *format, ...);
unsigned long ERR_get_error(void);
unsigned long ERR_peek_last_error(void);
void ERR_clear_error(void);
void ERR_print_errors_fp(FILE *file);
int ERR_get_next_error_library(void);
#ifdef __cplusplus
}
#endif
#endif
