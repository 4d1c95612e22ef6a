//! The C functions that are fed, found by name in one loaded library.

use biosock_conformance::loader::Library;
use libc::{addrinfo, c_char, c_int, c_ulong, c_void};
use std::path::Path;

/// Defines the table of functions and, for each, a method that calls it.
macro_rules! functions {
    ($($name:ident($($arg:ident: $type:ty),*) $(-> $ret:ty)?;)*) => {
        #[expect(non_snake_case, reason = "fields are named as the C functions are")]
        #[derive(Clone, Copy)]
        pub(crate) struct Api { $(pub(crate) $name: Option<unsafe extern "C" fn($($type),*) $(-> $ret)?>,)* }

        #[expect(non_snake_case, reason = "methods are named as the C functions are")]
        #[expect(clippy::too_many_arguments, reason = "the C functions have as many")]
        impl Api {
            fn find(library: Library) -> Self {
                Self { $($name: {
                    let symbol = library.find(stringify!($name));
                    // SAFETY: an Option of a function pointer is as wide as a pointer, with
                    // None for null; the type is the C header's for this name.
                    unsafe { std::mem::transmute::<*mut c_void, Option<unsafe extern "C" fn($($type),*) $(-> $ret)?>>(symbol) }
                },)* }
            }

            $(pub(crate) fn $name(&self, $($arg: $type),*) $(-> $ret)? {
                let Some(function) = self.$name else {
                    panic!("this library has no {}", stringify!($name));
                };
                // SAFETY: the type is the C header's, and every part passes what a C caller may.
                unsafe { function($($arg),*) }
            })*
        }
    };
}

functions! {
    BIO_ADDR_clear(addr: *mut c_void);
    BIO_ADDR_family(addr: *const c_void) -> c_int;
    BIO_ADDR_free(addr: *mut c_void);
    BIO_ADDR_hostname_string(addr: *const c_void, numeric: c_int) -> *mut c_char;
    BIO_ADDR_new() -> *mut c_void;
    BIO_ADDR_path_string(addr: *const c_void) -> *mut c_char;
    BIO_ADDR_rawaddress(addr: *const c_void, bytes: *mut c_void, len: *mut usize) -> c_int;
    BIO_ADDR_rawmake(addr: *mut c_void, family: c_int, bytes: *const c_void, len: usize, port: u16) -> c_int;
    BIO_ADDR_rawport(addr: *const c_void) -> u16;
    BIO_ADDR_service_string(addr: *const c_void, numeric: c_int) -> *mut c_char;
    BIO_ADDRINFO_address(info: *const addrinfo) -> *const c_void;
    BIO_ADDRINFO_family(info: *const addrinfo) -> c_int;
    BIO_ADDRINFO_free(info: *mut addrinfo);
    BIO_ADDRINFO_next(info: *const addrinfo) -> *const addrinfo;
    BIO_ADDRINFO_protocol(info: *const addrinfo) -> c_int;
    BIO_ADDRINFO_socktype(info: *const addrinfo) -> c_int;
    BIO_lookup_ex(host: *const c_char, service: *const c_char, kind: c_int, family: c_int, socktype: c_int, protocol: c_int, list: *mut *mut addrinfo) -> c_int;
    BIO_parse_hostserv(text: *const c_char, host: *mut *mut c_char, service: *mut *mut c_char, priority: c_int) -> c_int;
    BIO_sock_init() -> c_int;
    CRYPTO_free(bytes: *mut c_void, file: *const c_char, line: c_int);
    ERR_clear_error();
    ERR_error_string_n(code: c_ulong, buffer: *mut c_char, len: usize);
    ERR_func_error_string(code: c_ulong) -> *const c_char;
    ERR_get_error_all(file: *mut *const c_char, line: *mut c_int, function: *mut *const c_char, data: *mut *const c_char, flags: *mut c_int) -> c_ulong;
    ERR_get_error_line_data(file: *mut *const c_char, line: *mut c_int, data: *mut *const c_char, flags: *mut c_int) -> c_ulong;
    ERR_lib_error_string(code: c_ulong) -> *const c_char;
    ERR_peek_error() -> c_ulong;
    ERR_reason_error_string(code: c_ulong) -> *const c_char;
    OPENSSL_init_crypto(options: u64, settings: *const c_void) -> c_int;
}

impl Api {
    /// Loads a library; its texts too, so that no input is the first to do so.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        const LOAD_CRYPTO_STRINGS: u64 = 2;
        let api = Self::find(Library::open(path)?);
        if api.OPENSSL_init_crypto.is_some() {
            api.OPENSSL_init_crypto(LOAD_CRYPTO_STRINGS, std::ptr::null());
        }
        api.BIO_sock_init();
        api.ERR_clear_error();
        Ok(api)
    }

    /// Frees a string that the library made.
    pub(crate) fn free(&self, text: *mut c_char) {
        self.CRYPTO_free(text.cast(), c"fuzz".as_ptr(), 0);
    }

    /// Whether codes are packed as by 1.1.1, with a function's number.
    pub(crate) fn is_old(&self) -> bool {
        self.ERR_get_error_all.is_none()
    }
}
