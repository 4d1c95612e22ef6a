//! The page's routines over a borrowed descriptor and an address in the
//! system's own layout, in the page's order of system calls.
//!
//! This is what the C layer stands on, and what a caller uses that owns its
//! descriptors otherwise. [`Socket`](crate::Socket) is the comfortable form.
//! Three things differ from it, because C callers rely on them: no CLOEXEC,
//! the blocking mode is set every time (without [`Options::NONBLOCK`] to
//! blocking), and an interrupted call fails with EINTR.
//!
//! ```
//! use std::os::fd::AsFd;
//! use biosock::{Domain, Options, Protocol, SocketAddr, Type, fd};
//!
//! let addr: SocketAddr = "127.0.0.1:0".parse()?;
//! let listener = fd::socket(Domain::IPV4, Type::STREAM, Protocol::DEFAULT)?;
//! addr.with_sockaddr(|raw| fd::listen(listener.as_fd(), raw, Options::REUSEADDR))?;
//!
//! let client = fd::socket(Domain::IPV4, Type::STREAM, Protocol::DEFAULT)?;
//! let bound = fd::local_addr(listener.as_fd())?;
//! fd::connect(client.as_fd(), bound.as_sockaddr(), Options::KEEPALIVE | Options::NODELAY)?;
//! let (accepted, peer) = fd::accept(listener.as_fd(), Options::NONBLOCK)?;
//! assert_eq!(peer.as_sockaddr().family(), Some(Domain::IPV4));
//! fd::close(accepted)?;
//! # Ok::<(), biosock::Error>(())
//! ```

use std::os::fd::{BorrowedFd, OwnedFd};

use crate::listeners::AcceptAdvice;
use crate::sys;
use crate::{Domain, Error, Operation, Options, Protocol, Reason, Result, SocketAddr, Syscall, Type};

pub use crate::accept::{accept, accept_to};
pub use crate::bind::bind;
pub use crate::connect::connect;
pub use crate::listen::listen;
pub use crate::names::{RawNames, names_of, raw_names_of};
pub use crate::wait::wait;

/// A socket address as bytes in the system's layout (`struct sockaddr`),
/// borrowed from wherever they are. Nothing is promised of their content; the
/// system judges it.
///
/// ```
/// use biosock::{Domain, SocketAddr};
///
/// let addr: SocketAddr = "127.0.0.1:80".parse()?;
/// addr.with_sockaddr(|raw| assert_eq!(raw.family(), Some(Domain::IPV4)));
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SockAddr<'a>(&'a [u8]);

impl<'a> SockAddr<'a> {
    /// Views bytes as an address.
    ///
    /// ```
    /// # use biosock::fd::SockAddr;
    /// assert_eq!(SockAddr::from_bytes(&[0]).family(), None);
    /// ```
    pub const fn from_bytes(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    ///
    /// ```
    /// # use biosock::fd::SockAddr;
    /// assert_eq!(SockAddr::from_bytes(b"x").as_bytes(), b"x");
    /// ```
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The address as a value; `None` for another family than [`SocketAddr`]
    /// has, or for fewer bytes than the family needs.
    ///
    /// ```
    /// # use biosock::{SocketAddr, fd::SockAddr};
    /// let addr: SocketAddr = "127.0.0.1:80".parse()?;
    /// assert_eq!(addr.with_sockaddr(|raw: SockAddr<'_>| raw.to_addr()), Some(addr));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn to_addr(self) -> Option<SocketAddr> {
        sys::decode(self)
    }
}

impl SocketAddr {
    /// Lends the address in the system's layout.
    ///
    /// ```
    /// # use biosock::SocketAddr;
    /// let addr: SocketAddr = "[::1]:80".parse()?;
    /// assert_eq!(addr.with_sockaddr(|raw| raw.to_addr()), Some(addr));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn with_sockaddr<R>(&self, f: impl FnOnce(SockAddr<'_>) -> R) -> R {
        sys::encode(self, f)
    }
}

/// An address that the system wrote. It is empty where the system wrote none,
/// as for the peer of an unnamed AF_UNIX socket on some systems.
///
/// ```
/// use std::os::fd::AsFd;
/// use biosock::fd;
///
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let bound = fd::local_addr(listener.as_fd())?;
/// assert_eq!(bound.as_sockaddr().to_addr().and_then(|addr| addr.ip()), Some(listener.local_addr()?.ip()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SockAddrBuf(pub(crate) sys::SockAddrBuf);

impl SockAddrBuf {
    /// The address, in the system's layout.
    ///
    /// ```
    /// # use std::os::fd::AsFd;
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let bound = biosock::fd::local_addr(listener.as_fd())?;
    /// assert_eq!(bound.as_sockaddr().family(), Some(biosock::Domain::IPV4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_sockaddr(&self) -> SockAddr<'_> {
        SockAddr(self.0.as_bytes())
    }
}

impl std::fmt::Debug for SockAddrBuf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_sockaddr().fmt(f)
    }
}

/// Creates a blocking socket that survives exec.
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
pub fn socket(domain: Domain, socktype: Type, protocol: Protocol) -> Result<OwnedFd> {
    sys::socket(domain, socktype, protocol, Options::empty(), false).map_err(socket_error)
}

pub(crate) fn socket_error(errno: sys::Errno) -> Error {
    Error::system_call(Operation::Socket, Syscall::Socket, errno.raw_os_error(), Reason::UnableToCreate)
}

/// Closes a descriptor and tells how it went; it is gone either way.
///
/// # Errors
/// close(2)'s. The page queues nothing, so there is no reason.
///
/// ```
/// use std::os::fd::OwnedFd;
/// use biosock::fd;
///
/// fd::close(OwnedFd::from(std::net::UdpSocket::bind("127.0.0.1:0")?))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BIO_closesocket")]
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

/// Whether the same call may succeed later after this error number, as
/// [`Error::is_retryable`].
///
/// ```
/// assert!(!biosock::fd::is_retryable(0));
/// ```
#[doc(alias = "BIO_sock_non_fatal_error")]
pub fn is_retryable(errno: i32) -> bool {
    sys::is_retryable(errno)
}

/// What an accept loop is to do after accept(2) failed with this error number.
///
/// ```
/// use biosock::{fd, listeners::AcceptAdvice};
///
/// const EMFILE: i32 = 24;
/// assert_eq!(fd::accept_advice(EMFILE), AcceptAdvice::Pause);
/// ```
pub fn accept_advice(errno: i32) -> AcceptAdvice {
    sys::accept_advice(errno)
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
    sys::local_addr(fd).map(SockAddrBuf).map_err(|errno| {
        let errno = errno.raw_os_error();
        Error::system_call(Operation::Query, Syscall::GetSockName, errno, Reason::GetSockName)
    })
}

/// Reads and clears the pending error of a socket (SO_ERROR), as an error
/// number; 0 is none.
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

/// Sets one option as part of an operation, with the page's reason for its refusal.
pub(crate) fn set(result: Result<(), sys::Errno>, operation: Operation, reason: Reason) -> Result<()> {
    result.map_err(|errno| Error::system_call(operation, Syscall::SetSockOpt, errno.raw_os_error(), reason))
}
