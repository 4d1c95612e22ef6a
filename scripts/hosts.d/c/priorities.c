/*
 * priorities ROUNDS: two threads of different SCHED_FIFO priorities on one CPU
 * fill and empty their queues; the higher one wakes up in the middle of what
 * the lower one does. Whatever waits by spinning would hang there for good.
 * Ends with 77 where such threads are not permitted.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <biosock.h>
#include <openssl/err.h>

enum { NOT_PERMITTED = 77 };

static int rounds;
static atomic_int done;

/* A failure whose data is allocated. */
static void fail_once(void)
{
    if (biosock_listeners_fd(NULL, 0) != -1 || ERR_get_error() == 0)
        exit(3);
}

static void *low(void *nothing)
{
    while (!atomic_load(&done))
        fail_once();
    return nothing;
}

static void *high(void *nothing)
{
    for (int i = 0; i < rounds; i++) {
        struct timespec soon = {0, 1000 + 37 * (i % 251)};

        nanosleep(&soon, NULL);
        fail_once();
    }
    atomic_store(&done, 1);
    return nothing;
}

static pthread_t start(void *(*what)(void *), int priority)
{
    struct sched_param parameter = {.sched_priority = priority};
    pthread_attr_t attributes;
    pthread_t thread;
    cpu_set_t all, one;

    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof(all), &all) != 0)
        exit(3);
    for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &one);
    pthread_attr_init(&attributes);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    pthread_attr_setschedparam(&attributes, &parameter);
    pthread_attr_setaffinity_np(&attributes, sizeof(one), &one);
    if (pthread_create(&thread, &attributes, what, NULL) != 0)
        exit(NOT_PERMITTED);
    return thread;
}

int main(int argc, char **argv)
{
    pthread_t threads[2];

    rounds = argc == 2 ? atoi(argv[1]) : 0;
    if (rounds < 1)
        return 2;
    alarm(300);
    threads[0] = start(low, 1);
    threads[1] = start(high, 2);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("%d wake-ups in the middle", rounds);
    return 0;
}
