/*
 * midfork ROUNDS: forks in the middle of a first use. Each round begins with a
 * process that never used the library. A thread of it uses everything and is
 * held up in one of libc's functions, or is not; the process forks, and the
 * child does the same calls: it must not wait for a thread that it lacks.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <dlfcn.h>
#include <link.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <biosock.h>
#include <openssl/err.h>

/* Where the first user is held up. */
static const char *const points[] = {"nowhere", "pthread_key_create", "dladdr", "getaddrinfo", "socket",
                                     "pthread_create"};
enum { POINTS = sizeof(points) / sizeof(points[0]), THREADS = 4, PATIENCE = 30 };

static const char *volatile held_at = "";
static atomic_int held, released;

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", held_at, what);
    ERR_print_errors_fp(stderr);
    _exit(1);
}

static void doze(void)
{
    struct timespec briefly = {0, 200000};

    nanosleep(&briefly, NULL);
}

static void hold_up(const char *where)
{
    if (strcmp(where, held_at) != 0 || atomic_exchange(&held, 1) != 0)
        return;
    while (!atomic_load(&released))
        doze();
}

static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL)
        die("no such function");
    return found;
}

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    int (*real)(pthread_key_t *, void (*)(void *));

    *(void **)&real = next("pthread_key_create");
    hold_up("pthread_key_create");
    return real(key, destructor);
}

int dladdr(const void *address, Dl_info *info)
{
    int (*real)(const void *, Dl_info *);

    *(void **)&real = next("dladdr");
    hold_up("dladdr");
    return real(address, info);
}

/* Figures alone go to libc's: its resolver has locks of its own, which a fork may leave held. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    *(void **)&real = next("getaddrinfo");
    hold_up("getaddrinfo");
    if (service != NULL && strcmp(service, "no-such-service") == 0)
        return EAI_SERVICE;
    if (node != NULL && strcmp(node, "localhost") == 0)
        node = "127.0.0.1";
    if (node != NULL && strspn(node, "0123456789.:") != strlen(node))
        return EAI_NONAME;
    return real(node, service, hints, list);
}

int socket(int domain, int type, int protocol)
{
    int (*real)(int, int, int);

    *(void **)&real = next("socket");
    hold_up("socket");
    return real(domain, type, protocol);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    *(void **)&real = next("pthread_create");
    hold_up("pthread_create");
    return real(thread, attributes, start, argument);
}

/* Everything that sets something up at its first use. */
static void use_all(void)
{
    biosock_dial_options options = BIOSOCK_DIAL_OPTIONS_INIT;
    biosock_listeners *set;
    BIO_ADDRINFO *list = NULL;
    unsigned short port;
    char text[64];
    int sock;

    options.timeout_ms = 20000;
    if (BIO_lookup_ex("no-such-host.invalid", "1", BIO_LOOKUP_CLIENT, AF_INET, SOCK_STREAM, 0, &list))
        die("there is such a host");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    if (BIO_get_port("no-such-service", &port))
        die("there is such a service");
#pragma GCC diagnostic pop
    if (ERR_get_error() == 0 || ERR_get_error() == 0)
        die("there is no event");
    if (biosock_dial("no-such-host.invalid:1", &options) != -1)
        die("dialled a name that is not");
    set = biosock_listen("localhost:0", NULL);
    if (set == NULL)
        die("cannot listen");
    BIO_ADDR *addr = BIO_ADDR_new();
    if (!biosock_listeners_addr(set, 0, addr))
        die("no address");
    char *service = BIO_ADDR_service_string(addr, 1);
    snprintf(text, sizeof(text), "localhost:%s", service);
    OPENSSL_free(service);
    BIO_ADDR_free(addr);
    sock = biosock_dial(text, &options);
    if (sock == -1)
        die("cannot dial");
    BIO_closesocket(sock);
    biosock_listeners_free(set);
    ERR_clear_error();
}

static void *use(void *nothing)
{
    use_all();
    return nothing;
}

static void check_child(pid_t child)
{
    int status;

    if (child == -1 || waitpid(child, &status, 0) != child)
        die("no child");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die(WIFSIGNALED(status) ? "a child hung" : "a child failed");
}

static void fork_one(void)
{
    pid_t child = fork();

    if (child == 0) {
        alarm(PATIENCE); /* which ends a child that waits for good */
        held_at = "";
        use_all();
        _exit(0);
    }
    check_child(child);
}

/* A process that forks while its threads use the library for the first time. */
static void one_round(const char *point)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    int threads = strcmp(point, "nowhere") == 0 ? THREADS : 1;
    pthread_t thread[THREADS];

    alarm(4 * PATIENCE);
    *(void **)&create = next("pthread_create");
    held_at = point;
    for (int i = 0; i < threads; i++)
        if (create(&thread[i], NULL, use, NULL) != 0)
            die("no thread");
    if (threads == 1)
        for (int i = 0; !atomic_load(&held) && i < 20000; i++)
            doze(); /* it may never come there: then it is as any other fork */
    for (int i = 0; i < (threads == 1 ? 1 : 3); i++)
        fork_one();
    atomic_store(&released, 1);
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    _exit(atomic_load(&held) ? 10 : 0);
}

int main(int argc, char **argv)
{
    int rounds = argc == 2 ? atoi(argv[1]) : 0, held_up[POINTS] = {0};

    if (rounds < 1)
        return 2;
#if defined(OVER_A_HOST)
    ERR_clear_error(); /* the host's own first use is the host's responsibility */
#endif
    for (int i = 0; i < rounds; i++)
        for (int point = 0; point < POINTS; point++) {
            int status;
            pid_t child = fork();

            if (child == 0)
                one_round(points[point]);
            if (child == -1 || waitpid(child, &status, 0) != child || !WIFEXITED(status)
                || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 10)) {
                fprintf(stderr, "a fork with a thread in %s failed\n", points[point]);
                return 1;
            }
            held_up[point] += WEXITSTATUS(status) == 10;
        }
    printf("%d rounds, forked with a thread", rounds);
    for (int point = 1; point < POINTS; point++)
        printf("%s in %s %d times", point > 1 ? "," : "", points[point], held_up[point]);
    return 0;
}
