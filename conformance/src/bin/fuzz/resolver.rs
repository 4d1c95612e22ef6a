//! getaddrinfo and getnameinfo as both libraries find them: the C library's, but no name is
//! asked of any server. This program's definitions come before libc's.

use biosock_conformance::originals::Fallible;
use libc::{addrinfo, c_char, c_int, c_void, sockaddr, socklen_t};
use std::ffi::CStr;
use std::ptr;
use std::sync::OnceLock;

type GetAddrInfo =
    unsafe extern "C" fn(*const c_char, *const c_char, *const addrinfo, *mut *mut addrinfo) -> c_int;
type GetNameInfo = unsafe extern "C" fn(
    *const sockaddr,
    socklen_t,
    *mut c_char,
    socklen_t,
    *mut c_char,
    socklen_t,
    c_int,
) -> c_int;

/// The address of the C library's own function.
fn next(name: &CStr) -> *mut c_void {
    // SAFETY: the name is a C string, and RTLD_NEXT is a handle that dlsym knows.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

fn real_getaddrinfo() -> GetAddrInfo {
    static REAL: OnceLock<GetAddrInfo> = OnceLock::new();
    *REAL.get_or_init(|| {
        // SAFETY: the C library has the function, with this type.
        unsafe { std::mem::transmute::<*mut c_void, GetAddrInfo>(next(c"getaddrinfo")) }
    })
}

fn real_getnameinfo() -> GetNameInfo {
    static REAL: OnceLock<GetNameInfo> = OnceLock::new();
    *REAL.get_or_init(|| {
        // SAFETY: the C library has the function, with this type.
        unsafe { std::mem::transmute::<*mut c_void, GetNameInfo>(next(c"getnameinfo")) }
    })
}

/// As the C library's, with AI_NUMERICHOST where a host is named.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    host: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    list: *mut *mut addrinfo,
) -> c_int {
    let mut asked = empty_hints();
    if !hints.is_null() {
        // SAFETY: the caller's hints are valid for reading.
        asked = unsafe { hints.read() };
    }
    if !host.is_null() {
        asked.ai_flags |= libc::AI_NUMERICHOST;
    }
    // SAFETY: as the caller promised the C library.
    unsafe { real_getaddrinfo()(host, service, &raw const asked, list) }
}

fn empty_hints() -> addrinfo {
    addrinfo {
        ai_flags: 0,
        ai_family: 0,
        ai_socktype: 0,
        ai_protocol: 0,
        ai_addrlen: 0,
        ai_addr: ptr::null_mut(),
        ai_canonname: ptr::null_mut(),
        ai_next: ptr::null_mut(),
    }
}

/// As the C library's, with NI_NUMERICHOST.
#[unsafe(no_mangle)]
unsafe extern "C" fn getnameinfo(
    addr: *const sockaddr,
    len: socklen_t,
    host: *mut c_char,
    host_len: socklen_t,
    service: *mut c_char,
    service_len: socklen_t,
    flags: c_int,
) -> c_int {
    let flags = flags | libc::NI_NUMERICHOST;
    // SAFETY: as the caller promised the C library.
    unsafe { real_getnameinfo()(addr, len, host, host_len, service, service_len, flags) }
}

/// Without these two in front of libc's, names made at random would be asked of a server.
pub(crate) fn must_be_in_place() -> Fallible<()> {
    let found = [
        (find(c"getaddrinfo"), getaddrinfo as *mut c_void),
        (find(c"getnameinfo"), getnameinfo as *mut c_void),
    ];
    if found.iter().all(|(found, ours)| found == ours) {
        return Ok(());
    }
    Err("getaddrinfo of this program is not the one that libraries find".into())
}

/// What a library that is loaded later finds under the name.
fn find(name: &CStr) -> *mut c_void {
    // SAFETY: the name is a C string, and RTLD_DEFAULT is a handle that dlsym knows.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
}
