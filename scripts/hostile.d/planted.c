/*
 * planted: a library with faults, found before biosock's own: the check of
 * scripts/hostile itself. PLANTED names one.
 *
 *   overread   BIO_ADDR_copy copies a whole address, whatever its family
 *   leak       BIO_ADDR_dup gives an address that BIO_ADDR_free loses
 *   edge       BIO_ADDR_path_string looks for a NUL behind a path's end
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>

static int is_planted(const char *fault)
{
    const char *planted = getenv("PLANTED");

    return planted != NULL && strcmp(planted, fault) == 0;
}

int BIO_ADDR_copy(BIO_ADDR *to, const BIO_ADDR *from)
{
    if (to != NULL && from != NULL && is_planted("overread"))
        memcpy((void *)to, (const void *)from, 112);
    return 1;
}

BIO_ADDR *BIO_ADDR_dup(const BIO_ADDR *from)
{
    (void)from;
    return is_planted("leak") ? calloc(1, 112) : NULL;
}

void BIO_ADDR_free(BIO_ADDR *addr)
{
    (void)addr;
}

char *BIO_ADDR_path_string(const BIO_ADDR *addr)
{
    const char *path;

    if (addr == NULL || !is_planted("edge") || ((const struct sockaddr *)addr)->sa_family != AF_UNIX)
        return NULL;
    path = (const char *)addr + 2;
    return strlen(path) == 1000 ? (char *)malloc(1) : NULL;
}
