/*
 * The stand-in's object with the socket BIO, which has two functions of the
 * overlay's as well: who needs one of the three gets all.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#include <errno.h>

#include <openssl/bio.h>

struct bio_method_st {
    int type;
};

const BIO_METHOD *BIO_s_socket(void)
{
    static const BIO_METHOD method = {5};

    return &method;
}

int BIO_sock_non_fatal_error(int error)
{
    return error == EAGAIN || error == EINTR || error == EINPROGRESS || error == EALREADY || error == ENOTCONN
           || error == EPROTO;
}

int BIO_sock_should_retry(int result)
{
    return (result == 0 || result == -1) && BIO_sock_non_fatal_error(errno);
}
