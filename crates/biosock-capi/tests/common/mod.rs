//! Helpers for the tests: the queue, errno, addresses, listeners.
#![allow(dead_code, reason = "not every test needs everything")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block,
    reason = "each call below passes what its function asks for"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_ulong};
use std::net::{TcpListener, TcpStream};
use std::ptr;

use biosock_capi::*;

pub(crate) type S = Standalone;

pub(crate) const CONNECT: c_ulong = 0x1000_0067;
pub(crate) const NULL_ENTRY: c_ulong = 0x100C_0102;
pub(crate) const INVALID: c_ulong = 0x1008_0106;
pub(crate) const SYSTEM_LIBRARY: c_ulong = 0x1008_0002;
pub(crate) const INHERIT: c_int = 0x0100_0000;

pub(crate) fn system(number: c_int) -> c_ulong {
    0x8000_0000 | c_ulong::from(number.unsigned_abs())
}

pub(crate) fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().expect("errno is always there")
}

pub(crate) fn set_errno(number: c_int) {
    unsafe { *libc::__errno_location() = number };
}

/// Empties the queue; returns codes and data.
pub(crate) fn queue() -> Vec<(c_ulong, String)> {
    let mut entries = Vec::new();
    loop {
        let (mut data, mut flags) = (ptr::null(), 0);
        let code = unsafe {
            ERR_get_error_all(ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), &mut data, &mut flags)
        };
        if code == 0 {
            return entries;
        }
        entries.push((code, text(data).expect("data is never NULL")));
    }
}

pub(crate) fn codes() -> Vec<c_ulong> {
    queue().into_iter().map(|(code, _)| code).collect()
}

/// Checks that there is exactly one entry, with this message, and errno.
#[track_caller]
pub(crate) fn refused(code: c_ulong, says: &str, number: c_int) {
    let (errno, queue) = (errno(), queue());
    assert_eq!(queue.len(), 1, "{queue:?}");
    assert_eq!((queue[0].0, errno), (code, number), "{queue:?}");
    assert!(queue[0].1.contains(says), "{queue:?}");
}

pub(crate) fn text(text: *const c_char) -> Option<String> {
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

pub(crate) fn c(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

pub(crate) fn close(fd: c_int) {
    assert_eq!(unsafe { BIO_closesocket::<S>(fd) }, 1, "descriptor {fd}");
}

/// Whether the descriptor is close-on-exec; whether it is non-blocking.
pub(crate) fn flags(fd: c_int) -> (bool, bool) {
    let (fd_flags, status) = unsafe { (libc::fcntl(fd, libc::F_GETFD), libc::fcntl(fd, libc::F_GETFL)) };
    assert!(fd_flags >= 0 && status >= 0, "descriptor {fd}");
    (fd_flags & libc::FD_CLOEXEC != 0, status & libc::O_NONBLOCK != 0)
}

pub(crate) fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("bound").port()
}

pub(crate) fn listener() -> (TcpListener, CString) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let target = c(&format!("127.0.0.1:{}", port_of(&listener)));
    (listener, target)
}

/// A port that nothing listens on; bound, so that no other test gets it.
pub(crate) fn closed_port() -> (biosock::Socket, u16) {
    use biosock::{Socket, SocketAddr};
    let addr = SocketAddr::from(([127, 0, 0, 1], 0));
    let socket = Socket::stream_for(&addr).expect("a socket");
    socket.bind(&addr).expect("bound");
    let port = socket.local_addr().expect("bound").port().expect("IPv4");
    (socket, port)
}

/// An address that does not answer: a listener whose queue is full.
pub(crate) struct Silent {
    _listener: biosock::Socket,
    _waiting: Vec<TcpStream>,
    pub(crate) port: u16,
}

impl Silent {
    pub(crate) fn new() -> Self {
        use biosock::{ListenOptions, Socket, SocketAddr};
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Socket::stream_for(&any).expect("a socket");
        listener.listen_with(&any, &ListenOptions::new().backlog(0)).expect("listening");
        let addr = listener.local_addr().expect("bound");
        let port = addr.port().expect("IPv4");
        let patience = std::time::Duration::from_millis(200);
        let connect = || TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), patience);
        let waiting: Vec<_> = std::iter::repeat_with(connect).take(8).map_while(Result::ok).collect();
        assert!(waiting.len() < 8, "the queue never filled");
        Self { _listener: listener, _waiting: waiting, port }
    }

    pub(crate) fn target(&self) -> CString {
        c(&format!("127.0.0.1:{}", self.port))
    }
}

/// An address of the loopback network, freed at the end.
pub(crate) struct Addr(pub(crate) *mut BIO_ADDR);

impl Addr {
    pub(crate) fn new() -> Self {
        Self(unsafe { BIO_ADDR_new::<S>() })
    }

    pub(crate) fn v4(port: u16) -> Self {
        let addr = Self::new();
        let ip = [127u8, 0, 0, 1];
        let made = unsafe {
            BIO_ADDR_rawmake::<S>(addr.0, libc::AF_INET, ip.as_ptr().cast(), ip.len(), port.to_be())
        };
        assert_eq!(made, 1);
        addr
    }

    pub(crate) fn port(&self) -> u16 {
        u16::from_be(unsafe { BIO_ADDR_rawport::<S>(self.0) })
    }
}

impl Drop for Addr {
    fn drop(&mut self) {
        unsafe { BIO_ADDR_free::<S>(self.0) };
    }
}

/// A lookup's list, freed at the end.
pub(crate) struct Chain(pub(crate) *mut BIO_ADDRINFO);

impl Chain {
    pub(crate) fn of(host: &CStr, service: &str, socktype: c_int) -> Self {
        let mut list = ptr::null_mut();
        let service = c(service);
        let (family, protocol) = (libc::AF_INET, 0);
        let found = unsafe {
            BIO_lookup_ex::<S>(host.as_ptr(), service.as_ptr(), 0, family, socktype, protocol, &mut list)
        };
        assert_eq!(found, 1, "{:?}", queue());
        Self(list)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        unsafe { BIO_ADDRINFO_free::<S>(self.0) };
    }
}
