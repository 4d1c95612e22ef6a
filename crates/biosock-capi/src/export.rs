//! The list of exported functions: what has a C symbol in each form of the C
//! library. `scripts/exports` compares it with the built libraries.

/// The types that the lists below use.
#[doc(hidden)]
pub mod types {
    pub use std::ffi::{c_char, c_int, c_long, c_longlong, c_uchar, c_ulong, c_void};
    pub use std::sync::atomic::AtomicPtr;

    pub use libc::{FILE, hostent, sockaddr, socklen_t, time_t};

    pub use crate::{
        BIO_ADDR, BIO_ADDRINFO, BIO_sock_info_u, EventFn, PrintLine, biosock_attempt, biosock_cancel,
        biosock_dial_options, biosock_listen_options, biosock_listeners, biosock_lookup, biosock_memory,
        biosock_report,
    };
}

/// The functions of BIO_connect(3) and related pages, for a [`Host`](crate::Host).
#[macro_export]
macro_rules! export_bio {
    ($host:ty) => {
        $crate::export_generic! { $host;
            fn BIO_socket(domain: c_int, socktype: c_int, protocol: c_int, options: c_int) -> c_int;
            fn BIO_bind(sock: c_int, addr: *const BIO_ADDR, options: c_int) -> c_int;
            fn BIO_listen(sock: c_int, addr: *const BIO_ADDR, options: c_int) -> c_int;

            fn BIO_gethostbyname(name: *const c_char) -> *mut hostent;
            fn BIO_get_port(name: *const c_char, port: *mut u16) -> c_int;
            fn BIO_get_host_ip(name: *const c_char, ip: *mut c_uchar) -> c_int;
            fn BIO_get_accept_socket(host_port: *const c_char, mode: c_int) -> c_int;
            fn BIO_accept(sock: c_int, ip_port: *mut *mut c_char) -> c_int;

            fn BIO_ADDR_new() -> *mut BIO_ADDR;
            fn BIO_ADDR_free(addr: *mut BIO_ADDR) -> ();
            fn BIO_ADDR_clear(addr: *mut BIO_ADDR) -> ();
            fn BIO_ADDR_copy(to: *mut BIO_ADDR, from: *const BIO_ADDR) -> c_int;
            fn BIO_ADDR_dup(from: *const BIO_ADDR) -> *mut BIO_ADDR;
            fn BIO_ADDR_rawmake(
                addr: *mut BIO_ADDR, family: c_int, place: *const c_void, length: usize, port: u16,
            ) -> c_int;
            fn BIO_ADDR_family(addr: *const BIO_ADDR) -> c_int;
            fn BIO_ADDR_rawaddress(addr: *const BIO_ADDR, place: *mut c_void, length: *mut usize) -> c_int;
            fn BIO_ADDR_rawport(addr: *const BIO_ADDR) -> u16;
            fn BIO_ADDR_hostname_string(addr: *const BIO_ADDR, numeric: c_int) -> *mut c_char;
            fn BIO_ADDR_service_string(addr: *const BIO_ADDR, numeric: c_int) -> *mut c_char;
            fn BIO_ADDR_path_string(addr: *const BIO_ADDR) -> *mut c_char;

            fn BIO_lookup(
                host: *const c_char, service: *const c_char, lookup_type: c_int,
                family: c_int, socktype: c_int, list: *mut *mut BIO_ADDRINFO,
            ) -> c_int;
            fn BIO_lookup_ex(
                host: *const c_char, service: *const c_char, lookup_type: c_int,
                family: c_int, socktype: c_int, protocol: c_int, list: *mut *mut BIO_ADDRINFO,
            ) -> c_int;
            fn BIO_ADDRINFO_free(list: *mut BIO_ADDRINFO) -> ();
            fn BIO_parse_hostserv(
                text: *const c_char, host: *mut *mut c_char, service: *mut *mut c_char, priority: c_int,
            ) -> c_int;

            fn BIO_sock_error(sock: c_int) -> c_int;
            fn BIO_sock_info(sock: c_int, kind: c_int, info: *const BIO_sock_info_u) -> c_int;
            fn BIO_socket_ioctl(sock: c_int, request: c_long, argument: *mut c_void) -> c_int;
            fn BIO_socket_nbio(sock: c_int, mode: c_int) -> c_int;
            fn BIO_set_tcp_ndelay(sock: c_int, on: c_int) -> c_int;
        }
        $crate::export_cancelled! { $host;
            fn BIO_connect(sock: c_int, addr: *const BIO_ADDR, options: c_int) -> c_int;
            fn BIO_accept_ex(sock: c_int, peer: *mut BIO_ADDR, options: c_int) -> c_int;
            fn BIO_closesocket(sock: c_int) -> c_int;
            fn BIO_socket_wait(sock: c_int, for_read: c_int, until: time_t) -> c_int;
        }
        $crate::export_plain! {
            fn BIO_ADDRINFO_next(node: *const BIO_ADDRINFO) -> *const BIO_ADDRINFO;
            fn BIO_ADDRINFO_family(node: *const BIO_ADDRINFO) -> c_int;
            fn BIO_ADDRINFO_socktype(node: *const BIO_ADDRINFO) -> c_int;
            fn BIO_ADDRINFO_protocol(node: *const BIO_ADDRINFO) -> c_int;
            fn BIO_ADDRINFO_address(node: *const BIO_ADDRINFO) -> *const BIO_ADDR;

            fn BIO_sock_init() -> c_int;
        }
    };
}

/// The two functions of another object file of OpenSSL, which the swap form
/// leaves in place.
#[macro_export]
macro_rules! export_retry {
    () => {
        $crate::export_plain! {
            fn BIO_sock_should_retry(result: c_int) -> c_int;
            fn BIO_sock_non_fatal_error(error: c_int) -> c_int;
        }
    };
}

/// What OpenSSL's other object files need of the three that the swap form
/// replaces, for a [`Host`](crate::Host).
#[macro_export]
macro_rules! export_internals {
    ($host:ty) => {
        $crate::export_generic! { $host;
            fn BIO_ADDR_make(to: *mut BIO_ADDR, from: *const sockaddr) -> c_int;
            fn BIO_ADDR_sockaddr_size(addr: *const BIO_ADDR) -> socklen_t;
        }
        $crate::export_plain! {
            fn BIO_ADDR_sockaddr(addr: *const BIO_ADDR) -> *const sockaddr;
            fn BIO_ADDR_sockaddr_noconst(addr: *mut BIO_ADDR) -> *mut sockaddr;
            fn BIO_ADDRINFO_sockaddr(node: *const BIO_ADDRINFO) -> *const sockaddr;
            fn BIO_ADDRINFO_sockaddr_size(node: *const BIO_ADDRINFO) -> socklen_t;
            fn bio_sock_cleanup_int() -> ();
        }

        /// The lock that OpenSSL's cleanup frees. There is none: lookup
        /// needs no lock here, and NULL is fine to free.
        #[unsafe(no_mangle)]
        pub static bio_lookup_lock: AtomicPtr<c_void> = AtomicPtr::new(::std::ptr::null_mut());
    };
}

/// The error queue and the allocator, for use without an OpenSSL.
#[macro_export]
macro_rules! export_queue {
    () => {
        $crate::export_plain! {
            fn ERR_get_error() -> c_ulong;
            fn ERR_get_error_all(
                file: *mut *const c_char, line: *mut c_int, func: *mut *const c_char,
                data: *mut *const c_char, flags: *mut c_int,
            ) -> c_ulong;
            fn ERR_get_error_line_data(
                file: *mut *const c_char, line: *mut c_int, data: *mut *const c_char, flags: *mut c_int,
            ) -> c_ulong;
            fn ERR_peek_error() -> c_ulong;
            fn ERR_peek_error_line(file: *mut *const c_char, line: *mut c_int) -> c_ulong;
            fn ERR_peek_error_func(func: *mut *const c_char) -> c_ulong;
            fn ERR_peek_error_data(data: *mut *const c_char, flags: *mut c_int) -> c_ulong;
            fn ERR_peek_error_all(
                file: *mut *const c_char, line: *mut c_int, func: *mut *const c_char,
                data: *mut *const c_char, flags: *mut c_int,
            ) -> c_ulong;
            fn ERR_peek_error_line_data(
                file: *mut *const c_char, line: *mut c_int, data: *mut *const c_char, flags: *mut c_int,
            ) -> c_ulong;
            fn ERR_peek_last_error() -> c_ulong;
            fn ERR_peek_last_error_line(file: *mut *const c_char, line: *mut c_int) -> c_ulong;
            fn ERR_peek_last_error_func(func: *mut *const c_char) -> c_ulong;
            fn ERR_peek_last_error_data(data: *mut *const c_char, flags: *mut c_int) -> c_ulong;
            fn ERR_peek_last_error_all(
                file: *mut *const c_char, line: *mut c_int, func: *mut *const c_char,
                data: *mut *const c_char, flags: *mut c_int,
            ) -> c_ulong;
            fn ERR_peek_last_error_line_data(
                file: *mut *const c_char, line: *mut c_int, data: *mut *const c_char, flags: *mut c_int,
            ) -> c_ulong;

            fn ERR_error_string(error: c_ulong, buffer: *mut c_char) -> *mut c_char;
            fn ERR_error_string_n(error: c_ulong, buffer: *mut c_char, room: usize) -> ();
            fn ERR_lib_error_string(error: c_ulong) -> *const c_char;
            fn ERR_func_error_string(error: c_ulong) -> *const c_char;
            fn ERR_reason_error_string(error: c_ulong) -> *const c_char;

            fn ERR_clear_error() -> ();
            fn ERR_set_mark() -> c_int;
            fn ERR_pop_to_mark() -> c_int;
            fn ERR_clear_last_mark() -> c_int;

            fn ERR_print_errors_fp(file: *mut FILE) -> ();
            fn ERR_print_errors_cb(print: Option<PrintLine>, user: *mut c_void) -> ();

            fn CRYPTO_malloc(size: usize, file: *const c_char, line: c_int) -> *mut c_void;
            fn CRYPTO_zalloc(size: usize, file: *const c_char, line: c_int) -> *mut c_void;
            fn CRYPTO_free(memory: *mut c_void, file: *const c_char, line: c_int) -> ();
            fn CRYPTO_strdup(text: *const c_char, file: *const c_char, line: c_int) -> *mut c_char;
            fn CRYPTO_strndup(
                text: *const c_char, most: usize, file: *const c_char, line: c_int,
            ) -> *mut c_char;
        }
    };
}

/// The biosock-specific functions, of `<biosock.h>`, for a [`Host`](crate::Host).
/// The swap form lacks them, since a libcrypto has only OpenSSL's names.
#[macro_export]
macro_rules! export_own {
    ($host:ty) => {
        $crate::export_generic! { $host;
            fn biosock_dial(target: *const c_char, options: *const biosock_dial_options) -> c_int;
            fn biosock_dial_addrs(
                addrs: *const *const BIO_ADDR, count: usize, options: *const biosock_dial_options,
            ) -> c_int;
            fn biosock_dial_addrinfo(list: *const BIO_ADDRINFO, options: *const biosock_dial_options) -> c_int;

            fn biosock_report_attempt(
                report: *const biosock_report, index: usize, attempt: *mut biosock_attempt,
            ) -> c_int;
            fn biosock_report_lookup(
                report: *const biosock_report, index: usize, lookup: *mut biosock_lookup,
            ) -> c_int;

            fn biosock_cancel_new() -> *mut biosock_cancel;

            fn biosock_listen(
                target: *const c_char, options: *const biosock_listen_options,
            ) -> *mut biosock_listeners;
            fn biosock_listen_addrs(
                addrs: *const *const BIO_ADDR, count: usize, options: *const biosock_listen_options,
            ) -> *mut biosock_listeners;
            fn biosock_listen_addrinfo(
                list: *const BIO_ADDRINFO, options: *const biosock_listen_options,
            ) -> *mut biosock_listeners;
            fn biosock_listen_shards(
                target: *const c_char, options: *const biosock_listen_options,
                shards: *mut *mut biosock_listeners, count: usize,
            ) -> c_int;
            fn biosock_listeners_take_over(fds: *const c_int, count: usize) -> *mut biosock_listeners;
            fn biosock_listeners_passed(set: *mut *mut biosock_listeners) -> c_int;

            fn biosock_accept(
                set: *const biosock_listeners, peer: *mut BIO_ADDR, options: c_int, timeout_ms: c_int,
            ) -> c_int;
            fn biosock_serve(
                set: *const biosock_listeners, options: c_int, tell: Option<EventFn>, user: *mut c_void,
            ) -> c_int;
            fn biosock_listeners_fd(set: *const biosock_listeners, index: usize) -> c_int;
            fn biosock_listeners_addr(
                set: *const biosock_listeners, index: usize, addr: *mut BIO_ADDR,
            ) -> c_int;
            fn biosock_listeners_inheritable(
                set: *const biosock_listeners, fds: *mut c_int, room: usize,
            ) -> c_int;
            fn biosock_listeners_unlink(set: *const biosock_listeners) -> c_int;
        }
        $crate::export_plain! {
            fn biosock_report_attempts(report: *const biosock_report) -> usize;
            fn biosock_report_lookups(report: *const biosock_report) -> usize;
            fn biosock_report_elapsed_us(report: *const biosock_report) -> c_longlong;
            fn biosock_report_text(report: *const biosock_report) -> *const c_char;
            fn biosock_report_hint(report: *const biosock_report) -> *const c_char;
            fn biosock_report_free(report: *mut biosock_report) -> ();

            fn biosock_lookup_threads(most: usize) -> usize;

            fn biosock_cancel_set(cancel: *const biosock_cancel) -> ();
            fn biosock_cancel_is_set(cancel: *const biosock_cancel) -> c_int;
            fn biosock_cancel_free(cancel: *mut biosock_cancel) -> ();

            fn biosock_memory_new(most: usize) -> *mut biosock_memory;
            fn biosock_memory_free(memory: *mut biosock_memory) -> ();

            fn biosock_accept_advice(error: c_int) -> c_int;
            fn biosock_listeners_count(set: *const biosock_listeners) -> usize;
            fn biosock_listeners_stop(set: *const biosock_listeners) -> ();
            fn biosock_listeners_free(set: *mut biosock_listeners) -> ();
        }
    };
}

/// Defines the C symbols of functions that are generic over the host.
#[doc(hidden)]
#[macro_export]
macro_rules! export_generic {
    ($host:ty; $(fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`: see its manual page.")]
            ///
            /// # Safety
            ///
            #[doc = concat!("As `biosock_capi::", stringify!($name), "`.")]
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> $result {
                // SAFETY: the caller guarantees the same.
                unsafe { $crate::$name::<$host>($($arg),*) }
            }
        )*
    };
}

/// The same for functions in which the calling thread may be cancelled, so that
/// an unwind passes through them.
#[doc(hidden)]
#[macro_export]
macro_rules! export_cancelled {
    ($host:ty; $(fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`: see its manual page.")]
            ///
            /// # Safety
            ///
            #[doc = concat!("As `biosock_capi::", stringify!($name), "`.")]
            #[unsafe(no_mangle)]
            pub unsafe extern "C-unwind" fn $name($($arg: $type),*) -> $result {
                // SAFETY: the caller guarantees the same.
                unsafe { $crate::$name::<$host>($($arg),*) }
            }
        )*
    };
}

/// Defines the C symbols of functions without a host.
#[doc(hidden)]
#[macro_export]
macro_rules! export_plain {
    ($(fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`: see its manual page.")]
            ///
            /// # Safety
            ///
            #[doc = concat!("As `biosock_capi::", stringify!($name), "`.")]
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> $result {
                #[allow(unused_unsafe, reason = "some of these functions are safe")]
                // SAFETY: the caller guarantees the same.
                unsafe { $crate::$name($($arg),*) }
            }
        )*
    };
}
