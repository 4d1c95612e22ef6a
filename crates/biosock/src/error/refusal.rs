//! What biosock itself refuses.

use std::io;

use super::ErrorKind;
use crate::sys::Wrong;

/// What biosock itself refuses, without a system call's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The path of a Unix listener is another kind of file.
    NotASocketFile,
    /// The lock of a Unix listener's path belongs to another user.
    LockOfAnother,
    /// A socket that was taken over does not listen.
    NotListening,
    /// A set of listeners without an address.
    NoAddress,
    /// A name with more addresses than a set may have sockets.
    TooManyAddresses,
    /// A Unix listener without a path or name.
    Unnamed,
    /// An address of another family than the requested one.
    OtherFamily,
    /// LISTEN_FDS or a similar variable does not follow its protocol.
    BadHandOver,
    /// A descriptor said to be passed is not what it should be.
    Passed(Wrong),
    /// A dialled socket is its own peer.
    ConnectedToItself,
    /// An async call outside a runtime.
    #[cfg(feature = "tokio")]
    NoRuntime,
    /// A TCP stream was requested of a dial that cannot give one.
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
