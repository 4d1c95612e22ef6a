/*
 * A server of threads or forked workers that accept from one set, for
 * scripts/accepting: accepting threads|processes COUNT. It prints its port,
 * and at a line of standard input has one worker stop them all. Each process
 * then prints how often it called accept4(2) and its CPU time in microseconds.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <biosock.h>
#include <openssl/err.h>

#define MOST 64

static biosock_listeners *set;
static atomic_int calls;

/* The library's calls come here, since a program's functions go before libc's.
 * strace(1) would slow them down until threads meet that never would. */
int accept4(int sock, struct sockaddr *restrict addr, socklen_t *restrict len, int flags)
{
    atomic_fetch_add(&calls, 1);
    return (int)syscall(SYS_accept4, sock, addr, len, flags);
}

static void stop(int number)
{
    (void)number;
    biosock_listeners_stop(set);
}

static void *serve(void *unused)
{
    int sock;

    (void)unused;
    while ((sock = biosock_accept(set, NULL, 0, -1)) != -1) {
        if (write(sock, "x", 1) != 1)
            perror("write");
        close(sock);
    }
    if (errno != ECANCELED) {
        perror("biosock_accept");
        exit(EXIT_FAILURE);
    }
    return NULL;
}

static void print_costs(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    printf("%d %lld\n", atomic_load(&calls), (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL
                         + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    fflush(stdout);
}

static void threads(int count)
{
    pthread_t ids[MOST] = {0};
    char line[16];

    for (int i = 0; i < count; i++)
        if (pthread_create(&ids[i], NULL, serve, NULL) != 0)
            exit(EXIT_FAILURE);
    if (fgets(line, sizeof(line), stdin) == NULL)
        exit(EXIT_FAILURE);
    stop(0);
    for (int i = 0; i < count; i++)
        pthread_join(ids[i], NULL);
    print_costs();
}

static void processes(int count)
{
    pid_t ids[MOST] = {0};
    char line[16];
    int status, failed = 0;

    for (int i = 0; i < count; i++) {
        ids[i] = fork();
        if (ids[i] == 0) {
            serve(NULL);
            print_costs();
            exit(EXIT_SUCCESS);
        }
    }
    if (fgets(line, sizeof(line), stdin) == NULL)
        failed = 1;
    kill(ids[0], SIGUSR1);
    for (int i = 0; i < count; i++)
        if (waitpid(ids[i], &status, 0) != ids[i] || status != 0)
            failed = 1;
    exit(failed);
}

int main(int argc, char **argv)
{
    BIO_ADDR *addr = BIO_ADDR_new();
    int count = argc == 3 ? atoi(argv[2]) : 0;

    if (count < 1 || count > MOST || signal(SIGUSR1, stop) == SIG_ERR)
        return 2;
    set = biosock_listen("127.0.0.1:0", NULL);
    if (set == NULL || addr == NULL || !biosock_listeners_addr(set, 0, addr)) {
        ERR_print_errors_fp(stderr);
        return EXIT_FAILURE;
    }
    printf("%d\n", ntohs(BIO_ADDR_rawport(addr)));
    fflush(stdout);
    if (strcmp(argv[1], "threads") == 0)
        threads(count);
    else
        processes(count);
    biosock_listeners_free(set);
    BIO_ADDR_free(addr);
    return EXIT_SUCCESS;
}
