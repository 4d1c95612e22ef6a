/*
 * linger LIBRARY: a thread dials and ends while the threads of its look-ups
 * have not even begun, the library is unloaded, and then they begin. What they
 * run has to be there still.
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
#include <time.h>

#include <biosock.h>

enum { LOOK_UPS = 2 }; /* IPv6 and IPv4 */

static struct {
    void *(*run)(void *);
    void *argument;
} held[LOOK_UPS];
static int created, asked;
static sem_t begin;

static void *dial_and_end(void *library)
{
    biosock_dial_options options = BIOSOCK_DIAL_OPTIONS_INIT;
    int (*dial)(const char *, const biosock_dial_options *);

    *(void **)&dial = dlsym(library, "biosock_dial");
    options.timeout_ms = 50;
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
    static int numbers[LOOK_UPS];
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    if (run == dial_and_end)
        return create(thread, attributes, run, argument);
    if (created == LOOK_UPS)
        return EAGAIN;
    numbers[created] = created;
    held[created].run = run;
    held[created].argument = argument;
    return create(thread, attributes, begin_late, &numbers[created++]);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    (void)node, (void)service, (void)hints, (void)result;
    __atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED);
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
    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    void *dialled = NULL;
    pthread_t dialler;

    if (library == NULL || sem_init(&begin, 0, 0) != 0)
        return 2;
    if (pthread_create(&dialler, NULL, dial_and_end, library) != 0
        || pthread_join(dialler, &dialled) != 0 || dialled == NULL)
        return 3;
    if (dlclose(library) != 0 || threads() != 1 + LOOK_UPS)
        return 4;
    for (int i = 0; i < LOOK_UPS; i++)
        sem_post(&begin);
    for (int i = 0; i < 1000 && threads() > 1; i++)
        nanosleep(&moment, NULL);
    if (threads() > 1 || asked != LOOK_UPS)
        return 5;
    printf("%d look-ups began after it was unloaded\n", asked);
    return 0;
}
