//! The calls with fixed arguments.

use super::memory::aside;
use super::{Next, errno, fault, names, note, pass, set_errno};
use crate::world::address_words;
use libc::{addrinfo, c_char, c_int, c_void, hostent, pollfd, sockaddr, socklen_t};
use std::ffi::CStr;
use std::mem::transmute;

/// Defines a call that is passed on to libc's own of the same name.
macro_rules! passed_on {
    ($($name:literal $function:ident($($arg:ident: $type:ty),*) { $words:expr })*) => { $(
        /// Passed on and noted.
        ///
        /// # Safety
        /// As libc's function of this name.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $function($($arg: $type),*) -> c_int {
            type Real = unsafe extern "C" fn($($type),*) -> c_int;
            static NEXT: Next = Next::new($name);
            // SAFETY: libc's function of this name has this type.
            let real = unsafe { transmute::<*mut c_void, Option<Real>>(NEXT.get()) };
            let Some(real) = real else { return -1 };
            pass(
                stringify!($function),
                || $words,
                // SAFETY: the caller's arguments go on as they came.
                || unsafe { real($($arg),*) },
            )
        }
    )* };
}

passed_on! {
    c"socket" socket(domain: c_int, kind: c_int, protocol: c_int) {
        format!("{domain}, {}, {protocol}", type_words(kind))
    }
    c"bind" bind(_fd: c_int, addr: *const sockaddr, len: socklen_t) {
        format!("{}, {len}", address_words(addr.cast(), len as usize))
    }
    c"connect" connect(_fd: c_int, addr: *const sockaddr, len: socklen_t) {
        format!("{}, {len}", address_words(addr.cast(), len as usize))
    }
    c"listen" listen(_fd: c_int, backlog: c_int) { format!("{backlog}") }
    c"accept" accept(_fd: c_int, _addr: *mut sockaddr, _len: *mut socklen_t) {
        String::new()
    }
    c"accept4" accept4(_fd: c_int, _addr: *mut sockaddr, _len: *mut socklen_t, flags: c_int) {
        type_words(flags)
    }
    c"getsockname" getsockname(_fd: c_int, _addr: *mut sockaddr, _len: *mut socklen_t) {
        String::new()
    }
    c"getpeername" getpeername(_fd: c_int, _addr: *mut sockaddr, _len: *mut socklen_t) {
        String::new()
    }
    c"setsockopt" setsockopt(_fd: c_int, level: c_int, name: c_int, value: *const c_void, len: socklen_t) {
        format!("{} = {}", names::option(level, name), int_words(value, len))
    }
    c"getsockopt" getsockopt(_fd: c_int, level: c_int, name: c_int, _value: *mut c_void, _len: *mut socklen_t) {
        names::option(level, name)
    }
    c"poll" poll(fds: *mut pollfd, count: libc::nfds_t, timeout: c_int) {
        format!("{}, {}", poll_words(fds, count), wait_words(timeout))
    }
    c"select" select(_count: c_int, _r: *mut c_void, _w: *mut c_void, _e: *mut c_void, _t: *mut c_void) {
        String::new()
    }
}

/// The later form of `poll`; faults of `poll` apply to it too.
///
/// # Safety
/// As libc's `ppoll`.
#[unsafe(no_mangle)]
unsafe extern "C" fn ppoll(
    fds: *mut pollfd,
    count: libc::nfds_t,
    timeout: *const libc::timespec,
    mask: *const libc::sigset_t,
) -> c_int {
    type Real = unsafe extern "C" fn(
        *mut pollfd,
        libc::nfds_t,
        *const libc::timespec,
        *const libc::sigset_t,
    ) -> c_int;
    static NEXT: Next = Next::new(c"ppoll");
    // SAFETY: libc's function of this name has this type.
    let real = unsafe { transmute::<*mut c_void, Option<Real>>(NEXT.get()) };
    let Some(real) = real else { return -1 };
    // SAFETY: the caller's arguments go on as they came.
    pass("poll", || poll_words(fds, count), || unsafe { real(fds, count, timeout, mask) })
}

/// Closes even where a fault reports otherwise, as Linux does.
///
/// # Safety
/// As libc's `close`.
#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    type Real = unsafe extern "C" fn(c_int) -> c_int;
    static NEXT: Next = Next::new(c"close");
    // SAFETY: libc's function of this name has this type.
    let real = unsafe { transmute::<*mut c_void, Option<Real>>(NEXT.get()) };
    let Some(real) = real else { return -1 };
    if let Some(error) = fault("close") {
        // SAFETY: the caller gives the descriptor up.
        unsafe { real(fd) };
        aside(|| note(&format!("close() = {}", names::errno(error))));
        set_errno(error);
        return -1;
    }
    // SAFETY: the caller gives the descriptor up.
    pass("close", String::new, || unsafe { real(fd) })
}

type RealGetaddrinfo =
    unsafe extern "C" fn(*const c_char, *const c_char, *const addrinfo, *mut *mut addrinfo) -> c_int;

/// Passed on and noted; a fault is an `EAI_` code.
///
/// # Safety
/// As libc's `getaddrinfo`.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    list: *mut *mut addrinfo,
) -> c_int {
    static NEXT: Next = Next::new(c"getaddrinfo");
    // SAFETY: libc's function of this name has this type.
    let real = unsafe { transmute::<*mut c_void, Option<RealGetaddrinfo>>(NEXT.get()) };
    let Some(real) = real else {
        return libc::EAI_FAIL;
    };
    let mut copy = None;
    let result = match fault("getaddrinfo") {
        Some(code) => {
            set_errno(libc::EIO);
            code
        }
        None => {
            let hints = local(node, hints, &mut copy);
            // SAFETY: the caller's arguments, or a copy of them.
            patiently(|| unsafe { real(node, service, hints, list) })
        }
    };
    let after = errno();
    if super::WATCHING.load(std::sync::atomic::Ordering::SeqCst) {
        aside(|| {
            let words = [string_words(node), string_words(service), hint_words(hints)];
            note(&format!("getaddrinfo({}) = {}", words.join(", "), names::eai(result)));
        });
    }
    set_errno(after);
    result
}

/// Where `localhost` has no address of a family in the hosts file, libc asks a name server
/// after all; one that has no time now means nothing about the library.
fn patiently(ask: impl Fn() -> c_int) -> c_int {
    const TRIES: usize = 3;
    (1..TRIES).map(|_| ask()).find(|result| *result != libc::EAI_AGAIN).unwrap_or_else(ask)
}

/// No case asks a name server: of names only `localhost` is resolved, any other is unknown.
fn local(node: *const c_char, hints: *const addrinfo, copy: &mut Option<addrinfo>) -> *const addrinfo {
    let known = node.is_null() || aside(|| string_words(node) == "\"localhost\"");
    if known || hints.is_null() {
        return hints;
    }
    // SAFETY: not null, so the caller's hints, of which four numbers are used.
    let numeric = copy.insert(unsafe { hints.read() });
    numeric.ai_flags |= libc::AI_NUMERICHOST;
    numeric
}

type RealGetnameinfo = unsafe extern "C" fn(
    *const sockaddr,
    socklen_t,
    *mut c_char,
    socklen_t,
    *mut c_char,
    socklen_t,
    c_int,
) -> c_int;

/// Passed on and noted; a fault is an `EAI_` code.
///
/// # Safety
/// As libc's `getnameinfo`.
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
    static NEXT: Next = Next::new(c"getnameinfo");
    // SAFETY: libc's function of this name has this type.
    let real = unsafe { transmute::<*mut c_void, Option<RealGetnameinfo>>(NEXT.get()) };
    let Some(real) = real else {
        return libc::EAI_FAIL;
    };
    let result = match fault("getnameinfo") {
        Some(code) => {
            set_errno(libc::EIO);
            code
        }
        // SAFETY: the caller's arguments go on as they came.
        None => unsafe { real(addr, len, host, host_len, service, service_len, flags) },
    };
    let after = errno();
    if super::WATCHING.load(std::sync::atomic::Ordering::SeqCst) {
        aside(|| {
            let words = address_words(addr.cast(), len as usize);
            let flags = names::name_flags(flags);
            note(&format!("getnameinfo({words}, {len}, {flags}) = {}", names::eai(result)));
        });
    }
    set_errno(after);
    result
}

/// Passed on and noted.
///
/// # Safety
/// As libc's `gethostbyname`.
#[unsafe(no_mangle)]
unsafe extern "C" fn gethostbyname(name: *const c_char) -> *mut hostent {
    type Real = unsafe extern "C" fn(*const c_char) -> *mut hostent;
    static NEXT: Next = Next::new(c"gethostbyname");
    // SAFETY: libc's function of this name has this type.
    let real = unsafe { transmute::<*mut c_void, Option<Real>>(NEXT.get()) };
    let Some(real) = real else {
        return std::ptr::null_mut();
    };
    if super::WATCHING.load(std::sync::atomic::Ordering::SeqCst) {
        aside(|| note(&format!("gethostbyname({})", string_words(name))));
    }
    // SAFETY: the caller's argument goes on as it came.
    unsafe { real(name) }
}

fn type_words(kind: c_int) -> String {
    let mut words = (kind & 0xf).to_string();
    if kind & libc::SOCK_NONBLOCK != 0 {
        words.push_str("|SOCK_NONBLOCK");
    }
    if kind & libc::SOCK_CLOEXEC != 0 {
        words.push_str("|SOCK_CLOEXEC");
    }
    words
}

fn int_words(value: *const c_void, len: socklen_t) -> String {
    if value.is_null() || len != 4 {
        return format!("{len} bytes");
    }
    // SAFETY: the caller promises four bytes; they may lie unaligned.
    unsafe { value.cast::<c_int>().read_unaligned() }.to_string()
}

fn poll_words(fds: *const pollfd, count: libc::nfds_t) -> String {
    if fds.is_null() || count != 1 {
        return format!("{count} descriptors");
    }
    // SAFETY: the caller promises one entry.
    let one = unsafe { fds.read() };
    match one.events {
        libc::POLLIN => "POLLIN".to_owned(),
        libc::POLLOUT => "POLLOUT".to_owned(),
        other => format!("{other:#x}"),
    }
}

/// A remaining time differs from run to run, so only its kind is recorded.
fn wait_words(timeout: c_int) -> &'static str {
    match timeout {
        0 => "0",
        i32::MIN..=-1 => "forever",
        1.. => "a while",
    }
}

fn string_words(chars: *const c_char) -> String {
    if chars.is_null() {
        return "NULL".to_owned();
    }
    // SAFETY: not null, and a C string by the callee's contract.
    let text = unsafe { CStr::from_ptr(chars) };
    format!("{:?}", text.to_string_lossy())
}

fn hint_words(hints: *const addrinfo) -> String {
    if hints.is_null() {
        return "NULL".to_owned();
    }
    // SAFETY: not null, so the caller's hints; only the four numbers are looked at.
    let hints = unsafe { hints.read() };
    format!(
        "{}, family {}, type {}, protocol {}",
        names::hints(hints.ai_flags),
        hints.ai_family,
        hints.ai_socktype,
        hints.ai_protocol
    )
}
