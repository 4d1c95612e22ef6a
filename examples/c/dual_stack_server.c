/*
 * dual_stack_server [--once] SERVICE
 * dual_stack_server [--once] --port-0
 *
 * Listens on every address for SERVICE, with separate sockets for IPv4 and
 * IPv6, prints who connects, and echoes what they send, one client at a time.
 * --port-0 uses any free port, the same for all addresses; --once exits after
 * the first connection.
 *
 * Build:  cc dual_stack_server.c $(pkg-config --cflags --libs biosock)
 *    or:  cc dual_stack_server.c $(pkg-config --cflags --libs libcrypto)
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
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#define MAX_LISTENERS 8

/* Prints "WHAT HOST PORT", host and port as numbers. */
static void print_address(const char *what, const BIO_ADDR *addr)
{
    char *host = BIO_ADDR_hostname_string(addr, 1);
    char *service = BIO_ADDR_service_string(addr, 1);

    if (host != NULL && service != NULL)
        printf("%s %s %s\n", what, host, service);
    else
        ERR_print_errors_fp(stderr);
    OPENSSL_free(host);
    OPENSSL_free(service);
    fflush(stdout);
}

/* The same address with another port. */
static int with_port(BIO_ADDR *to, const BIO_ADDR *from, unsigned short port)
{
    unsigned char raw[128];
    size_t len = sizeof(raw);

    return BIO_ADDR_rawaddress(from, raw, &len)
           && BIO_ADDR_rawmake(to, BIO_ADDR_family(from), raw, len, port);
}

/*
 * Returns a socket that listens on the address, or -1 with the reason queued.
 * Uses *port unless it is 0, and stores the socket's port there.
 */
static int listen_on(const BIO_ADDRINFO *ai, BIO_ADDR *bound, unsigned short *port)
{
    union BIO_sock_info_u info;
    int sock = BIO_socket(BIO_ADDRINFO_family(ai), BIO_ADDRINFO_socktype(ai),
                          BIO_ADDRINFO_protocol(ai), 0);

    if (sock == -1)
        return -1;
    info.addr = bound;
    /* V6_ONLY: IPv4 has separate sockets. NONBLOCK: a client may be gone between
     * poll and accept. */
    if ((*port == 0 || with_port(bound, BIO_ADDRINFO_address(ai), *port))
        && BIO_listen(sock, *port == 0 ? BIO_ADDRINFO_address(ai) : bound,
                      BIO_SOCK_REUSEADDR | BIO_SOCK_V6_ONLY | BIO_SOCK_NONBLOCK)
        && BIO_sock_info(sock, BIO_SOCK_INFO_ADDRESS, &info)) {
        *port = BIO_ADDR_rawport(bound);
        return sock;
    }
    BIO_closesocket(sock);
    return -1;
}

/* Listens on all addresses of the service; returns the number of sockets. */
static nfds_t listen_on_all(const char *service, struct pollfd *set, BIO_ADDR *scratch)
{
    BIO_ADDRINFO *all = NULL;
    unsigned short port = 0;
    nfds_t count = 0;

    if (!BIO_lookup_ex(NULL, service, BIO_LOOKUP_SERVER, AF_UNSPEC, SOCK_STREAM, 0, &all))
        return 0;
    for (const BIO_ADDRINFO *ai = all; ai != NULL && count < MAX_LISTENERS;
         ai = BIO_ADDRINFO_next(ai)) {
        int sock = listen_on(ai, scratch, &port);

        if (sock == -1) {
            /* One family may be disabled; the other can still serve. */
            ERR_print_errors_fp(stderr);
            continue;
        }
        set[count].fd = sock;
        set[count++].events = POLLIN;
    }
    BIO_ADDRINFO_free(all);
    return count;
}

/* Prints the addresses, now that all of them are listened on. */
static void print_listeners(const struct pollfd *set, nfds_t count, BIO_ADDR *scratch)
{
    union BIO_sock_info_u info;

    info.addr = scratch;
    for (nfds_t i = 0; i < count; i++)
        if (BIO_sock_info(set[i].fd, BIO_SOCK_INFO_ADDRESS, &info))
            print_address("listening on", scratch);
        else
            ERR_print_errors_fp(stderr);
}

static void echo(int sock)
{
    char buf[16384];
    ssize_t n;

    while ((n = read(sock, buf, sizeof(buf))) != 0) {
        if (n < 0 && errno != EINTR) {
            fprintf(stderr, "read: %s\n", strerror(errno));
            return;
        }
        for (ssize_t done = 0, w; done < n; done += w) {
            w = write(sock, buf + done, (size_t)(n - done));
            if (w < 0 && errno == EINTR)
                w = 0;
            if (w < 0) {
                fprintf(stderr, "write: %s\n", strerror(errno));
                return;
            }
        }
    }
}

/* Serves one client; returns 1, 0 if it had gone, -1 on failure. */
static int serve(int listener, BIO_ADDR *peer)
{
    int sock = BIO_accept_ex(listener, peer, 0);

    if (sock == -1)
        return BIO_sock_should_retry(sock) ? 0 : -1;
    print_address("connection from", peer);
    echo(sock);
    BIO_closesocket(sock);
    return 1;
}

/* Serves clients until an error, or only one if `once`. */
static int serve_all(struct pollfd *set, nfds_t count, BIO_ADDR *peer, int once)
{
    for (;;) {
        if (poll(set, count, -1) < 0 && errno != EINTR) {
            fprintf(stderr, "poll: %s\n", strerror(errno));
            return 0;
        }
        for (nfds_t i = 0; i < count; i++) {
            int served = set[i].revents != 0 ? serve(set[i].fd, peer) : 0;

            if (served < 0)
                ERR_print_errors_fp(stderr);
            if (served < 0 || (served > 0 && once))
                return served > 0;
        }
    }
}

int main(int argc, char **argv)
{
    struct pollfd set[MAX_LISTENERS] = {{-1, 0, 0}};
    int once = argc > 1 && strcmp(argv[1], "--once") == 0;
    const char *service = argc == 2 + once ? argv[1 + once] : NULL;
    BIO_ADDR *addr = BIO_ADDR_new();
    nfds_t count;
    int served;

    if (service == NULL || addr == NULL) {
        fprintf(stderr, "usage: %s [--once] SERVICE | --port-0\n", argv[0]);
        BIO_ADDR_free(addr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* make a write to a closed connection an error */
    count = listen_on_all(strcmp(service, "--port-0") == 0 ? "0" : service, set, addr);
    print_listeners(set, count, addr);
    served = count > 0 && serve_all(set, count, addr, once);
    if (count == 0) {
        fprintf(stderr, "%s: cannot listen for %s:\n", argv[0], service);
        ERR_print_errors_fp(stderr);
    }
    while (count > 0)
        BIO_closesocket(set[--count].fd);
    BIO_ADDR_free(addr);
    return served ? EXIT_SUCCESS : EXIT_FAILURE;
}
