//! Socket options and modes, one function each.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use libc::c_int;
use rustix::net::sockopt;

use super::Errno;
use crate::raw::{Domain, Protocol, Type};

/// One ioctl(FIONBIO), where fcntl would take two calls.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, on: bool) -> Result<(), Errno> {
    rustix::io::ioctl_fionbio(fd, on)
}

pub(crate) fn is_nonblocking(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    rustix::fs::fcntl_getfl(fd).map(|flags| flags.contains(rustix::fs::OFlags::NONBLOCK))
}

/// ioctl(SIOCOUTQ) of tcp(7), unix(7): rustix has FIONREAD alone.
pub(crate) fn unsent(fd: BorrowedFd<'_>) -> Result<usize, Errno> {
    let mut unsent: c_int = 0;
    // SAFETY: SIOCOUTQ, which is TIOCOUTQ, writes one int, to where the pointer points.
    if unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut unsent) } < 0 {
        return Err(super::errno::last());
    }
    Ok(usize::try_from(unsent).unwrap_or(0))
}

pub(crate) fn set_reuseaddr(fd: BorrowedFd<'_>, on: bool) -> Result<(), Errno> {
    sockopt::set_socket_reuseaddr(fd, on)
}

pub(crate) fn set_reuseport(fd: BorrowedFd<'_>, on: bool) -> Result<(), Errno> {
    sockopt::set_socket_reuseport(fd, on)
}

pub(crate) fn set_keepalive(fd: BorrowedFd<'_>, on: bool) -> Result<(), Errno> {
    sockopt::set_socket_keepalive(fd, on)
}

pub(crate) fn set_keepalive_idle(fd: BorrowedFd<'_>, idle: Duration) -> Result<(), Errno> {
    sockopt::set_tcp_keepidle(fd, idle)
}

pub(crate) fn set_keepalive_interval(fd: BorrowedFd<'_>, every: Duration) -> Result<(), Errno> {
    sockopt::set_tcp_keepintvl(fd, every)
}

pub(crate) fn set_keepalive_probes(fd: BorrowedFd<'_>, probes: u32) -> Result<(), Errno> {
    sockopt::set_tcp_keepcnt(fd, probes)
}

/// SO_LINGER of no time: close(2) resets the connection.
pub(crate) fn set_reset_on_close(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    sockopt::set_socket_linger(fd, Some(Duration::ZERO))
}

pub(crate) fn set_nodelay(fd: BorrowedFd<'_>, on: bool) -> Result<(), Errno> {
    sockopt::set_tcp_nodelay(fd, on)
}

pub(crate) fn set_v6only(fd: BorrowedFd<'_>, on: bool) -> Result<(), Errno> {
    sockopt::set_ipv6_v6only(fd, on)
}

pub(crate) fn socket_type(fd: BorrowedFd<'_>) -> Result<Type, Errno> {
    sockopt::socket_type(fd).map(|socktype| Type::from_raw(socktype.as_raw() as i32))
}

pub(crate) fn socket_domain(fd: BorrowedFd<'_>) -> Result<Domain, Errno> {
    sockopt::socket_domain(fd).map(|domain| Domain::from_raw(domain.as_raw().into()))
}

pub(crate) fn socket_protocol(fd: BorrowedFd<'_>) -> Result<Protocol, Errno> {
    let protocol = sockopt::socket_protocol(fd)?;
    Ok(protocol.map_or(Protocol::DEFAULT, |protocol| Protocol::from_raw(protocol.as_raw().get() as i32)))
}

pub(crate) fn is_listening(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    sockopt::socket_acceptconn(fd)
}

/// SO_ERROR: the pending error, which reading clears.
pub(crate) fn take_error(fd: BorrowedFd<'_>) -> Result<Result<(), Errno>, Errno> {
    sockopt::socket_error(fd)
}

/// TCP_FASTOPEN_CONNECT: connect(2) returns at once and the first data goes
/// with the SYN.
pub(crate) fn set_fastopen_connect(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, &int_bytes(1))
}

/// TCP_FASTOPEN: how many connections whose handshake is not complete may
/// carry data.
pub(crate) fn set_fastopen_listen(fd: BorrowedFd<'_>, queue: c_int) -> Result<(), Errno> {
    setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, &int_bytes(queue))
}

/// SO_BINDTODEVICE; an empty name takes the binding back.
pub(crate) fn bind_device(fd: BorrowedFd<'_>, device: &[u8]) -> Result<(), Errno> {
    setsockopt(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, device)
}

fn int_bytes(value: c_int) -> [u8; size_of::<c_int>()] {
    value.to_ne_bytes()
}

/// For the options that rustix lacks.
fn setsockopt(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: &[u8]) -> Result<(), Errno> {
    let len = libc::socklen_t::try_from(value.len()).map_err(|_| Errno::INVAL)?;
    // SAFETY: `value` is readable for `len` bytes, and the kernel copies it.
    let result = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.as_ptr().cast(), len) };
    match result {
        0 => Ok(()),
        _ => Err(super::errno::last()),
    }
}
