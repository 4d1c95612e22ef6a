/*
 * hostile CALLS SEED: calls the C functions as a caller does that means ill or
 * knows no better. Addresses end where memory ends (a page without access, or
 * a sanitizer's red zone), sizes lie, descriptors are closed or another's,
 * strings are long or not what they should be, counts are huge, threads are
 * cancelled and the process forks in the middle. What the calls return is of
 * no matter: it is the sanitizers that judge.
 *
 * What the pages leave to the caller it keeps: a string has its NUL, an object
 * is freed once, a structure has as many bytes as its size field.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <biosock.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

enum { LONG = 1 << 16, DESCRIPTORS = 12, DESCRIPTOR_LIMIT = 200 };

static _Thread_local uint64_t state;
static long calls, most;
static int forked;
static char *long_text;
static int descriptors[DESCRIPTORS];

static uint64_t any(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t below(size_t bound)
{
    return (size_t)(any() % bound);
}

static int one_in(size_t bound)
{
    return below(bound) == 0;
}

static void called(void)
{
    __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
}

/* Memory that ends where nothing may be read or written any more. */
struct edge {
    void *map;
    size_t whole;
    void *heap;
    void *start;
};

static struct edge edge_of(size_t size)
{
    struct edge edge = {NULL, 0, NULL, NULL};
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (one_in(2)) {
        edge.start = edge.heap = malloc(size); /* a red zone follows */
        return edge;
    }
    edge.whole = (size + page - 1) / page * page + page;
    edge.map = mmap(NULL, edge.whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (edge.map == MAP_FAILED || mprotect((char *)edge.map + edge.whole - page, page, PROT_NONE) != 0)
        exit(3);
    edge.start = (char *)edge.map + edge.whole - page - size;
    return edge;
}

static void release(struct edge edge)
{
    free(edge.heap);
    if (edge.map != NULL)
        munmap(edge.map, edge.whole);
}

/* An address with no byte beyond its family's; of a family that BIO_ADDR lacks, a whole one. */
static struct edge address(void)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX, AF_UNIX, AF_INET, AF_UNSPEC, AF_NETLINK, 65535};
    int family = families[below(8)];
    size_t size = family == AF_INET    ? sizeof(struct sockaddr_in)
                  : family == AF_INET6 ? sizeof(struct sockaddr_in6)
                  : family == AF_UNIX  ? sizeof(struct sockaddr_un)
                                       : 112;
    struct edge edge = edge_of(size);
    unsigned char *bytes = edge.start;
    sa_family_t stored = (sa_family_t)family;

    for (size_t i = 0; i < size; i++)
        bytes[i] = one_in(4) ? 0 : (unsigned char)(one_in(2) ? 'a' : any());
    if (family == AF_INET || family == AF_INET6)
        memset(bytes + 2, 0, one_in(2) ? 2 : size - 2);
    if (family == AF_UNIX && one_in(2)) /* 108 bytes and no NUL */
        memset(bytes + 2, one_in(2) ? 'p' : 0xFF, size - 2);
    memcpy(bytes, &stored, sizeof(stored));
    return edge;
}

static const char *text(void)
{
    static const char *const texts[] = {
        NULL, "", ":", "::", "[", "]", "[]", "[::1", "[::1]:", "[::1]x", "a:b:c", "%s%s%n%n", "127.0.0.1",
        "127.0.0.1:0", "localhost:0", "*:0", "*", "0", "65536", "-1", "\xff\xfe:\x01", "unix:", "unix:/",
        "unix:\xff", "unix:/no/such/directory/socket", "\x1b[31mred\x1b[0m:1", "[fe80::1%9999]:1", "1.2.3.4.5:6",
        "999999999999999999999999:1", "0x7f.1:1", " 127.0.0.1:1", "http", "127.0.0.1:99999999999", "@", "unix:@",
        "[::ffff:127.0.0.1]:0", "::1"};
    enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
    size_t which = below(TEXTS + 2);

    return which < TEXTS ? texts[which] : long_text + below(LONG - 1);
}

static int descriptor(void)
{
    static const int odd[] = {-1, -2, INT32_MAX, INT32_MIN, 1000000, 999};

    return one_in(3) ? odd[below(6)] : descriptors[below(DESCRIPTORS)];
}

static int word(void)
{
    return one_in(3) ? (int)any() : (int)below(64);
}

static int small(void)
{
    static const int odd[] = {0, 1, -1, 2, 10, 17, INT32_MAX, INT32_MIN, 255, 65536};

    return odd[below(10)];
}

/* One descriptor of each kind, new ones now and then. */
static void renew(size_t which)
{
    int pair[2];

    if (descriptors[which] > 2)
        close(descriptors[which]);
    switch (which % 6) {
    case 0:
        descriptors[which] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        break;
    case 1:
        descriptors[which] = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        break;
    case 2:
        descriptors[which] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        break;
    case 3:
        descriptors[which] = open("/dev/null", O_RDWR);
        break;
    case 4: /* one that is closed */
        descriptors[which] = open("/dev/null", O_RDWR);
        close(descriptors[which]);
        descriptors[which] = 900 + (int)below(50);
        break;
    default:
        if (pipe2(pair, O_NONBLOCK) != 0)
            exit(3);
        close(pair[1]);
        descriptors[which] = pair[0];
    }
}

static void drain(void)
{
    char line[64];
    unsigned long code;

    if (one_in(8))
        ERR_clear_error();
    while ((code = ERR_get_error()) != 0) {
        ERR_error_string_n(code, line, below(sizeof(line)));
        called();
    }
}

static void on_address(void)
{
    struct edge edge = address(), out = edge_of(112);
    BIO_ADDR *addr = one_in(12) ? NULL : edge.start, *copy;
    size_t length;

    memset(out.start, 0, 112);
    called();
    switch (below(12)) {
    case 0:
        OPENSSL_free(BIO_ADDR_hostname_string(addr, 1));
        break;
    case 1:
        OPENSSL_free(BIO_ADDR_service_string(addr, 1));
        break;
    case 2:
        OPENSSL_free(BIO_ADDR_path_string(addr));
        break;
    case 3:
        BIO_ADDR_family(addr);
        break;
    case 4:
        BIO_ADDR_rawport(addr);
        break;
    case 5: /* room for the part exactly */
        length = 0;
        if (BIO_ADDR_rawaddress(addr, NULL, &length)) {
            struct edge part = edge_of(length ? length : 1);

            BIO_ADDR_rawaddress(addr, part.start, one_in(2) ? NULL : &length);
            release(part);
        }
        break;
    case 6:
        BIO_ADDR_copy(one_in(8) ? NULL : out.start, addr);
        break;
    case 7:
        copy = BIO_ADDR_dup(addr);
        BIO_ADDR_free(copy);
        break;
    case 8:
        BIO_connect(descriptor(), addr, word() | BIO_SOCK_NONBLOCK);
        break;
    case 9:
        BIO_bind(descriptor(), addr, word());
        break;
    case 10:
        BIO_listen(descriptor(), addr, word() | BIO_SOCK_NONBLOCK);
        break;
    default:
        BIO_ADDR_clear(one_in(4) ? NULL : out.start);
    }
    release(edge);
    release(out);
}

static void on_raw(void)
{
    static const size_t lengths[] = {0, 1, 3, 4, 5, 15, 16, 17, 107, 108, 109, 4096};
    size_t length = lengths[below(12)];
    struct edge part = edge_of(length ? length : 1), out = edge_of(112);

    memset(part.start, one_in(2) ? 'x' : 0, length ? length : 1);
    memset(out.start, 0, 112);
    called();
    /* A length that is not the family's is refused before a byte is read. */
    BIO_ADDR_rawmake(one_in(9) ? NULL : out.start, one_in(2) ? AF_UNIX : small(), one_in(9) ? NULL : part.start,
                     one_in(6) ? SIZE_MAX : length, (unsigned short)any());
    release(part);
    release(out);
}

static void on_lookup(void)
{
    BIO_ADDRINFO *list = NULL;
    int family = one_in(2) ? AF_INET : one_in(2) ? AF_UNIX : small();
    const char *host = text(), *service = one_in(2) ? "0" : text();

    /* Figures alone, lest the run be of a name server's patience. */
    if (family != AF_UNIX && host != NULL && strspn(host, "0123456789.:abcdef%[]x") != strlen(host))
        host = "127.0.0.1";
    called();
    if (BIO_lookup_ex(host, service, small(), family, small(), small(), one_in(20) ? NULL : &list)) {
        for (const BIO_ADDRINFO *node = list; node != NULL; node = BIO_ADDRINFO_next(node)) {
            BIO_ADDRINFO_family(node);
            BIO_ADDRINFO_protocol(node);
            BIO_ADDRINFO_socktype(node);
            OPENSSL_free(BIO_ADDR_hostname_string(BIO_ADDRINFO_address(node), 1));
            called();
        }
    }
    BIO_ADDRINFO_free(list);
    list = NULL;
    BIO_ADDRINFO_free(list);
    BIO_ADDRINFO_next(NULL);
    BIO_ADDRINFO_address(NULL);
}

static void on_hostserv(void)
{
    char *host = NULL, *service = NULL;

    called();
    BIO_parse_hostserv(text(), one_in(8) ? NULL : &host, one_in(8) ? NULL : &service,
                       (enum BIO_hostserv_priorities)below(2));
    OPENSSL_free(host);
    OPENSSL_free(service);
}

static void on_descriptor(void)
{
    union BIO_sock_info_u info;
    struct edge out = edge_of(112);
    size_t which;
    int fd, number;

    memset(out.start, 0, 112);
    called();
    switch (below(9)) {
    case 0:
        fd = BIO_accept_ex(descriptor(), one_in(2) ? NULL : out.start, word());
        if (fd >= 0)
            close(fd);
        break;
    case 1:
        BIO_sock_error(descriptor());
        break;
    case 2:
        info.addr = one_in(4) ? NULL : out.start;
        BIO_sock_info(descriptor(), (enum BIO_sock_info_type)(one_in(4) ? 1 : 0), one_in(8) ? NULL : &info);
        break;
    case 3:
        BIO_socket_nbio(descriptor(), 1);
        break;
    case 4:
        BIO_set_tcp_ndelay(descriptor(), small());
        break;
    case 5:
        BIO_socket_wait(descriptor(), small(), one_in(2) ? 0 : one_in(2) ? -1 : 1);
        break;
    case 6:
        which = below(DESCRIPTORS);
        if (which % 6 != 4 || !BIO_closesocket(descriptors[which]))
            BIO_closesocket(one_in(2) ? -1 : INT32_MIN);
        break;
    case 7:
        fd = BIO_socket(small(), small(), small(), word());
        if (fd >= 0)
            BIO_closesocket(fd);
        break;
    default:
        number = 0;
        BIO_socket_ioctl(descriptor(), 0x541B /* FIONREAD */, &number);
        renew(below(DESCRIPTORS));
    }
    release(out);
}

/* A structure with any size field: its memory is as long as that, where that makes sense. */
static struct edge sized(size_t right, const void *content)
{
    static const size_t odd[] = {0, 1, 4, 7, 9, SIZE_MAX, SIZE_MAX - 7, 1 << 20, 4097};
    size_t room = one_in(3)   ? right
                  : one_in(2) ? 8 * (1 + below(right / 8))
                              : right + 8 * below((4096 - right) / 8 + 1);
    size_t size = one_in(3) ? odd[below(9)] : room;
    struct edge edge;

    if (size != room)
        room = sizeof(size_t); /* nothing but the size may be read */
    edge = edge_of(room + 1);
    if (edge.map != NULL && one_in(2))
        edge.start = (char *)edge.start + 1; /* ends at the edge, at whatever alignment */
    memset(edge.start, 0, room);
    memcpy(edge.start, content, room < right ? room : right);
    if (room > right && one_in(2))
        memset((char *)edge.start + right, 0xAA, room - right);
    memcpy(edge.start, &size, sizeof(size));
    return edge;
}

static void look_at(biosock_report *report)
{
    biosock_attempt attempt = BIOSOCK_ATTEMPT_INIT;
    biosock_lookup lookup = BIOSOCK_LOOKUP_INIT;
    struct edge out = sized(sizeof(attempt), &attempt);

    biosock_report_attempt(report, one_in(2) ? 0 : (size_t)any(), one_in(9) ? NULL : out.start);
    release(out);
    out = sized(sizeof(lookup), &lookup);
    biosock_report_lookup(report, one_in(2) ? 0 : SIZE_MAX, one_in(9) ? NULL : out.start);
    release(out);
    biosock_report_attempts(report);
    biosock_report_lookups(report);
    biosock_report_elapsed_us(report);
    biosock_report_text(report);
    biosock_report_hint(report);
    biosock_report_free(report);
    biosock_report_free(NULL);
    for (int i = 0; i < 7; i++)
        called();
}

static void on_dial(void)
{
    biosock_dial_options options = BIOSOCK_DIAL_OPTIONS_INIT;
    biosock_cancel *cancel = one_in(2) ? biosock_cancel_new() : NULL;
    biosock_memory *memory = one_in(2) ? biosock_memory_new(one_in(2) ? 0 : SIZE_MAX) : NULL;
    biosock_report *report = NULL;
    struct edge given, first = address(), second = address();
    const BIO_ADDR *addrs[4];
    int fd;

    options.options = one_in(3) ? word() : 0;
    options.timeout_ms = one_in(6) ? -1 : 20;
    options.attempt_delay_ms = one_in(6) ? small() : 0;
    options.max_attempts = one_in(6) ? small() : 0;
    options.family = one_in(4) ? small() : 0;
    options.socktype = one_in(6) ? small() : 0;
    options.keepalive_idle_ms = one_in(6) ? small() : 0;
    options.source_v4 = one_in(6) ? text() : NULL;
    options.source_v6 = one_in(6) ? text() : NULL;
    options.device = one_in(8) ? text() : NULL;
    options.cancel = cancel;
    options.memory = memory;
    options.report = &report;
    if (one_in(3))
        biosock_cancel_set(cancel); /* before the dial, so that it ends at once */
    given = sized(sizeof(options), &options);
    addrs[0] = first.start;
    addrs[1] = one_in(3) ? NULL : second.start;
    addrs[2] = NULL; /* a count that lies ends here */
    addrs[3] = NULL;
    called();
    if (one_in(3))
        fd = biosock_dial(one_in(2) ? "127.0.0.1:1" : one_in(2) ? "a:b:c" : "unix:/no/such", given.start);
    else if (one_in(4))
        fd = biosock_dial_addrinfo(NULL, given.start);
    else
        fd = biosock_dial_addrs(one_in(12) ? NULL : addrs, one_in(3) ? SIZE_MAX >> below(8) : below(4),
                                one_in(8) ? NULL : given.start);
    if (fd >= 0)
        close(fd);
    look_at(report);
    biosock_cancel_is_set(cancel);
    biosock_cancel_free(cancel);
    biosock_memory_free(memory);
    biosock_cancel_free(NULL);
    biosock_memory_free(NULL);
    biosock_cancel_set(NULL);
    release(given);
    release(first);
    release(second);
}

static void tell(void *user, const biosock_event *event)
{
    if (event->sock >= 0)
        close(event->sock);
    biosock_listeners_stop(user);
}

static void use_set(biosock_listeners *set)
{
    struct edge out = edge_of(112), copies;
    size_t count = biosock_listeners_count(set);
    int fd;

    memset(out.start, 0, 112);
    called();
    biosock_listeners_addr(set, one_in(2) ? 0 : (size_t)any(), one_in(8) ? NULL : out.start);
    biosock_listeners_fd(set, one_in(2) ? 0 : SIZE_MAX);
    fd = biosock_accept(set, one_in(2) ? NULL : out.start, word(), 0);
    if (fd >= 0)
        close(fd);
    if (count != 0) {
        copies = edge_of(count * sizeof(int));
        if (biosock_listeners_inheritable(set, one_in(8) ? NULL : copies.start, one_in(3) ? SIZE_MAX : count))
            for (size_t i = 0; i < count; i++)
                close(((int *)copies.start)[i]);
        release(copies);
    }
    biosock_listeners_stop(set);
    biosock_serve(set, one_in(3) ? word() : 0, one_in(8) ? NULL : tell, set);
    biosock_listeners_unlink(set);
    biosock_listeners_free(set);
    biosock_listeners_free(NULL);
    for (int i = 0; i < 8; i++)
        called();
    release(out);
}

static void on_listen(void)
{
    biosock_listen_options options = BIOSOCK_LISTEN_OPTIONS_INIT;
    biosock_listeners *set = NULL, *shards[3] = {NULL, NULL, NULL};
    struct edge given, first = address();
    const BIO_ADDR *addrs[3];
    int fds[3];

    options.options = one_in(3) ? word() : 0;
    options.family = one_in(4) ? small() : 0;
    options.backlog = one_in(4) ? small() : 0;
    options.reserved = one_in(8);
    options.device = one_in(8) ? text() : NULL;
    given = sized(sizeof(options), &options);
    called();
    switch (below(6)) {
    case 0:
        set = biosock_listen(one_in(2) ? "127.0.0.1:0" : one_in(2) ? "[::1" : "unix:/no/such/place",
                             one_in(2) ? NULL : given.start);
        break;
    case 1:
        addrs[0] = first.start;
        addrs[1] = addrs[2] = NULL;
        if (((struct sockaddr *)first.start)->sa_family == AF_UNIX)
            memset((char *)first.start + 2, 0, one_in(2) ? 108 : 1); /* no files */
        set = biosock_listen_addrs(one_in(8) ? NULL : addrs, one_in(2) ? 1 : SIZE_MAX >> below(8), NULL);
        break;
    case 2:
        set = biosock_listen_addrinfo(NULL, given.start);
        break;
    case 3:
        if (biosock_listen_shards(one_in(2) ? "127.0.0.1:0" : "unix:\xff", NULL, one_in(8) ? NULL : shards,
                                  one_in(2) ? 2 : 0)) {
            biosock_listeners_free(shards[0]);
            biosock_listeners_free(shards[1]);
        }
        break;
    case 4: /* none of these listens: all stay the caller's */
        fds[0] = descriptor();
        fds[1] = descriptor();
        fds[2] = -1; /* a count that lies ends here */
        set = biosock_listeners_take_over(one_in(8) ? NULL : fds, one_in(2) ? below(3) : SIZE_MAX >> below(8));
        break;
    default:
        biosock_listeners_passed(one_in(2) ? NULL : &set);
    }
    use_set(set);
    release(given);
    release(first);
}

static void on_queue(void)
{
    static const unsigned long codes[] = {0, 1, 0x80000000UL, 0xFFFFFFFFUL, ~0UL, 0x10000067UL, 0x2008A067UL};
    struct edge out = edge_of(1 + below(300));
    size_t room = out.heap != NULL ? 1 : below(2);
    const char *data = NULL, *file = NULL;
    int line = 0, flags = 0;

    called();
    switch (below(7)) {
    case 0:
        ERR_error_string_n(codes[below(7)], out.start, room);
        break;
    case 1:
        ERR_reason_error_string(codes[below(7)]);
        break;
    case 2:
        ERR_lib_error_string(codes[below(7)]);
        break;
    case 3:
        ERR_set_mark();
        BIO_connect(-1, NULL, 0);
        ERR_pop_to_mark();
        break;
    case 4:
        ERR_pop_to_mark();
        ERR_pop_to_mark();
        break;
    case 5:
        ERR_peek_last_error();
        ERR_peek_error();
        break;
    default: {
        char *many = OPENSSL_malloc(one_in(2) ? 0 : 1 + below(100));

        OPENSSL_free(many);
        OPENSSL_free(NULL);
        many = OPENSSL_strdup(one_in(2) ? "" : long_text + below(LONG - 1));
        OPENSSL_free(many);
    }
    }
    (void)data, (void)file, (void)line, (void)flags;
    release(out);
}

static void on_old(void)
{
    unsigned short port;
    unsigned char ip[4];
    char *peer = NULL;
    int fd;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    called();
    switch (below(4)) {
    case 0:
        BIO_get_port(one_in(2) ? NULL : "99999x", one_in(2) ? NULL : &port);
        break;
    case 1:
        BIO_get_host_ip(one_in(2) ? NULL : "127.0.0.1", one_in(2) ? NULL : ip);
        break;
    case 2:
        fd = BIO_get_accept_socket((char *)(one_in(2) ? NULL : one_in(2) ? "127.0.0.1:0" : "[:"), small());
        if (fd >= 0)
            BIO_closesocket(fd);
        break;
    default:
        fd = BIO_accept(descriptor(), one_in(2) ? NULL : &peer);
        if (fd >= 0)
            close(fd);
        OPENSSL_free(peer);
    }
#pragma GCC diagnostic pop
}

static void one(void)
{
    static void (*const all[])(void) = {on_address, on_address, on_address, on_raw, on_lookup, on_hostserv,
                                        on_descriptor, on_descriptor, on_dial, on_listen, on_queue, on_old};

    all[below(sizeof(all) / sizeof(all[0]))]();
    if (one_in(4))
        drain();
}

/* What a thread calls that may end anywhere in it: whatever it has is in `thing`. */
struct thing {
    uint64_t seed;
    struct edge edge;
    biosock_listeners *set;
    int fd;
};

static void *call_until_cancelled(void *argument)
{
    struct thing *thing = argument;

    state = thing->seed;
    for (;;) {
        called();
        switch (below(5)) {
        case 0:
            BIO_connect(thing->fd, thing->edge.start, BIO_SOCK_NONBLOCK);
            break;
        case 1:
            BIO_accept_ex(thing->fd, NULL, 0);
            break;
        case 2:
            BIO_socket_wait(thing->fd, 1, time(NULL) + 100);
            break;
        case 3:
            biosock_accept(thing->set, NULL, 0, one_in(50) ? -1 : 0);
            break;
        default:
            BIO_sock_error(-1);
            BIO_connect(-1, NULL, 0);
        }
    }
}

static void on_thread(void)
{
    struct thing thing = {any() | 1, address(), biosock_listen("127.0.0.1:0", NULL), -1};
    struct timespec soon = {0, (long)below(300000)};
    pthread_t thread;
    void *result;

    thing.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (thing.set == NULL || pthread_create(&thread, NULL, call_until_cancelled, &thing) != 0)
        exit(3);
    nanosleep(&soon, NULL);
    pthread_cancel(thread);
    biosock_listeners_stop(thing.set); /* which ends what a cancellation does not */
    if (pthread_join(thread, &result) != 0 || result != PTHREAD_CANCELED)
        exit(3);
    close(thing.fd);
    biosock_listeners_free(thing.set);
    release(thing.edge);
}

static void on_fork(void)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        forked = 1;
        alarm(120);
        for (int i = 0; i < 20; i++)
            one();
        _exit(0);
    }
    if (child == -1 || waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "hostile: a forked child failed (status %x)\n", status);
        exit(4);
    }
}

int main(int argc, char **argv)
{
    struct rlimit limit = {DESCRIPTOR_LIMIT, DESCRIPTOR_LIMIT};

    if (argc != 3)
        return 2;
    most = atol(argv[1]);
    state = strtoull(argv[2], NULL, 10) * 2654435761U + 1;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 3;
    long_text = malloc(LONG);
    memset(long_text, 'l', LONG - 1);
    long_text[LONG - 1] = 0;
    for (size_t i = 0; i < DESCRIPTORS; i++)
        renew(i);
    while (__atomic_load_n(&calls, __ATOMIC_RELAXED) < most) {
        one();
        if (one_in(400))
            on_thread();
        if (one_in(400))
            on_fork();
    }
    ERR_clear_error();
    for (size_t i = 0; i < DESCRIPTORS; i++)
        if (descriptors[i] > 2 && i % 6 != 4)
            close(descriptors[i]);
    free(long_text);
    printf("%ld calls\n", calls);
    return 0;
}
