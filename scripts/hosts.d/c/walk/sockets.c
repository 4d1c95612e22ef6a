/*
 * BIO_connect(3): the page itself.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include "walk.h"

#define ALL_BITS (-1) /* those that a routine does not know are ignored */

static void connect_and_accept(int options)
{
    BIO_ADDR *where = BIO_ADDR_new(), *peer = BIO_ADDR_new();
    int listener = listening(where);
    int client = BIO_socket(AF_INET, SOCK_STREAM, IPPROTO_TCP, options), server;
    char byte = 'x';

    EXPECT(BIO_connect(client, where, options & ~BIO_SOCK_NONBLOCK) == 1);
    server = BIO_accept_ex(listener, peer, options);
    EXPECT(server != -1 && BIO_ADDR_family(peer) == AF_INET && BIO_ADDR_rawport(peer) != 0);
    EXPECT(write(client, &byte, 1) == 1);
    EXPECT(BIO_socket_nbio(server, 0) == 1 && read(server, &byte, 1) == 1);
    EXPECT(BIO_closesocket(client) == 1 && BIO_closesocket(server) == 1);
    EXPECT(BIO_closesocket(listener) == 1);
    BIO_ADDR_free(where);
    BIO_ADDR_free(peer);
}

static void accept_without_peer(void)
{
    BIO_ADDR *where = BIO_ADDR_new();
    int listener = listening(where), client = BIO_socket(AF_INET, SOCK_STREAM, 0, 0), server;

    EXPECT(BIO_connect(client, where, 0) == 1);
    server = BIO_accept_ex(listener, NULL, 0);
    EXPECT(server != -1);
    EXPECT(BIO_closesocket(server) == 1 && BIO_closesocket(client) == 1);
    EXPECT(BIO_socket_nbio(listener, 1) == 1);
    EXPECT(BIO_accept_ex(listener, NULL, 0) == -1 && BIO_sock_should_retry(-1) == 1);
    EXPECT(ERR_peek_error() == 0);
    EXPECT(BIO_closesocket(listener) == 1);
    BIO_ADDR_free(where);
}

/* With a sockaddr_in that has nothing behind it, as programs pass. */
static void use_bare_address(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    BIO_ADDR *bare = exactly(&any, sizeof(any));
    int sock = BIO_socket(AF_INET, SOCK_STREAM, 0, 0), other = BIO_socket(AF_INET, SOCK_STREAM, 0, 0);

    EXPECT(BIO_bind(sock, bare, BIO_SOCK_REUSEADDR) == 1);
    EXPECT(BIO_closesocket(sock) == 1);
    EXPECT(BIO_listen(other, bare, BIO_SOCK_REUSEADDR | BIO_SOCK_NONBLOCK) == 1);
    EXPECT(BIO_closesocket(other) == 1);
    free(bare);
}

/* A listener at a Unix path of exactly so many bytes, and a client. */
static void use_unix_path(void)
{
    char path[] = "walk.XXXXXX"; /* in the working directory */
    BIO_ADDR *addr = BIO_ADDR_new();
    int listener = BIO_socket(AF_UNIX, SOCK_STREAM, 0, 0);
    int client = BIO_socket(AF_UNIX, SOCK_STREAM, 0, 0), server;
    int placeholder = mkstemp(path);

    EXPECT(placeholder != -1 && close(placeholder) == 0 && unlink(path) == 0);
    EXPECT(BIO_ADDR_rawmake(addr, AF_UNIX, path, sizeof(path) - 1, 0) == 1);
    EXPECT(BIO_listen(listener, addr, 0) == 1 && BIO_connect(client, addr, 0) == 1);
    server = BIO_accept_ex(listener, addr, 0);
    EXPECT(server != -1);
    EXPECT(BIO_closesocket(server) == 1 && BIO_closesocket(client) == 1);
    EXPECT(BIO_closesocket(listener) == 1 && unlink(path) == 0);
    BIO_ADDR_free(addr);
}

static void use_ipv6(void)
{
    BIO_ADDR *addr = BIO_ADDR_new();
    unsigned char loopback[16] = {0};
    int sock = BIO_socket(AF_INET6, SOCK_STREAM, 0, 0);

    loopback[15] = 1;
    EXPECT(BIO_ADDR_rawmake(addr, AF_INET6, loopback, sizeof(loopback), 0) == 1);
    EXPECT(BIO_listen(sock, addr, BIO_SOCK_V6_ONLY) == 1);
    EXPECT(BIO_closesocket(sock) == 1);
    BIO_ADDR_free(addr);
}

static void be_refused(void)
{
    BIO_ADDR *where = BIO_ADDR_new();
    int sock;

    EXPECT(BIO_closesocket(listening(where)) == 1); /* nothing listens there now */
    sock = BIO_socket(AF_INET, SOCK_STREAM, 0, 0);
    EXPECT(BIO_connect(sock, where, BIO_SOCK_KEEPALIVE | BIO_SOCK_NODELAY) == 0);
    EXPECT(errno == ECONNREFUSED && last_reason() == BIO_R_CONNECT_ERROR);
    EXPECT(BIO_accept_ex(sock, NULL, 0) == -1 && last_reason() == BIO_R_ACCEPT_ERROR);
    EXPECT(BIO_closesocket(sock) == 1);
    EXPECT(BIO_closesocket(sock) == 0 && errno == EBADF && ERR_peek_error() == 0);
    EXPECT(BIO_connect(sock, where, 0) == 0 && errno == EBADF);
    EXPECT(last_reason() == EBADF);
    EXPECT(BIO_bind(sock, where, 0) == 0 && last_reason() == BIO_R_UNABLE_TO_BIND_SOCKET);
    EXPECT(BIO_listen(sock, where, 0) == 0 && last_reason() == BIO_R_GETTING_SOCKTYPE);
    EXPECT(BIO_accept_ex(sock, where, 0) == -1 && last_reason() == BIO_R_ACCEPT_ERROR);
    BIO_ADDR_free(where);
}

static void be_nonsense(void)
{
    BIO_ADDR *empty = BIO_ADDR_new();
    int sock = BIO_socket(AF_UNIX, SOCK_STREAM, 0, ALL_BITS);

    EXPECT(BIO_socket(12345, SOCK_STREAM, 0, 0) == -1);
    EXPECT(last_reason() == BIO_R_UNABLE_TO_CREATE_SOCKET);
    EXPECT(BIO_connect(-1, empty, 0) == 0 && last_reason() == BIO_R_INVALID_SOCKET);
    EXPECT(BIO_bind(-1, empty, 0) == 0 && last_reason() == BIO_R_INVALID_SOCKET);
    EXPECT(BIO_listen(-1, empty, 0) == 0 && last_reason() == BIO_R_INVALID_SOCKET);
    EXPECT(BIO_closesocket(-1) == 0);
    EXPECT(BIO_connect(sock, empty, BIO_SOCK_NODELAY) == 0);
    EXPECT(last_reason() == BIO_R_UNABLE_TO_NODELAY);
    EXPECT(BIO_bind(sock, empty, 0) == 0);
    ERR_clear_error();
    EXPECT(BIO_closesocket(sock) == 1);
    BIO_ADDR_free(empty);
}

static void pass_nulls(void)
{
    int sock = BIO_socket(AF_INET, SOCK_STREAM, 0, 0);

    EXPECT(BIO_connect(sock, NULL, 0) == 0);
    EXPECT(last_reason() == ERR_R_PASSED_NULL_PARAMETER);
    EXPECT(BIO_bind(sock, NULL, 0) == 0);
    EXPECT(last_reason() == ERR_R_PASSED_NULL_PARAMETER);
    EXPECT(BIO_listen(sock, NULL, 0) == 0);
    EXPECT(last_reason() == ERR_R_PASSED_NULL_PARAMETER);
    EXPECT(BIO_closesocket(sock) == 1);
}

void walk_sockets(void)
{
    connect_and_accept(0);
    connect_and_accept(BIO_SOCK_KEEPALIVE | BIO_SOCK_NODELAY | BIO_SOCK_NONBLOCK);
    accept_without_peer();
    use_bare_address();
    use_unix_path();
    use_ipv6();
    be_refused();
    be_nonsense();
    if (nulls)
        pass_nulls();
}
