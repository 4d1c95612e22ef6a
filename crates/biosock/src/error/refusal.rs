//! What this library refuses by itself.

use std::io;

use super::ErrorKind;
use crate::sys::Wrong;

/// What this library refuses by itself, without asking the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A Unix listener's path is that of another file.
    NotASocketFile,
    /// The lock of a Unix listener's path is another user's.
    LockOfAnother,
    /// A socket that was handed over does not listen.
    NotListening,
    /// A set of listeners without one.
    NoAddress,
    /// A name with more addresses than a set has sockets.
    TooManyAddresses,
    /// A Unix listener without a path or a name.
    Unnamed,
    /// An address of another family than the one that was asked for.
    OtherFamily,
    /// LISTEN_FDS or its like is not what its protocol says.
    BadHandOver,
    /// A descriptor that is said to be passed is not what it should be.
    Passed(Wrong),
    /// A dial's socket is its own peer.
    ConnectedToItself,
    /// An async call outside of a runtime.
    #[cfg(feature = "tokio")]
    NoRuntime,
    /// A TCP stream is asked of what is none.
    #[cfg(feature = "tokio")]
    NotTcp,
}

impl Refusal {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::NotASocketFile => "the file exists and is not a socket",
            Self::LockOfAnother => "the lock file of the socket belongs to another user",
            Self::NotListening => "the socket does not listen",
            Self::NoAddress => "no address to listen on",
            Self::TooManyAddresses => "the name has more than 256 addresses",
            Self::Unnamed => "a Unix socket needs a path or an @name to listen on",
            Self::OtherFamily => "the address is of another family than the one asked for",
            Self::BadHandOver => "not a list of descriptors",
            Self::Passed(Wrong::NotASocket) => "it is not a socket",
            Self::Passed(Wrong::NotListening) => "the socket does not listen",
            Self::Passed(Wrong::AnotherSocket) => "it is another socket by now",
            Self::Passed(Wrong::NotInherited) => "this process opened it itself",
            Self::Passed(Wrong::NotOpen) => "it is not open",
            Self::ConnectedToItself => "connected to itself: nothing listens there",
            #[cfg(feature = "tokio")]
            Self::NoRuntime => "no tokio runtime",
            #[cfg(feature = "tokio")]
            Self::NotTcp => "not a TCP stream",
        }
    }

    pub(crate) const fn hint(self) -> Option<&'static str> {
        match self {
            Self::NotASocketFile => Some("choose another path; only a stale socket file is replaced"),
            Self::LockOfAnother => Some("have it removed, or choose a directory that others cannot write to"),
            Self::ConnectedToItself => Some("check the port and that the server runs"),
            Self::TooManyAddresses => Some("listen on *, or on numeric addresses"),
            Self::NotListening => Some("only stream sockets that listen can be accepted from"),
            #[cfg(feature = "tokio")]
            Self::NoRuntime => Some("call it in what a runtime runs, as in block_on or spawn"),
            #[cfg(feature = "tokio")]
            Self::NotTcp => Some("dial_async takes other sockets too"),
            Self::NoAddress | Self::Unnamed | Self::OtherFamily => None,
            Self::BadHandOver | Self::Passed(_) => None,
        }
    }

    pub(crate) const fn kind(self) -> ErrorKind {
        match self {
            Self::NotASocketFile => ErrorKind::Io(io::ErrorKind::AlreadyExists),
            Self::LockOfAnother => ErrorKind::Io(io::ErrorKind::PermissionDenied),
            Self::ConnectedToItself => ErrorKind::Io(io::ErrorKind::ConnectionRefused),
            _ => ErrorKind::InvalidInput,
        }
    }
}
