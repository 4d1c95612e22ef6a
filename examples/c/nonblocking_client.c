/*
 * nonblocking_client HOST SERVICE LINE
 *
 * Like client.c, but no step blocks for longer than the timeout: neither
 * connecting, nor sending LINE, nor reading the answer.
 *
 * Build:  cc nonblocking_client.c $(pkg-config --cflags --libs biosock)
 *    or:  cc nonblocking_client.c $(pkg-config --cflags --libs libcrypto)
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#define PATIENCE 10 /* seconds for each step */

enum direction { FOR_WRITING, FOR_READING };

/* Waits until the socket is ready; returns 1, or 0 with errno on timeout or failure. */
static int wait_until_ready(int sock, enum direction direction)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    int ready = BIO_socket_wait(sock, direction == FOR_READING, time(NULL) + PATIENCE);
#else
    struct pollfd one = {-1, 0, 0};
    int ready;

    one.fd = sock;
    one.events = direction == FOR_READING ? POLLIN : POLLOUT;
    ready = poll(&one, 1, PATIENCE * 1000);
#endif
    if (ready == 0)
        errno = ETIMEDOUT;
    return ready > 0;
}

/*
 * Returns whether the connection is established. A connect that would block
 * returns 0 with nothing queued; the socket becomes writable when there is an
 * outcome, which BIO_sock_error returns.
 */
static int finish_connect(int sock, const BIO_ADDR *addr)
{
    int outcome;

    if (BIO_connect(sock, addr, BIO_SOCK_NONBLOCK))
        return 1;
    if (!BIO_sock_should_retry(-1)) {
        ERR_print_errors_fp(stderr);
        return 0;
    }
    if (!wait_until_ready(sock, FOR_WRITING)) {
        fprintf(stderr, "connecting: %s\n", strerror(errno));
        return 0;
    }
    outcome = BIO_sock_error(sock);
    if (outcome != 0)
        fprintf(stderr, "connecting: %s\n", strerror(outcome));
    return outcome == 0;
}

static int connect_to_any(const char *host, const char *service)
{
    BIO_ADDRINFO *all = NULL;
    int sock = -1;

    if (!BIO_lookup_ex(host, service, BIO_LOOKUP_CLIENT, AF_UNSPEC, SOCK_STREAM, 0, &all)) {
        ERR_print_errors_fp(stderr);
        return -1;
    }
    for (const BIO_ADDRINFO *ai = all; ai != NULL && sock == -1; ai = BIO_ADDRINFO_next(ai)) {
        sock = BIO_socket(BIO_ADDRINFO_family(ai), BIO_ADDRINFO_socktype(ai),
                          BIO_ADDRINFO_protocol(ai), 0);
        if (sock == -1) {
            ERR_print_errors_fp(stderr);
        } else if (!finish_connect(sock, BIO_ADDRINFO_address(ai))) {
            BIO_closesocket(sock);
            sock = -1;
        }
    }
    BIO_ADDRINFO_free(all);
    return sock;
}

static int send_all(int sock, const char *buf, size_t len)
{
    while (len > 0) {
        ssize_t n = write(sock, buf, len);

        if (n > 0) {
            buf += n;
            len -= (size_t)n;
        } else if (!BIO_sock_should_retry((int)n) || !wait_until_ready(sock, FOR_WRITING)) {
            return 0;
        }
    }
    return 1;
}

static int print_answer(int sock)
{
    char buf[16384];

    for (;;) {
        ssize_t n = read(sock, buf, sizeof(buf));

        if (n == 0)
            return 1;
        if (n > 0 && fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
            return 0;
        if (n < 0 && (!BIO_sock_should_retry(-1) || !wait_until_ready(sock, FOR_READING)))
            return 0;
    }
}

int main(int argc, char **argv)
{
    int sock, done;

    if (argc != 4) {
        fprintf(stderr, "usage: %s HOST SERVICE LINE\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* make a write to a closed connection an error */
    sock = connect_to_any(argv[1], argv[2]);
    if (sock == -1)
        return EXIT_FAILURE;
    done = send_all(sock, argv[3], strlen(argv[3])) && send_all(sock, "\n", 1)
           && shutdown(sock, SHUT_WR) == 0 && print_answer(sock) && fflush(stdout) == 0;
    if (!done)
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    BIO_closesocket(sock);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
