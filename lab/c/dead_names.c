/*
 * Ten threads that dial 500 names whose lookups hang, 20 ms each, then a good
 * name, for scripts/lookups: dead_names. It prints as JSON how many lookup
 * threads there were at most and are left, how many more descriptors are open
 * than before, and how many seconds the good name took.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <biosock.h>
#include <openssl/err.h>

#define THREADS 10
#define DIALS 500

static atomic_int running = THREADS;

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

/* The entries of a directory, or with a name the tasks in it that have that. */
static int count(const char *path, const char *name)
{
    char file[300], comm[32];
    struct dirent *entry;
    DIR *open = opendir(path);
    FILE *task;
    int found = 0;

    if (open == NULL)
        fail(path);
    while ((entry = readdir(open)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (name == NULL) {
            found++;
            continue;
        }
        snprintf(file, sizeof(file), "%s/%s/comm", path, entry->d_name);
        /* One that has ended since is none. */
        if ((task = fopen(file, "r")) == NULL)
            continue;
        if (fgets(comm, sizeof(comm), task) != NULL && strncmp(comm, name, strlen(name)) == 0)
            found++;
        fclose(task);
    }
    closedir(open);
    return found;
}

static int lookup_threads(void)
{
    return count("/proc/self/task", "biosock lookup\n");
}

static void *dial_dead_names(void *first)
{
    biosock_dial_options options = BIOSOCK_DIAL_OPTIONS_INIT;
    char target[32];

    options.timeout_ms = 20;
    for (int dial = 0; dial < DIALS / THREADS; dial++) {
        snprintf(target, sizeof(target), "dead%d.example:1", *(int *)first + dial);
        if (biosock_dial(target, &options) != -1 || errno != ETIMEDOUT)
            fail(target);
        ERR_clear_error();
    }
    atomic_fetch_sub(&running, 1);
    return NULL;
}

int main(void)
{
    biosock_listeners *set = biosock_listen("127.0.0.1:http", NULL);
    struct timespec pause = {0, 2000000}, start, end;
    pthread_t ids[THREADS];
    int first[THREADS], most = 0, now, open, after, more, sock;

    if (set == NULL)
        fail("biosock_listen");
    open = count("/proc/self/fd", NULL);
    for (int i = 0; i < THREADS; i++) {
        first[i] = i * (DIALS / THREADS);
        if ((errno = pthread_create(&ids[i], NULL, dial_dead_names, &first[i])) != 0)
            fail("pthread_create");
    }
    while (atomic_load(&running) > 0) {
        if ((now = lookup_threads()) > most)
            most = now;
        nanosleep(&pause, NULL);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    after = lookup_threads();
    more = count("/proc/self/fd", NULL) - open;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if ((sock = biosock_dial("good.example:http", NULL)) == -1)
        fail("good.example");
    clock_gettime(CLOCK_MONOTONIC, &end);
    close(sock);
    printf("{\"threads\":{\"most\":%d,\"after\":%d},\"descriptors\":{\"more after\":%d},\"good\":%f}\n", most, after, more,
           (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
    biosock_listeners_free(set);
    return EXIT_SUCCESS;
}
