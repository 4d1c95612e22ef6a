//! The socket: creating, querying and closing it. Its options, its reads and writes,
//! and each of BIO_connect(3)'s operations have their own files.

mod bytes;
mod option;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

use crate::addr::unsupported_family;
use crate::sock::{self, peer_addr, socket_error};
use crate::sys::{self, Flags, Shutdown, SockAddrBuf};
use crate::{Domain, Error, Operation, Protocol, Result, SocketAddr, Syscall, Type};

pub use option::PeerCredentials;

/// A socket, closed when dropped.
///
/// Its descriptor is not inherited across exec (CLOEXEC). Calls that a signal
/// interrupts are repeated. Writing to a socket whose peer is gone fails with EPIPE and
/// does not raise SIGPIPE.
///
/// ```
/// use std::io::{Read, Write};
/// use biosock::{ConnectOptions, ListenOptions, Socket, SocketAddr};
///
/// let any: SocketAddr = "127.0.0.1:0".parse()?;
/// let listener = Socket::stream_for(&any)?;
/// listener.listen_with(&any, &ListenOptions::new().reuseaddr(true))?;
///
/// let mut client = Socket::stream_for(&any)?;
/// client.connect_with(&listener.local_addr()?, &ConnectOptions::new().nodelay(true))?;
/// let (mut server, _peer) = listener.accept()?;
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

impl Socket {
    /// Creates a blocking socket with one system call.
    ///
    /// # Errors
    /// socket(2)'s, with [`Reason::UnableToCreate`](crate::Reason::UnableToCreate).
    ///
    /// ```
    /// use biosock::{Domain, Protocol, Socket, Type};
    ///
    /// let socket = Socket::new(Domain::IPV4, Type::DGRAM, Protocol::DEFAULT)?;
    /// assert!(!socket.is_nonblocking()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_socket")]
    pub fn new(domain: Domain, socktype: Type, protocol: Protocol) -> Result<Self> {
        Self::in_mode(domain, socktype, protocol, false)
    }

    /// As `new`, and non-blocking from creation if `nonblocking` is set.
    pub(crate) fn in_mode(
        domain: Domain,
        socktype: Type,
        protocol: Protocol,
        nonblocking: bool,
    ) -> Result<Self> {
        match sys::socket(domain, socktype, protocol, Flags { nonblocking, cloexec: true }) {
            Ok(fd) => Ok(Self(fd)),
            Err(errno) => Err(refused(errno, domain, socktype, protocol)),
        }
    }

    /// Creates a stream socket of the family of an address.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// ```
    /// use biosock::{Domain, Socket};
    ///
    /// let socket = Socket::stream_for(&"unix:@x".parse()?)?;
    /// assert_eq!(socket.domain()?, Domain::UNIX);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn stream_for(addr: &SocketAddr) -> Result<Self> {
        Self::new(addr.family(), Type::STREAM, Protocol::DEFAULT)
    }

    /// Creates a Multipath TCP socket (RFC 8684), or a TCP socket if the kernel has no
    /// MPTCP; [`protocol`](Self::protocol) returns which.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// ```
    /// use biosock::{Domain, Protocol, Socket};
    ///
    /// let socket = Socket::mptcp(Domain::IPV4)?;
    /// assert!([Protocol::MPTCP, Protocol::TCP].contains(&socket.protocol()?));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn mptcp(domain: Domain) -> Result<Self> {
        Self::mptcp_in_mode(domain, false)
    }

    pub(crate) fn mptcp_in_mode(domain: Domain, nonblocking: bool) -> Result<Self> {
        use sys::Errno;
        match sys::socket(domain, Type::STREAM, Protocol::MPTCP, Flags { nonblocking, cloexec: true }) {
            Ok(fd) => Ok(Self(fd)),
            // Not built in, disabled, or a kernel older than MPTCP.
            Err(Errno::PROTONOSUPPORT | Errno::NOPROTOOPT | Errno::INVAL) => {
                Self::in_mode(domain, Type::STREAM, Protocol::TCP, nonblocking)
            }
            Err(errno) => Err(refused(errno, domain, Type::STREAM, Protocol::MPTCP)),
        }
    }

    /// Another descriptor of the same socket, with CLOEXEC set too (fcntl(2):
    /// F_DUPFD_CLOEXEC). Mode and options belong to the socket, so both descriptors
    /// share them.
    ///
    /// # Errors
    /// fcntl(2)'s: EMFILE.
    ///
    /// ```
    /// # use biosock::Socket;
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// socket.try_clone()?.set_nonblocking(true)?;
    /// assert!(socket.is_nonblocking()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn try_clone(&self) -> Result<Self> {
        let copy = self.0.try_clone().map(Self);
        copy.map_err(|error| sock::dup_error(Operation::Socket, &error))
    }

    /// Closes the socket and returns the result; it is closed either way.
    ///
    /// # Errors
    /// close(2)'s.
    ///
    /// ```
    /// # use biosock::Socket;
    /// Socket::stream_for(&"127.0.0.1:0".parse()?)?.close()?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_closesocket")]
    pub fn close(self) -> Result<()> {
        sock::close(self.0)
    }

    /// Shuts down one direction or both, for every descriptor of the socket.
    ///
    /// # Errors
    /// shutdown(2)'s; ENOTCONN without a connection.
    ///
    /// ```
    /// # use biosock::{Shutdown, Socket};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
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
    /// # use biosock::Socket;
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
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
    /// # use biosock::Socket;
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
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
    /// # use biosock::{Socket, Type};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
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
    /// # use biosock::{Domain, Socket};
    /// let socket = Socket::stream_for(&"[::1]:0".parse()?)?;
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
    /// # use biosock::{Protocol, Socket};
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
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
    /// # use biosock::Socket;
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
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
    /// # use biosock::Socket;
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// assert!(socket.take_error()?.is_none());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_sock_error")]
    pub fn take_error(&self) -> Result<Option<io::Error>> {
        let errno = sock::take_error(self.as_fd())?;
        Ok((errno != 0).then(|| io::Error::from_raw_os_error(errno)))
    }

    /// How many of the bytes written the peer has not acknowledged yet (SIOCOUTQ:
    /// tcp(7)). With TCP the FIN that [`shutdown`](Self::shutdown) sends counts as one
    /// byte, so 0 after it means that the peer's system has received everything, though
    /// its program may not have read it. On a Unix socket (unix(7)) it is the kernel
    /// memory that holds what the peer has not read, which is more than the bytes.
    ///
    /// # Errors
    /// ioctl(2)'s; EINVAL for a listener.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use biosock::{Shutdown, Socket, SocketAddr};
    ///
    /// let any: SocketAddr = "127.0.0.1:0".parse()?;
    /// let listener = Socket::stream_for(&any)?;
    /// listener.listen(&any)?;
    /// let client = std::net::TcpStream::connect(listener.local_addr()?.to_string())?;
    /// let client = Socket::from(std::os::fd::OwnedFd::from(client));
    /// let (mut server, _) = listener.accept()?;
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
    /// # use biosock::Socket;
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
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
    /// # use biosock::Socket;
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// socket.set_nonblocking(true)?;
    /// assert!(socket.is_nonblocking()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_socket_nbio")]
    pub fn set_nonblocking(&self, on: bool) -> Result<()> {
        sock::set_nonblocking(self.as_fd(), on)
    }
}

fn refused(errno: sys::Errno, domain: Domain, socktype: Type, protocol: Protocol) -> Error {
    socket_error(errno).about(format_args!("{domain} {socktype}, protocol {protocol}"))
}

fn known_family(addr: &SockAddrBuf) -> Result<SocketAddr> {
    let family = addr.as_sockaddr().family().unwrap_or(Domain::UNSPEC);
    peer_addr(addr).ok_or_else(|| unsupported_family(Operation::Query, family))
}

fn query(syscall: Syscall, errno: sys::Errno) -> Error {
    Error::system_call(Operation::Query, syscall, errno.raw_os_error(), None)
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
    /// Takes ownership of a descriptor as it is. If it is not a socket, the first call
    /// fails (ENOTSOCK).
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.0
    }
}
