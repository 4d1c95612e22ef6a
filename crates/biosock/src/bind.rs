//! Binding a source address, after BIO_bind.

use std::os::fd::{AsFd, BorrowedFd};

use crate::options::Options;
use crate::raw::SockAddr;
use crate::sock::set;
use crate::{Error, Operation, Reason, Result, Socket, SocketAddr, Syscall, sys};

impl Socket {
    /// Binds a source address, before [`connect`](Self::connect). Port 0 lets the
    /// system choose. An address in TIME_WAIT can be bound after
    /// [`set_reuseaddr`](Self::set_reuseaddr).
    ///
    /// # Errors
    /// bind(2)'s with [`Reason::UnableToBind`].
    ///
    /// ```
    /// use biosock::{Socket, SocketAddr};
    ///
    /// let source: SocketAddr = "127.0.0.1:0".parse()?;
    /// let socket = Socket::stream_for(&source)?;
    /// socket.bind(&source)?;
    /// assert_ne!(socket.local_addr()?.port(), Some(0));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_bind")]
    pub fn bind(&self, addr: &SocketAddr) -> Result<()> {
        addr.with_sockaddr(|raw| bind(self.as_fd(), raw, Options::empty())).map_err(|error| error.at(addr))
    }
}

/// SO_REUSEADDR if asked for, then bind(2).
///
/// # Errors
/// As [`Socket::bind`].
///
/// ```
/// use std::os::fd::AsFd;
/// use biosock::fd::{self, Options};
/// use biosock::{Domain, Protocol, SocketAddr, Type};
///
/// let addr: SocketAddr = "127.0.0.1:0".parse()?;
/// let socket = fd::socket(Domain::IPV4, Type::STREAM, Protocol::DEFAULT)?;
/// addr.with_sockaddr(|raw| fd::bind(socket.as_fd(), raw, Options::REUSEADDR))?;
/// # Ok::<(), biosock::Error>(())
/// ```
#[doc(alias = "BIO_bind")]
pub fn bind(fd: BorrowedFd<'_>, addr: SockAddr<'_>, options: Options) -> Result<()> {
    if options.contains(Options::REUSEADDR) {
        set(sys::set_reuseaddr(fd, true), Operation::Bind, Reason::UnableToReuseaddr)?;
    }
    sys::bind(fd, addr).map_err(|errno| {
        Error::system_call(Operation::Bind, Syscall::Bind, errno.raw_os_error(), Reason::UnableToBind)
    })
}
