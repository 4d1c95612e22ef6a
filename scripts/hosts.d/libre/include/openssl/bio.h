#ifndef STAND_IN_BIO_H
#define STAND_IN_BIO_H
#include <openssl/crypto.h>
#ifdef __cplusplus
extern "C" {
#endif
/* Its own numbers, of which 106, 108, 109, 129 and 130 are other reasons in OpenSSL. */
#define BIO_R_ACCEPT_ERROR 100
#define BIO_R_CONNECT_ERROR 103
#define BIO_R_ERROR_SETTING_NBIO_ON_ACCEPT_SOCKET 106
#define BIO_R_INVALID_IP_ADDRESS 108
#define BIO_R_KEEPALIVE 109
#define BIO_R_NO_PORT_DEFINED 113
#define BIO_R_UNABLE_TO_BIND_SOCKET 117
#define BIO_R_UNABLE_TO_CREATE_SOCKET 118
#define BIO_R_UNABLE_TO_LISTEN_SOCKET 119
#define BIO_R_INVALID_ARGUMENT 125
#define BIO_R_INVALID_PORT_NUMBER 129
#define BIO_R_TOO_LONG 130
#define BIO_BIND_NORMAL 0
#define BIO_BIND_REUSEADDR_IF_UNUSED 1
#define BIO_BIND_REUSEADDR 2
typedef struct bio_method_st BIO_METHOD;
const BIO_METHOD *BIO_s_socket(void);
int BIO_sock_should_retry(int result);
int BIO_sock_non_fatal_error(int error);
int BIO_sock_init(void);
#ifdef __cplusplus
}
#endif
#endif
