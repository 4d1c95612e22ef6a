/*
 * BIO_ADDR(3).
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include "walk.h"

/* Makes an address of the bytes and reads it all back. */
static void there_and_back(int family, const void *bytes, size_t size, unsigned short port)
{
    void *raw = exactly(bytes, size);
    unsigned char back[sizeof(struct sockaddr_un)];
    BIO_ADDR *addr = BIO_ADDR_new();
    size_t length = 0;

    EXPECT(BIO_ADDR_family(addr) == AF_UNSPEC);
    EXPECT(BIO_ADDR_rawmake(addr, family, raw, size, port) == 1);
    EXPECT(BIO_ADDR_family(addr) == family);
    EXPECT(BIO_ADDR_rawaddress(addr, NULL, &length) == 1 && length == size);
    EXPECT(BIO_ADDR_rawaddress(addr, back, &length) == 1 && memcmp(raw, back, length) == 0);
    EXPECT(BIO_ADDR_rawaddress(addr, back, NULL) == 1);
    EXPECT(BIO_ADDR_rawport(addr) == (family == AF_UNIX ? 0 : port));
    BIO_ADDR_clear(addr);
    EXPECT(BIO_ADDR_family(addr) == AF_UNSPEC);
    BIO_ADDR_free(addr);
    free(raw);
}

static void make_all(void)
{
    unsigned char four[4] = {127, 0, 0, 1}, six[16] = {0};
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

    six[15] = 1;
    memset(path, 'p', sizeof(path));
    there_and_back(AF_INET, four, sizeof(four), htons(443));
    there_and_back(AF_INET6, six, sizeof(six), htons(443));
    if (nulls) { /* the original reads on to a NUL */
        there_and_back(AF_UNIX, path, 10, 0);
        there_and_back(AF_UNIX, path, sizeof(path) - 1, 0);
    }
}

static void refuse_odd_sizes(void)
{
    unsigned char bytes[64] = {127, 0, 0, 1};
    char path[200];
    BIO_ADDR *addr = BIO_ADDR_new();

    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    EXPECT(BIO_ADDR_rawmake(addr, AF_INET, bytes, 3, 0) == 0);
    EXPECT(BIO_ADDR_rawmake(addr, AF_INET, bytes, 5, 0) == 0);
    EXPECT(BIO_ADDR_rawmake(addr, AF_INET6, bytes, 4, 0) == 0);
    EXPECT(BIO_ADDR_rawmake(addr, AF_UNIX, path, sizeof(path), 0) == 0);
    EXPECT(BIO_ADDR_rawmake(addr, 12345, bytes, 4, 0) == 0);
    EXPECT(BIO_ADDR_rawaddress(addr, NULL, NULL) == 0);
    EXPECT(BIO_ADDR_rawport(addr) == 0);
    EXPECT(BIO_ADDR_path_string(addr) == NULL);
    EXPECT(BIO_ADDR_hostname_string(addr, 1) == NULL);
    EXPECT(BIO_ADDR_service_string(addr, 1) == NULL);
    ERR_clear_error();
    BIO_ADDR_free(addr);
}

/* Programs pass a bare sockaddr: no byte beyond it may be read. */
static void read_bare(void)
{
    struct sockaddr_in plain = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    BIO_ADDR *bare = exactly(&plain, sizeof(plain));
    BIO_ADDR *bare6 = exactly(&six, sizeof(six));
    BIO_ADDR *bare_path = exactly(&path, sizeof(path));
    char *text = BIO_ADDR_hostname_string(bare, 1);

    EXPECT(text != NULL && strcmp(text, "0.0.0.0") == 0);
    OPENSSL_free(text);
    text = BIO_ADDR_service_string(bare6, 1);
    EXPECT(text != NULL && strcmp(text, "80") == 0);
    OPENSSL_free(text);
    text = BIO_ADDR_path_string(bare_path);
    EXPECT(text != NULL && strcmp(text, "/run/x") == 0);
    OPENSSL_free(text);
    EXPECT(BIO_ADDR_family(bare) == AF_INET && BIO_ADDR_rawport(bare) == htons(80));
    EXPECT(BIO_ADDR_path_string(bare6) == NULL);
    free(bare);
    free(bare6);
    free(bare_path);
}

static void name_them(void)
{
    unsigned char four[4] = {127, 0, 0, 1};
    BIO_ADDR *addr = BIO_ADDR_new();

    EXPECT(BIO_ADDR_rawmake(addr, AF_INET, four, sizeof(four), htons(443)) == 1);
    for (int numeric = 0; numeric <= 1; numeric++) {
        char *host = BIO_ADDR_hostname_string(addr, numeric);
        char *service = BIO_ADDR_service_string(addr, numeric);

        EXPECT(host != NULL && service != NULL);
        OPENSSL_free(host);
        OPENSSL_free(service);
    }
    BIO_ADDR_free(addr);
}

static void copy_them(void)
{
    unsigned char four[4] = {127, 0, 0, 1};
    BIO_ADDR *addr = BIO_ADDR_new(), *other = BIO_ADDR_new(), *twin;

    EXPECT(BIO_ADDR_rawmake(addr, AF_INET, four, sizeof(four), htons(443)) == 1);
    EXPECT(BIO_ADDR_copy(other, addr) == 1 && BIO_ADDR_rawport(other) == htons(443));
    twin = BIO_ADDR_dup(addr);
    EXPECT(twin != NULL && BIO_ADDR_family(twin) == AF_INET);
    BIO_ADDR_clear(addr);
    EXPECT(BIO_ADDR_copy(other, addr) == 1 && BIO_ADDR_family(other) == AF_UNSPEC);
    EXPECT(BIO_ADDR_copy(NULL, addr) == 0 && BIO_ADDR_copy(other, NULL) == 0);
    EXPECT(BIO_ADDR_dup(NULL) == NULL);
    ERR_clear_error();
    BIO_ADDR_free(addr);
    BIO_ADDR_free(other);
    BIO_ADDR_free(twin);
    BIO_ADDR_free(NULL);
}

static void pass_nulls(void)
{
    BIO_ADDR *addr = BIO_ADDR_new();
    unsigned char four[4] = {127, 0, 0, 1};
    size_t length = 4;

    EXPECT(BIO_ADDR_rawmake(NULL, AF_INET, four, sizeof(four), 0) == 0);
    EXPECT(last_reason() == ERR_R_PASSED_NULL_PARAMETER);
    EXPECT(BIO_ADDR_rawmake(addr, AF_INET, NULL, sizeof(four), 0) == 0);
    EXPECT(last_reason() == ERR_R_PASSED_NULL_PARAMETER);
    EXPECT(BIO_ADDR_rawaddress(NULL, four, &length) == 0);
    EXPECT(last_reason() == ERR_R_PASSED_NULL_PARAMETER);
    EXPECT(BIO_ADDR_family(NULL) == AF_UNSPEC);
    EXPECT(BIO_ADDR_rawport(NULL) == 0);
    EXPECT(BIO_ADDR_hostname_string(NULL, 1) == NULL);
    EXPECT(BIO_ADDR_service_string(NULL, 1) == NULL);
    EXPECT(BIO_ADDR_path_string(NULL) == NULL);
    BIO_ADDR_clear(NULL);
    ERR_clear_error();
    BIO_ADDR_free(addr);
}

void walk_addresses(void)
{
    make_all();
    refuse_odd_sizes();
    read_bare();
    name_them();
    copy_them();
    if (nulls)
        pass_nulls();
}
