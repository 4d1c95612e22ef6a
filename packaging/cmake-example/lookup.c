/*
 * lookup HOST SERVICE: the addresses to connect to, in the order to try them.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/err.h>

static int print_address(const BIO_ADDR *addr)
{
    char *host = BIO_ADDR_hostname_string(addr, 1);
    char *port = BIO_ADDR_service_string(addr, 1);
    int ok = host != NULL && port != NULL && printf("%s %s\n", host, port) > 0;

    OPENSSL_free(host);
    OPENSSL_free(port);
    return ok;
}

int main(int argc, char **argv)
{
    BIO_ADDRINFO *all = NULL;
    int ok;

    if (argc != 3) {
        fprintf(stderr, "usage: %s HOST SERVICE\n", argv[0]);
        return 2;
    }
    ok = BIO_lookup_ex(argv[1], argv[2], BIO_LOOKUP_CLIENT, AF_UNSPEC, SOCK_STREAM, 0, &all);
    for (const BIO_ADDRINFO *ai = all; ok && ai != NULL; ai = BIO_ADDRINFO_next(ai))
        ok = print_address(BIO_ADDRINFO_address(ai));
    BIO_ADDRINFO_free(all);
    if (!ok)
        ERR_print_errors_fp(stderr);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
