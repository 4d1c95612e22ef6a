//! The parts of an error: the operation, the system call, and the reason on
//! BIO_connect(3)'s queue.

use std::error::Error as StdError;
use std::fmt;

/// What the caller was doing.
///
/// ```
/// use biosock::{Domain, Operation, Protocol, Socket, Type};
///
/// let error = Socket::new(Domain::from_raw(9999), Type::STREAM, Protocol::DEFAULT)
///     .unwrap_err();
/// assert_eq!(error.operation(), Operation::Socket);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Creating a socket: [`Socket::new`](crate::Socket::new).
    Socket,
    /// Binding a source address: [`Socket::bind`](crate::Socket::bind).
    Bind,
    /// Connecting: [`Socket::connect`](crate::Socket::connect).
    Connect,
    /// Listening: [`Socket::listen`](crate::Socket::listen).
    Listen,
    /// Accepting: [`Socket::accept`](crate::Socket::accept).
    Accept,
    /// Closing: [`Socket::close`](crate::Socket::close).
    Close,
    /// Shutting down one direction: [`Socket::shutdown`](crate::Socket::shutdown).
    Shutdown,
    /// Sending: [`Socket::send_to`](crate::Socket::send_to).
    Send,
    /// Receiving: [`Socket::recv_from`](crate::Socket::recv_from).
    Receive,
    /// Waiting for readiness: [`Socket::wait`](crate::Socket::wait).
    Wait,
    /// Setting a socket option.
    SetOption,
    /// Querying a socket.
    Query,
    /// Looking up a name or service: [`Lookup::run`](crate::Lookup::run).
    Lookup,
    /// Looking up the names of an address: [`SocketAddr::names`](crate::SocketAddr::names).
    ReverseLookup,
    /// Parsing `host:service` or an address from a string or raw bytes.
    Parse,
    /// Converting a [`Socket`](crate::Socket) into one of `std`'s types.
    Convert,
}

impl Operation {
    /// The verb that starts a message, with the preposition before an address.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Socket => ("create socket", "for"),
            Self::Bind => ("bind", "to"),
            Self::Connect => ("connect", "to"),
            Self::Listen => ("listen", "on"),
            Self::Accept => ("accept", "from"),
            Self::Close => ("close", "of"),
            Self::Shutdown => ("shut down", "of"),
            Self::Send => ("send", "to"),
            Self::Receive => ("receive", "from"),
            Self::Wait => ("wait", "for"),
            Self::SetOption => ("set", "option"),
            Self::Query => ("query socket", "of"),
            Self::Lookup => ("look up", ""),
            Self::ReverseLookup => ("name", ""),
            Self::Parse => ("parse", ""),
            Self::Convert => ("convert", "into"),
        }
    }
}

impl Operation {
    /// The call that performs the operation, which the operation's name implies; any
    /// other call is a step of it.
    pub(crate) fn main_call(self) -> Option<Syscall> {
        Some(match self {
            Self::Socket => Syscall::Socket,
            Self::Bind => Syscall::Bind,
            Self::Connect => Syscall::Connect,
            Self::Listen => Syscall::Listen,
            Self::Accept => Syscall::Accept,
            Self::Close => Syscall::Close,
            Self::Shutdown => Syscall::Shutdown,
            Self::Send => Syscall::Send,
            Self::Receive => Syscall::Recv,
            Self::Wait => Syscall::Poll,
            Self::SetOption => Syscall::SetSockOpt,
            Self::Query | Self::Lookup | Self::ReverseLookup | Self::Parse | Self::Convert => return None,
        })
    }
}

/// The system or library call that failed.
///
/// ```
/// use biosock::Syscall;
///
/// assert_eq!(Syscall::Connect.name(), "connect");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Syscall {
    /// socket(2)
    Socket,
    /// bind(2)
    Bind,
    /// connect(2)
    Connect,
    /// listen(2)
    Listen,
    /// accept(2) or accept4(2)
    Accept,
    /// close(2)
    Close,
    /// shutdown(2)
    Shutdown,
    /// ioctl(2); on Windows ioctlsocket
    Ioctl,
    /// getsockopt(2)
    GetSockOpt,
    /// setsockopt(2)
    SetSockOpt,
    /// getsockname(2)
    GetSockName,
    /// getpeername(2)
    GetPeerName,
    /// fcntl(2)
    Fcntl,
    /// clone(2), starting a thread
    Clone,
    /// eventfd(2)
    EventFd,
    /// dup(2)
    Dup,
    /// unlink(2)
    Unlink,
    /// getaddrinfo(3)
    GetAddrInfo,
    /// getnameinfo(3)
    GetNameInfo,
    /// poll(2)
    Poll,
    /// epoll(7): epoll_create1(2), epoll_ctl(2), epoll_wait(2)
    Epoll,
    /// socketpair(2)
    SocketPair,
    /// send(2) or sendto(2)
    Send,
    /// recv(2) or recvfrom(2)
    Recv,
    /// sendmsg(2)
    SendMsg,
}

impl Syscall {
    /// The call's name, as its manual page spells it.
    ///
    /// ```
    /// assert_eq!(biosock::Syscall::Ioctl.name(), "ioctl");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Bind => "bind",
            Self::Connect => "connect",
            Self::Listen => "listen",
            Self::Accept => "accept",
            Self::Close => "close",
            Self::Shutdown => "shutdown",
            Self::Ioctl => "ioctl",
            Self::GetSockOpt => "getsockopt",
            Self::SetSockOpt => "setsockopt",
            Self::GetSockName => "getsockname",
            Self::GetPeerName => "getpeername",
            Self::Fcntl => "fcntl",
            Self::Clone => "clone",
            Self::EventFd => "eventfd",
            Self::Dup => "dup",
            Self::Unlink => "unlink",
            Self::GetAddrInfo => "getaddrinfo",
            Self::GetNameInfo => "getnameinfo",
            Self::Poll => "poll",
            Self::Epoll => "epoll",
            Self::SocketPair => "socketpair",
            Self::Send => "send",
            Self::Recv => "recv",
            Self::SendMsg => "sendmsg",
        }
    }
}

/// The reason codes that BIO_connect(3)'s routines put on OpenSSL's error queue.
///
/// The discriminant is the number of the reason in the BIO library (32), except for
/// [`Reason::SystemLibrary`], which all libraries share.
///
/// ```
/// use biosock::Reason;
///
/// assert_eq!(Reason::Connect.code(), 103);
/// assert_eq!(Reason::Connect.text(), "connect error");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Reason {
    /// A library of the system (the resolver) failed.
    SystemLibrary = 2,
    /// accept(2) failed.
    Accept = 100,
    /// connect(2) failed.
    Connect = 103,
    /// TCP Fast Open could not be set.
    UnableToTfo = 109,
    /// A port is missing.
    NoPortDefined = 113,
    /// bind(2) failed.
    UnableToBind = 117,
    /// socket(2) failed.
    UnableToCreate = 118,
    /// listen(2) failed.
    UnableToListen = 119,
    /// A `host:service` string is ambiguous.
    AmbiguousHostOrService = 129,
    /// A `host:service` string is malformed.
    MalformedHostOrService = 130,
    /// The routine does not support the address family.
    UnsupportedProtocolFamily = 131,
    /// getsockname(2) failed.
    GetSockName = 132,
    /// SO_TYPE could not be read.
    GettingSockType = 134,
    /// The descriptor is not a socket (-1).
    InvalidSocket = 135,
    /// IPV6_V6ONLY could not be set.
    ListenV6Only = 136,
    /// SO_KEEPALIVE could not be set.
    UnableToKeepalive = 137,
    /// TCP_NODELAY could not be set.
    UnableToNodelay = 138,
    /// SO_REUSEADDR could not be set.
    UnableToReuseaddr = 139,
}

impl Reason {
    /// The reason's number.
    ///
    /// ```
    /// assert_eq!(biosock::Reason::Accept.code(), 100);
    /// ```
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason's text, as `ERR_reason_error_string` returns it.
    ///
    /// ```
    /// assert_eq!(biosock::Reason::InvalidSocket.text(), "invalid socket");
    /// ```
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::SystemLibrary => "system lib",
            Self::Accept => "accept error",
            Self::Connect => "connect error",
            Self::UnableToTfo => "unable to tfo",
            Self::NoPortDefined => "no port defined",
            Self::UnableToBind => "unable to bind socket",
            Self::UnableToCreate => "unable to create socket",
            Self::UnableToListen => "unable to listen socket",
            Self::AmbiguousHostOrService => "ambiguous host or service",
            Self::MalformedHostOrService => "malformed host or service",
            Self::UnsupportedProtocolFamily => "unsupported protocol family",
            Self::GetSockName => "getsockname error",
            Self::GettingSockType => "getting socktype",
            Self::InvalidSocket => "invalid socket",
            Self::ListenV6Only => "listen v6 only",
            Self::UnableToKeepalive => "unable to keepalive",
            Self::UnableToNodelay => "unable to nodelay",
            Self::UnableToReuseaddr => "unable to reuseaddr",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl StdError for Reason {}
