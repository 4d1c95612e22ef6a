//! Everything of a socket that a routine may have touched, in words.

use super::place::{ADDR_LEN, Ask, Place, address_words};
use libc::{c_int, socklen_t};
use std::mem;

/// Everything of a socket that a routine may have touched.
pub(crate) fn left_behind(fd: c_int) -> String {
    let flags = fcntl(fd, libc::F_GETFL);
    if flags < 0 {
        return "no open descriptor".to_owned();
    }
    let mut words = vec![
        format!("nonblock={}", u8::from(flags & libc::O_NONBLOCK != 0)),
        format!("cloexec={}", fcntl(fd, libc::F_GETFD)),
    ];
    for (name, level, option) in OPTIONS {
        if let Some(value) = int_option(fd, *level, *option) {
            words.push(format!("{name}={value}"));
        }
    }
    words.push(format!("name={}", end(fd, libc::getsockname)));
    words.push(format!("peer={}", end(fd, libc::getpeername)));
    words.join(" ")
}

const OPTIONS: &[(&str, c_int, c_int)] = &[
    ("keepalive", libc::SOL_SOCKET, libc::SO_KEEPALIVE),
    ("nodelay", libc::IPPROTO_TCP, libc::TCP_NODELAY),
    ("reuseaddr", libc::SOL_SOCKET, libc::SO_REUSEADDR),
    ("reuseport", libc::SOL_SOCKET, libc::SO_REUSEPORT),
    ("v6only", libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
    ("fastopen", libc::IPPROTO_TCP, libc::TCP_FASTOPEN),
    ("fastopen_connect", libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT),
    ("listening", libc::SOL_SOCKET, libc::SO_ACCEPTCONN),
    ("error", libc::SOL_SOCKET, libc::SO_ERROR),
];

fn fcntl(fd: c_int, command: c_int) -> c_int {
    // SAFETY: the commands given read flags and take no argument.
    unsafe { libc::fcntl(fd, command) }
}

/// An option's value, where the socket has that option.
fn int_option(fd: c_int, level: c_int, option: c_int) -> Option<c_int> {
    let mut value: c_int = 0;
    let mut len = mem::size_of::<c_int>() as socklen_t;
    // SAFETY: the buffer has the length given.
    let result = unsafe { libc::getsockopt(fd, level, option, (&raw mut value).cast(), &raw mut len) };
    (result == 0).then_some(value)
}

fn end(fd: c_int, ask: Ask) -> String {
    let mut place = Place::empty();
    let mut len = ADDR_LEN as socklen_t;
    // SAFETY: the buffer has the length given.
    let result = unsafe { ask(fd, place.bytes.as_mut_ptr().cast(), &raw mut len) };
    if result != 0 {
        return "none".to_owned();
    }
    address_words(place.bytes.as_ptr().cast(), len as usize)
}

/// How many descriptors the process has open; no case has as many as are looked at.
pub(crate) fn open_descriptors() -> usize {
    (0..64).filter(|fd| fcntl(*fd, libc::F_GETFD) >= 0).count()
}
