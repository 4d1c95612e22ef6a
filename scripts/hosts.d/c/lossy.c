/*
 * lossy HOW: does one thing that valgrind has to catch.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int wrong(const char *how)
{
    volatile size_t size = 16; /* the compiler shall not see what is wrong */
    char *memory = calloc(1, size);
    int sum = 0;

    if (memory == NULL)
        exit(3);
    if (strcmp(how, "overrun") == 0)
        sum += memory[size];
    if (strcmp(how, "descriptor") == 0)
        sum += socket(AF_UNIX, SOCK_STREAM, 0);
    if (strcmp(how, "leak") == 0)
        memory = NULL;
    free(memory);
    return sum;
}

int main(int argc, char **argv)
{
    return wrong(argc == 2 ? argv[1] : "") == -1;
}
