//! Checked conversion to and from std's types.

use std::error::Error as StdError;
use std::fmt;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{self, UnixDatagram, UnixListener, UnixStream};

use crate::sys::AbstractNameExt;
use crate::{Domain, Error, ErrorKind, Operation, Result, Socket, Type, UnixAddr};

/// A refused conversion; it holds the socket, which is not lost.
///
/// ```
/// use std::net::TcpStream;
/// use biosock::Socket;
///
/// let unix = Socket::stream_for(&"unix:".parse()?)?;
/// let refused = TcpStream::try_from(unix).unwrap_err();
/// assert_eq!(refused.to_string(), "convert socket into TcpStream: it is a Unix stream socket");
/// refused.into_socket().close()?;
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Debug)]
pub struct ConvertError {
    socket: Socket,
    target: &'static str,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Kind(Kind),
    Unknown(Error),
}

/// What kind of socket it is.
#[derive(Debug)]
struct Kind {
    domain: Domain,
    socktype: Type,
    listening: bool,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, socktype, listening } = self;
        let listening = if *listening { "listening " } else { "" };
        write!(f, "it is a {listening}{domain} {socktype} socket")
    }
}

impl ConvertError {
    /// Returns the socket.
    ///
    /// ```
    /// # use biosock::Socket;
    /// let socket = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// let refused = std::net::TcpListener::try_from(socket).unwrap_err();
    /// assert!(!refused.into_socket().is_listening()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn into_socket(self) -> Socket {
        self.socket
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "convert socket into {}: ", self.target)?;
        match &self.why {
            Why::Kind(kind) => kind.fmt(f),
            Why::Unknown(error) => error.fmt(f),
        }
    }
}

/// The message is complete: there is no source.
impl StdError for ConvertError {}

impl From<ConvertError> for Error {
    /// Closes the socket and keeps the kind and the reason.
    fn from(error: ConvertError) -> Self {
        match error.why {
            Why::Unknown(error) => error,
            Why::Kind(kind) => {
                let invalid = ErrorKind::InvalidInput;
                Self::explained(Operation::Convert, invalid, error.target, kind)
            }
        }
    }
}

const IP: &[Domain] = &[Domain::IPV4, Domain::IPV6];
const UNIX: &[Domain] = &[Domain::UNIX];

fn check(
    socket: Socket,
    target: &'static str,
    domains: &[Domain],
    socktype: Type,
    listening: bool,
) -> Result<OwnedFd, ConvertError> {
    let kind = || Ok((socket.domain()?, socket.socktype()?, socket.is_listening()?));
    let why = match kind() {
        Ok((d, t, l)) if domains.contains(&d) && t == socktype && l == listening => {
            return Ok(socket.into());
        }
        Ok((domain, socktype, listening)) => Why::Kind(Kind { domain, socktype, listening }),
        Err(error) => Why::Unknown(error),
    };
    Err(ConvertError { socket, target, why })
}

macro_rules! convert {
    ($($target:ident: $domains:expr, $socktype:expr, $listening:expr;)*) => { $(
        impl TryFrom<Socket> for $target {
            type Error = ConvertError;

            fn try_from(socket: Socket) -> Result<Self, ConvertError> {
                check(socket, stringify!($target), $domains, $socktype, $listening).map(Self::from)
            }
        }

        impl From<$target> for Socket {
            /// Keeps the socket as it is, in its mode.
            fn from(socket: $target) -> Self {
                Self::from(OwnedFd::from(socket))
            }
        }
    )* };
}

convert! {
    TcpStream: IP, Type::STREAM, false;
    TcpListener: IP, Type::STREAM, true;
    UdpSocket: IP, Type::DGRAM, false;
    UnixStream: UNIX, Type::STREAM, false;
    UnixListener: UNIX, Type::STREAM, true;
    UnixDatagram: UNIX, Type::DGRAM, false;
}

impl TryFrom<net::SocketAddr> for UnixAddr {
    type Error = Error;

    /// # Errors
    /// None on Linux; elsewhere a kind of name that only that system has.
    fn try_from(addr: net::SocketAddr) -> Result<Self> {
        match (addr.as_pathname(), addr.as_abstract_name()) {
            (Some(path), _) => Self::from_path(path),
            (_, Some(name)) => Self::from_abstract_name(name),
            (None, None) => Ok(Self::unnamed()),
        }
    }
}

impl TryFrom<UnixAddr> for net::SocketAddr {
    type Error = Error;

    /// # Errors
    /// std does not accept a path of the full 108 bytes.
    fn try_from(addr: UnixAddr) -> Result<Self> {
        let made = match (addr.path(), addr.abstract_name()) {
            (Some(path), _) => Self::from_pathname(path),
            (_, Some(name)) => Self::from_abstract_name(name),
            (None, None) => Self::from_pathname(""),
        };
        made.map_err(|_| {
            let why = "a path of 108 bytes, which std does not take";
            Error::explained(Operation::Convert, ErrorKind::InvalidInput, "std's SocketAddr", why)
        })
    }
}
