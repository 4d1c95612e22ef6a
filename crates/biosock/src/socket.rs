//! The socket: created, asked, set, read, written and closed. Each of the
//! page's operations on it has a file of its own.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::addr::unsupported_family;
use crate::sock::{self, peer_addr, socket_error};
use crate::sys::{self, Flags, Shutdown, SockAddrBuf};
use crate::{Domain, Error, Operation, Options, Protocol, Result, SocketAddr, Syscall, Type};

/// A socket, closed when dropped.
///
/// Its descriptor never survives exec (CLOEXEC). Calls that a signal
/// interrupts are finished. Writing to a socket whose peer is gone fails with
/// EPIPE and raises no SIGPIPE.
///
/// ```
/// use std::io::{Read, Write};
/// use biosock::{Options, Socket, SocketAddr};
///
/// let any: SocketAddr = "127.0.0.1:0".parse()?;
/// let listener = Socket::stream_for(&any, Options::empty())?;
/// listener.listen(&any, Options::REUSEADDR)?;
///
/// let mut client = Socket::stream_for(&any, Options::empty())?;
/// client.connect(&listener.local_addr()?, Options::NODELAY)?;
/// let (mut server, _peer) = listener.accept(Options::empty())?;
///
/// client.write_all(b"hello")?;
/// client.close()?;
/// let mut heard = String::new();
/// server.read_to_string(&mut heard)?;
/// assert_eq!(heard, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Socket(OwnedFd);

/// The times of TCP keep-alive (tcp(7)). `None` leaves the system's value.
/// The system takes whole seconds, from 1 second to 32767 seconds.
///
/// ```
/// use std::time::Duration;
/// use biosock::KeepAlive;
///
/// let keep_alive = KeepAlive { idle: Some(Duration::from_secs(60)), ..KeepAlive::default() };
/// assert_eq!(keep_alive.probes, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long a connection is idle before the first probe (TCP_KEEPIDLE).
    pub idle: Option<Duration>,
    /// How long between probes (TCP_KEEPINTVL).
    pub interval: Option<Duration>,
    /// How many unanswered probes end the connection (TCP_KEEPCNT), 1 to 127.
    pub probes: Option<u32>,
}

impl Socket {
    /// Creates a socket with one system call. Of the options only
    /// [`Options::NONBLOCK`] acts here.
    ///
    /// # Errors
    /// socket(2)'s, with [`Reason::UnableToCreate`](crate::Reason::UnableToCreate).
    ///
    /// ```
    /// use biosock::{Domain, Options, Protocol, Socket, Type};
    ///
    /// let socket = Socket::new(Domain::IPV4, Type::STREAM, Protocol::DEFAULT, Options::NONBLOCK)?;
    /// assert!(socket.is_nonblocking()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_socket")]
    pub fn new(domain: Domain, socktype: Type, protocol: Protocol, options: Options) -> Result<Self> {
        match sys::socket(domain, socktype, protocol, flags(options)) {
            Ok(fd) => Ok(Self(fd)),
            Err(errno) => Err(socket_error(errno).about(kind(domain, socktype, protocol))),
        }
    }

    /// Creates a stream socket of the family of an address.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// ```
    /// use biosock::{Domain, Options, Socket};
    ///
    /// let socket = Socket::stream_for(&"unix:@x".parse()?, Options::empty())?;
    /// assert_eq!(socket.domain()?, Domain::UNIX);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn stream_for(addr: &SocketAddr, options: Options) -> Result<Self> {
        Self::new(addr.family(), Type::STREAM, Protocol::DEFAULT, options)
    }

    /// Creates a Multipath TCP socket (RFC 8684), or a TCP socket where the
    /// kernel has no MPTCP; [`protocol`](Self::protocol) tells which.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// ```
    /// use biosock::{Domain, Options, Protocol, Socket};
    ///
    /// let socket = Socket::mptcp(Domain::IPV4, Options::empty())?;
    /// assert!([Protocol::MPTCP, Protocol::TCP].contains(&socket.protocol()?));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn mptcp(domain: Domain, options: Options) -> Result<Self> {
        use sys::Errno;
        match sys::socket(domain, Type::STREAM, Protocol::MPTCP, flags(options)) {
            Ok(fd) => Ok(Self(fd)),
            // Not built in, switched off, or older than MPTCP.
            Err(Errno::PROTONOSUPPORT | Errno::NOPROTOOPT | Errno::INVAL) => {
                Self::new(domain, Type::STREAM, Protocol::TCP, options)
            }
            Err(errno) => Err(socket_error(errno).about(kind(domain, Type::STREAM, Protocol::MPTCP))),
        }
    }

    /// Closes the socket and tells how it went; it is closed either way.
    ///
    /// # Errors
    /// close(2)'s.
    ///
    /// ```
    /// # use biosock::{Options, Socket};
    /// Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?.close()?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_closesocket")]
    pub fn close(self) -> Result<()> {
        sock::close(self.0)
    }

    /// Ends one direction or both, for every holder of the socket.
    ///
    /// # Errors
    /// shutdown(2)'s; ENOTCONN without a connection.
    ///
    /// ```
    /// # use biosock::{Options, Shutdown, Socket};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// let error = socket.shutdown(Shutdown::Write).unwrap_err();
    /// assert_eq!(error.system().and_then(|system| system.name()), Some("ENOTCONN"));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> Result<()> {
        sys::shutdown(self.as_fd(), how).map_err(|errno| {
            Error::system_call(Operation::Shutdown, Syscall::Shutdown, errno.raw_os_error(), None)
        })
    }

    /// The address that the socket is bound to.
    ///
    /// # Errors
    /// getsockname(2)'s, with [`Reason::GetSockName`](crate::Reason::GetSockName).
    ///
    /// ```
    /// # use biosock::{Options, Socket};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// assert_eq!(socket.local_addr()?.to_string(), "0.0.0.0:0");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_sock_info")]
    pub fn local_addr(&self) -> Result<SocketAddr> {
        known_family(&sock::local_addr(self.as_fd())?)
    }

    /// The address of the peer.
    ///
    /// # Errors
    /// getpeername(2)'s; ENOTCONN without a peer.
    ///
    /// ```
    /// # use biosock::{Options, Socket};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// assert!(socket.peer_addr().is_err_and(|error| error.is_retryable()));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn peer_addr(&self) -> Result<SocketAddr> {
        let peer = sys::peer_addr(self.as_fd()).map_err(|errno| query(Syscall::GetPeerName, errno))?;
        known_family(&peer)
    }

    /// The socket's type (SO_TYPE).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    ///
    /// ```
    /// # use biosock::{Options, Socket, Type};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// assert_eq!(socket.socktype()?, Type::STREAM);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn socktype(&self) -> Result<Type> {
        sys::socket_type(self.as_fd()).map_err(|errno| query(Syscall::GetSockOpt, errno))
    }

    /// The socket's address family (SO_DOMAIN).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    ///
    /// ```
    /// # use biosock::{Domain, Options, Socket};
    /// let socket = Socket::stream_for(&"[::1]:0".parse()?, Options::empty())?;
    /// assert_eq!(socket.domain()?, Domain::IPV6);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn domain(&self) -> Result<Domain> {
        sys::socket_domain(self.as_fd()).map_err(|errno| query(Syscall::GetSockOpt, errno))
    }

    /// The socket's protocol (SO_PROTOCOL).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    ///
    /// ```
    /// # use biosock::{Options, Protocol, Socket};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// assert_eq!(socket.protocol()?, Protocol::TCP);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn protocol(&self) -> Result<Protocol> {
        sys::socket_protocol(self.as_fd()).map_err(|errno| query(Syscall::GetSockOpt, errno))
    }

    /// Whether the socket listens (SO_ACCEPTCONN).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    ///
    /// ```
    /// # use biosock::{Options, Socket};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// assert!(!socket.is_listening()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn is_listening(&self) -> Result<bool> {
        sys::is_listening(self.as_fd()).map_err(|errno| query(Syscall::GetSockOpt, errno))
    }

    /// Reads and clears the socket's pending error (SO_ERROR).
    ///
    /// # Errors
    /// getsockopt(2)'s.
    ///
    /// ```
    /// # use biosock::{Options, Socket};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// assert!(socket.take_error()?.is_none());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_sock_error")]
    pub fn take_error(&self) -> Result<Option<io::Error>> {
        let errno = sock::take_error(self.as_fd())?;
        Ok((errno != 0).then(|| io::Error::from_raw_os_error(errno)))
    }

    /// How many bytes that were written the peer has not acknowledged yet
    /// (SIOCOUTQ: tcp(7)). With TCP the end that [`shutdown`](Self::shutdown)
    /// sends counts as one, so that after it 0 is: the peer's system has all,
    /// though its program may not have read it. On a Unix socket (unix(7)) it
    /// is about what the peer has not read, in the kernel's memory, which is
    /// more than the bytes.
    ///
    /// # Errors
    /// ioctl(2)'s; EINVAL for a listener.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use biosock::{Options, Shutdown, Socket, SocketAddr};
    ///
    /// let any: SocketAddr = "127.0.0.1:0".parse()?;
    /// let listener = Socket::stream_for(&any, Options::empty())?;
    /// listener.listen(&any, Options::empty())?;
    /// let client = std::net::TcpStream::connect(listener.local_addr()?.to_string())?;
    /// let client = Socket::from(std::os::fd::OwnedFd::from(client));
    /// let (mut server, _) = listener.accept(Options::empty())?;
    ///
    /// (&client).write_all(b"all of it")?;
    /// client.shutdown(Shutdown::Write)?;
    /// server.read_to_end(&mut Vec::new())?;
    /// while client.unsent()? > 0 {
    ///     std::thread::yield_now();
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unsent(&self) -> Result<usize> {
        sys::unsent(self.as_fd()).map_err(|errno| query(Syscall::Ioctl, errno))
    }

    /// Whether the socket is non-blocking (O_NONBLOCK).
    ///
    /// # Errors
    /// fcntl(2)'s.
    ///
    /// ```
    /// # use biosock::{Options, Socket};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// assert!(!socket.is_nonblocking()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn is_nonblocking(&self) -> Result<bool> {
        sys::is_nonblocking(self.as_fd()).map_err(|errno| query(Syscall::Fcntl, errno))
    }

    /// Sets or clears O_NONBLOCK.
    ///
    /// # Errors
    /// ioctl(2)'s.
    ///
    /// ```
    /// # use biosock::{Options, Socket};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// socket.set_nonblocking(true)?;
    /// assert!(socket.is_nonblocking()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_socket_nbio")]
    pub fn set_nonblocking(&self, on: bool) -> Result<()> {
        sock::set_nonblocking(self.as_fd(), on)
    }

    /// Sets or clears TCP_NODELAY.
    ///
    /// # Errors
    /// setsockopt(2)'s.
    ///
    /// ```
    /// # use biosock::{Options, Socket};
    /// Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?.set_nodelay(true)?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_set_tcp_ndelay")]
    pub fn set_nodelay(&self, on: bool) -> Result<()> {
        sock::set_nodelay(self.as_fd(), on).map_err(|error| error.about("TCP_NODELAY"))
    }

    /// Sets or clears SO_REUSEPORT: several sockets listen on one address
    /// and share its connections. Set it before binding, on each.
    ///
    /// # Errors
    /// setsockopt(2)'s.
    ///
    /// ```
    /// # use biosock::{Options, Socket};
    /// let (one, two) = ("127.0.0.1:0".parse()?, Options::empty());
    /// let first = Socket::stream_for(&one, two)?;
    /// first.set_reuseport(true)?;
    /// first.listen(&one, two)?;
    /// let second = Socket::stream_for(&one, two)?;
    /// second.set_reuseport(true)?;
    /// second.listen(&first.local_addr()?, two)?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn set_reuseport(&self, on: bool) -> Result<()> {
        option(sys::set_reuseport(self.as_fd(), on), "SO_REUSEPORT")
    }

    /// Turns keep-alive on, with its times.
    ///
    /// # Errors
    /// setsockopt(2)'s; EINVAL for a time out of range.
    ///
    /// ```
    /// use std::time::Duration;
    /// use biosock::{KeepAlive, Options, Socket};
    ///
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// socket.set_keepalive(KeepAlive { idle: Some(Duration::from_secs(60)), ..KeepAlive::default() })?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn set_keepalive(&self, keep_alive: KeepAlive) -> Result<()> {
        let fd = self.as_fd();
        if let Some(idle) = keep_alive.idle {
            option(sys::set_keepalive_idle(fd, idle), "TCP_KEEPIDLE")?;
        }
        if let Some(interval) = keep_alive.interval {
            option(sys::set_keepalive_interval(fd, interval), "TCP_KEEPINTVL")?;
        }
        if let Some(probes) = keep_alive.probes {
            option(sys::set_keepalive_probes(fd, probes), "TCP_KEEPCNT")?;
        }
        option(sys::set_keepalive(fd, true), "SO_KEEPALIVE")
    }

    /// Binds the socket to a network interface (SO_BINDTODEVICE); an empty
    /// name takes the binding back.
    ///
    /// # Errors
    /// setsockopt(2)'s: ENODEV for an unknown device, EPERM without privilege.
    ///
    /// ```
    /// # use biosock::{Options, Socket};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// let error = socket.bind_device("no-such-device").unwrap_err();
    /// assert!(error.to_string().starts_with("set option SO_BINDTODEVICE to no-such-device: "));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn bind_device(&self, device: &str) -> Result<()> {
        option(sys::bind_device(self.as_fd(), device.as_bytes()), &format!("SO_BINDTODEVICE to {device}"))
    }
}

fn kind(domain: Domain, socktype: Type, protocol: Protocol) -> String {
    format!("{domain} {socktype}, protocol {protocol}")
}

fn known_family(addr: &SockAddrBuf) -> Result<SocketAddr> {
    let family = addr.as_sockaddr().family().unwrap_or(Domain::UNSPEC);
    peer_addr(addr).ok_or_else(|| unsupported_family(Operation::Query, family))
}

fn flags(options: Options) -> Flags {
    Flags { nonblocking: options.contains(Options::NONBLOCK), cloexec: true }
}

fn query(syscall: Syscall, errno: sys::Errno) -> Error {
    Error::system_call(Operation::Query, syscall, errno.raw_os_error(), None)
}

fn option(result: Result<(), sys::Errno>, name: &str) -> Result<()> {
    result.map_err(|errno| {
        let errno = errno.raw_os_error();
        Error::system_call(Operation::SetOption, Syscall::SetSockOpt, errno, None).about(name)
    })
}

/// Finishes what a signal interrupted.
fn uninterrupted<T>(mut call: impl FnMut() -> Result<T, sys::Errno>) -> io::Result<T> {
    loop {
        match call() {
            Err(sys::Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| sys::recv(self.as_fd(), buf))
    }
}

impl Write for &Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        uninterrupted(|| sys::send(self.as_fd(), buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl IntoRawFd for Socket {
    fn into_raw_fd(self) -> RawFd {
        self.0.into_raw_fd()
    }
}

impl From<OwnedFd> for Socket {
    /// Takes a descriptor over as it is. One that is no socket is told by the
    /// first call on it (ENOTSOCK).
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.0
    }
}
