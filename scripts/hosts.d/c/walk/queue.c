/*
 * The error queue and the allocator: the library's own where it stands alone.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <pthread.h>

#include "walk.h"

/* One entry with reason 135, and nothing before it. */
static void make_entry(void)
{
    EXPECT(BIO_connect(-1, NULL, 0) == 0);
}

static void look_at_entries(void)
{
    const char *file = NULL, *func = NULL, *data = NULL;
    int line = 0, flags = 0;

    make_entry();
    EXPECT(ERR_peek_error() != 0 && ERR_peek_error() == ERR_peek_last_error());
    EXPECT(ERR_peek_error_line(&file, &line) != 0 && file != NULL);
    EXPECT(ERR_peek_last_error_line(&file, &line) != 0 && file != NULL);
    EXPECT(ERR_peek_error_func(&func) != 0 && strcmp(func, "BIO_connect") == 0);
    EXPECT(ERR_peek_last_error_func(&func) != 0 && strcmp(func, "BIO_connect") == 0);
    EXPECT(ERR_peek_error_data(&data, &flags) != 0 && data != NULL);
    EXPECT(ERR_peek_last_error_data(&data, &flags) != 0 && data != NULL);
    EXPECT(ERR_peek_error_all(&file, &line, &func, &data, &flags) != 0);
    EXPECT(ERR_peek_last_error_all(&file, &line, &func, &data, &flags) != 0);
    EXPECT(ERR_peek_error_line_data(&file, &line, &data, &flags) != 0);
    EXPECT(ERR_peek_last_error_line_data(&file, &line, &data, &flags) != 0);
    EXPECT(ERR_peek_error_all(NULL, NULL, NULL, NULL, NULL) != 0);
    EXPECT(ERR_get_error_all(&file, &line, &func, &data, &flags) != 0);
    make_entry();
    EXPECT(ERR_get_error_line_data(&file, &line, &data, &flags) != 0);
    EXPECT(ERR_get_error() == 0 && ERR_peek_last_error() == 0);
    EXPECT(ERR_get_error_all(&file, &line, &func, &data, &flags) == 0);
}

/* More than are kept: the oldest make room, with their data. */
static void overflow(void)
{
    int kept = 0;

    for (int i = 0; i < 40; i++) {
        BIO_ADDRINFO *all = NULL;

        EXPECT(BIO_lookup_ex("127.0.0.1", "no-such-service", BIO_LOOKUP_CLIENT, AF_INET,
                             SOCK_STREAM, 0, &all) == 0);
        if (i % 3 == 0)
            make_entry();
    }
    while (ERR_get_error() != 0)
        kept++;
    EXPECT(kept == 15);
}

static void set_marks(void)
{
    EXPECT(ERR_pop_to_mark() == 0);
    make_entry();
    EXPECT(ERR_set_mark() == 1);
    make_entry();
    make_entry();
    EXPECT(ERR_pop_to_mark() == 1);
    EXPECT(ERR_set_mark() == 1 && ERR_clear_last_mark() == 1);
    EXPECT(ERR_get_error() != 0 && ERR_get_error() == 0);
    EXPECT(ERR_clear_last_mark() == 0 || ERR_peek_error() == 0);
    EXPECT(ERR_set_mark() == 0); /* nothing to mark */
}

static void put_in_words(void)
{
    unsigned long code;
    char *text, small[8];

    make_entry();
    code = ERR_get_error();
    text = exactly("", 1);
    ERR_error_string_n(code, text, 1);
    EXPECT(text[0] == '\0');
    free(text);
    text = malloc(256);
    EXPECT(ERR_error_string(code, text) == text && strstr(text, "invalid socket") != NULL);
    free(text);
    ERR_error_string_n(code, small, sizeof(small));
    EXPECT(memchr(small, '\0', sizeof(small)) != NULL);
    EXPECT(ERR_error_string(code, NULL) != NULL);
    EXPECT(ERR_lib_error_string(code) != NULL && ERR_reason_error_string(code) != NULL);
    EXPECT(ERR_lib_error_string(0x7F800000UL) == NULL && ERR_reason_error_string(0) == NULL);
    (void)ERR_func_error_string(code);
}

static int count_line(const char *line, size_t length, void *count)
{
    EXPECT(strlen(line) == length);
    return ++*(int *)count;
}

static void print_them(void)
{
    FILE *nowhere = fopen("/dev/null", "w");
    int count = 0;

    make_entry();
    make_entry();
    ERR_print_errors_cb(count_line, &count);
    EXPECT(count == 2 && ERR_peek_error() == 0);
    make_entry();
    ERR_print_errors_fp(nowhere);
    EXPECT(ERR_peek_error() == 0);
    ERR_print_errors_fp(nowhere);
    fclose(nowhere);
}

static void *leave_entries(void *nothing)
{
    BIO_ADDRINFO *all = NULL;

    make_entry();
    EXPECT(BIO_lookup_ex("127.0.0.1", "no-such-service", BIO_LOOKUP_CLIENT, AF_INET, SOCK_STREAM,
                         0, &all) == 0);
    return nothing;
}

/* A thread that ends with entries in its queue. */
static void end_a_thread(void)
{
    pthread_t thread;

    EXPECT(pthread_create(&thread, NULL, leave_entries, NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0 && ERR_peek_error() == 0);
}

void walk_queue(void)
{
    look_at_entries();
    overflow();
    set_marks();
    put_in_words();
    print_them();
    end_a_thread();
    make_entry();
    ERR_clear_error();
}

void walk_memory(void)
{
    char *text = OPENSSL_strdup("twelve bytes"), *part = OPENSSL_strndup("twelve bytes", 6);
    unsigned char *zeroes = OPENSSL_zalloc(100), *plain = OPENSSL_malloc(100);

    EXPECT(text != NULL && strcmp(text, "twelve bytes") == 0);
    EXPECT(part != NULL && strcmp(part, "twelve") == 0);
    EXPECT(zeroes != NULL && zeroes[0] == 0 && zeroes[99] == 0 && plain != NULL);
    memset(plain, 1, 100);
    EXPECT(OPENSSL_malloc(0) == NULL && OPENSSL_strdup(NULL) == NULL);
    OPENSSL_free(text);
    OPENSSL_free(part);
    OPENSSL_free(zeroes);
    OPENSSL_free(plain);
    OPENSSL_free(NULL);
}
