/*
 * One kind of work, done N times: costs cycle|refused|literal N
 * Prints the nanoseconds that one took. Built with -DRAW it does by hand what the
 * page's routines do; otherwise it is a program as a reader of the page would write it,
 * built against one library or another.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifndef RAW
# include <openssl/bio.h>
#endif

static struct sockaddr_in target;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* A TCP socket on a loopback port of its own; `target` is where it is. */
static int bound(void)
{
    socklen_t len = sizeof(target);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&target, 0, sizeof(target));
    target.sin_family = AF_INET;
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&target, sizeof(target)) != 0
        || getsockname(fd, (struct sockaddr *)&target, &len) != 0)
        fail("a bound socket");
    return fd;
}

#ifdef RAW

static void cycle(int listener)
{
    int on = 1, there;
    int here = socket(AF_INET, SOCK_STREAM, 0);

    ioctl(here, FIONBIO, &on);
    setsockopt(here, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(here, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connect(here, (struct sockaddr *)&target, sizeof(target));
    there = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (there < 0)
        fail("accept4");
    close(there);
    close(here);
}

static void refused(int unused)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)unused;
    if (connect(fd, (struct sockaddr *)&target, sizeof(target)) == 0)
        fail("not refused");
    close(fd);
}

static void literal(int unused)
{
    struct addrinfo hints, *list;

    (void)unused;
    memset(&hints, 0, sizeof(hints));
    hints.ai_flags = AI_ADDRCONFIG;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo("127.0.0.1", "443", &hints, &list) != 0)
        fail("getaddrinfo");
    freeaddrinfo(list);
}

#else

static void cycle(int listener)
{
    const BIO_ADDR *addr = (const BIO_ADDR *)&target;
    int there, here = BIO_socket(AF_INET, SOCK_STREAM, 0, 0);

    BIO_connect(here, addr, BIO_SOCK_KEEPALIVE | BIO_SOCK_NODELAY | BIO_SOCK_NONBLOCK);
    there = BIO_accept_ex(listener, NULL, BIO_SOCK_NONBLOCK);
    if (there < 0)
        fail("BIO_accept_ex");
    BIO_closesocket(there);
    BIO_closesocket(here);
}

static void refused(int unused)
{
    int fd = BIO_socket(AF_INET, SOCK_STREAM, 0, 0);

    (void)unused;
    if (BIO_connect(fd, (const BIO_ADDR *)&target, 0))
        fail("not refused");
    BIO_closesocket(fd);
}

static void literal(int unused)
{
    BIO_ADDRINFO *list = NULL;

    (void)unused;
    if (!BIO_lookup("127.0.0.1", "443", BIO_LOOKUP_CLIENT, AF_UNSPEC, SOCK_STREAM, &list))
        fail("BIO_lookup");
    BIO_ADDRINFO_free(list);
}

#endif

int main(int argc, char **argv)
{
    struct timespec from, to;
    void (*work)(int) = NULL;
    long i, count = argc > 2 ? atol(argv[2]) : 0;
    int fd = bound();

    if (argc > 1 && strcmp(argv[1], "cycle") == 0)
        work = cycle;
    else if (argc > 1 && strcmp(argv[1], "refused") == 0)
        work = refused;
    else if (argc > 1 && strcmp(argv[1], "literal") == 0)
        work = literal;
    if (work == NULL || count <= 0) {
        fprintf(stderr, "usage: costs cycle|refused|literal COUNT\n");
        return 2;
    }
    if (work == cycle && listen(fd, 16) != 0)
        fail("listen");
    for (i = 0; i < 20; i++)
        work(fd);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (i = 0; i < count; i++)
        work(fd);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.1f\n",
           ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / (double)count);
    return 0;
}
