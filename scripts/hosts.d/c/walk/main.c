/*
 * walk [nulls]: see walk.h.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include "walk.h"

int nulls;
static int held, broken;

void expect(int holds, const char *what, const char *file, int line)
{
    if (holds) {
        held++;
        return;
    }
    broken++;
    fprintf(stderr, "%s:%d: not so: %s (errno %d)\n", file, line, what, errno);
    ERR_print_errors_fp(stderr);
}

int last_reason(void)
{
    unsigned long code = ERR_peek_last_error();

    ERR_clear_error();
    return ERR_GET_REASON(code);
}

void *exactly(const void *data, size_t size)
{
    void *copy = malloc(size);

    if (copy == NULL)
        exit(3);
    memcpy(copy, data, size);
    return copy;
}

int listening(BIO_ADDR *where)
{
    unsigned char loopback[4] = {127, 0, 0, 1};
    union BIO_sock_info_u info;
    int sock = BIO_socket(AF_INET, SOCK_STREAM, 0, 0);

    info.addr = where;
    EXPECT(sock != -1);
    EXPECT(BIO_ADDR_rawmake(where, AF_INET, loopback, sizeof(loopback), 0) == 1);
    EXPECT(BIO_listen(sock, where, BIO_SOCK_REUSEADDR) == 1);
    EXPECT(BIO_sock_info(sock, BIO_SOCK_INFO_ADDRESS, &info) == 1);
    EXPECT(BIO_ADDR_rawport(where) != 0);
    return sock;
}

int main(int argc, char **argv)
{
    nulls = argc == 2 && strcmp(argv[1], "nulls") == 0;
    EXPECT(BIO_sock_init() == 1);
    walk_addresses();
    walk_lookups();
    walk_sockets();
    walk_helpers();
    walk_deprecated();
    walk_queue();
    walk_memory();
    EXPECT(ERR_peek_error() == 0);
    printf("%d held, %d broken\n", held, broken);
    return broken != 0;
}
