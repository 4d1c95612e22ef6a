/*
 * tls_client HOST:SERVICE CAFILE LINE
 * tls_client unix:PATH CAFILE LINE
 *
 * Connects with the routines of BIO_connect(3), does a TLS handshake, verifies
 * the server with the certificates in CAFILE, sends LINE and prints the line
 * that it gets back. Errors are printed from the error queue of the linked
 * library: an unmodified OpenSSL, or LibreSSL, AWS-LC or BoringSSL with
 * libbiosock_overlay before it.
 *
 * Build:  cc tls_client.c -I BIOSOCK/include -I AWS-LC/include \
 *            -lbiosock_overlay -lssl -lcrypto
 *    or:  cc tls_client.c $(pkg-config --cflags --libs openssl)
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* Returns a connected socket, or -1 with the reason queued. */
static int connect_to(const BIO_ADDRINFO *ai)
{
    int family = BIO_ADDRINFO_family(ai);
    int options = family == AF_UNIX ? 0 : BIO_SOCK_KEEPALIVE | BIO_SOCK_NODELAY;
    int sock = BIO_socket(family, BIO_ADDRINFO_socktype(ai), BIO_ADDRINFO_protocol(ai), 0);

    if (sock != -1 && !BIO_connect(sock, BIO_ADDRINFO_address(ai), options)) {
        BIO_closesocket(sock);
        sock = -1;
    }
    return sock;
}

static void print_peer(const BIO_ADDRINFO *ai)
{
    const BIO_ADDR *addr = BIO_ADDRINFO_address(ai);
    int is_path = BIO_ADDR_family(addr) == AF_UNIX;
    char *host = is_path ? BIO_ADDR_path_string(addr) : BIO_ADDR_hostname_string(addr, 1);

    if (host != NULL)
        fprintf(stderr, "connected to %s\n", host);
    OPENSSL_free(host);
}

static int connect_to_any(const BIO_ADDRINFO *all)
{
    int sock = -1;

    for (const BIO_ADDRINFO *ai = all; ai != NULL && sock == -1; ai = BIO_ADDRINFO_next(ai)) {
        sock = connect_to(ai);
        if (sock != -1)
            print_peer(ai);
    }
    if (sock != -1)
        ERR_clear_error(); /* errors of earlier addresses */
    return sock;
}

/* Looks the name up and connects; *host is the name, if there is one. */
static int reach(const char *where, char **host)
{
    BIO_ADDRINFO *all = NULL;
    char *service = NULL;
    int found, sock = -1;

    if (strncmp(where, "unix:", 5) == 0)
        found = BIO_lookup_ex(where + 5, NULL, BIO_LOOKUP_CLIENT, AF_UNIX, SOCK_STREAM, 0, &all);
    else
        found = BIO_parse_hostserv(where, host, &service, BIO_PARSE_PRIO_HOST)
                && BIO_lookup_ex(*host, service, BIO_LOOKUP_CLIENT, AF_UNSPEC, SOCK_STREAM, 0,
                                 &all);
    if (found)
        sock = connect_to_any(all);
    BIO_ADDRINFO_free(all);
    OPENSSL_free(service);
    return sock;
}

/* The certificate must be for the host, whether a name or an address. */
static int expect_host(SSL *ssl, const char *host)
{
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) || SSL_set1_host(ssl, host);
}

static SSL *handshake(SSL_CTX *ctx, int sock, const char *cafile, const char *host)
{
    SSL *ssl;

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (!SSL_CTX_load_verify_locations(ctx, cafile, NULL))
        return NULL;
    ssl = SSL_new(ctx);
    if (ssl != NULL && expect_host(ssl, host) && SSL_set_fd(ssl, sock)
        && SSL_connect(ssl) == 1)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

/* Sends the line and prints the line received. */
static int exchange(SSL *ssl, const char *line)
{
    int len = (int)strlen(line);
    char byte = '\0';

    if (SSL_write(ssl, line, len) != len || SSL_write(ssl, "\n", 1) != 1)
        return 0;
    while (byte != '\n') {
        if (SSL_read(ssl, &byte, 1) != 1)
            return 0;
        putchar(byte);
    }
    return 1;
}

static int talk(int sock, const char *cafile, const char *host, const char *line)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx == NULL ? NULL : handshake(ctx, sock, cafile, host);
    int done = 0;

    if (ssl != NULL) {
        fprintf(stderr, "%s, %s\n", SSL_get_version(ssl), SSL_CIPHER_get_name(
                                                              SSL_get_current_cipher(ssl)));
        done = exchange(ssl, line);
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return done;
}

int main(int argc, char **argv)
{
    char *host = NULL;
    int sock, done = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: %s HOST:SERVICE|unix:PATH CAFILE LINE\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* make a write to a closed connection an error */
    sock = reach(argv[1], &host);
    if (sock != -1) {
        done = talk(sock, argv[2], host == NULL ? "localhost" : host, argv[3]);
        BIO_closesocket(sock);
    }
    if (!done) {
        fprintf(stderr, "%s: %s:\n", argv[0], argv[1]);
        ERR_print_errors_fp(stderr);
    }
    OPENSSL_free(host);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
