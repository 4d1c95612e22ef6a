//! Socket options and modes, one function each.

use std::mem::offset_of;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use libc::c_int;
use rustix::net::sockopt;

use super::Errno;
use crate::raw::{Domain, Protocol, Type};

/// One ioctl(FIONBIO) instead of two fcntl(2) calls.
#[inline]
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, on: bool) -> Result<(), Errno> {
    let on = c_int::from(on);
    // SAFETY: FIONBIO reads one int, from where the pointer points.
    if unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONBIO, &raw const on) } < 0 {
        return Err(super::errno::last());
    }
    Ok(())
}

pub(crate) fn is_nonblocking(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    rustix::fs::fcntl_getfl(fd).map(|flags| flags.contains(rustix::fs::OFlags::NONBLOCK))
}

/// ioctl(SIOCOUTQ) of tcp(7) and unix(7), which rustix lacks.
pub(crate) fn unsent(fd: BorrowedFd<'_>) -> Result<usize, Errno> {
    let mut unsent: c_int = 0;
    // SAFETY: SIOCOUTQ, which is TIOCOUTQ, writes one int to the pointer.
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

#[inline]
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

pub(crate) fn linger(fd: BorrowedFd<'_>) -> Result<Option<Duration>, Errno> {
    sockopt::socket_linger(fd)
}

/// With zero, close(2) resets the connection.
pub(crate) fn set_linger(fd: BorrowedFd<'_>, linger: Option<Duration>) -> Result<(), Errno> {
    sockopt::set_socket_linger(fd, linger)
}

pub(crate) fn reuseaddr(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    sockopt::socket_reuseaddr(fd)
}

pub(crate) fn reuseport(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    sockopt::socket_reuseport(fd)
}

pub(crate) fn keepalive(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    sockopt::socket_keepalive(fd)
}

pub(crate) fn keepalive_idle(fd: BorrowedFd<'_>) -> Result<Duration, Errno> {
    sockopt::tcp_keepidle(fd)
}

pub(crate) fn keepalive_interval(fd: BorrowedFd<'_>) -> Result<Duration, Errno> {
    sockopt::tcp_keepintvl(fd)
}

pub(crate) fn keepalive_probes(fd: BorrowedFd<'_>) -> Result<u32, Errno> {
    sockopt::tcp_keepcnt(fd)
}

pub(crate) fn nodelay(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    sockopt::tcp_nodelay(fd)
}

pub(crate) fn v6only(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    sockopt::ipv6_v6only(fd)
}

pub(crate) fn recv_buffer_size(fd: BorrowedFd<'_>) -> Result<usize, Errno> {
    sockopt::socket_recv_buffer_size(fd)
}

pub(crate) fn set_recv_buffer_size(fd: BorrowedFd<'_>, bytes: usize) -> Result<(), Errno> {
    sockopt::set_socket_recv_buffer_size(fd, bytes)
}

pub(crate) fn send_buffer_size(fd: BorrowedFd<'_>) -> Result<usize, Errno> {
    sockopt::socket_send_buffer_size(fd)
}

pub(crate) fn set_send_buffer_size(fd: BorrowedFd<'_>, bytes: usize) -> Result<(), Errno> {
    sockopt::set_socket_send_buffer_size(fd, bytes)
}

pub(crate) fn ttl(fd: BorrowedFd<'_>) -> Result<u8, Errno> {
    // It is one byte in the packet.
    sockopt::ip_ttl(fd).map(|hops| u8::try_from(hops).unwrap_or(u8::MAX))
}

pub(crate) fn set_ttl(fd: BorrowedFd<'_>, hops: u8) -> Result<(), Errno> {
    sockopt::set_ip_ttl(fd, hops.into())
}

pub(crate) fn unicast_hops(fd: BorrowedFd<'_>) -> Result<u8, Errno> {
    sockopt::ipv6_unicast_hops(fd)
}

pub(crate) fn set_unicast_hops(fd: BorrowedFd<'_>, hops: u8) -> Result<(), Errno> {
    sockopt::set_ipv6_unicast_hops(fd, Some(hops))
}

pub(crate) fn traffic_class_v4(fd: BorrowedFd<'_>) -> Result<u8, Errno> {
    sockopt::ip_tos(fd)
}

pub(crate) fn set_traffic_class_v4(fd: BorrowedFd<'_>, class: u8) -> Result<(), Errno> {
    sockopt::set_ip_tos(fd, class)
}

pub(crate) fn traffic_class_v6(fd: BorrowedFd<'_>) -> Result<u8, Errno> {
    // It is one byte in the packet.
    sockopt::ipv6_tclass(fd).map(|class| u8::try_from(class).unwrap_or(u8::MAX))
}

pub(crate) fn set_traffic_class_v6(fd: BorrowedFd<'_>, class: u8) -> Result<(), Errno> {
    sockopt::set_ipv6_tclass(fd, class.into())
}

pub(crate) fn user_timeout(fd: BorrowedFd<'_>) -> Result<Duration, Errno> {
    sockopt::tcp_user_timeout(fd).map(|milliseconds| Duration::from_millis(milliseconds.into()))
}

/// Rounded up to milliseconds: zero would be no limit.
pub(crate) fn set_user_timeout(fd: BorrowedFd<'_>, timeout: Duration) -> Result<(), Errno> {
    let milliseconds = timeout.as_nanos().div_ceil(1_000_000);
    sockopt::set_tcp_user_timeout(fd, u32::try_from(milliseconds).map_err(|_| Errno::INVAL)?)
}

/// SO_PEERCRED: process, user, group.
pub(crate) fn peer_credentials(fd: BorrowedFd<'_>) -> Result<(i32, u32, u32), Errno> {
    let mut peer = [0; size_of::<libc::ucred>()];
    getsockopt(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut peer)?;
    let number = |at: usize| [peer[at], peer[at + 1], peer[at + 2], peer[at + 3]];
    let pid = i32::from_ne_bytes(number(offset_of!(libc::ucred, pid)));
    let uid = u32::from_ne_bytes(number(offset_of!(libc::ucred, uid)));
    let gid = u32::from_ne_bytes(number(offset_of!(libc::ucred, gid)));
    Ok((pid, uid, gid))
}

pub(crate) fn mark(fd: BorrowedFd<'_>) -> Result<u32, Errno> {
    let mut mark = [0; size_of::<u32>()];
    getsockopt(fd, libc::SOL_SOCKET, libc::SO_MARK, &mut mark)?;
    Ok(u32::from_ne_bytes(mark))
}

pub(crate) fn set_mark(fd: BorrowedFd<'_>, mark: u32) -> Result<(), Errno> {
    setsockopt(fd, libc::SOL_SOCKET, libc::SO_MARK, &mark.to_ne_bytes())
}

/// The name of the device that a socket is bound to, empty if none.
pub(crate) fn device(fd: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    let mut name = [0; libc::IFNAMSIZ];
    let len = getsockopt(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &mut name)?;
    Ok(name[..len].split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
}

#[inline]
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

/// TCP_FASTOPEN_CONNECT: connect(2) returns at once, and the first data is sent
/// with the SYN.
pub(crate) fn set_fastopen_connect(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, &int_bytes(1))
}

/// TCP_FASTOPEN: how many connections may carry data before their handshake is
/// complete.
pub(crate) fn set_fastopen_listen(fd: BorrowedFd<'_>, queue: c_int) -> Result<(), Errno> {
    setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, &int_bytes(queue))
}

/// SO_BINDTODEVICE; an empty name removes the binding.
pub(crate) fn bind_device(fd: BorrowedFd<'_>, device: &[u8]) -> Result<(), Errno> {
    setsockopt(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, device)
}

fn int_bytes(value: c_int) -> [u8; size_of::<c_int>()] {
    value.to_ne_bytes()
}

/// For options that rustix lacks. Returns the number of bytes written.
fn getsockopt(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: &mut [u8]) -> Result<usize, Errno> {
    let mut len = libc::socklen_t::try_from(value.len()).map_err(|_| Errno::INVAL)?;
    // SAFETY: `value` is writable for `len` bytes, and the kernel writes no more.
    let result =
        unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &raw mut len) };
    match result {
        0 => Ok(value.len().min(len as usize)),
        _ => Err(super::errno::last()),
    }
}

/// For options that rustix lacks.
fn setsockopt(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: &[u8]) -> Result<(), Errno> {
    let len = libc::socklen_t::try_from(value.len()).map_err(|_| Errno::INVAL)?;
    // SAFETY: `value` is readable for `len` bytes, and the kernel copies it.
    let result = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.as_ptr().cast(), len) };
    match result {
        0 => Ok(()),
        _ => Err(super::errno::last()),
    }
}
