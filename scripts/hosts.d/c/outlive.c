/*
 * outlive LIBRARY: threads use the library, it is unloaded while they live,
 * and then they end. Nothing of the library may run by then: it is gone.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8 };

static void *library;
static pthread_barrier_t used, unloaded;

static void *use(void *nothing)
{
    int (*connect_to)(int, const void *, int);
    int (*parse)(const char *, char **, char **, int);
    char *host = NULL, *service = NULL;

    *(void **)&connect_to = dlsym(library, "BIO_connect");
    *(void **)&parse = dlsym(library, "BIO_parse_hostserv");
    if (connect_to == NULL || parse == NULL || connect_to(-1, NULL, 0) != 0
        || parse("a:b:c", &host, &service, 0) != 0)
        exit(4);
    pthread_barrier_wait(&used);
    pthread_barrier_wait(&unloaded);
    return nothing;
}

static int is_mapped(const char *path)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096];
    int there = 0;

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
        there |= strstr(line, path) != NULL;
    if (maps != NULL)
        fclose(maps);
    return there;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library == NULL)
        return 2;
    pthread_barrier_init(&used, NULL, THREADS + 1);
    pthread_barrier_init(&unloaded, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, use, NULL) != 0)
            return 3;
    pthread_barrier_wait(&used);
    if (dlclose(library) != 0 || is_mapped(argv[1]))
        return 5;
    pthread_barrier_wait(&unloaded);
    for (int i = 0; i < THREADS; i++)
        if (pthread_join(threads[i], NULL) != 0)
            return 3;
    printf("%d threads ended after it was gone\n", THREADS);
    return 0;
}
