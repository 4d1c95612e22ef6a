//! Converts C callers' arguments to the core's types.

use std::ffi::{OsStr, c_char, c_int};
use std::fmt;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use biosock::fd::Options;
use biosock::{Domain, Family, Socket, SocketAddr, UnixAddr};

use crate::addr::{self, BIO_ADDR};
use crate::c_string::string_bytes;
use crate::failure::Failure;
use crate::lookup::{BIO_ADDRINFO, BIO_ADDRINFO_address, BIO_ADDRINFO_next};

/// `BIOSOCK_INHERIT`: executed programs inherit the descriptor.
pub(super) const INHERIT: c_int = 0x0100_0000;

/// `BIOSOCK_MPTCP`: Multipath TCP if the kernel supports it.
pub(super) const MPTCP: c_int = 0x0200_0000;

/// `BIOSOCK_NO_REUSEADDR`: listening sockets do not get SO_REUSEADDR.
pub(super) const NO_REUSEADDR: c_int = 0x0400_0000;

/// BIO_connect(3)'s bits of an options word. A bit that is neither one of them
/// nor in `others` is refused.
pub(super) fn options(given: c_int, others: c_int) -> Result<Options, Failure> {
    let known = Options::all().bits() as c_int | others;
    match given & !known {
        0 => Ok(Options::from_bits_truncate(given as u32)),
        unknown => Err(Failure::invalid(format_args!("unknown option bits: {unknown:#x}"))),
    }
}

/// AF_UNSPEC, AF_INET or AF_INET6.
pub(super) fn family(given: c_int) -> Result<Family, Failure> {
    Family::try_from(Domain::from_raw(given))
        .map_err(|_| Failure::invalid(format_args!("family {given} is not AF_UNSPEC, AF_INET or AF_INET6")))
}

/// A setting for which 0 means the default.
pub(super) fn positive(name: &str, given: c_int) -> Result<Option<u32>, Failure> {
    match u32::try_from(given) {
        Ok(0) => Ok(None),
        Ok(given) => Ok(Some(given)),
        Err(_) => Err(Failure::invalid(format_args!("{name} is {given}; use 0 for the default"))),
    }
}

/// The same in milliseconds.
pub(super) fn time(name: &str, given: c_int) -> Result<Option<Duration>, Failure> {
    Ok(positive(name, given)?.map(|given| Duration::from_millis(given.into())))
}

/// A caller's string, which must be UTF-8; `None` for NULL.
///
/// # Safety
///
/// `text` is NULL or a NUL-terminated string, which nothing changes meanwhile.
pub(super) unsafe fn utf8<'a>(name: &str, text: *const c_char) -> Result<Option<&'a str>, Failure> {
    // SAFETY: NULL or a C string.
    let Some(bytes) = (unsafe { string_bytes(text) }) else { return Ok(None) };
    std::str::from_utf8(bytes)
        .map(Some)
        .map_err(|_| Failure::invalid(format_args!("{name} is invalid UTF-8: {}", Shown(bytes))))
}

/// As much of a caller's string as a message shows, escaped.
pub(super) struct Shown<'a>(pub(super) &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 256;
        let (start, rest) = self.0.split_at(self.0.len().min(MOST));
        write!(f, "{}{}", start.escape_ascii(), if rest.is_empty() { "" } else { "..." })
    }
}

/// What to dial or to listen on.
pub(super) enum Target<'a> {
    Utf8(&'a str),
    /// A Unix path that is not UTF-8.
    Path(SocketAddr),
}

/// # Safety
///
/// `target` is NULL or a NUL-terminated string, which nothing changes meanwhile.
pub(super) unsafe fn target<'a>(target: *const c_char) -> Result<Target<'a>, Failure> {
    // SAFETY: NULL or a C string.
    let bytes = unsafe { string_bytes(target) }.ok_or(Failure::Null("target"))?;
    match (bytes.strip_prefix(b"unix:"), std::str::from_utf8(bytes)) {
        (_, Ok(text)) => Ok(Target::Utf8(text)),
        (Some(path), Err(_)) => Ok(Target::Path(UnixAddr::from_path(OsStr::from_bytes(path))?.into())),
        (None, Err(_)) => Err(Failure::invalid(format_args!("target is invalid UTF-8: {}", Shown(bytes)))),
    }
}

/// The addresses of an array of pointers; none for 0.
///
/// # Safety
///
/// `addrs` points to `count` pointers, each NULL or to an address of at least
/// the size of its family.
pub(super) unsafe fn addrs(addrs: *const *const BIO_ADDR, count: usize) -> Result<Vec<SocketAddr>, Failure> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if addrs.is_null() {
        return Err(Failure::Null("addrs"));
    }
    // SAFETY: not NULL, so `count` pointers.
    let addrs = unsafe { elements(addrs, count) };
    // SAFETY: each is NULL or an address.
    addrs.map(|addr| unsafe { known(addr) }).collect()
}

/// The elements of a caller's array, read lazily: a count that is too large does
/// no harm if an earlier element is refused.
///
/// # Safety
///
/// `first` points to as many elements as are read, at any alignment.
pub(super) unsafe fn elements<T: Copy>(first: *const T, count: usize) -> impl Iterator<Item = T> {
    (0..count).map(move |index| {
        let place = first.wrapping_add(index);
        // SAFETY: an element of the caller's array.
        unsafe { place.read_unaligned() }
    })
}

/// The addresses of a lookup's list, each once; none for NULL.
///
/// # Safety
///
/// `list` is NULL or a list from a lookup.
pub(super) unsafe fn chain(list: *const BIO_ADDRINFO) -> Result<Vec<SocketAddr>, Failure> {
    let mut addrs = Vec::new();
    let mut node = list;
    while !node.is_null() {
        // SAFETY: a node of the caller's list.
        let addr = unsafe { BIO_ADDRINFO_address(node) };
        // SAFETY: its address.
        let addr = unsafe { known(addr) }?;
        if !addrs.contains(&addr) {
            addrs.push(addr);
        }
        // SAFETY: a node of the caller's list.
        node = unsafe { BIO_ADDRINFO_next(node) };
    }
    Ok(addrs)
}

/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
unsafe fn known(addr: *const BIO_ADDR) -> Result<SocketAddr, Failure> {
    // SAFETY: NULL or an address.
    let addr = unsafe { addr::view(addr) }.map_err(|_| Failure::Null("an address"))?;
    addr.to_addr().ok_or_else(|| {
        let family = addr.family().map_or(0, Domain::as_raw);
        Failure::invalid(format_args!("address family {family} is not IPv4, IPv6 or Unix"))
    })
}

/// An address in C's layout.
pub(super) fn c_addr(addr: &SocketAddr) -> BIO_ADDR {
    addr.with_sockaddr(|addr| BIO_ADDR::from_bytes(addr.as_bytes()))
}

/// The descriptor for the caller, inheritable if requested.
pub(super) fn into_descriptor(socket: Socket, options: c_int) -> c_int {
    if options & INHERIT != 0 {
        inherit(&socket);
    }
    socket.into_raw_fd()
}

/// Clears CLOEXEC, which cannot fail on an open descriptor.
pub(super) fn inherit(socket: &Socket) {
    // SAFETY: the descriptor is open, and only a flag of it changes.
    unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_SETFD, 0) };
}
