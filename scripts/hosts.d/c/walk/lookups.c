/*
 * BIO_ADDRINFO(3), BIO_parse_hostserv(3).
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include "walk.h"

static void walk_chain(const BIO_ADDRINFO *ai)
{
    for (; ai != NULL; ai = BIO_ADDRINFO_next(ai)) {
        const BIO_ADDR *addr = BIO_ADDRINFO_address(ai);

        EXPECT(addr != NULL && BIO_ADDR_family(addr) == BIO_ADDRINFO_family(ai));
        EXPECT(BIO_ADDRINFO_socktype(ai) == SOCK_STREAM);
        EXPECT(BIO_ADDRINFO_protocol(ai) == (BIO_ADDRINFO_family(ai) == AF_UNIX ? 0 : IPPROTO_TCP));
    }
}

/* Looks up from strings of exactly their size. */
static int found(const char *host, const char *service, int type, int family)
{
    char *host_copy = host == NULL ? NULL : exactly(host, strlen(host) + 1);
    char *service_copy = service == NULL ? NULL : exactly(service, strlen(service) + 1);
    BIO_ADDRINFO *all = NULL;
    int result = BIO_lookup_ex(host_copy, service_copy, type, family, SOCK_STREAM, 0, &all);

    EXPECT((result == 1) == (all != NULL));
    walk_chain(all);
    BIO_ADDRINFO_free(all);
    free(host_copy);
    free(service_copy);
    return result;
}

static void find_them(void)
{
    EXPECT(found("127.0.0.1", "443", BIO_LOOKUP_CLIENT, AF_INET) == 1);
    EXPECT(found("127.0.0.1", "443", BIO_LOOKUP_SERVER, AF_UNSPEC) == 1);
    EXPECT(found("::1", "443", BIO_LOOKUP_CLIENT, AF_INET6) == 1);
    EXPECT(found("::ffff:1.2.3.4", "1", BIO_LOOKUP_CLIENT, AF_UNSPEC) == 1);
    EXPECT(found("fe80::1%lo", "1", BIO_LOOKUP_CLIENT, AF_INET6) == 1);
    EXPECT(found("localhost", "80", BIO_LOOKUP_CLIENT, AF_UNSPEC) == 1);
    EXPECT(found("localhost", "http", BIO_LOOKUP_CLIENT, AF_INET) == 1);
    EXPECT(found(NULL, "0", BIO_LOOKUP_SERVER, AF_UNSPEC) == 1);
    EXPECT(found(NULL, "1", BIO_LOOKUP_CLIENT, AF_UNSPEC) == 1);
    EXPECT(found("127.0.0.1", NULL, BIO_LOOKUP_CLIENT, AF_UNSPEC) == 1);
    EXPECT(found("/run/x", NULL, BIO_LOOKUP_CLIENT, AF_UNIX) == 1);
    EXPECT(ERR_peek_error() == 0);
}

static void miss_them(void)
{
    EXPECT(found("no-such-host.invalid", "80", BIO_LOOKUP_CLIENT, AF_INET) == 0);
    EXPECT(last_reason() == ERR_R_SYS_LIB);
    EXPECT(found("127.0.0.1", "no-such-service", BIO_LOOKUP_CLIENT, AF_INET) == 0);
    EXPECT(last_reason() == ERR_R_SYS_LIB);
    EXPECT(found("127.0.0.1", "70000", BIO_LOOKUP_CLIENT, AF_INET) == 0
           || ERR_peek_error() == 0); /* what the system makes of it */
    ERR_clear_error();
    EXPECT(found("::1", "1", BIO_LOOKUP_CLIENT, AF_INET) == 0);
    ERR_clear_error();
    EXPECT(found("", "", BIO_LOOKUP_CLIENT, AF_INET) == 0 || ERR_peek_error() == 0);
    ERR_clear_error();
    EXPECT(found("127.0.0.1", "1", BIO_LOOKUP_CLIENT, 12345) == 0);
    EXPECT(last_reason() == BIO_R_UNSUPPORTED_PROTOCOL_FAMILY);
}

/* Other types, and the older name of the function. */
static void find_datagrams(void)
{
    BIO_ADDRINFO *all = NULL;

    EXPECT(BIO_lookup("127.0.0.1", "53", BIO_LOOKUP_CLIENT, AF_INET, SOCK_DGRAM, &all) == 1);
    EXPECT(BIO_ADDRINFO_socktype(all) == SOCK_DGRAM && BIO_ADDRINFO_protocol(all) == IPPROTO_UDP);
    BIO_ADDRINFO_free(all);
    EXPECT(BIO_lookup_ex("127.0.0.1", "53", BIO_LOOKUP_CLIENT, AF_UNSPEC, 0, 0, &all) == 1);
    BIO_ADDRINFO_free(all);
    EXPECT(BIO_lookup_ex("127.0.0.1", "53", BIO_LOOKUP_CLIENT, AF_INET, SOCK_STREAM, IPPROTO_UDP,
                         &all) == 0);
    ERR_clear_error();
}

/* A chain that the system's own lookup made: shorter addresses, another owner. */
static void walk_foreign_chain(void)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *all;

    EXPECT(getaddrinfo("127.0.0.1", "80", &hints, &all) == 0);
    walk_chain((const BIO_ADDRINFO *)all);
    freeaddrinfo(all);
    BIO_ADDRINFO_free(NULL);
    EXPECT(BIO_ADDRINFO_next(NULL) == NULL && BIO_ADDRINFO_address(NULL) == NULL);
    EXPECT(BIO_ADDRINFO_family(NULL) == 0 && BIO_ADDRINFO_socktype(NULL) == 0
           && BIO_ADDRINFO_protocol(NULL) == 0);
    ERR_clear_error();
}

static int parses(const char *text, const char *host, const char *service, int priority)
{
    char *copy = exactly(text, strlen(text) + 1), *got_host = NULL, *got_service = NULL;
    int result = BIO_parse_hostserv(copy, &got_host, &got_service,
                                    (enum BIO_hostserv_priorities)priority);

    free(copy);
    if (result == 1) {
        EXPECT((host == NULL) == (got_host == NULL));
        EXPECT((service == NULL) == (got_service == NULL));
        EXPECT(host == NULL || got_host == NULL || strcmp(host, got_host) == 0);
        EXPECT(service == NULL || got_service == NULL || strcmp(service, got_service) == 0);
    }
    OPENSSL_free(got_host);
    OPENSSL_free(got_service);
    return result;
}

static void parse_them(void)
{
    EXPECT(parses("localhost:https", "localhost", "https", BIO_PARSE_PRIO_HOST) == 1);
    EXPECT(parses("[::1]:443", "::1", "443", BIO_PARSE_PRIO_HOST) == 1);
    EXPECT(parses("[::1]", "::1", NULL, BIO_PARSE_PRIO_HOST) == 1);
    EXPECT(parses("localhost", "localhost", NULL, BIO_PARSE_PRIO_HOST) == 1);
    EXPECT(parses("https", NULL, "https", BIO_PARSE_PRIO_SERV) == 1);
    EXPECT(parses("*:443", NULL, "443", BIO_PARSE_PRIO_HOST) == 1);
    EXPECT(parses("localhost:*", "localhost", NULL, BIO_PARSE_PRIO_HOST) == 1);
    EXPECT(parses(":443", NULL, "443", BIO_PARSE_PRIO_HOST) == 1);
    EXPECT(parses("a:b:c", NULL, NULL, BIO_PARSE_PRIO_HOST) == 0);
    EXPECT(last_reason() == BIO_R_AMBIGUOUS_HOST_OR_SERVICE);
    EXPECT(parses("[::1", NULL, NULL, BIO_PARSE_PRIO_HOST) == 0);
    EXPECT(last_reason() == BIO_R_MALFORMED_HOST_OR_SERVICE);
    EXPECT(parses("[::1]x", NULL, NULL, BIO_PARSE_PRIO_HOST) == 0);
    EXPECT(last_reason() == BIO_R_MALFORMED_HOST_OR_SERVICE);
}

static void parse_in_part(void)
{
    char *host = NULL, *service = NULL;

    EXPECT(BIO_parse_hostserv("localhost:https", &host, NULL, BIO_PARSE_PRIO_HOST) == 1);
    EXPECT(BIO_parse_hostserv("localhost:https", NULL, &service, BIO_PARSE_PRIO_HOST) == 1);
    EXPECT(BIO_parse_hostserv("localhost:https", NULL, NULL, BIO_PARSE_PRIO_HOST) == 1);
    OPENSSL_free(host);
    OPENSSL_free(service);
}

static void pass_nulls(void)
{
    char *host = NULL, *service = NULL;

    EXPECT(BIO_parse_hostserv(NULL, &host, &service, BIO_PARSE_PRIO_HOST) == 0);
    EXPECT(last_reason() == ERR_R_PASSED_NULL_PARAMETER);
    EXPECT(BIO_lookup_ex("127.0.0.1", "1", BIO_LOOKUP_CLIENT, AF_INET, SOCK_STREAM, 0, NULL) == 0);
    EXPECT(last_reason() == ERR_R_PASSED_NULL_PARAMETER);
    EXPECT(found(NULL, NULL, BIO_LOOKUP_CLIENT, AF_UNIX) == 0);
    ERR_clear_error();
}

void walk_lookups(void)
{
    find_them();
    miss_them();
    find_datagrams();
    walk_foreign_chain();
    parse_them();
    parse_in_part();
    if (nulls)
        pass_nulls();
}
