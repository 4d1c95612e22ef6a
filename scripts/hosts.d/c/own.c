/*
 * own: a walk through every function of <biosock.h>, with good and with bad
 * input, to be run under valgrind: whatever is given back is freed.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <biosock.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

static int held, broken;

#define EXPECT(what) expect((what) ? 1 : 0, #what, __LINE__)

static void expect(int holds, const char *what, int line)
{
    if (holds) {
        held++;
        return;
    }
    broken++;
    fprintf(stderr, "line %d: not so: %s (errno %d)\n", line, what, errno);
    ERR_print_errors_fp(stderr);
}

/* How many entries the queue had. */
static int entries(void)
{
    int count = 0;

    while (ERR_get_error() != 0)
        count++;
    return count;
}

static int port_of(const biosock_listeners *set)
{
    BIO_ADDR *addr = BIO_ADDR_new();
    int port = biosock_listeners_addr(set, 0, addr) ? ntohs(BIO_ADDR_rawport(addr)) : 0;

    BIO_ADDR_free(addr);
    return port;
}

static void walk_report(biosock_report *report)
{
    biosock_attempt attempt = BIOSOCK_ATTEMPT_INIT;
    biosock_lookup lookup = BIOSOCK_LOOKUP_INIT;
    size_t attempts = biosock_report_attempts(report), lookups = biosock_report_lookups(report);

    EXPECT(biosock_report_elapsed_us(report) >= 0);
    EXPECT(biosock_report_text(report) != NULL && strlen(biosock_report_text(report)) > 0);
    EXPECT(biosock_report_hint(report) == NULL || strlen(biosock_report_hint(report)) > 0);
    for (size_t i = 0; i < attempts; i++) {
        EXPECT(biosock_report_attempt(report, i, &attempt) == 1);
        EXPECT(strlen(attempt.addr_text) > 0 && strlen(attempt.text) > 0);
        EXPECT(BIO_ADDR_family(attempt.addr) != AF_UNSPEC);
    }
    for (size_t i = 0; i < lookups; i++) {
        EXPECT(biosock_report_lookup(report, i, &lookup) == 1);
        EXPECT(strlen(lookup.text) > 0);
    }
    EXPECT(biosock_report_attempt(report, attempts, &attempt) == 0 && entries() == 1);
    EXPECT(biosock_report_lookup(report, lookups, &lookup) == 0 && entries() == 1);
    biosock_report_free(report);
}

static void walk_dials(int port)
{
    biosock_dial_options options = BIOSOCK_DIAL_OPTIONS_INIT;
    struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    biosock_report *report = NULL;
    const BIO_ADDR *addrs[2];
    BIO_ADDR *open = BIO_ADDR_new(), *closed = BIO_ADDR_new();
    BIO_ADDRINFO *list = NULL;
    char target[64], service[16];
    int sock;

    snprintf(target, sizeof(target), "127.0.0.1:%d", port);
    snprintf(service, sizeof(service), "%d", port);
    EXPECT(BIO_ADDR_rawmake(open, AF_INET, &loopback, sizeof(loopback), htons((unsigned short)port)));
    EXPECT(BIO_ADDR_rawmake(closed, AF_INET, &loopback, sizeof(loopback), htons(1)));
    addrs[0] = closed;
    addrs[1] = open;

    sock = biosock_dial(target, NULL);
    EXPECT(sock != -1 && BIO_closesocket(sock));
    options.report = &report;
    options.timeout_ms = 20000;
    options.keepalive_idle_ms = 60000;
    options.source_v4 = "127.0.0.1";
    options.cancel = biosock_cancel_new();
    options.memory = biosock_memory_new(8);
    EXPECT(options.cancel != NULL && options.memory != NULL);
    EXPECT(biosock_lookup_threads(16) == 64 && biosock_lookup_threads(0) == 16);
    sock = biosock_dial_addrs(addrs, 2, &options);
    EXPECT(sock != -1 && BIO_closesocket(sock));
    walk_report(report);
    EXPECT(BIO_lookup_ex("127.0.0.1", service, BIO_LOOKUP_CLIENT, AF_INET, SOCK_STREAM, 0, &list));
    sock = biosock_dial_addrinfo(list, &options);
    EXPECT(sock != -1 && BIO_closesocket(sock));
    walk_report(report);
    BIO_ADDRINFO_free(list);
    snprintf(target, sizeof(target), "localhost:%d", port);
    options.family = AF_INET;
    sock = biosock_dial(target, &options);
    EXPECT(sock != -1 && BIO_closesocket(sock));
    walk_report(report);
    EXPECT(entries() == 0);

    EXPECT(biosock_dial("127.0.0.1:1", &options) == -1 && errno == ECONNREFUSED && entries() == 2);
    walk_report(report);
    EXPECT(biosock_dial("127.0.0.1:no-such-service", &options) == -1 && entries() == 2);
    walk_report(report);
    EXPECT(biosock_dial("a:b:c", &options) == -1 && errno == EINVAL && entries() == 1);
    walk_report(report);
    EXPECT(biosock_cancel_is_set(options.cancel) == 0);
    biosock_cancel_set(options.cancel);
    EXPECT(biosock_cancel_is_set(options.cancel) == 1);
    EXPECT(biosock_dial_addrs(addrs, 2, &options) == -1 && errno == ECANCELED && entries() == 1);
    walk_report(report);
    options.source_v4 = "nowhere";
    EXPECT(biosock_dial("127.0.0.1:1", &options) == -1 && errno == EINVAL && entries() == 1);
    EXPECT(report == NULL);
    EXPECT(biosock_dial(NULL, NULL) == -1 && errno == EINVAL && entries() == 1);
    EXPECT(biosock_dial_addrs(NULL, 1, NULL) == -1 && entries() == 1);
    EXPECT(biosock_dial_addrinfo(NULL, NULL) == -1 && entries() == 1);
    biosock_cancel_free(options.cancel);
    biosock_memory_free(options.memory);
    BIO_ADDR_free(open);
    BIO_ADDR_free(closed);
}

static void tell(void *user, const biosock_event *event)
{
    EXPECT(event->sock != -1 && BIO_closesocket(event->sock));
    EXPECT(BIO_ADDR_family(event->peer) == AF_INET);
    biosock_listeners_stop(user);
}

static void walk_accepts(biosock_listeners *set, int client)
{
    BIO_ADDR *peer = BIO_ADDR_new();
    int sock;

    EXPECT(client != -1);
    sock = biosock_accept(set, peer, BIO_SOCK_NONBLOCK, -1);
    EXPECT(sock != -1 && BIO_closesocket(sock) && BIO_ADDR_family(peer) == AF_INET);
    EXPECT(biosock_accept(set, NULL, 0, 0) == -1 && errno == EAGAIN && entries() == 0);
    EXPECT(BIO_closesocket(client));
    BIO_ADDR_free(peer);
}

static void walk_sets(biosock_listeners *set, const char *target)
{
    biosock_listen_options options = BIOSOCK_LISTEN_OPTIONS_INIT;
    biosock_listeners *other, *shards[2] = {NULL, NULL};
    BIO_ADDR *addr = BIO_ADDR_new();
    const BIO_ADDR *addrs = addr;
    BIO_ADDRINFO *list = NULL;
    int fds[1] = {-1}, client;

    EXPECT(biosock_listeners_count(set) == 1 && biosock_listeners_fd(set, 0) != -1);
    EXPECT(biosock_listeners_addr(set, 0, addr) == 1);
    walk_accepts(set, biosock_dial_addrs(&addrs, 1, NULL));

    EXPECT(biosock_listeners_inheritable(set, fds, 1) == 1);
    other = biosock_listeners_take_over(fds, 1);
    EXPECT(other != NULL);
    walk_accepts(other, biosock_dial_addrs(&addrs, 1, NULL));
    biosock_listeners_free(other);
    EXPECT(biosock_listen_addrs(&addrs, 1, NULL) == NULL && errno == EADDRINUSE && entries() == 2);
    EXPECT(biosock_listen(target, NULL) == NULL && errno == EADDRINUSE && entries() == 2);

    options.family = AF_INET;
    options.backlog = 1;
    options.options = BIO_SOCK_REUSEADDR | BIOSOCK_INHERIT;
    EXPECT(BIO_lookup_ex("127.0.0.1", "0", BIO_LOOKUP_SERVER, AF_INET, SOCK_STREAM, 0, &list));
    other = biosock_listen_addrinfo(list, &options);
    EXPECT(other != NULL && biosock_listeners_unlink(other) == 1);
    biosock_listeners_free(other);
    BIO_ADDRINFO_free(list);
    EXPECT(biosock_listen_shards("127.0.0.1:0", &options, shards, 2) == 1);
    EXPECT(port_of(shards[0]) == port_of(shards[1]));
    biosock_listeners_free(shards[0]);
    biosock_listeners_free(shards[1]);
    EXPECT(biosock_listeners_passed(&other) == 1 && other == NULL);

    client = biosock_dial_addrs(&addrs, 1, NULL);
    EXPECT(biosock_serve(set, 0, tell, set) == 1);
    EXPECT(client != -1 && BIO_closesocket(client));
    EXPECT(biosock_accept(set, NULL, 0, -1) == -1 && errno == ECANCELED && entries() == 0);
    BIO_ADDR_free(addr);
}

static void walk_nulls(void)
{
    int fd = -1;

    EXPECT(biosock_listen(NULL, NULL) == NULL && entries() == 1);
    EXPECT(biosock_listen_addrs(NULL, 1, NULL) == NULL && entries() == 1);
    EXPECT(biosock_listen_addrinfo(NULL, NULL) == NULL && entries() == 1);
    EXPECT(biosock_listen_shards("127.0.0.1:0", NULL, NULL, 1) == 0 && entries() == 1);
    EXPECT(biosock_listeners_take_over(&fd, 1) == NULL && entries() == 1);
    EXPECT(biosock_listeners_passed(NULL) == 0 && entries() == 1);
    EXPECT(biosock_accept(NULL, NULL, 0, 0) == -1 && entries() == 1);
    EXPECT(biosock_serve(NULL, 0, tell, NULL) == 0 && entries() == 1);
    EXPECT(biosock_listeners_fd(NULL, 0) == -1 && entries() == 1);
    EXPECT(biosock_listeners_addr(NULL, 0, NULL) == 0 && entries() == 1);
    EXPECT(biosock_listeners_inheritable(NULL, &fd, 1) == 0 && entries() == 1);
    EXPECT(biosock_listeners_unlink(NULL) == 0 && entries() == 1);
    EXPECT(biosock_listeners_count(NULL) == 0 && biosock_accept_advice(EMFILE) == BIOSOCK_PAUSE);
    EXPECT(biosock_report_attempts(NULL) + biosock_report_lookups(NULL) == 0);
    EXPECT(biosock_report_text(NULL) == NULL && biosock_report_hint(NULL) == NULL);
    EXPECT(biosock_report_elapsed_us(NULL) == 0 && biosock_cancel_is_set(NULL) == 0);
    biosock_listeners_stop(NULL);
    biosock_listeners_free(NULL);
    biosock_cancel_set(NULL);
    biosock_cancel_free(NULL);
    biosock_memory_free(NULL);
    biosock_report_free(NULL);
}

int main(void)
{
    const struct timespec moment = {0, 300 * 1000 * 1000};
    biosock_listeners *server = biosock_listen("127.0.0.1:0", NULL);
    biosock_listeners *set = biosock_listen("127.0.0.1:0", NULL);
    char target[64];

    EXPECT(server != NULL && set != NULL);
    snprintf(target, sizeof(target), "127.0.0.1:%d", port_of(server));
    walk_dials(port_of(server));
    walk_sets(set, target);
    walk_nulls();
    EXPECT(entries() == 0);
    biosock_listeners_free(set);
    biosock_listeners_free(server);
    /* A lookup's thread has spoken, but is perhaps not quite at its end, and
     * valgrind would take its stack for lost. */
    nanosleep(&moment, NULL);
    printf("%d held, %d broken\n", held, broken);
    return broken != 0;
}
