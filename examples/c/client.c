/*
 * client HOST SERVICE [LINE]
 *
 * Connects to the first address of HOST that answers, sends LINE (or, without
 * one, all of standard input), shuts down writing, and prints the answer. If
 * SERVICE is "unix", HOST is the path of a Unix socket.
 *
 * Build:  cc client.c $(pkg-config --cflags --libs biosock)
 *    or:  cc client.c $(pkg-config --cflags --libs libcrypto)
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>

/* One attempt: returns a connected socket, or -1 with the reason queued. */
static int connect_to(const BIO_ADDRINFO *ai)
{
    int sock = BIO_socket(BIO_ADDRINFO_family(ai), BIO_ADDRINFO_socktype(ai),
                          BIO_ADDRINFO_protocol(ai), 0);
    int options = BIO_SOCK_KEEPALIVE | BIO_SOCK_NODELAY;

    if (BIO_ADDRINFO_family(ai) == AF_UNIX)
        options = 0; /* both options are for TCP */
    if (sock == -1)
        return -1;
    if (!BIO_connect(sock, BIO_ADDRINFO_address(ai), options)) {
        BIO_closesocket(sock);
        return -1;
    }
    return sock;
}

/* Tries every address in order; reports errors only if all of them fail. */
static int connect_to_any(const char *host, const char *service)
{
    int family = strcmp(service, "unix") == 0 ? AF_UNIX : AF_UNSPEC;
    BIO_ADDRINFO *all = NULL;
    int sock = -1;

    if (!BIO_lookup_ex(host, service, BIO_LOOKUP_CLIENT, family, SOCK_STREAM, 0, &all))
        return -1;
    for (const BIO_ADDRINFO *ai = all; ai != NULL && sock == -1; ai = BIO_ADDRINFO_next(ai))
        sock = connect_to(ai);
    BIO_ADDRINFO_free(all);
    if (sock != -1)
        ERR_clear_error(); /* errors of earlier addresses */
    return sock;
}

static int write_all(int fd, const char *buf, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, buf, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return 0;
        buf += n;
        len -= (size_t)n;
    }
    return 1;
}

static int copy_all(int from, int to)
{
    char buf[16384];

    for (;;) {
        ssize_t n = read(from, buf, sizeof(buf));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        if (!write_all(to, buf, (size_t)n))
            return 0;
    }
}

static int send_request(int sock, const char *line)
{
    int sent = line == NULL ? copy_all(STDIN_FILENO, sock)
                            : write_all(sock, line, strlen(line)) && write_all(sock, "\n", 1);

    return sent && shutdown(sock, SHUT_WR) == 0;
}

int main(int argc, char **argv)
{
    int sock, done;

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s HOST SERVICE [LINE]\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* make a write to a closed connection an error */
    sock = connect_to_any(argv[1], argv[2]);
    if (sock == -1) {
        fprintf(stderr, "%s: no connection to %s %s:\n", argv[0], argv[1], argv[2]);
        ERR_print_errors_fp(stderr);
        return EXIT_FAILURE;
    }
    done = send_request(sock, argc == 4 ? argv[3] : NULL) && copy_all(sock, STDOUT_FILENO);
    if (!done)
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    if (!BIO_closesocket(sock)) {
        fprintf(stderr, "%s: close: %s\n", argv[0], strerror(errno));
        done = 0;
    }
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
