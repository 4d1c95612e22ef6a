//! Socket addresses as a C program lays them out, and words for them.

use super::names::{own_number, port_words};
use crate::api::Addr;
use libc::{c_int, c_void, sockaddr, socklen_t};

/// Bytes in a `BIO_ADDR`.
pub(crate) const ADDR_LEN: usize = 112;

/// `::1`
pub(crate) const LOOPBACK6: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// getsockname(2) or getpeername(2).
pub(super) type Ask = unsafe extern "C" fn(c_int, *mut sockaddr, *mut socklen_t) -> c_int;

/// A socket address as a C program lays it out, as large as a `BIO_ADDR`.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Place {
    pub(crate) bytes: [u8; ADDR_LEN],
    pub(crate) len: socklen_t,
}

impl Place {
    pub(crate) fn empty() -> Self {
        let bytes = [0; ADDR_LEN];
        Self { bytes, len: 2 }
    }

    pub(crate) fn v4(ip: [u8; 4], port: u16) -> Self {
        let mut place = Self::empty();
        place.set_family(libc::AF_INET);
        place.bytes[2..4].copy_from_slice(&port.to_be_bytes());
        place.bytes[4..8].copy_from_slice(&ip);
        place.len = 16;
        place
    }

    pub(crate) fn v6(ip: [u8; 16], port: u16) -> Self {
        let mut place = Self::empty();
        place.set_family(libc::AF_INET6);
        place.bytes[2..4].copy_from_slice(&port.to_be_bytes());
        place.bytes[8..24].copy_from_slice(&ip);
        place.len = 28;
        place
    }

    pub(crate) fn unix(path: &str) -> Self {
        let mut place = Self::empty();
        place.set_family(libc::AF_UNIX);
        place.bytes[2..2 + path.len()].copy_from_slice(path.as_bytes());
        place.len = 110;
        place
    }

    pub(crate) fn with_family(mut self, family: c_int) -> Self {
        self.set_family(family);
        self
    }

    fn set_family(&mut self, family: c_int) {
        let family = u16::try_from(family).unwrap_or(0);
        self.bytes[..2].copy_from_slice(&family.to_ne_bytes());
    }

    /// The address that a socket is bound to.
    pub(crate) fn local(fd: c_int) -> Self {
        Self::asked(fd, libc::getsockname)
    }

    /// The address that a socket is connected to.
    pub(crate) fn peer(fd: c_int) -> Self {
        Self::asked(fd, libc::getpeername)
    }

    fn asked(fd: c_int, ask: Ask) -> Self {
        let mut place = Self::empty();
        place.len = 110;
        // SAFETY: the buffer has the length given.
        unsafe { ask(fd, place.bytes.as_mut_ptr().cast(), &raw mut place.len) };
        place
    }

    pub(super) fn port(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    pub(super) fn sockaddr(&self) -> *const sockaddr {
        self.bytes.as_ptr().cast()
    }

    /// As the C functions take it.
    pub(crate) fn as_addr(&self) -> *const Addr {
        self.bytes.as_ptr().cast()
    }

    /// As the C functions write it.
    pub(crate) fn as_mut_addr(&mut self) -> *mut Addr {
        self.bytes.as_mut_ptr().cast()
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        address_words(self.bytes.as_ptr().cast(), ADDR_LEN)
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words())
    }
}

/// Words for a socket address; ports that differ from run to run by their role.
pub(crate) fn address_words(addr: *const c_void, len: usize) -> String {
    if addr.is_null() {
        return "NULL".to_owned();
    }
    if len < 2 {
        return format!("{len} bytes");
    }
    let len = len.min(ADDR_LEN);
    // SAFETY: the caller promises so many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(addr.cast::<u8>(), len) };
    match c_int::from(u16::from_ne_bytes([bytes[0], bytes[1]])) {
        libc::AF_INET if len >= 16 => v4_words(bytes),
        libc::AF_INET6 if len >= 28 => v6_words(bytes),
        libc::AF_UNIX => unix_words(&bytes[2..]),
        libc::AF_UNSPEC => "unspec".to_owned(),
        family => format!("family {family}, {len} bytes"),
    }
}

fn v4_words(bytes: &[u8]) -> String {
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    let ip = std::net::Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]);
    format!("{ip}:{}", port_words(port))
}

fn v6_words(bytes: &[u8]) -> String {
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    let mut ip = [0; 16];
    ip.copy_from_slice(&bytes[8..24]);
    let flow = u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let scope = u32::from_ne_bytes([bytes[24], bytes[25], bytes[26], bytes[27]]);
    let ip = std::net::Ipv6Addr::from(ip);
    let mut words = format!("[{ip}]:{}", port_words(port));
    if flow != 0 || scope != 0 {
        words.push_str(&format!(" flow {flow} scope {scope}"));
    }
    words
}

fn unix_words(path: &[u8]) -> String {
    let (mark, path) = match path {
        [0, rest @ ..] => ("@", rest),
        path => ("", path),
    };
    let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
    let path = String::from_utf8_lossy(&path[..end]);
    // The process's number in an abstract name differs from run to run.
    let path = path.strip_suffix(&own_number()).unwrap_or(&path);
    format!("unix:{mark}{path}")
}
