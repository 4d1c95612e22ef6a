/*
 * queues THREADS ROUNDS: threads that fail in ways of their own, all at once.
 * Each has to find in its error queue what it did wrong, in order, and
 * nothing of another's; between failures each makes a connection to itself.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#define MOST_THREADS 64

static int rounds;
static pthread_barrier_t start;

/* A mistake, the reasons that it queues, oldest first, and its errno. */
struct mistake {
    int (*make)(void);
    int reasons[3]; /* 0 after the last */
    int error;      /* 0: not looked at */
};

static int connect_to_nobody(void)
{
    return BIO_connect(-1, NULL, 0);
}

static int connect_closed(void)
{
    BIO_ADDR *addr = BIO_ADDR_new();
    unsigned char raw[4] = {127, 0, 0, 1};
    int made = addr != NULL && BIO_ADDR_rawmake(addr, AF_INET, raw, sizeof(raw), 9);
    int done = made && BIO_connect(99999, addr, 0);

    BIO_ADDR_free(addr);
    return done;
}

static int make_odd_family(void)
{
    return BIO_socket(12345, SOCK_STREAM, 0, 0) != -1;
}

static int parse_ambiguous(void)
{
    char *host = NULL, *service = NULL;

    return BIO_parse_hostserv("a:b:c", &host, &service, BIO_PARSE_PRIO_HOST);
}

static int parse_malformed(void)
{
    char *host = NULL, *service = NULL;

    return BIO_parse_hostserv("[::1", &host, &service, BIO_PARSE_PRIO_HOST);
}

static int look_up_odd_family(void)
{
    BIO_ADDRINFO *all = NULL;

    return BIO_lookup_ex("127.0.0.1", "1", BIO_LOOKUP_CLIENT, 12345, SOCK_STREAM, 0, &all);
}

static int look_up_unknown(void)
{
    BIO_ADDRINFO *all = NULL;

    return BIO_lookup_ex("127.0.0.1", "no-such-service", BIO_LOOKUP_CLIENT, AF_INET,
                         SOCK_STREAM, 0, &all);
}

static int accept_from_nobody(void)
{
    return BIO_accept_ex(99999, NULL, 0) != -1;
}

static const struct mistake MISTAKES[] = {
    {connect_to_nobody, {BIO_R_INVALID_SOCKET}, 0},
    {connect_closed, {EBADF}, EBADF},
    {make_odd_family, {EAFNOSUPPORT, BIO_R_UNABLE_TO_CREATE_SOCKET}, EAFNOSUPPORT},
    {parse_ambiguous, {BIO_R_AMBIGUOUS_HOST_OR_SERVICE}, 0},
    {parse_malformed, {BIO_R_MALFORMED_HOST_OR_SERVICE}, 0},
    {look_up_odd_family, {BIO_R_UNSUPPORTED_PROTOCOL_FAMILY}, 0},
    {look_up_unknown, {ERR_R_SYS_LIB}, 0},
    {accept_from_nobody, {EBADF, BIO_R_ACCEPT_ERROR}, EBADF},
};

enum { KINDS = sizeof(MISTAKES) / sizeof(MISTAKES[0]) };

static void fail_with(const char *what, size_t kind)
{
    fprintf(stderr, "mistake %zu: %s\n", kind, what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void make_mistake(size_t kind)
{
    const struct mistake *mistake = &MISTAKES[kind];

    errno = 0;
    if (mistake->make())
        fail_with("was none", kind);
    if (mistake->error != 0 && errno != mistake->error)
        fail_with("another errno", kind);
}

static void check_queue(size_t kind)
{
    const struct mistake *mistake = &MISTAKES[kind];

    for (int i = 0; i < 3 && mistake->reasons[i] != 0; i++)
        if (ERR_GET_REASON(ERR_get_error()) != mistake->reasons[i])
            fail_with("another entry", kind);
    if (ERR_peek_error() != 0)
        fail_with("more entries", kind);
}

/* A listener on a port of its own, a client, and a byte from one to the other. */
static void connect_to_self(BIO_ADDR *addr)
{
    unsigned char raw[4] = {127, 0, 0, 1};
    union BIO_sock_info_u info;
    int listener = BIO_socket(AF_INET, SOCK_STREAM, 0, 0);
    int client = BIO_socket(AF_INET, SOCK_STREAM, 0, 0);
    int server;
    char byte = 'x';

    info.addr = addr;
    if (!BIO_ADDR_rawmake(addr, AF_INET, raw, sizeof(raw), 0)
        || !BIO_listen(listener, addr, BIO_SOCK_REUSEADDR)
        || !BIO_sock_info(listener, BIO_SOCK_INFO_ADDRESS, &info)
        || !BIO_connect(client, addr, BIO_SOCK_NODELAY))
        fail_with("no connection", KINDS);
    server = BIO_accept_ex(listener, addr, 0);
    if (server == -1 || write(client, &byte, 1) != 1 || read(server, &byte, 1) != 1)
        fail_with("no byte", KINDS);
    if (!BIO_closesocket(client) || !BIO_closesocket(server) || !BIO_closesocket(listener))
        fail_with("no close", KINDS);
    if (ERR_peek_error() != 0)
        fail_with("entries without a mistake", KINDS);
}

static void *run(void *number)
{
    size_t first = *(size_t *)number;
    BIO_ADDR *addr = BIO_ADDR_new();

    pthread_barrier_wait(&start);
    for (int round = 0; round < rounds; round++) {
        size_t kind = (first + (size_t)round) % KINDS;

        make_mistake(kind);
        if (round % 8 == 0)
            sched_yield();
        check_queue(kind);
        if (round % 16 == 0)
            connect_to_self(addr);
    }
    make_mistake(first % KINDS); /* left in the queue: freed as the thread ends */
    BIO_ADDR_free(addr);
    return NULL;
}

int main(int argc, char **argv)
{
    int count = argc == 3 ? atoi(argv[1]) : 0;
    pthread_t threads[MOST_THREADS];
    size_t numbers[MOST_THREADS];

    rounds = argc == 3 ? atoi(argv[2]) : 0;
    if (count < 1 || count > MOST_THREADS || rounds < 1)
        return 2;
    pthread_barrier_init(&start, NULL, (unsigned)count);
    for (int i = 0; i < count; i++) {
        numbers[i] = (size_t)i;
        if (pthread_create(&threads[i], NULL, run, &numbers[i]) != 0)
            return 3;
    }
    for (int i = 0; i < count; i++)
        if (pthread_join(threads[i], NULL) != 0)
            return 3;
    if (ERR_peek_error() != 0) /* this thread made no mistake */
        return 4;
    printf("%d threads x %d mistakes\n", count, rounds);
    return 0;
}
