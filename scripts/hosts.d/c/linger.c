/*
 * linger LIBRARY: a dial ends while its look-ups go on, the library is
 * unloaded, and only then the resolver answers. What runs after that has to be
 * there still.
 *
 * Build with -rdynamic: the library then takes its getaddrinfo from here.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>

#include <biosock.h>

static sem_t asked, answer;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    (void)node, (void)service, (void)hints, (void)result;
    sem_post(&asked);
    sem_wait(&answer);
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
    biosock_dial_options options = BIOSOCK_DIAL_OPTIONS_INIT;
    int (*dial)(const char *, const biosock_dial_options *);
    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;

    if (library == NULL || sem_init(&asked, 0, 0) != 0 || sem_init(&answer, 0, 0) != 0)
        return 2;
    *(void **)&dial = dlsym(library, "biosock_dial");
    options.timeout_ms = 50;
    if (dial == NULL || dial("name.invalid:1", &options) != -1 || errno != ETIMEDOUT)
        return 3;
    sem_wait(&asked);
    sem_wait(&asked);
    if (dlclose(library) != 0 || threads() != 3)
        return 4;
    sem_post(&answer);
    sem_post(&answer);
    for (int i = 0; i < 1000 && threads() > 1; i++)
        nanosleep(&moment, NULL);
    if (threads() > 1)
        return 5;
    printf("two look-ups ended after it was unloaded\n");
    return 0;
}
