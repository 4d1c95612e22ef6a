/*
 * fails TARGET: connects to host:service or unix:PATH, and prints the host's
 * error queue where that fails; the status is then 1. Without a TARGET it
 * compares the reasons of some failures with the header's macros. It is for a
 * host that has no TLS.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include <biosock.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

static int connect_to(const BIO_ADDRINFO *list)
{
    for (; list != NULL; list = BIO_ADDRINFO_next(list)) {
        int sock = BIO_socket(BIO_ADDRINFO_family(list), BIO_ADDRINFO_socktype(list),
                              BIO_ADDRINFO_protocol(list), 0);

        if (sock != INVALID_SOCKET && BIO_connect(sock, BIO_ADDRINFO_address(list), 0))
            return sock;
        if (sock != INVALID_SOCKET)
            BIO_closesocket(sock);
    }
    return INVALID_SOCKET;
}

static int open_target(const char *target)
{
    BIO_ADDRINFO *list = NULL;
    char *host = NULL, *service = NULL;
    int sock = INVALID_SOCKET;

    if (strncmp(target, "unix:", 5) == 0) {
        if (BIO_lookup_ex(target + 5, NULL, BIO_LOOKUP_CLIENT, AF_UNIX, SOCK_STREAM, 0, &list))
            sock = connect_to(list);
    } else if (BIO_parse_hostserv(target, &host, &service, BIO_PARSE_PRIO_HOST)
               && BIO_lookup_ex(host, service, BIO_LOOKUP_CLIENT, AF_UNSPEC, SOCK_STREAM, 0, &list)) {
        sock = connect_to(list);
    }
    BIO_ADDRINFO_free(list);
    OPENSSL_free(host);
    OPENSSL_free(service);
    return sock;
}

static int wrong;

/* The newest entry is this reason, by the macros of the host's headers and biosock's. */
static void expect(const char *what, int lib, int reason)
{
    unsigned long code = ERR_peek_last_error();

    if ((lib != 0 && ERR_GET_LIB(code) != lib) || ERR_GET_REASON(code) != reason) {
        fprintf(stderr, "%s: library %d, reason %d, not %d and %d\n", what, ERR_GET_LIB(code),
                ERR_GET_REASON(code), lib, reason);
        wrong++;
    }
    ERR_clear_error();
}

static int by_macro(void)
{
    struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    char *host = NULL, *service = NULL;
    BIO_ADDR *addr = BIO_ADDR_new();
    int sock = socket(AF_INET, SOCK_STREAM, 0);

    BIO_ADDR_rawmake(addr, AF_INET, &loopback, sizeof(loopback), htons(1));
    if (BIO_connect(sock, addr, 0) == 0)
        expect("connect refused", ERR_LIB_BIO, BIO_R_CONNECT_ERROR);
    if (BIO_socket(-5, SOCK_STREAM, 0, 0) == INVALID_SOCKET)
        expect("no such family", ERR_LIB_BIO, BIO_R_UNABLE_TO_CREATE_SOCKET);
    if (BIO_connect(-1, addr, 0) == 0)
        expect("no socket", 0, BIO_R_INVALID_SOCKET);
    if (BIO_parse_hostserv("a:b:c", &host, &service, BIO_PARSE_PRIO_HOST) == 0)
        expect("a:b:c", 0, BIO_R_AMBIGUOUS_HOST_OR_SERVICE);
    if (BIO_connect(sock, NULL, 0) == 0)
        expect("NULL", ERR_LIB_BIO, ERR_R_PASSED_NULL_PARAMETER);
    BIO_closesocket(sock);
    BIO_ADDR_free(addr);
    return wrong != 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "listeners") == 0) {
        biosock_listeners_fd(NULL, 0);
        ERR_print_errors_fp(stderr);
        return 1;
    }
#if defined(WITH_BIO)
    if (BIO_s_socket() == NULL || BIO_sock_should_retry(1))
        return 3;
#endif
    if (argc != 2)
        return by_macro();
    if (open_target(argv[1]) != INVALID_SOCKET)
        return 0;
    ERR_print_errors_fp(stderr);
    return 1;
}
