//! Queries, options and other calls on a borrowed descriptor.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::sys::{self, Flags, SockAddrBuf};
use crate::{Domain, Error, Operation, Protocol, Reason, Result, SocketAddr, Syscall, Type, UnixAddr};

/// Creates a blocking socket that is inherited across exec.
///
/// # Errors
/// socket(2)'s, with [`Reason::UnableToCreate`].
///
/// ```
/// use biosock::{Domain, Protocol, Type, fd};
///
/// let socket = fd::socket(Domain::IPV6, Type::DGRAM, Protocol::UDP)?;
/// fd::close(socket)?;
/// # Ok::<(), biosock::Error>(())
/// ```
#[doc(alias = "BIO_socket")]
#[inline]
pub fn socket(domain: Domain, socktype: Type, protocol: Protocol) -> Result<OwnedFd> {
    sys::socket(domain, socktype, protocol, Flags { nonblocking: false, cloexec: false })
        .map_err(socket_error)
}

pub(crate) fn socket_error(errno: sys::Errno) -> Error {
    Error::system_call(Operation::Socket, Syscall::Socket, errno.raw_os_error(), Reason::UnableToCreate)
}

/// Closes a descriptor and returns the result; it is closed either way.
///
/// # Errors
/// close(2)'s. BIO_closesocket(3) queues nothing, so there is no reason.
///
/// ```
/// use std::os::fd::OwnedFd;
/// use biosock::fd;
///
/// fd::close(OwnedFd::from(std::net::UdpSocket::bind("127.0.0.1:0")?))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BIO_closesocket")]
#[inline]
pub fn close(fd: OwnedFd) -> Result<()> {
    sys::close(fd)
        .map_err(|errno| Error::system_call(Operation::Close, Syscall::Close, errno.raw_os_error(), None))
}

/// Sets or clears O_NONBLOCK.
///
/// # Errors
/// ioctl(2)'s.
///
/// ```
/// use std::os::fd::AsFd;
/// use biosock::fd;
///
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// fd::set_nonblocking(socket.as_fd(), true)?;
/// assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BIO_socket_nbio")]
#[inline]
pub fn set_nonblocking(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    sys::set_nonblocking(fd, on)
        .map_err(|errno| Error::system_call(Operation::SetOption, Syscall::Ioctl, errno.raw_os_error(), None))
}

/// Sets or clears TCP_NODELAY.
///
/// # Errors
/// setsockopt(2)'s.
///
/// ```
/// use std::os::fd::AsFd;
/// use biosock::{Domain, Protocol, Type, fd};
///
/// let socket = fd::socket(Domain::IPV4, Type::STREAM, Protocol::TCP)?;
/// fd::set_nodelay(socket.as_fd(), true)?;
/// # Ok::<(), biosock::Error>(())
/// ```
#[doc(alias = "BIO_set_tcp_ndelay")]
pub fn set_nodelay(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    sys::set_nodelay(fd, on).map_err(|errno| {
        let errno = errno.raw_os_error();
        Error::system_call(Operation::SetOption, Syscall::SetSockOpt, errno, None)
    })
}

/// The address that a socket is bound to.
///
/// # Errors
/// getsockname(2)'s, with [`Reason::GetSockName`].
///
/// ```
/// use std::os::fd::AsFd;
/// use biosock::fd;
///
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// let bound = fd::local_addr(socket.as_fd())?.as_sockaddr().to_addr();
/// assert_eq!(bound, Some(socket.local_addr()?.into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BIO_sock_info")]
pub fn local_addr(fd: BorrowedFd<'_>) -> Result<SockAddrBuf> {
    sys::local_addr(fd).map_err(|errno| {
        let errno = errno.raw_os_error();
        Error::system_call(Operation::Query, Syscall::GetSockName, errno, Reason::GetSockName)
    })
}

/// Reads and clears a socket's pending error (SO_ERROR): an error number, or 0 for
/// none.
///
/// # Errors
/// getsockopt(2)'s.
///
/// ```
/// use std::os::fd::AsFd;
/// use biosock::fd;
///
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// assert_eq!(fd::take_error(socket.as_fd())?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BIO_sock_error")]
pub fn take_error(fd: BorrowedFd<'_>) -> Result<i32> {
    match sys::take_error(fd) {
        Ok(pending) => Ok(pending.err().map_or(0, sys::Errno::raw_os_error)),
        Err(errno) => {
            Err(Error::system_call(Operation::Query, Syscall::GetSockOpt, errno.raw_os_error(), None))
        }
    }
}

/// The result of setting one option as part of an operation, with BIO_connect(3)'s
/// reason if it failed.
pub(crate) fn set(result: Result<(), sys::Errno>, operation: Operation, reason: Reason) -> Result<()> {
    result.map_err(|errno| Error::system_call(operation, Syscall::SetSockOpt, errno.raw_os_error(), reason))
}

/// A peer's address; if the system wrote none, the peer is an unnamed AF_UNIX socket.
pub(crate) fn peer_addr(peer: &SockAddrBuf) -> Option<SocketAddr> {
    match peer.as_sockaddr() {
        empty if empty.as_bytes().is_empty() => Some(SocketAddr::Unix(UnixAddr::unnamed())),
        peer => peer.to_addr(),
    }
}

/// A waker could not be created.
pub(crate) fn waker_error(operation: Operation, errno: sys::Errno) -> Error {
    Error::system_call(operation, Syscall::EventFd, errno.raw_os_error(), None)
}

/// A descriptor could not be duplicated.
pub(crate) fn dup_error(operation: Operation, error: &io::Error) -> Error {
    let errno = error.raw_os_error().unwrap_or_default();
    Error::system_call(operation, Syscall::Dup, errno, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    /// As recvfrom(2) reports it for a stream, and accept(2) on some systems.
    #[test]
    fn a_peer_without_an_address_is_unnamed() {
        let (mut one, two) = UnixStream::pair().unwrap();
        one.write_all(b"x").unwrap();
        let (_, none) = sys::recv_from(two.as_fd(), &mut [0]).unwrap();
        assert_eq!(none.as_sockaddr().to_addr(), None);
        assert_eq!(peer_addr(&none), Some(UnixAddr::unnamed().into()));
    }
}
