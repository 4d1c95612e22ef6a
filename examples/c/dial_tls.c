/* dial_tls HOST:SERVICE NAME: a TLS handshake over biosock_dial(3) with the holder of NAME's certificate.
 * Build: cc dial_tls.c $(pkg-config --cflags --libs biosock-overlay libssl libcrypto)
 * SPDX-License-Identifier: Apache-2.0 OR MIT */
#include <biosock.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

int main(int argc, char **argv)
{
    biosock_dial_options options = BIOSOCK_DIAL_OPTIONS_INIT;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx != NULL && SSL_CTX_set_default_verify_paths(ctx) ? SSL_new(ctx) : NULL;
    int sock, done = 0;

    options.timeout_ms = 10000; /* for all addresses of the host together */
    sock = biosock_dial(argc == 3 ? argv[1] : NULL, &options);
    if (sock != -1 && ssl != NULL && SSL_set_fd(ssl, sock)
        && X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), argv[2], 0)) {
        SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
        done = SSL_set_tlsext_host_name(ssl, argv[2]) && SSL_connect(ssl) == 1;
    }
    if (done)
        printf("%s %s\n", SSL_get_version(ssl), SSL_get_cipher(ssl));
    else
        ERR_print_errors_fp(stderr);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return (sock == -1 || BIO_closesocket(sock)) && done ? 0 : 1;
}
