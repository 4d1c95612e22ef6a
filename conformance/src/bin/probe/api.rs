//! The C functions under test, found by name in one loaded library.

use biosock_conformance::loader::Library;
use libc::{FILE, addrinfo, c_char, c_int, c_long, c_ulong, c_void, hostent, time_t};
use std::sync::atomic::{AtomicBool, Ordering};

/// A `BIO_ADDR` that other code laid out.
#[repr(C)]
pub(crate) struct Addr([u8; 0]);

/// What `ERR_print_errors_cb` calls with each line.
pub(crate) type PrintLine = extern "C" fn(*const c_char, usize, *mut c_void) -> c_int;

/// Defines the table of functions and, for each, a method that calls it.
macro_rules! functions {
    ($($name:ident($($arg:ident: $type:ty),*) $(-> $ret:ty)?;)*) => {
        /// Every function of the family that the library has.
        #[expect(non_snake_case, reason = "fields are named as the C functions are")]
        #[derive(Clone, Copy)]
        pub(crate) struct Api { $(pub(crate) $name: Option<unsafe extern "C" fn($($type),*) $(-> $ret)?>,)* }

        #[expect(non_snake_case, reason = "methods are named as the C functions are")]
        #[expect(clippy::too_many_arguments, reason = "the C functions have as many")]
        #[allow(dead_code, reason = "the table is the whole family, whatever the cases use")]
        impl Api {
            /// The names in the table.
            pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// Looks every name up, in the first of `libraries` that has it.
            pub(crate) fn find(libraries: &[Library]) -> Self {
                Self { $($name: {
                    let symbol = find(libraries, stringify!($name));
                    // SAFETY: an Option of a function pointer is as wide as a pointer, with
                    // None for null; the type is the C header's for this name.
                    unsafe { std::mem::transmute::<*mut c_void, Option<unsafe extern "C" fn($($type),*) $(-> $ret)?>>(symbol) }
                },)* }
            }

            /// Which names the library has.
            pub(crate) fn present(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$name.is_some() { names.push(stringify!($name)); })*
                names
            }

            $(pub(crate) fn $name(&self, $($arg: $type),*) $(-> $ret)? {
                note_call(const { index_of(stringify!($name)) });
                let Some(function) = self.$name else {
                    panic!("this library has no {}", stringify!($name));
                };
                // SAFETY: the type is the C header's. Each case passes what a C caller may
                // pass; a case that passes worse runs in a process of its own.
                unsafe { function($($arg),*) }
            })*
        }
    };
}

functions! {
    BIO_socket(domain: c_int, socktype: c_int, protocol: c_int, options: c_int) -> c_int;
    BIO_bind(sock: c_int, addr: *const Addr, options: c_int) -> c_int;
    BIO_connect(sock: c_int, addr: *const Addr, options: c_int) -> c_int;
    BIO_listen(sock: c_int, addr: *const Addr, options: c_int) -> c_int;
    BIO_accept_ex(sock: c_int, peer: *mut Addr, options: c_int) -> c_int;
    BIO_closesocket(sock: c_int) -> c_int;
    BIO_gethostbyname(name: *const c_char) -> *mut hostent;
    BIO_get_port(text: *const c_char, port: *mut u16) -> c_int;
    BIO_get_host_ip(text: *const c_char, ip: *mut u8) -> c_int;
    BIO_get_accept_socket(text: *mut c_char, mode: c_int) -> c_int;
    BIO_accept(sock: c_int, text: *mut *mut c_char) -> c_int;
    BIO_ADDR_new() -> *mut Addr;
    BIO_ADDR_free(addr: *mut Addr);
    BIO_ADDR_clear(addr: *mut Addr);
    BIO_ADDR_copy(to: *mut Addr, from: *const Addr) -> c_int;
    BIO_ADDR_dup(addr: *const Addr) -> *mut Addr;
    BIO_ADDR_rawmake(addr: *mut Addr, family: c_int, bytes: *const c_void, len: usize, port: u16) -> c_int;
    BIO_ADDR_family(addr: *const Addr) -> c_int;
    BIO_ADDR_rawaddress(addr: *const Addr, bytes: *mut c_void, len: *mut usize) -> c_int;
    BIO_ADDR_rawport(addr: *const Addr) -> u16;
    BIO_ADDR_hostname_string(addr: *const Addr, numeric: c_int) -> *mut c_char;
    BIO_ADDR_service_string(addr: *const Addr, numeric: c_int) -> *mut c_char;
    BIO_ADDR_path_string(addr: *const Addr) -> *mut c_char;
    BIO_lookup(host: *const c_char, service: *const c_char, kind: c_int, family: c_int, socktype: c_int, list: *mut *mut addrinfo) -> c_int;
    BIO_lookup_ex(host: *const c_char, service: *const c_char, kind: c_int, family: c_int, socktype: c_int, protocol: c_int, list: *mut *mut addrinfo) -> c_int;
    BIO_ADDRINFO_next(info: *const addrinfo) -> *const addrinfo;
    BIO_ADDRINFO_family(info: *const addrinfo) -> c_int;
    BIO_ADDRINFO_socktype(info: *const addrinfo) -> c_int;
    BIO_ADDRINFO_protocol(info: *const addrinfo) -> c_int;
    BIO_ADDRINFO_address(info: *const addrinfo) -> *const Addr;
    BIO_ADDRINFO_free(info: *mut addrinfo);
    BIO_parse_hostserv(text: *const c_char, host: *mut *mut c_char, service: *mut *mut c_char, priority: c_int) -> c_int;
    BIO_sock_init() -> c_int;
    BIO_sock_error(sock: c_int) -> c_int;
    BIO_sock_info(sock: c_int, kind: c_int, info: *mut c_void) -> c_int;
    BIO_sock_should_retry(result: c_int) -> c_int;
    BIO_sock_non_fatal_error(error: c_int) -> c_int;
    BIO_socket_ioctl(sock: c_int, kind: c_long, arg: *mut c_void) -> c_int;
    BIO_socket_nbio(sock: c_int, on: c_int) -> c_int;
    BIO_set_tcp_ndelay(sock: c_int, on: c_int) -> c_int;
    BIO_socket_wait(sock: c_int, for_read: c_int, until: time_t) -> c_int;
    ERR_get_error() -> c_ulong;
    ERR_peek_error() -> c_ulong;
    ERR_peek_last_error() -> c_ulong;
    ERR_get_error_line_data(file: *mut *const c_char, line: *mut c_int, data: *mut *const c_char, flags: *mut c_int) -> c_ulong;
    ERR_peek_error_line_data(file: *mut *const c_char, line: *mut c_int, data: *mut *const c_char, flags: *mut c_int) -> c_ulong;
    ERR_peek_last_error_line_data(file: *mut *const c_char, line: *mut c_int, data: *mut *const c_char, flags: *mut c_int) -> c_ulong;
    ERR_peek_error_line(file: *mut *const c_char, line: *mut c_int) -> c_ulong;
    ERR_peek_last_error_line(file: *mut *const c_char, line: *mut c_int) -> c_ulong;
    ERR_peek_error_func(function: *mut *const c_char) -> c_ulong;
    ERR_peek_last_error_func(function: *mut *const c_char) -> c_ulong;
    ERR_peek_error_data(data: *mut *const c_char, flags: *mut c_int) -> c_ulong;
    ERR_peek_last_error_data(data: *mut *const c_char, flags: *mut c_int) -> c_ulong;
    ERR_peek_error_all(file: *mut *const c_char, line: *mut c_int, function: *mut *const c_char, data: *mut *const c_char, flags: *mut c_int) -> c_ulong;
    ERR_peek_last_error_all(file: *mut *const c_char, line: *mut c_int, function: *mut *const c_char, data: *mut *const c_char, flags: *mut c_int) -> c_ulong;
    ERR_get_error_all(file: *mut *const c_char, line: *mut c_int, function: *mut *const c_char, data: *mut *const c_char, flags: *mut c_int) -> c_ulong;
    ERR_error_string(code: c_ulong, buffer: *mut c_char) -> *mut c_char;
    ERR_error_string_n(code: c_ulong, buffer: *mut c_char, len: usize);
    ERR_lib_error_string(code: c_ulong) -> *const c_char;
    ERR_func_error_string(code: c_ulong) -> *const c_char;
    ERR_reason_error_string(code: c_ulong) -> *const c_char;
    ERR_clear_error();
    ERR_set_mark() -> c_int;
    ERR_pop_to_mark() -> c_int;
    ERR_clear_last_mark() -> c_int;
    ERR_print_errors_fp(file: *mut FILE);
    ERR_print_errors_cb(callback: PrintLine, user: *mut c_void);
    CRYPTO_malloc(len: usize, file: *const c_char, line: c_int) -> *mut c_void;
    CRYPTO_zalloc(len: usize, file: *const c_char, line: c_int) -> *mut c_void;
    CRYPTO_free(bytes: *mut c_void, file: *const c_char, line: c_int);
    CRYPTO_strdup(text: *const c_char, file: *const c_char, line: c_int) -> *mut c_char;
    CRYPTO_strndup(text: *const c_char, len: usize, file: *const c_char, line: c_int) -> *mut c_char;
    OPENSSL_init_crypto(options: u64, settings: *const c_void) -> c_int;
    OpenSSL_version_num() -> c_ulong;
}

/// Which functions were called. No lock: a process may be copied at any moment.
static CALLED: [AtomicBool; Api::NAMES.len()] = [const { AtomicBool::new(false) }; Api::NAMES.len()];
static QUIET: AtomicBool = AtomicBool::new(false);

/// Where a name stands in the table.
const fn index_of(name: &str) -> usize {
    let mut index = 0;
    while !is_same(Api::NAMES[index].as_bytes(), name.as_bytes()) {
        index += 1;
    }
    index
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

fn note_call(index: usize) {
    if !QUIET.load(Ordering::SeqCst) {
        CALLED[index].store(true, Ordering::SeqCst);
    }
}

/// The functions called since this was last asked, but for those called [`quietly`].
pub(crate) fn called() -> Vec<&'static str> {
    let names = Api::NAMES.iter().zip(&CALLED);
    names.filter(|(_, called)| called.swap(false, Ordering::SeqCst)).map(|(name, _)| *name).collect()
}

/// Calls functions that the case is not about.
pub(crate) fn quietly<T>(body: impl FnOnce() -> T) -> T {
    let before = QUIET.swap(true, Ordering::SeqCst);
    let result = body();
    QUIET.store(before, Ordering::SeqCst);
    result
}

/// The address of a name in the first of `libraries` that has it, or null.
fn find(libraries: &[Library], name: &str) -> *mut c_void {
    let addresses = libraries.iter().map(|library| library.find(name));
    addresses.into_iter().find(|address| !address.is_null()).unwrap_or(std::ptr::null_mut())
}
