/*
 * Preloaded in front of a program: counts each call of BIO_connect(3)'s routines
 * and notes which library then served it. The table is a file named by
 * WITNESS, shared by all processes that write to it: lines of 96 bytes,
 * "NAME COUNT LIBRARY", in the order of the list below.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct line {
    char name[32];
    char library[56];
    _Atomic uint64_t count;
};

enum { LINES = 32 };

static struct line *table;

static struct line *open_table(void)
{
    const char *path = getenv("WITNESS");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *at = MAP_FAILED;

    if (fd != -1) {
        at = mmap(NULL, LINES * sizeof(struct line), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    return at == MAP_FAILED ? NULL : at;
}

__attribute__((constructor)) static void start(void)
{
    int saved = errno;

    table = open_table();
    errno = saved;
}

/* The next definition of the name; whose it is goes into the table. */
static void *next_of(unsigned at, const char *name)
{
    int saved = errno;
    void *next = dlsym(RTLD_NEXT, name);
    Dl_info info;

    if (next == NULL)
        abort(); /* no other library has it: the program could not have called it */
    if (table != NULL && dladdr(next, &info) != 0) {
        const char *slash = strrchr(info.dli_fname, '/');

        strncpy(table[at].name, name, sizeof(table[at].name) - 1);
        strncpy(table[at].library, slash == NULL ? info.dli_fname : slash + 1,
                sizeof(table[at].library) - 1);
    }
    errno = saved;
    return next;
}

#define WATCH(at, result, name, params, args)                          \
    result name params;                                                \
    result name params                                                 \
    {                                                                  \
        static result(*next) params;                                   \
                                                                       \
        if (next == NULL) {                                            \
            void *found = next_of(at, #name);                          \
                                                                       \
            memcpy(&next, &found, sizeof(next));                       \
        }                                                              \
        if (table != NULL)                                             \
            atomic_fetch_add(&table[at].count, 1);                     \
        return next args;                                              \
    }

WATCH(0, int, BIO_socket, (int a, int b, int c, int d), (a, b, c, d))
WATCH(1, int, BIO_bind, (int a, const void *b, int c), (a, b, c))
WATCH(2, int, BIO_connect, (int a, const void *b, int c), (a, b, c))
WATCH(3, int, BIO_listen, (int a, const void *b, int c), (a, b, c))
WATCH(4, int, BIO_accept_ex, (int a, void *b, int c), (a, b, c))
WATCH(5, int, BIO_closesocket, (int a), (a))
WATCH(6, void *, BIO_ADDR_new, (void), ())
WATCH(7, int, BIO_ADDR_rawmake,
      (void *a, int b, const void *c, size_t d, unsigned short e), (a, b, c, d, e))
WATCH(8, int, BIO_ADDR_family, (const void *a), (a))
WATCH(9, char *, BIO_ADDR_hostname_string, (const void *a, int b), (a, b))
WATCH(10, char *, BIO_ADDR_service_string, (const void *a, int b), (a, b))
WATCH(11, char *, BIO_ADDR_path_string, (const void *a), (a))
WATCH(12, unsigned short, BIO_ADDR_rawport, (const void *a), (a))
WATCH(13, int, BIO_lookup, (const char *a, const char *b, int c, int d, int e, void **f),
      (a, b, c, d, e, f))
WATCH(14, int, BIO_lookup_ex,
      (const char *a, const char *b, int c, int d, int e, int f, void **g),
      (a, b, c, d, e, f, g))
WATCH(15, const void *, BIO_ADDRINFO_next, (const void *a), (a))
WATCH(16, int, BIO_ADDRINFO_family, (const void *a), (a))
WATCH(17, const void *, BIO_ADDRINFO_address, (const void *a), (a))
WATCH(18, int, BIO_parse_hostserv, (const char *a, char **b, char **c, int d), (a, b, c, d))
WATCH(19, int, BIO_sock_info, (int a, int b, void *c), (a, b, c))
WATCH(20, int, BIO_sock_error, (int a), (a))
WATCH(21, int, BIO_sock_should_retry, (int a), (a))
WATCH(22, int, BIO_socket_nbio, (int a, int b), (a, b))
WATCH(23, int, BIO_socket_ioctl, (int a, long b, void *c), (a, b, c))
WATCH(24, int, BIO_sock_init, (void), ())

#define WATCH_VOID(at, name)                                           \
    void name(void *a);                                                \
    void name(void *a)                                                 \
    {                                                                  \
        static void (*next)(void *);                                   \
                                                                       \
        if (next == NULL) {                                            \
            void *found = next_of(at, #name);                          \
                                                                       \
            memcpy(&next, &found, sizeof(next));                       \
        }                                                              \
        if (table != NULL)                                             \
            atomic_fetch_add(&table[at].count, 1);                     \
        next(a);                                                       \
    }

WATCH_VOID(25, BIO_ADDR_free)
WATCH_VOID(26, BIO_ADDR_clear)
WATCH_VOID(27, BIO_ADDRINFO_free)
