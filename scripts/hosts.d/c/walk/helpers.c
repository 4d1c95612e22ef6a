/*
 * BIO_sock_error(3) and its neighbours, and the deprecated ones.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include "walk.h"

static void ask_a_socket(void)
{
    union BIO_sock_info_u info;
    BIO_ADDR *where = BIO_ADDR_new();
    int sock = listening(where), waiting = 0;

    info.addr = where;
    EXPECT(BIO_sock_error(sock) == 0);
    EXPECT(BIO_socket_nbio(sock, 1) == 1 && BIO_socket_nbio(sock, 0) == 1);
    EXPECT(BIO_set_tcp_ndelay(sock, 1) == 1 && BIO_set_tcp_ndelay(sock, 0) == 1);
    EXPECT(BIO_socket_ioctl(sock, FIONBIO, &waiting) == 0);
    EXPECT(BIO_socket_wait(sock, 1, time(NULL) - 1) == 0);
    EXPECT(BIO_socket_wait(sock, 1, time(NULL)) == 0);
    EXPECT(BIO_sock_info(sock, (enum BIO_sock_info_type)77, &info) == 0);
    EXPECT(last_reason() == BIO_R_UNKNOWN_INFO_TYPE);
    EXPECT(BIO_closesocket(sock) == 1);
    BIO_ADDR_free(where);
}

static void ask_nothing(void)
{
    union BIO_sock_info_u info;
    int waiting = 0;

    info.addr = BIO_ADDR_new();
    EXPECT(BIO_sock_error(-1) != 0);
    EXPECT(BIO_socket_nbio(-1, 1) == 0);
    EXPECT(BIO_set_tcp_ndelay(-1, 1) == 0);
    EXPECT(BIO_socket_ioctl(-1, FIONBIO, &waiting) == -1);
    ERR_clear_error();
    EXPECT(BIO_sock_info(-1, BIO_SOCK_INFO_ADDRESS, &info) == 0);
    EXPECT(last_reason() == BIO_R_GETSOCKNAME_ERROR);
    BIO_ADDR_free(info.addr);
}

static void judge_errors(void)
{
    EXPECT(BIO_sock_non_fatal_error(EAGAIN) == 1 && BIO_sock_non_fatal_error(EINTR) == 1);
    EXPECT(BIO_sock_non_fatal_error(EBADF) == 0 && BIO_sock_non_fatal_error(-1) == 0);
    errno = EINPROGRESS;
    EXPECT(BIO_sock_should_retry(-1) == 1 && BIO_sock_should_retry(1) == 0);
    errno = ECONNREFUSED;
    EXPECT(BIO_sock_should_retry(0) == 0);
}

static void pass_nulls(void)
{
    union BIO_sock_info_u info = {NULL};
    int sock = BIO_socket(AF_INET, SOCK_STREAM, 0, 0);

    EXPECT(BIO_sock_info(sock, BIO_SOCK_INFO_ADDRESS, NULL) == 0);
    EXPECT(last_reason() == ERR_R_PASSED_NULL_PARAMETER);
    EXPECT(BIO_sock_info(sock, BIO_SOCK_INFO_ADDRESS, &info) == 0);
    EXPECT(last_reason() == ERR_R_PASSED_NULL_PARAMETER);
    ERR_clear_error();
    EXPECT(BIO_closesocket(sock) == 1);
}

void walk_helpers(void)
{
    ask_a_socket();
    ask_nothing();
    judge_errors();
    if (nulls)
        pass_nulls();
}

static void resolve_the_old_way(void)
{
    unsigned char ip[4] = {0};
    unsigned short port = 0;

    EXPECT(BIO_get_port("443", &port) == 1 && port == 443);
    EXPECT(BIO_get_port("https", &port) == 1 && port == 443);
    EXPECT(BIO_get_port("no-such-service", &port) == 0 && ERR_peek_error() != 0);
    ERR_clear_error();
    EXPECT(BIO_get_port(NULL, &port) == 0 && last_reason() == BIO_R_NO_PORT_DEFINED);
    EXPECT(BIO_get_host_ip("127.0.0.1", ip) == 1 && ip[0] == 127 && ip[3] == 1);
    EXPECT(BIO_get_host_ip("no-such-host.invalid", ip) == 0 && ERR_peek_error() != 0);
    ERR_clear_error();
    EXPECT(BIO_gethostbyname("127.0.0.1") != NULL);
    EXPECT(BIO_gethostbyname("no-such-host.invalid") == NULL);
    ERR_clear_error();
}

static void accept_the_old_way(void)
{
    char address[] = "127.0.0.1:0", *peer = NULL;
    union BIO_sock_info_u info;
    int listener = BIO_get_accept_socket(address, BIO_BIND_REUSEADDR);
    int client = BIO_socket(AF_INET, SOCK_STREAM, 0, 0), server;

    info.addr = BIO_ADDR_new();
    EXPECT(listener != -1 && BIO_sock_info(listener, BIO_SOCK_INFO_ADDRESS, &info) == 1);
    EXPECT(BIO_connect(client, info.addr, 0) == 1);
    server = BIO_accept(listener, &peer);
    EXPECT(server != -1 && peer != NULL && strncmp(peer, "127.0.0.1:", 10) == 0);
    OPENSSL_free(peer);
    EXPECT(BIO_socket_nbio(listener, 1) == 1 && BIO_accept(listener, NULL) == -2);
    EXPECT(BIO_accept(99999, NULL) == -1 && last_reason() == BIO_R_ACCEPT_ERROR);
    EXPECT(BIO_closesocket(server) == 1 && BIO_closesocket(client) == 1);
    EXPECT(BIO_closesocket(listener) == 1);
    BIO_ADDR_free(info.addr);
}

static void listen_nowhere(void)
{
    char ambiguous[] = "a:b:c", foreign[] = "192.0.2.1:0";

    EXPECT(BIO_get_accept_socket(ambiguous, 0) == -1 && ERR_peek_error() != 0);
    ERR_clear_error();
    EXPECT(BIO_get_accept_socket(foreign, 0) == -1 && ERR_peek_error() != 0);
    ERR_clear_error();
}

static void pass_nulls_the_old_way(void)
{
    unsigned char ip[4];

    EXPECT(BIO_get_port("443", NULL) == 0);
    EXPECT(BIO_get_host_ip(NULL, ip) == 0);
    EXPECT(BIO_get_host_ip("127.0.0.1", NULL) == 0);
    EXPECT(BIO_gethostbyname(NULL) == NULL);
    EXPECT(BIO_get_accept_socket(NULL, 0) == -1);
    ERR_clear_error();
}

void walk_deprecated(void)
{
    resolve_the_old_way();
    accept_the_old_way();
    listen_nowhere();
    if (nulls)
        pass_nulls_the_old_way();
}
