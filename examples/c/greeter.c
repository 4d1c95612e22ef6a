/*
 * greeter TARGET
 *
 * Listens on every address of TARGET (*:8443, localhost:https, unix:/run/x), or
 * on the sockets that a service manager passes, and greets each client until
 * SIGINT or SIGTERM.
 *
 * Build:  cc greeter.c $(pkg-config --cflags --libs biosock)
 *    or:  cc greeter.c $(pkg-config --cflags --libs biosock-overlay libcrypto)
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <biosock.h>
#include <openssl/err.h>

static biosock_listeners *set;

static void on_signal(int number)
{
    (void)number;
    biosock_listeners_stop(set);
}

/* The passed set if there is one, else a set for the target. */
static biosock_listeners *open_set(const char *target)
{
    biosock_listen_options options = BIOSOCK_LISTEN_OPTIONS_INIT;
    biosock_listeners *passed = NULL;

    options.options = BIO_SOCK_REUSEADDR;
    if (!biosock_listeners_passed(&passed))
        return NULL;
    return passed != NULL ? passed : biosock_listen(target, &options);
}

static void print_addresses(void)
{
    BIO_ADDR *addr = BIO_ADDR_new();

    for (size_t i = 0; addr != NULL && i < biosock_listeners_count(set); i++) {
        char *host = NULL, *port = NULL;

        if (biosock_listeners_addr(set, i, addr)) {
            host = BIO_ADDR_hostname_string(addr, 1);
            port = BIO_ADDR_service_string(addr, 1);
        }
        if (host != NULL && port != NULL)
            printf("listening on %s %s\n", host, port);
        OPENSSL_free(host);
        OPENSSL_free(port);
    }
    BIO_ADDR_free(addr);
    fflush(stdout);
}

/* Greets clients until stopped; returns 0 if the set is no longer usable. */
static int greet_all(void)
{
    const struct timespec pause = {0, 50 * 1000 * 1000};

    for (;;) {
        int sock = biosock_accept(set, NULL, 0, -1);

        if (sock != -1) {
            if (write(sock, "hello\n", 6) != 6)
                perror("write");
            BIO_closesocket(sock);
        } else if (errno == ECANCELED) {
            return 1;
        } else if (biosock_accept_advice(errno) == BIOSOCK_PAUSE) {
            ERR_clear_error(); /* short of descriptors: the client waits in the queue */
            nanosleep(&pause, NULL);
        } else {
            return 0;
        }
    }
}

int main(int argc, char **argv)
{
    int done;

    if (argc != 2) {
        fprintf(stderr, "usage: %s TARGET\n", argv[0]);
        return 2;
    }
    set = open_set(argv[1]);
    signal(SIGPIPE, SIG_IGN); /* make a write to a closed connection an error */
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    print_addresses();
    done = set != NULL && greet_all() && biosock_listeners_unlink(set);
    if (!done)
        ERR_print_errors_fp(stderr);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    biosock_listeners_free(set);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
