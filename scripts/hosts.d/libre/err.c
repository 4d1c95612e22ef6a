/*
 * A stand-in for LibreSSL's libcrypto, for tests of the overlay: the functions
 * by which it takes errors and gives memory, its numbers and its strings, as they
 * were measured on LibreSSL 4.3.1. It has ERR_put_error and
 * ERR_asprintf_error_data, neither ERR_add_error_data nor ERR_set_error; in the
 * library BIO it names one function, 0xfff.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>

enum { SLOTS = 16, WORDS = 64 };

struct entry {
    unsigned long code;
    const char *file;
    int line;
    char *data;
};

static _Thread_local struct entry queue[SLOTS];
static _Thread_local int count;

struct text {
    int number;
    const char *text;
};

static const struct text libraries[] = {{ERR_LIB_SYS, "system library"}, {ERR_LIB_BIO, "BIO routines"}};
static const struct text calls[] = {{1, "fopen"}, {2, "connect"}, {3, "getservbyname"}, {4, "socket"},
                                    {5, "ioctl"}, {6, "bind"},    {7, "listen"},        {8, "accept"}};
static const struct text reasons[] = {
    {ERR_R_SYS_LIB, "system lib"},
    {ERR_R_BUF_LIB, "BUF lib"},
    {ERR_R_BIO_LIB, "BIO lib"},
    {ERR_R_MALLOC_FAILURE, "malloc failure"},
    {ERR_R_PASSED_NULL_PARAMETER, "passed a null parameter"},
    {ERR_R_INTERNAL_ERROR, "internal error"},
    {BIO_R_ACCEPT_ERROR, "accept error"},
    {BIO_R_CONNECT_ERROR, "connect error"},
    {BIO_R_ERROR_SETTING_NBIO_ON_ACCEPT_SOCKET, "error setting nbio on accept socket"},
    {BIO_R_INVALID_IP_ADDRESS, "invalid ip address"},
    {BIO_R_KEEPALIVE, "keepalive"},
    {BIO_R_NO_PORT_DEFINED, "no port defined"},
    {BIO_R_UNABLE_TO_BIND_SOCKET, "unable to bind socket"},
    {BIO_R_UNABLE_TO_CREATE_SOCKET, "unable to create socket"},
    {BIO_R_UNABLE_TO_LISTEN_SOCKET, "unable to listen socket"},
    {BIO_R_INVALID_ARGUMENT, "invalid argument"},
    {BIO_R_INVALID_PORT_NUMBER, "invalid port number"},
    {BIO_R_TOO_LONG, "too long"},
};

static const char *find(const struct text *texts, size_t size, int number)
{
    for (size_t i = 0; i < size / sizeof(*texts); i++)
        if (texts[i].number == number)
            return texts[i].text;
    return NULL;
}

static const char *or_number(const char *text, const char *what, int number, char *room)
{
    if (text == NULL)
        snprintf(room, WORDS, "%s(%d)", what, number);
    return text != NULL ? text : room;
}

static void drop(int which)
{
    free(queue[which].data);
    memmove(&queue[which], &queue[which + 1], (size_t)(SLOTS - 1 - which) * sizeof(queue[0]));
    memset(&queue[SLOTS - 1], 0, sizeof(queue[0]));
    count--;
}

void ERR_put_error(int lib, int func, int reason, const char *file, int line)
{
    if (count == SLOTS - 1)
        drop(0);
    queue[count].code = ((unsigned long)lib & 0xff) << 24 | ((unsigned long)func & 0xfff) << 12
                        | ((unsigned long)reason & 0xfff);
    queue[count].file = file;
    queue[count].line = line;
    queue[count++].data = NULL;
}

void ERR_asprintf_error_data(char *format, ...)
{
    va_list arguments;
    char *text = NULL;

    va_start(arguments, format);
    if (count > 0 && vasprintf(&text, format, arguments) >= 0) {
        free(queue[count - 1].data);
        queue[count - 1].data = text;
    }
    va_end(arguments);
}

unsigned long ERR_get_error(void)
{
    unsigned long code = queue[0].code;

    if (count > 0)
        drop(0);
    return code;
}

unsigned long ERR_peek_last_error(void)
{
    return count > 0 ? queue[count - 1].code : 0;
}

void ERR_clear_error(void)
{
    while (count > 0)
        drop(0);
}

void ERR_print_errors_fp(FILE *file)
{
    for (; count > 0; drop(0)) {
        unsigned long code = queue[0].code;
        int lib = ERR_GET_LIB(code), func = ERR_GET_FUNC(code), reason = ERR_GET_REASON(code);
        char room[3][WORDS];
        const char *of_func = lib == ERR_LIB_SYS                   ? find(calls, sizeof(calls), func)
                              : lib == ERR_LIB_BIO && func == 0xfff ? "CRYPTO_internal"
                                                                    : NULL;
        const char *of_reason = lib == ERR_LIB_SYS   ? strerror(reason)
                                : lib == ERR_LIB_BIO ? find(reasons, sizeof(reasons), reason)
                                                     : NULL;

        fprintf(file, "%lu:error:%08lX:%s:%s:%s:%s:%d:%s\n", (unsigned long)pthread_self(), code,
                or_number(find(libraries, sizeof(libraries), lib), "lib", lib, room[0]),
                or_number(of_func, "func", func, room[1]), or_number(of_reason, "reason", reason, room[2]),
                queue[0].file, queue[0].line, queue[0].data != NULL ? queue[0].data : "");
    }
}

int ERR_get_next_error_library(void)
{
    static int next = 128;

    return next++;
}

void *CRYPTO_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return malloc(size);
}

void CRYPTO_free(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    free(memory);
}
