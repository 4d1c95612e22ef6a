//! Listening, after BIO_listen.

use std::os::fd::{AsFd, BorrowedFd};

use crate::bind::bind;
use crate::connect::set_stream_options;
use crate::options::{ListenOptions, Options};
use crate::raw::SockAddr;
use crate::sock::{set, set_nonblocking};
use crate::{Domain, Error, Operation, Reason, Result, Socket, SocketAddr, Syscall, Type, sys};

impl Socket {
    /// Binds to an address and listens on it, with a backlog of SOMAXCONN, as
    /// BIO_listen(3) does. A datagram socket is only bound. Port 0 lets the system
    /// choose: [`local_addr`](Self::local_addr) returns the port.
    ///
    /// On an IPv6 address IPV6_V6ONLY is cleared, whatever the system's default: the
    /// wildcard accepts IPv4 too.
    ///
    /// # Errors
    /// setsockopt(2)'s with [`Reason::ListenV6Only`], bind(2)'s with
    /// [`Reason::UnableToBind`], listen(2)'s with [`Reason::UnableToListen`].
    ///
    /// ```
    /// use biosock::Socket;
    ///
    /// let addr = "[::1]:0".parse()?;
    /// let listener = Socket::stream_for(&addr)?;
    /// listener.listen(&addr)?;
    /// assert!(listener.is_listening()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_listen")]
    pub fn listen(&self, addr: &SocketAddr) -> Result<()> {
        self.listen_with(addr, &ListenOptions::new())
    }

    /// As [`listen`](Self::listen), with options: the backlog, and what to set on the
    /// socket first.
    ///
    /// # Errors
    /// As [`listen`](Self::listen), and setsockopt(2)'s with the option's reason, or,
    /// for the times of keep-alive, with the option's name.
    ///
    /// ```
    /// use biosock::{ListenOptions, Socket};
    ///
    /// let addr = "127.0.0.1:0".parse()?;
    /// let listener = Socket::stream_for(&addr)?;
    /// listener.listen_with(&addr, &ListenOptions::new().backlog(16).reuseaddr(true))?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_listen")]
    pub fn listen_with(&self, addr: &SocketAddr, options: &ListenOptions) -> Result<()> {
        let socktype = socktype(self.as_fd()).map_err(|error| error.at(addr))?;
        self.listen_as(socktype, addr, options)
    }

    /// As `listen_with`, for a socket whose type is known.
    pub(crate) fn listen_as(&self, socktype: Type, addr: &SocketAddr, options: &ListenOptions) -> Result<()> {
        // The system caps the number itself, but takes it as signed.
        let backlog = i32::try_from(options.backlog).unwrap_or(i32::MAX);
        // These errors name the option.
        options.stream.keep_alive.map_or(Ok(()), |times| self.set_keepalive_times(times))?;
        addr.with_sockaddr(|raw| {
            prepare_and_listen(self.as_fd(), raw, socktype, options.stream.bits, backlog)
        })
        .map_err(|error| error.at(addr))
    }
}

/// In OpenSSL's order: SO_TYPE, the blocking mode, SO_KEEPALIVE, TCP_NODELAY,
/// IPV6_V6ONLY on AF_INET6, SO_REUSEADDR, bind(2), listen(2) with SOMAXCONN unless it
/// is a datagram socket, TCP Fast Open. Stops at the first failure.
///
/// # Errors
/// As [`Socket::listen_with`].
///
/// ```
/// use std::os::fd::AsFd;
/// use biosock::fd::{self, Options};
/// use biosock::{Domain, Protocol, SocketAddr, Type};
///
/// let addr: SocketAddr = "127.0.0.1:0".parse()?;
/// let socket = fd::socket(Domain::IPV4, Type::STREAM, Protocol::DEFAULT)?;
/// addr.with_sockaddr(|raw| fd::listen(socket.as_fd(), raw, Options::NODELAY))?;
/// # Ok::<(), biosock::Error>(())
/// ```
#[doc(alias = "BIO_listen")]
pub fn listen(fd: BorrowedFd<'_>, addr: SockAddr<'_>, options: Options) -> Result<()> {
    let socktype = socktype(fd)?;
    set_nonblocking(fd, options.contains(Options::NONBLOCK))?;
    prepare_and_listen(fd, addr, socktype, options, sys::MAX_BACKLOG)
}

fn socktype(fd: BorrowedFd<'_>) -> Result<Type> {
    sys::socket_type(fd).map_err(|errno| {
        let errno = errno.raw_os_error();
        Error::system_call(Operation::Listen, Syscall::GetSockOpt, errno, Reason::GettingSockType)
    })
}

fn prepare_and_listen(
    fd: BorrowedFd<'_>,
    addr: SockAddr<'_>,
    socktype: Type,
    options: Options,
    backlog: i32,
) -> Result<()> {
    set_stream_options(fd, options, Operation::Listen)?;
    if addr.family() == Some(Domain::IPV6) {
        let v6_only = options.contains(Options::V6_ONLY);
        set(sys::set_v6only(fd, v6_only), Operation::Listen, Reason::ListenV6Only)?;
    }
    bind(fd, addr, options)?;
    if socktype != Type::DGRAM {
        sys::listen(fd, backlog).map_err(|errno| listen_error(errno.raw_os_error()))?;
    }
    if options.contains(Options::TFO) && socktype == Type::STREAM {
        // Allow as many pending handshakes with data (RFC 7413, section 5.1) as pending
        // connections.
        set(sys::set_fastopen_listen(fd, backlog), Operation::Listen, Reason::UnableToTfo)?;
    }
    Ok(())
}

fn listen_error(errno: i32) -> Error {
    Error::system_call(Operation::Listen, Syscall::Listen, errno, Reason::UnableToListen)
}
