/*
 * linger LIBRARY begin|lookup: a thread dials and ends while its lookup threads
 * have not even begun, or are in getaddrinfo(3); the library is unloaded, and
 * then they go on. What they run has to be there still, until they end for want
 * of work.
 *
 * Build with -rdynamic: the library then takes pthread_create and getaddrinfo
 * from here.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <biosock.h>

enum { MOST = 2 }; /* a lookup of IPv6 and one of IPv4, if both have a way out */

static struct {
    void *(*run)(void *);
    void *argument;
} held[MOST];
static int created, asked, holds_threads;
static sem_t begin;

static void *dial_and_end(void *library)
{
    biosock_dial_options options = BIOSOCK_DIAL_OPTIONS_INIT;
    int (*dial)(const char *, const biosock_dial_options *);

    *(void **)&dial = dlsym(library, "biosock_dial");
    options.timeout_ms = 1000;
    if (dial == NULL || dial("name.invalid:1", &options) != -1 || errno != ETIMEDOUT)
        return NULL;
    return library;
}

static void *begin_late(void *at)
{
    int which = *(int *)at;

    sem_wait(&begin);
    return held[which].run(held[which].argument);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    static int numbers[MOST];
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    if (run == dial_and_end)
        return create(thread, attributes, run, argument);
    if (created == MOST)
        return EAGAIN;
    numbers[created] = created;
    held[created].run = run;
    held[created].argument = argument;
    if (holds_threads) {
        run = begin_late;
        argument = &numbers[created];
    }
    created++;
    return create(thread, attributes, run, argument);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    (void)node, (void)service, (void)hints, (void)result;
    __atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED);
    if (!holds_threads)
        sem_wait(&begin);
    return EAI_AGAIN;
}

static int threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;

    while (tasks != NULL && readdir(tasks) != NULL)
        count++;
    if (tasks != NULL)
        closedir(tasks);
    return count - 2; /* . and .. */
}

int main(int argc, char **argv)
{
    const struct timespec moment = {0, 10 * 1000 * 1000};
    void *library = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    void *dialled = NULL;
    pthread_t dialler;

    if (library == NULL || sem_init(&begin, 0, 0) != 0)
        return 2;
    holds_threads = strcmp(argv[2], "begin") == 0;
    if (pthread_create(&dialler, NULL, dial_and_end, library) != 0
        || pthread_join(dialler, &dialled) != 0 || dialled == NULL)
        return 3;
    /* A lookup that no thread had begun went with its dial. */
    if (created == 0 || asked != (holds_threads ? 0 : created))
        return 4;
    if (dlclose(library) != 0 || threads() != 1 + created)
        return 5;
    for (int i = 0; i < created; i++)
        sem_post(&begin);
    for (int i = 0; i < 4000 && threads() > 1; i++)
        nanosleep(&moment, NULL);
    if (threads() > 1)
        return 6;
    printf("%d threads: %s after it was unloaded\n", created, holds_threads ? "begun" : "out of getaddrinfo");
    return 0;
}
