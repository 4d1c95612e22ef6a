/*
 * biosock's <openssl/bio.h>: addresses, lookup and the socket routines of
 * BIO_connect(3), without BIO objects.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * Yields to the <openssl/bio.h> of an OpenSSL further down the include path
 * unless BIOSOCK_ALONE is defined: see crypto.h. LibreSSL, AWS-LC and BoringSSL
 * lack these routines; over their header this one adds what is missing, for
 * programs that link libbiosock_overlay.
 */
#if !defined(BIOSOCK_ALONE) && defined(__has_include_next)
#  if __has_include_next(<openssl/opensslv.h>)
#    define BIOSOCK_BIO_YIELDS 1
#  endif
#endif

#if defined(BIOSOCK_BIO_YIELDS)
#  undef BIOSOCK_BIO_YIELDS
#  pragma GCC system_header /* #include_next is not standard C */
#  include_next <openssl/bio.h>
#  if defined(LIBRESSL_VERSION_NUMBER) || defined(OPENSSL_IS_AWSLC) || \
      defined(OPENSSL_IS_BORINGSSL)
#    define BIOSOCK_BIO_DECLARES 1
#    if !defined(BIOSOCK_DEPRECATED_1_1_0)
#      define BIOSOCK_DEPRECATED_1_1_0
#    endif
#  elif OPENSSL_VERSION_NUMBER < 0x30200000L && !defined(BIOSOCK_OPENSSL_BIO_NEWER)
#    define BIOSOCK_OPENSSL_BIO_NEWER
/* New in OpenSSL 3.0 and 3.2; the overlay adds it to older ones. */
#    include <time.h>
#    if !defined(BIO_SOCK_TFO)
#      define BIO_SOCK_TFO 0x20
#    endif
#    if !defined(BIO_R_TFO_DISABLED)
#      define BIO_R_TFO_DISABLED 106
#      define BIO_R_TFO_NO_KERNEL_SUPPORT 108
#      define BIO_R_UNABLE_TO_TFO 109
#    endif
#    if defined(__cplusplus)
extern "C" {
#    endif
int BIO_ADDR_copy(BIO_ADDR *dst, const BIO_ADDR *src);
BIO_ADDR *BIO_ADDR_dup(const BIO_ADDR *ap);
#    if OPENSSL_VERSION_NUMBER < 0x30000000L
int BIO_socket_wait(int fd, int for_read, time_t max_time);
#    endif
#    if defined(__cplusplus)
}
#    endif
#  endif
#else
#  define BIOSOCK_BIO_DECLARES 1
#  include <openssl/crypto.h>
#endif

#if defined(BIOSOCK_BIO_DECLARES) && !defined(BIOSOCK_OPENSSL_BIO_H)
#  define BIOSOCK_OPENSSL_BIO_H

#  include <stddef.h>
#  include <time.h>
#  include <sys/types.h>

/* What routines that return a descriptor return on failure. */
#  if !defined(INVALID_SOCKET)
#    define INVALID_SOCKET (-1)
#  endif

/* Options; BIO_connect(3) says which routine accepts which. */
#  define BIO_SOCK_REUSEADDR 0x01
#  define BIO_SOCK_V6_ONLY 0x02
#  define BIO_SOCK_KEEPALIVE 0x04
#  define BIO_SOCK_NONBLOCK 0x08
#  define BIO_SOCK_NODELAY 0x10
#  define BIO_SOCK_TFO 0x20

/* The modes of BIO_get_accept_socket(3). */
#  if !defined(BIO_BIND_NORMAL)
#    define BIO_BIND_NORMAL 0
#    define BIO_BIND_REUSEADDR BIO_SOCK_REUSEADDR
#    define BIO_BIND_REUSEADDR_IF_UNUSED BIO_SOCK_REUSEADDR
#  endif

/* Reasons in the error queue. If the library underneath numbers some of them
 * differently, its numbers are used. */
#  if !defined(BIO_R_ACCEPT_ERROR)
#    define BIO_R_ACCEPT_ERROR 100
#  endif
#  if !defined(BIO_R_CONNECT_ERROR)
#    define BIO_R_CONNECT_ERROR 103
#  endif
#  if !defined(BIO_R_TFO_DISABLED)
#    define BIO_R_TFO_DISABLED 106
#  endif
#  if !defined(BIO_R_GETHOSTBYNAME_ADDR_IS_NOT_AF_INET)
#    define BIO_R_GETHOSTBYNAME_ADDR_IS_NOT_AF_INET 107
#  endif
#  if !defined(BIO_R_TFO_NO_KERNEL_SUPPORT)
#    define BIO_R_TFO_NO_KERNEL_SUPPORT 108
#  endif
#  if !defined(BIO_R_UNABLE_TO_TFO)
#    define BIO_R_UNABLE_TO_TFO 109
#  endif
#  if !defined(BIO_R_NO_PORT_DEFINED)
#    define BIO_R_NO_PORT_DEFINED 113
#  endif
#  if !defined(BIO_R_UNABLE_TO_BIND_SOCKET)
#    define BIO_R_UNABLE_TO_BIND_SOCKET 117
#  endif
#  if !defined(BIO_R_UNABLE_TO_CREATE_SOCKET)
#    define BIO_R_UNABLE_TO_CREATE_SOCKET 118
#  endif
#  if !defined(BIO_R_UNABLE_TO_LISTEN_SOCKET)
#    define BIO_R_UNABLE_TO_LISTEN_SOCKET 119
#  endif
#  if !defined(BIO_R_WSASTARTUP)
#    define BIO_R_WSASTARTUP 122
#  endif
#  if !defined(BIO_R_AMBIGUOUS_HOST_OR_SERVICE)
#    define BIO_R_AMBIGUOUS_HOST_OR_SERVICE 129
#  endif
#  if !defined(BIO_R_MALFORMED_HOST_OR_SERVICE)
#    define BIO_R_MALFORMED_HOST_OR_SERVICE 130
#  endif
#  if !defined(BIO_R_UNSUPPORTED_PROTOCOL_FAMILY)
#    define BIO_R_UNSUPPORTED_PROTOCOL_FAMILY 131
#  endif
#  if !defined(BIO_R_GETSOCKNAME_ERROR)
#    define BIO_R_GETSOCKNAME_ERROR 132
#  endif
#  if !defined(BIO_R_GETSOCKNAME_TRUNCATED_ADDRESS)
#    define BIO_R_GETSOCKNAME_TRUNCATED_ADDRESS 133
#  endif
#  if !defined(BIO_R_GETTING_SOCKTYPE)
#    define BIO_R_GETTING_SOCKTYPE 134
#  endif
#  if !defined(BIO_R_INVALID_SOCKET)
#    define BIO_R_INVALID_SOCKET 135
#  endif
#  if !defined(BIO_R_LISTEN_V6_ONLY)
#    define BIO_R_LISTEN_V6_ONLY 136
#  endif
#  if !defined(BIO_R_UNABLE_TO_KEEPALIVE)
#    define BIO_R_UNABLE_TO_KEEPALIVE 137
#  endif
#  if !defined(BIO_R_UNABLE_TO_NODELAY)
#    define BIO_R_UNABLE_TO_NODELAY 138
#  endif
#  if !defined(BIO_R_UNABLE_TO_REUSEADDR)
#    define BIO_R_UNABLE_TO_REUSEADDR 139
#  endif
#  if !defined(BIO_R_UNKNOWN_INFO_TYPE)
#    define BIO_R_UNKNOWN_INFO_TYPE 140
#  endif
#  if !defined(BIO_R_ADDRINFO_ADDR_IS_NOT_AF_INET)
#    define BIO_R_ADDRINFO_ADDR_IS_NOT_AF_INET 141
#  endif

#  if defined(__cplusplus)
extern "C" {
#  endif

/* Both opaque: a socket address, and one element of a list of lookup results. */
typedef union bio_addr_st BIO_ADDR;
typedef struct bio_addrinfo_st BIO_ADDRINFO;

enum BIO_hostserv_priorities {
    BIO_PARSE_PRIO_HOST,
    BIO_PARSE_PRIO_SERV
};

enum BIO_lookup_type {
    BIO_LOOKUP_CLIENT,
    BIO_LOOKUP_SERVER
};

enum BIO_sock_info_type {
    BIO_SOCK_INFO_ADDRESS
};

union BIO_sock_info_u {
    BIO_ADDR *addr;
};

struct hostent;

/* Sockets: BIO_connect(3). */
int BIO_socket(int domain, int socktype, int protocol, int options);
int BIO_bind(int sock, const BIO_ADDR *addr, int options);
int BIO_connect(int sock, const BIO_ADDR *addr, int options);
int BIO_listen(int sock, const BIO_ADDR *addr, int options);
int BIO_accept_ex(int accept_sock, BIO_ADDR *peer, int options);
int BIO_closesocket(int sock);

/* Addresses: BIO_ADDR(3). */
BIO_ADDR *BIO_ADDR_new(void);
void BIO_ADDR_free(BIO_ADDR *ap);
void BIO_ADDR_clear(BIO_ADDR *ap);
int BIO_ADDR_copy(BIO_ADDR *dst, const BIO_ADDR *src);
BIO_ADDR *BIO_ADDR_dup(const BIO_ADDR *ap);
int BIO_ADDR_rawmake(BIO_ADDR *ap, int family, const void *where, size_t wherelen,
                     unsigned short port);
int BIO_ADDR_family(const BIO_ADDR *ap);
int BIO_ADDR_rawaddress(const BIO_ADDR *ap, void *p, size_t *l);
unsigned short BIO_ADDR_rawport(const BIO_ADDR *ap);
char *BIO_ADDR_hostname_string(const BIO_ADDR *ap, int numeric);
char *BIO_ADDR_service_string(const BIO_ADDR *ap, int numeric);
char *BIO_ADDR_path_string(const BIO_ADDR *ap);

/* Lookup: BIO_ADDRINFO(3), BIO_parse_hostserv(3). */
int BIO_lookup(const char *host, const char *service, enum BIO_lookup_type lookup_type,
               int family, int socktype, BIO_ADDRINFO **res);
int BIO_lookup_ex(const char *host, const char *service, int lookup_type, int family,
                  int socktype, int protocol, BIO_ADDRINFO **res);
const BIO_ADDRINFO *BIO_ADDRINFO_next(const BIO_ADDRINFO *bai);
int BIO_ADDRINFO_family(const BIO_ADDRINFO *bai);
int BIO_ADDRINFO_socktype(const BIO_ADDRINFO *bai);
int BIO_ADDRINFO_protocol(const BIO_ADDRINFO *bai);
const BIO_ADDR *BIO_ADDRINFO_address(const BIO_ADDRINFO *bai);
void BIO_ADDRINFO_free(BIO_ADDRINFO *bai);
int BIO_parse_hostserv(const char *hostserv, char **host, char **service,
                       enum BIO_hostserv_priorities hostserv_prio);

/* Helpers: BIO_sock_error(3), BIO_socket_wait(3). */
int BIO_sock_init(void);
int BIO_sock_error(int sock);
int BIO_sock_info(int sock, enum BIO_sock_info_type type, union BIO_sock_info_u *info);
int BIO_sock_should_retry(int result);
int BIO_sock_non_fatal_error(int error);
int BIO_socket_ioctl(int fd, long type, void *arg);
int BIO_socket_nbio(int fd, int mode);
int BIO_set_tcp_ndelay(int sock, int turn_on);
int BIO_socket_wait(int fd, int for_read, time_t max_time);

/* Before 1.1.0: BIO_gethostbyname(3). */
BIOSOCK_DEPRECATED_1_1_0 struct hostent *BIO_gethostbyname(const char *name);
BIOSOCK_DEPRECATED_1_1_0 int BIO_get_port(const char *str, unsigned short *port_ptr);
BIOSOCK_DEPRECATED_1_1_0 int BIO_get_host_ip(const char *str, unsigned char *ip);
BIOSOCK_DEPRECATED_1_1_0 int BIO_get_accept_socket(char *host_port, int mode);
BIOSOCK_DEPRECATED_1_1_0 int BIO_accept(int sock, char **ip_port);

#  if defined(__cplusplus)
}
#  endif
#endif
