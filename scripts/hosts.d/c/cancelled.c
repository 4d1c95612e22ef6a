/*
 * cancelled: pthread_cancel(3) in every function that blocks or reaches a
 * cancellation point. Prints a line for each: how its thread was cancelled,
 * and what became of it. The status is 0 if each ended as promised, with no
 * descriptor lost, no lock held and the cancellation state restored.
 *
 *   pending  the cancellation is pending when the function is called
 *   blocked  the function is blocked when the cancellation comes
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(WITH_BIOSOCK)
#  include <biosock.h>
#endif
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

/* How a cancelled call ends. */
enum { IN_THE_CALL = 3, AFTER_THE_CALL, ANYHOW };

static int silence[2]; /* who reads of it waits, and all go on once it is closed */
static atomic_int silent, held_up;
static int listener = -1, sock = -1;
static struct sockaddr_un place;
static BIO_ADDR *addr;
static atomic_int begun, returned, restored;
static atomic_long sleeper;

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    _exit(1);
}

/* A cancellation point that lasts, as a name server's silence does. */
static void wait_in_silence(void)
{
    char byte;

    atomic_fetch_add(&held_up, 1);
    if (read(silence[0], &byte, 1) == -1)
        die("cannot wait");
}

/* The resolver, which may have to wait; it is found before libc's. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    pthread_testcancel();
    if (atomic_load(&silent)) {
        wait_in_silence();
        return EAI_AGAIN;
    }
    return next(node, service, hints, list);
}

int getnameinfo(const struct sockaddr *name, socklen_t length, char *host, socklen_t host_room,
                char *service, socklen_t service_room, int flags)
{
    int (*next)(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int);

    *(void **)&next = dlsym(RTLD_NEXT, "getnameinfo");
    pthread_testcancel();
    if (atomic_load(&silent)) {
        wait_in_silence();
        return EAI_AGAIN;
    }
    return next(name, length, host, host_room, service, service_room, flags);
}

struct hostent *gethostbyname(const char *name)
{
    (void)name;
    pthread_testcancel();
    if (atomic_load(&silent))
        wait_in_silence();
    return NULL;
}

static void break_silence(void)
{
    close(silence[1]);
    silence[1] = -1;
}

static const char *path(void)
{
    static char text[64];

    snprintf(text, sizeof(text), "cancelled.%d", (int)getpid());
    return text;
}

/* A Unix listener from which nothing was accepted; with `full` a connect to it waits. */
static void make_listener(int full)
{
    place.sun_family = AF_UNIX;
    snprintf(place.sun_path, sizeof(place.sun_path), "%s", path());
    addr = BIO_ADDR_new();
    if (addr == NULL || !BIO_ADDR_rawmake(addr, AF_UNIX, place.sun_path, strlen(place.sun_path), 0))
        die("no address");
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    sock = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&place, sizeof(place)) != 0 || listen(listener, 0) != 0)
        die("no listener");
    if (full && connect(sock, (struct sockaddr *)&place, sizeof(place)) != 0)
        die("no connection");
    if (full) {
        close(sock);
        sock = socket(AF_UNIX, SOCK_STREAM, 0);
    }
}

static void listening(void) { make_listener(0); }
static void full(void) { make_listener(1); }
static void unheard(void) { atomic_store(&silent, 1); }

static void address(void)
{
    struct in_addr loopback = {htonl(INADDR_LOOPBACK)};

    addr = BIO_ADDR_new();
    if (!BIO_ADDR_rawmake(addr, AF_INET, &loopback, sizeof(loopback), 0))
        die("no address");
    sock = socket(AF_INET, SOCK_STREAM, 0);
}

static void unheard_address(void)
{
    address();
    unheard();
}

/* Makes the listener's next accept return. */
static void call_in(void)
{
    int client = socket(AF_UNIX, SOCK_STREAM, 0);

    if (connect(client, (struct sockaddr *)&place, sizeof(place)) != 0)
        die("cannot call in");
    close(client);
}

static void take_one(void)
{
    close(accept(listener, NULL, NULL));
}

/* The calls. What they return is of no matter, but nothing may be lost: so it
 * is this program's own close that is not cancelled. */
static void keep(int descriptor)
{
    int state;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    if (descriptor >= 0)
        close(descriptor);
    pthread_setcancelstate(state, NULL);
}

static void c_socket(void) { keep(BIO_socket(AF_INET, SOCK_STREAM, 0, 0)); }
static void c_bind(void) { BIO_bind(sock, addr, 0); }
static void c_listen(void) { BIO_listen(sock, addr, 0); }
static void c_connect(void) { BIO_connect(sock, addr, 0); }
static void c_connect_bad(void) { BIO_connect(-1, addr, 0); }
static void c_accept_ex(void) { keep(BIO_accept_ex(listener, NULL, 0)); }
static void c_accept_ex_bad(void) { keep(BIO_accept_ex(-1, NULL, 0)); }

static void c_accept_ex_peer(void)
{
    static unsigned char peer[256]; /* as large as any BIO_ADDR, and aligned by luck or not */

    keep(BIO_accept_ex(listener, (BIO_ADDR *)(void *)peer, 0));
}

static void c_closesocket(void)
{
    if (BIO_closesocket(sock))
        sock = -1;
}

static void c_lookup(void)
{
    BIO_ADDRINFO *list = NULL;

    BIO_lookup("localhost", "7", BIO_LOOKUP_CLIENT, AF_INET, SOCK_STREAM, &list);
    BIO_ADDRINFO_free(list);
}

static void c_lookup_ex(void)
{
    BIO_ADDRINFO *list = NULL;

    BIO_lookup_ex("localhost", "7", BIO_LOOKUP_CLIENT, AF_INET, SOCK_STREAM, 0, &list);
    BIO_ADDRINFO_free(list);
}

static void c_hostname(void) { OPENSSL_free(BIO_ADDR_hostname_string(addr, 0)); }
static void c_service(void) { OPENSSL_free(BIO_ADDR_service_string(addr, 0)); }
static void c_wait(void) { BIO_socket_wait(listener, 1, time(NULL) + 100); }
static void c_sock_error(void) { BIO_sock_error(sock); }
static void c_nbio(void) { BIO_socket_nbio(sock, 0); }
static void c_ndelay(void) { BIO_set_tcp_ndelay(sock, 1); }

static void c_ioctl(void)
{
    int number = 0;

    BIO_socket_ioctl(sock, FIONREAD, &number);
}

static void c_sock_info(void)
{
    union BIO_sock_info_u info;

    info.addr = addr;
    BIO_sock_info(sock, BIO_SOCK_INFO_ADDRESS, &info);
}

static void c_hostserv(void)
{
    char *host = NULL, *service = NULL;

    BIO_parse_hostserv("a:b:c", &host, &service, BIO_PARSE_PRIO_HOST);
    BIO_parse_hostserv("a:b", &host, &service, BIO_PARSE_PRIO_HOST);
    OPENSSL_free(host);
    OPENSSL_free(service);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void c_gethostbyname(void) { BIO_gethostbyname("localhost"); }

static void c_get_port(void)
{
    unsigned short port;

    BIO_get_port("echo", &port);
}

static void c_get_host_ip(void)
{
    unsigned char ip[4];

    BIO_get_host_ip("localhost", ip);
}

static void c_get_accept_socket(void)
{
    char text[] = "localhost:0";

    keep(BIO_get_accept_socket(text, 0));
}

static void c_accept(void)
{
    char *peer = NULL;

    keep(BIO_accept(listener, &peer));
    OPENSSL_free(peer);
}
#pragma GCC diagnostic pop

#if !defined(OVER_A_HOST)
/* A stream that takes no more. */
static FILE *stuffed;
static int stuffing[2];

static void stuff(void)
{
    static char lot[65536];

    if (pipe(stuffing) != 0 || fcntl(stuffing[1], F_SETFL, O_NONBLOCK) != 0)
        die("no pipe");
    while (write(stuffing[1], lot, sizeof(lot)) > 0)
        ;
    fcntl(stuffing[1], F_SETFL, 0);
    stuffed = fdopen(dup(stuffing[1]), "w");
    setvbuf(stuffed, NULL, _IONBF, 0);
}

static void unstuff(void)
{
    static char lot[65536];

    if (read(stuffing[0], lot, sizeof(lot)) <= 0)
        die("nothing in the pipe");
}

static void c_print_fp(void)
{
    BIO_connect(-1, NULL, 0);
    ERR_print_errors_fp(stuffed);
}

static int print_slowly(const char *line, size_t length, void *user)
{
    (void)line, (void)length, (void)user;
    if (atomic_load(&silent))
        wait_in_silence();
    pthread_testcancel();
    return 1;
}

static void c_print_cb(void)
{
    BIO_connect(-1, NULL, 0);
    ERR_print_errors_cb(print_slowly, NULL);
}
#endif

#if defined(WITH_BIOSOCK)
static biosock_cancel *cancel;
static biosock_listeners *set;
static biosock_listeners *sets[2];
static biosock_report *report;

static void with_cancel(void) { cancel = biosock_cancel_new(); }
static void set_cancel(void) { biosock_cancel_set(cancel); }

static void unheard_with_cancel(void)
{
    with_cancel();
    unheard();
}

static void full_with_cancel(void)
{
    full();
    with_cancel();
}

static void with_set(void)
{
    char target[80];

    snprintf(target, sizeof(target), "unix:%s", path());
    set = biosock_listen(target, NULL);
    place.sun_family = AF_UNIX;
    snprintf(place.sun_path, sizeof(place.sun_path), "%s", path());
    if (set == NULL)
        die("no set");
}

static void stop_set(void) { biosock_listeners_stop(set); }

static void tell(void *user, const biosock_event *event)
{
    (void)user;
    pthread_testcancel();
    keep(event->sock);
    biosock_listeners_stop(set);
}

static void dial(void (*how)(biosock_dial_options *))
{
    biosock_dial_options options = BIOSOCK_DIAL_OPTIONS_INIT;

    options.cancel = cancel;
    options.report = &report;
    how(&options);
    biosock_report_free(report);
    report = NULL;
}

static void dial_name(biosock_dial_options *options)
{
    keep(biosock_dial("name.invalid:7", options));
}

static void dial_addrs(biosock_dial_options *options)
{
    const BIO_ADDR *all[1];

    all[0] = addr;
    keep(biosock_dial_addrs(all, 1, options));
}

static void dial_list(biosock_dial_options *options)
{
    struct addrinfo one;

    memset(&one, 0, sizeof(one));
    one.ai_family = AF_UNIX;
    one.ai_socktype = SOCK_STREAM;
    one.ai_addr = (struct sockaddr *)&place;
    one.ai_addrlen = sizeof(place);
    keep(biosock_dial_addrinfo((const BIO_ADDRINFO *)(void *)&one, options));
}

static void c_dial(void) { dial(dial_name); }
static void c_dial_addrs(void) { dial(dial_addrs); }
static void c_dial_addrinfo(void) { dial(dial_list); }
static void c_b_listen(void) { biosock_listeners_free(biosock_listen("name.invalid:7", NULL)); }

static void c_b_listen_addrs(void)
{
    const BIO_ADDR *all[1];

    all[0] = addr;
    biosock_listeners_free(biosock_listen_addrs(all, 1, NULL));
}

static void c_b_listen_addrinfo(void)
{
    BIO_ADDRINFO *list = NULL;

    BIO_lookup_ex("127.0.0.1", "0", BIO_LOOKUP_SERVER, AF_INET, SOCK_STREAM, 0, &list);
    biosock_listeners_free(biosock_listen_addrinfo(list, NULL));
    BIO_ADDRINFO_free(list);
}

static void c_b_shards(void)
{
    if (biosock_listen_shards("name.invalid:0", NULL, sets, 2)) {
        biosock_listeners_free(sets[0]);
        biosock_listeners_free(sets[1]);
    }
}

static void c_b_shards_literal(void)
{
    if (biosock_listen_shards("127.0.0.1:0", NULL, sets, 2)) {
        biosock_listeners_free(sets[0]);
        biosock_listeners_free(sets[1]);
    }
}

static void c_b_take_over(void)
{
    set = biosock_listeners_take_over(&listener, 1);
    biosock_listeners_free(set);
    if (set != NULL)
        listener = -1;
    set = NULL;
}

static void c_b_passed(void)
{
    biosock_listeners *passed = NULL;

    biosock_listeners_passed(&passed);
    biosock_listeners_free(passed);
}

static void c_b_accept(void) { keep(biosock_accept(set, NULL, 0, -1)); }
static void c_b_serve(void) { biosock_serve(set, 0, tell, NULL); }

static void c_b_inheritable(void)
{
    int copy;

    if (biosock_listeners_inheritable(set, &copy, 1))
        keep(copy);
}

static void c_b_unlink(void) { biosock_listeners_unlink(set); }
static void c_b_stop(void) { biosock_listeners_stop(set); }

static void c_b_free(void)
{
    biosock_listeners_free(set);
    set = NULL;
}

static void c_b_cancel(void)
{
    biosock_cancel *one = biosock_cancel_new();

    biosock_cancel_set(one);
    biosock_cancel_free(one);
}

static void clean_own(void)
{
    biosock_listeners_free(set);
    biosock_cancel_free(cancel);
    biosock_report_free(report);
}
#else
static void clean_own(void) {}
#endif

struct one {
    const char *name;
    void (*before)(void);
    void (*call)(void);
    void (*wake)(void); /* NULL: it does not block */
    int ends;           /* how a call that was cancelled ends, with biosock */
};

static const struct one all[] = {
    {"BIO_socket", address, c_socket, NULL, AFTER_THE_CALL},
    {"BIO_bind", address, c_bind, NULL, AFTER_THE_CALL},
    {"BIO_listen", address, c_listen, NULL, AFTER_THE_CALL},
    {"BIO_connect", full, c_connect, take_one, IN_THE_CALL},
    {"BIO_connect(-1)", address, c_connect_bad, NULL, AFTER_THE_CALL},
    {"BIO_accept_ex", listening, c_accept_ex, call_in, IN_THE_CALL},
    {"BIO_accept_ex(peer)", listening, c_accept_ex_peer, call_in, IN_THE_CALL},
    {"BIO_accept_ex(-1)", address, c_accept_ex_bad, NULL, ANYHOW},
    {"BIO_closesocket", address, c_closesocket, NULL, IN_THE_CALL},
    {"BIO_accept", listening, c_accept, call_in, AFTER_THE_CALL},
    {"BIO_get_accept_socket", unheard, c_get_accept_socket, break_silence, AFTER_THE_CALL},
    {"BIO_gethostbyname", unheard, c_gethostbyname, break_silence, AFTER_THE_CALL},
    {"BIO_get_port", unheard, c_get_port, break_silence, AFTER_THE_CALL},
    {"BIO_get_host_ip", unheard, c_get_host_ip, break_silence, AFTER_THE_CALL},
    {"BIO_lookup", unheard, c_lookup, break_silence, AFTER_THE_CALL},
    {"BIO_lookup_ex", unheard, c_lookup_ex, break_silence, AFTER_THE_CALL},
    {"BIO_ADDR_hostname_string", unheard_address, c_hostname, break_silence, AFTER_THE_CALL},
    {"BIO_ADDR_service_string", unheard_address, c_service, break_silence, AFTER_THE_CALL},
    {"BIO_parse_hostserv", address, c_hostserv, NULL, AFTER_THE_CALL},
    {"BIO_socket_wait", listening, c_wait, call_in, IN_THE_CALL},
    {"BIO_sock_error", address, c_sock_error, NULL, AFTER_THE_CALL},
    {"BIO_sock_info", address, c_sock_info, NULL, AFTER_THE_CALL},
    {"BIO_socket_ioctl", address, c_ioctl, NULL, AFTER_THE_CALL},
    {"BIO_socket_nbio", address, c_nbio, NULL, AFTER_THE_CALL},
    {"BIO_set_tcp_ndelay", address, c_ndelay, NULL, AFTER_THE_CALL},
#if !defined(OVER_A_HOST)
    {"ERR_print_errors_fp", stuff, c_print_fp, unstuff, AFTER_THE_CALL},
    {"ERR_print_errors_cb", unheard, c_print_cb, break_silence, AFTER_THE_CALL},
#endif
#if defined(WITH_BIOSOCK)
    {"biosock_dial", unheard_with_cancel, c_dial, set_cancel, AFTER_THE_CALL},
    {"biosock_dial_addrs", full_with_cancel, c_dial_addrs, set_cancel, AFTER_THE_CALL},
    {"biosock_dial_addrinfo", full_with_cancel, c_dial_addrinfo, set_cancel, AFTER_THE_CALL},
    {"biosock_listen", unheard, c_b_listen, break_silence, AFTER_THE_CALL},
    {"biosock_listen_addrs", address, c_b_listen_addrs, NULL, AFTER_THE_CALL},
    {"biosock_listen_addrinfo", address, c_b_listen_addrinfo, NULL, AFTER_THE_CALL},
    {"biosock_listen_shards", unheard, c_b_shards, break_silence, AFTER_THE_CALL},
    {"biosock_listen_shards(literal)", address, c_b_shards_literal, NULL, AFTER_THE_CALL},
    {"biosock_listeners_take_over", listening, c_b_take_over, NULL, AFTER_THE_CALL},
    {"biosock_listeners_passed", address, c_b_passed, NULL, AFTER_THE_CALL},
    {"biosock_accept", with_set, c_b_accept, stop_set, AFTER_THE_CALL},
    {"biosock_serve", with_set, c_b_serve, call_in, AFTER_THE_CALL},
    {"biosock_listeners_inheritable", with_set, c_b_inheritable, NULL, AFTER_THE_CALL},
    {"biosock_listeners_unlink", with_set, c_b_unlink, NULL, AFTER_THE_CALL},
    {"biosock_listeners_stop", with_set, c_b_stop, NULL, AFTER_THE_CALL},
    {"biosock_listeners_free", with_set, c_b_free, NULL, AFTER_THE_CALL},
    {"biosock_cancel_new, _set, _free", address, c_b_cancel, NULL, AFTER_THE_CALL},
#endif
};

static void pause_briefly(void)
{
    struct timespec time = {0, 5000000};

    nanosleep(&time, NULL);
}

static int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = -1;

    while (dir != NULL && readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* Whether the calling thread can be cancelled, and only at cancellation points. */
static int is_restored(void)
{
    int state, type;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
    pthread_setcancelstate(state, NULL);
    return state == PTHREAD_CANCEL_ENABLE && type == PTHREAD_CANCEL_DEFERRED;
}

struct start {
    const struct one *one;
    pthread_barrier_t *pending; /* NULL: the cancellation comes later */
};

static void *be_cancelled(void *argument)
{
    const struct start *start = argument;

    if (start->pending != NULL) {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
        pthread_barrier_wait(start->pending);
        pthread_barrier_wait(start->pending); /* it is pending now */
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    }
    atomic_store(&sleeper, syscall(SYS_gettid));
    atomic_store(&begun, 1);
    start->one->call();
    atomic_store(&restored, is_restored());
    atomic_store(&returned, 1);
    pthread_testcancel();
    return NULL;
}

/* Whether the thread sleeps in the kernel. */
static int is_asleep(void)
{
    char name[64], line[256] = "";
    FILE *stat;

    snprintf(name, sizeof(name), "/proc/self/task/%ld/stat", atomic_load(&sleeper));
    stat = fopen(name, "r");
    if (stat == NULL || fgets(line, sizeof(line), stat) == NULL)
        die("no such thread");
    fclose(stat);
    return strstr(line, ") S ") != NULL;
}

/* Waits until the function blocks: its thread sleeps whenever one looks. */
static void await_block(void)
{
    for (int seen = 0; seen < 10; pause_briefly())
        seen = atomic_load(&begun) && is_asleep() ? seen + 1 : 0;
}

static int joined(pthread_t thread, void **result, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        if (pthread_tryjoin_np(thread, result) == 0)
            return 1;
        pause_briefly();
    }
    return 0;
}

/* What the library can still do: no lock is held. */
static void use(void)
{
    BIO_ADDRINFO *list = NULL;

    atomic_store(&silent, 0);
    if (BIO_lookup_ex("127.0.0.1", "no-such-service", BIO_LOOKUP_CLIENT, AF_INET, SOCK_STREAM, 0, &list))
        die("there is such a service");
    if (ERR_get_error() == 0)
        die("no entry");
    ERR_clear_error();
#if defined(WITH_BIOSOCK)
    if (biosock_dial("a:b:c", NULL) != -1 || ERR_get_error() == 0)
        die("dialled");
    ERR_clear_error();
#endif
}

static void clean(void)
{
    clean_own();
    BIO_ADDR_free(addr);
    unlink(path());
    if (silence[1] != -1)
        break_silence();
    for (int *one = (int[]){listener, sock, silence[0], -2}; *one != -2; one++)
        if (*one > 0)
            close(*one);
#if !defined(OVER_A_HOST)
    if (stuffed != NULL) {
        close(stuffing[0]);
        close(stuffing[1]);
        fclose(stuffed);
    }
#endif
}

static void run_one(const struct one *one, int blocked)
{
    pthread_barrier_t barrier;
    struct start start = {one, blocked ? NULL : &barrier};
    int before = count_descriptors(), wanted = one->ends, at_once;
    pthread_t thread;
    void *result = NULL;

    alarm(120);
    if (pipe(silence) != 0)
        die("no pipe");
    one->before();
    if (!blocked)
        atomic_store(&silent, 0);
    pthread_barrier_init(&barrier, NULL, 2);
    if (pthread_create(&thread, NULL, be_cancelled, &start) != 0)
        die("no thread");
    if (blocked)
        await_block();
    else
        pthread_barrier_wait(&barrier);
    pthread_cancel(thread);
    if (!blocked)
        pthread_barrier_wait(&barrier);
    at_once = joined(thread, &result, wanted == IN_THE_CALL ? 4000 : 40);
    if (!at_once && one->wake != NULL) {
        atomic_store(&silent, 0);
        one->wake();
    }
    if (!at_once && !joined(thread, &result, 10000))
        die("the thread never ended");
    if (result != PTHREAD_CANCELED)
        die("the thread was not cancelled");
    use();
    clean();
    for (int i = 0; count_descriptors() != before; i++, pause_briefly())
        if (i > 2000)
            die("descriptors were lost");
    if (atomic_load(&returned) && !atomic_load(&restored))
        die("the cancellation state is another");
    _exit(atomic_load(&returned) ? AFTER_THE_CALL : IN_THE_CALL);
}

static const char *outcome_of(int status)
{
    static char text[64];

    if (WIFSIGNALED(status)) {
        snprintf(text, sizeof(text), "THE PROCESS DIED of signal %d", WTERMSIG(status));
        return text;
    }
    switch (WEXITSTATUS(status)) {
    case IN_THE_CALL:
        return "the thread ended in the call";
    case AFTER_THE_CALL:
        return "the call returned, then the thread ended";
    default:
        return "FAILED";
    }
}

static int try(const struct one *one, int blocked)
{
    int status = 0, wanted = one->ends;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0)
        run_one(one, blocked);
    if (child == -1 || waitpid(child, &status, 0) != child)
        die("no child");
    printf("%-34s %-8s %s\n", one->name, blocked ? "blocked" : "pending", outcome_of(status));
    if (!WIFEXITED(status))
        return 0;
    status = WEXITSTATUS(status);
    if (getenv("ORIGINAL") != NULL || wanted == ANYHOW)
        return status == IN_THE_CALL || status == AFTER_THE_CALL;
    return status == wanted;
}

int main(void)
{
    int bad = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        bad += !try(&all[i], 0);
        if (all[i].wake != NULL)
            bad += !try(&all[i], 1);
    }
    if (bad != 0)
        fprintf(stderr, "%d ended otherwise than promised\n", bad);
    return bad != 0;
}
