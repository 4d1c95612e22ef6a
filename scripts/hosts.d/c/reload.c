/*
 * reload LIBRARY ROUNDS: loads the library, uses it in this thread and in one
 * of its own, and unloads it, again and again. Prints what the process has
 * after a tenth of the rounds and after all, and whether the library is gone.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void *library;
static int used; /* how many routines were called */

/* What the name is in the library, or the end if it has to be there. */
static void *find(const char *name)
{
    void *found = dlsym(library, name);

    if (found == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return found;
}

/* Calls that take memory, a descriptor, and a place in the error queue. */
static void use_library(void)
{
    int (*lookup)(const char *, const char *, int, int, int, int, void **);
    void (*release)(void *);
    const void *(*address)(const void *);
    int (*make)(int, int, int, int);
    int (*connect_to)(int, const void *, int);
    int (*end)(int);
    void *all = NULL;
    int sock;

    *(void **)&lookup = find("BIO_lookup_ex");
    *(void **)&release = find("BIO_ADDRINFO_free");
    *(void **)&address = find("BIO_ADDRINFO_address");
    *(void **)&make = find("BIO_socket");
    *(void **)&connect_to = find("BIO_connect");
    *(void **)&end = find("BIO_closesocket");
    if (lookup("no-such-service.invalid", "no-such-service", 0, AF_INET, SOCK_STREAM, 0, &all))
        exit(4);
    if (!lookup("127.0.0.1", "1", 0, AF_INET, SOCK_STREAM, 0, &all))
        exit(4);
    sock = make(AF_INET, SOCK_STREAM, 0, 0);
    if (sock == -1 || connect_to(sock, address(all), 0) || !end(sock))
        exit(4);
    release(all);
    used += 5;
}

static void use_nothing(void)
{
    int *here = find("noisy_is_here");

    used += *here + 1;
}

static void *use(void *how)
{
    (*(void (**)(void))how)();
    return NULL;
}

static void one_round(const char *path, void (*how)(void))
{
    pthread_t thread;

    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    how();
    if (pthread_create(&thread, NULL, use, &how) != 0 || pthread_join(thread, NULL) != 0)
        exit(3);
    if (dlclose(library) != 0)
        exit(3);
}

static int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = -1;

    if (dir == NULL)
        exit(3);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* How many mappings there are, and whether one is of the library. */
static int count_mappings(const char *path, int *there)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096];
    int count = 0;

    if (maps == NULL)
        exit(3);
    for (*there = 0; fgets(line, sizeof(line), maps) != NULL; count++)
        *there |= strstr(line, path) != NULL;
    fclose(maps);
    return count;
}

static void say(const char *path, int round)
{
    struct mallinfo2 memory;
    int there;
    int mappings = count_mappings(path, &there);

    malloc_trim(0);
    memory = mallinfo2();
    printf("%d mappings=%d descriptors=%d bytes=%zu there=%d\n", round, mappings,
           count_descriptors(), memory.uordblks + memory.hblkhd, there);
}

int main(int argc, char **argv)
{
    int rounds = argc == 4 ? atoi(argv[2]) : 0;
    void (*how)(void) = argc == 4 && strcmp(argv[3], "used") == 0 ? use_library : use_nothing;
    static char buffer[4096];

    if (rounds < 10)
        return 2;
    setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
    for (int round = 1; round <= rounds; round++) {
        one_round(argv[1], how);
        if (round == rounds / 10 || round == rounds)
            say(argv[1], round);
    }
    return used == 0;
}
