/*
 * loader LIBRARY: loads it between two marks that a trace of system calls
 * shows, then prints what the process has, before and after.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The lines of /proc/self/status that a guest must not change. */
static const char *const WATCHED[] = {"Threads:", "SigBlk:", "SigIgn:", "SigCgt:"};

static void print_status(const char *when)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];

    if (status == NULL)
        exit(3);
    while (fgets(line, sizeof(line), status) != NULL)
        for (size_t i = 0; i < sizeof(WATCHED) / sizeof(WATCHED[0]); i++)
            if (strncmp(line, WATCHED[i], strlen(WATCHED[i])) == 0)
                printf("%s %s", when, line);
    fclose(status);
}

static void print_descriptors(const char *when)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = -1; /* the directory's own */

    if (dir == NULL)
        exit(3);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    printf("%s Descriptors: %d\n", when, count);
}

static void mark(const char *word)
{
    if (write(-1, word, strlen(word)) != -1) /* it fails, but the trace has it */
        exit(3);
}

int main(int argc, char **argv)
{
    void *library;

    if (argc != 2)
        return 2;
    print_status("before");
    print_descriptors("before");
    mark("begin");
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    mark("end");
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    print_status("after");
    print_descriptors("after");
    fflush(stdout);
    _exit(0);
}
