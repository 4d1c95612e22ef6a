/*
 * A library that is a bad guest when it is loaded: a descriptor, a thread and
 * a signal handler. With -DQUIET, one that does nothing. The checks have to
 * distinguish the two.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int noisy_is_here;

#ifndef QUIET
static void *sleep_on(void *nothing)
{
    pause();
    return nothing;
}

__attribute__((constructor)) static void start(void)
{
    pthread_t thread;

    noisy_is_here = socket(AF_UNIX, SOCK_STREAM, 0);
    signal(SIGPIPE, SIG_IGN);
    if (getenv("NOISY_THREAD") != NULL)
        pthread_create(&thread, NULL, sleep_on, NULL);
}
#endif
