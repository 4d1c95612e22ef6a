/*
 * <biosock.h>: turns a name into a connection, or into listeners, in one call.
 * Start with biosock_dial(3).
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * These names are specific to biosock; OpenSSL does not have them. They are in
 * libbiosock and libbiosock_overlay, and use the BIO_ADDR and the error queue
 * of <openssl/bio.h>, whichever library that belongs to.
 */
#if !defined(BIOSOCK_H)
#  define BIOSOCK_H

#  include <stddef.h>
#  include <openssl/bio.h>
#  if (defined(LIBRESSL_VERSION_NUMBER) || defined(OPENSSL_IS_AWSLC) || \
       defined(OPENSSL_IS_BORINGSSL)) && !defined(BIOSOCK_OPENSSL_BIO_H)
#    error "biosock: <openssl/bio.h> is the library's own, which lacks BIO_ADDRINFO: put biosock's -I before its"
#  endif

/* Option bits, in addition to BIO_SOCK_*. */
#  define BIOSOCK_INHERIT 0x01000000 /* executed programs inherit the descriptor */
#  define BIOSOCK_MPTCP 0x02000000   /* Multipath TCP if the kernel supports it */
#  define BIOSOCK_NO_REUSEADDR 0x04000000 /* listen without SO_REUSEADDR */

/* The outcome of an attempt. */
#  define BIOSOCK_CONNECTED 1
#  define BIOSOCK_FAILED 2
#  define BIOSOCK_NO_ANSWER 3

/* What to do after accepting failed. */
#  define BIOSOCK_TRY_AGAIN 1
#  define BIOSOCK_PAUSE 2
#  define BIOSOCK_GIVE_UP 3

#  if defined(__cplusplus)
extern "C" {
#  endif

/* All opaque. */
typedef struct biosock_cancel_st biosock_cancel;
typedef struct biosock_memory_st biosock_memory;
typedef struct biosock_report_st biosock_report;
typedef struct biosock_listeners_st biosock_listeners;

/* Structures that begin with their size may grow at their end. Initialise them
 * with the INIT macro; 0 and NULL mean the default. */
typedef struct biosock_dial_options_st {
    size_t size;
    int options;
    int timeout_ms;
    int attempt_delay_ms;
    int resolution_delay_ms;
    int max_attempts;
    int family;
    int socktype;
    int keepalive_idle_ms;
    int keepalive_interval_ms;
    int keepalive_probes;
    const char *source_v4;
    const char *source_v6;
    const char *device;
    biosock_memory *memory;
    biosock_cancel *cancel;
    biosock_report **report;
} biosock_dial_options;

#  define BIOSOCK_DIAL_OPTIONS_INIT \
       {sizeof(biosock_dial_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL}

typedef struct biosock_listen_options_st {
    size_t size;
    int options;
    int family;
    int backlog;
    int reserved;
    const char *device;
} biosock_listen_options;

#  define BIOSOCK_LISTEN_OPTIONS_INIT {sizeof(biosock_listen_options), 0, 0, 0, 0, NULL}

typedef struct biosock_attempt_st {
    size_t size;
    const BIO_ADDR *addr;
    const char *addr_text;
    const char *text;
    long long started_us;
    long long took_us;
    int outcome;
    int error;
} biosock_attempt;

#  define BIOSOCK_ATTEMPT_INIT {sizeof(biosock_attempt), NULL, NULL, NULL, 0, 0, 0, 0}

typedef struct biosock_lookup_st {
    size_t size;
    const char *text;
    long long took_us;
    int family;
    int found;
} biosock_lookup;

#  define BIOSOCK_LOOKUP_INIT {sizeof(biosock_lookup), NULL, 0, 0, 0}

typedef struct biosock_event_st {
    int sock;
    int error;
    int pause_ms;
    int reserved;
    const BIO_ADDR *peer;
} biosock_event;

/* Dialling: biosock_dial(3). */
int biosock_dial(const char *target, const biosock_dial_options *options);
int biosock_dial_addrs(const BIO_ADDR *const *addrs, size_t count,
                       const biosock_dial_options *options);
int biosock_dial_addrinfo(const BIO_ADDRINFO *list, const biosock_dial_options *options);

/* Sets the maximum number of threads for the lookups of all dials, not counting
 * those that have run for 30 s, and returns the previous one; 0 changes nothing. */
size_t biosock_lookup_threads(size_t most);

/* Reports of dials: biosock_report(3). */
size_t biosock_report_attempts(const biosock_report *report);
int biosock_report_attempt(const biosock_report *report, size_t index, biosock_attempt *attempt);
size_t biosock_report_lookups(const biosock_report *report);
int biosock_report_lookup(const biosock_report *report, size_t index, biosock_lookup *lookup);
long long biosock_report_elapsed_us(const biosock_report *report);
const char *biosock_report_text(const biosock_report *report);
const char *biosock_report_hint(const biosock_report *report);
void biosock_report_free(biosock_report *report);

/* Cancelling dials, and the history of addresses: biosock_cancel(3), biosock_memory(3).
 * Processes share a cancel after fork(2): setting it in one sets it in all. */
biosock_cancel *biosock_cancel_new(void);
void biosock_cancel_set(const biosock_cancel *cancel);
int biosock_cancel_is_set(const biosock_cancel *cancel);
void biosock_cancel_free(biosock_cancel *cancel);
biosock_memory *biosock_memory_new(size_t most);
void biosock_memory_free(biosock_memory *memory);

/* Listening: biosock_listen(3). */
biosock_listeners *biosock_listen(const char *target, const biosock_listen_options *options);
biosock_listeners *biosock_listen_addrs(const BIO_ADDR *const *addrs, size_t count,
                                        const biosock_listen_options *options);
biosock_listeners *biosock_listen_addrinfo(const BIO_ADDRINFO *list,
                                           const biosock_listen_options *options);
int biosock_listen_shards(const char *target, const biosock_listen_options *options,
                          biosock_listeners **shards, size_t count);
biosock_listeners *biosock_listeners_take_over(const int *fds, size_t count);
int biosock_listeners_passed(biosock_listeners **set);
size_t biosock_listeners_count(const biosock_listeners *set);
int biosock_listeners_fd(const biosock_listeners *set, size_t index);
int biosock_listeners_addr(const biosock_listeners *set, size_t index, BIO_ADDR *addr);
int biosock_listeners_inheritable(const biosock_listeners *set, int *fds, size_t room);
int biosock_listeners_unlink(const biosock_listeners *set);
void biosock_listeners_free(biosock_listeners *set);

/* Accepting: biosock_accept(3). After fork(2), stopping a set in one process stops
 * it in all. */
int biosock_accept(const biosock_listeners *set, BIO_ADDR *peer, int options, int timeout_ms);
int biosock_accept_advice(int error);
int biosock_serve(const biosock_listeners *set, int options,
                  void (*tell)(void *user, const biosock_event *event), void *user);
void biosock_listeners_stop(const biosock_listeners *set);

#  if defined(__cplusplus)
}
#  endif
#endif
