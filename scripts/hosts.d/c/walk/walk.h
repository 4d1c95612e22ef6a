/*
 * A walk through every function of the family, with good and with bad input.
 * It is run under valgrind, so whatever is passed lies in memory of exactly
 * its size, and whatever is given back is freed.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */
#ifndef WALK_H
#define WALK_H

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

/* Whether NULL is passed where an OpenSSL would crash. */
extern int nulls;

/* What has to be so; counted, and complained of. */
#define EXPECT(what) expect((what) ? 1 : 0, #what, __FILE__, __LINE__)
void expect(int holds, const char *what, const char *file, int line);

/* The reason of the newest entry, and the queue is empty after it. */
int last_reason(void);

/* A copy in memory of exactly that size. */
void *exactly(const void *data, size_t size);

/* A socket that listens on 127.0.0.1, and where it does. */
int listening(BIO_ADDR *where);

void walk_addresses(void);
void walk_lookups(void);
void walk_sockets(void);
void walk_helpers(void);
void walk_deprecated(void);
void walk_queue(void);
void walk_memory(void);

#endif
