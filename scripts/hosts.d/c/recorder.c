/*
 * Preloaded interposer of the kind of torsocks: writes each connect(2) that
 * passes to the file RECORDER, and sends those for 192.0.2.0/24 to the port
 * REDIRECT on 127.0.0.1 instead. That network is for documentation: nothing
 * could answer from there.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void record(const char *what, const char *detail)
{
    const char *path = getenv("RECORDER");
    int saved = errno;
    int fd = path == NULL ? -1 : open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

    if (fd != -1) {
        dprintf(fd, "%s %s\n", what, detail);
        close(fd);
    }
    errno = saved;
}

static void *next_of(const char *name)
{
    void *next = dlsym(RTLD_NEXT, name);

    if (next == NULL)
        abort(); /* every libc has it */
    return next;
}

/* Where a connection for the address goes instead, if anywhere. */
static int redirect(const struct sockaddr *addr, socklen_t len, struct sockaddr_in *to)
{
    const char *port = getenv("REDIRECT");

    if (port == NULL || addr->sa_family != AF_INET || len < sizeof(*to))
        return 0;
    memcpy(to, addr, sizeof(*to));
    if (ntohl(to->sin_addr.s_addr) >> 8 != 0xC00002)
        return 0;
    to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to->sin_port = htons((unsigned short)atoi(port));
    return 1;
}

int connect(int sock, const struct sockaddr *addr, socklen_t len)
{
    int (*next)(int, const struct sockaddr *, socklen_t);
    char text[INET6_ADDRSTRLEN] = "other";
    struct sockaddr_in to;

    *(void **)&next = next_of("connect");
    if (addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)addr)->sin_addr, text, sizeof(text));
    if (addr->sa_family != AF_UNIX)
        record("connect", text);
    if (redirect(addr, len, &to))
        return next(sock, (const struct sockaddr *)&to, sizeof(to));
    return next(sock, addr, len);
}

int socket(int family, int type, int protocol)
{
    int (*next)(int, int, int);

    *(void **)&next = next_of("socket");
    if (family != AF_UNIX)
        record("socket", "");
    return next(family, type, protocol);
}

int bind(int sock, const struct sockaddr *addr, socklen_t len)
{
    int (*next)(int, const struct sockaddr *, socklen_t);

    *(void **)&next = next_of("bind");
    record("bind", "");
    return next(sock, addr, len);
}

int listen(int sock, int backlog)
{
    int (*next)(int, int);

    *(void **)&next = next_of("listen");
    record("listen", "");
    return next(sock, backlog);
}

int accept(int sock, struct sockaddr *addr, socklen_t *len)
{
    int (*next)(int, struct sockaddr *, socklen_t *);

    *(void **)&next = next_of("accept");
    record("accept", "");
    return next(sock, addr, len);
}

int accept4(int sock, struct sockaddr *addr, socklen_t *len, int flags)
{
    int (*next)(int, struct sockaddr *, socklen_t *, int);

    *(void **)&next = next_of("accept4");
    record("accept", "");
    return next(sock, addr, len, flags);
}

int setsockopt(int sock, int level, int name, const void *value, socklen_t len)
{
    int (*next)(int, int, int, const void *, socklen_t);

    *(void **)&next = next_of("setsockopt");
    record("setsockopt", "");
    return next(sock, level, name, value, len);
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **all)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    *(void **)&next = next_of("getaddrinfo");
    record("getaddrinfo", host == NULL ? "" : host);
    return next(host, service, hints, all);
}

int close(int fd)
{
    static _Thread_local int inside; /* recording closes, too */
    int (*next)(int);

    *(void **)&next = next_of("close");
    if (!inside) {
        inside = 1;
        record("close", "");
        inside = 0;
    }
    return next(fd);
}
