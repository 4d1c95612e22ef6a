/*
 * forks COUNT: children of a process that has used the routines, and of one
 * whose other threads are using them that very moment. Each child finds the
 * queue that its parent had, and all routines work in it.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>

enum { THREADS = 4 };

static atomic_int stop;

static void fail_with(const char *what)
{
    fprintf(stderr, "%d: %s\n", (int)getpid(), what);
    ERR_print_errors_fp(stderr);
    _exit(1);
}

/* Fails in a way that puts allocated data on the queue. */
static void fail_to_look_up(void)
{
    BIO_ADDRINFO *all = NULL;

    if (BIO_lookup_ex("127.0.0.1", "no-such-service", BIO_LOOKUP_CLIENT, AF_INET, SOCK_STREAM,
                      0, &all))
        fail_with("there is such a service");
}

/* A connection from this process to itself, by every routine that it takes. */
static void connect_to_self(void)
{
    BIO_ADDRINFO *all = NULL;
    union BIO_sock_info_u info;
    int listener, client, server;

    info.addr = BIO_ADDR_new();
    if (!BIO_lookup_ex("127.0.0.1", "0", BIO_LOOKUP_SERVER, AF_INET, SOCK_STREAM, 0, &all))
        fail_with("no address");
    listener = BIO_socket(AF_INET, SOCK_STREAM, 0, 0);
    client = BIO_socket(AF_INET, SOCK_STREAM, 0, 0);
    if (!BIO_listen(listener, BIO_ADDRINFO_address(all), BIO_SOCK_REUSEADDR)
        || !BIO_sock_info(listener, BIO_SOCK_INFO_ADDRESS, &info)
        || !BIO_connect(client, info.addr, 0))
        fail_with("no connection");
    server = BIO_accept_ex(listener, info.addr, 0);
    if (server == -1 || !BIO_closesocket(server) || !BIO_closesocket(client)
        || !BIO_closesocket(listener))
        fail_with("no accept");
    BIO_ADDRINFO_free(all);
    BIO_ADDR_free(info.addr);
}

static void *keep_failing(void *nothing)
{
    while (!atomic_load(&stop)) {
        fail_to_look_up();
        if (ERR_GET_REASON(ERR_get_error()) != ERR_R_SYS_LIB)
            fail_with("a thread's entry is another");
    }
    return nothing;
}

/* What the parent had queued is here too; then the child's own mistakes come. */
static void be_child(void)
{
    alarm(60); /* a lock that was held while forking would never be free */
    if (ERR_GET_REASON(ERR_get_error()) != BIO_R_INVALID_SOCKET || ERR_get_error() != 0)
        fail_with("the parent's queue did not come along");
    connect_to_self();
    fail_to_look_up();
    if (ERR_GET_REASON(ERR_get_error()) != ERR_R_SYS_LIB || ERR_get_error() != 0)
        fail_with("the child's entry is another");
    exit(0);
}

static void fork_one(void)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        be_child();
    if (child == -1 || waitpid(child, &status, 0) != child)
        fail_with("no child");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_with("a child failed");
}

int main(int argc, char **argv)
{
    int count = argc == 2 ? atoi(argv[1]) : 0;
    pthread_t threads[THREADS];

    if (count < 1)
        return 2;
    if (BIO_connect(-1, NULL, 0)) /* queues BIO_R_INVALID_SOCKET */
        return 1;
    for (int i = 0; i < count; i++)
        fork_one();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, keep_failing, NULL) != 0)
            return 3;
    for (int i = 0; i < count; i++)
        fork_one();
    atomic_store(&stop, 1);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    if (ERR_GET_REASON(ERR_get_error()) != BIO_R_INVALID_SOCKET || ERR_get_error() != 0)
        fail_with("the children's mistakes came back");
    printf("%d children, as many alongside %d threads at work\n", count, THREADS);
    return 0;
}
