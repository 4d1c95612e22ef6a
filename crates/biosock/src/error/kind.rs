//! The kind of a failure, for programs to act on.

use std::fmt;
use std::io;

/// The kind of failure that an [`Error`](crate::Error) is.
///
/// It distinguishes a failed lookup that may succeed later from a wrong name:
///
/// ```
/// use biosock::{ErrorKind, Lookup};
///
/// match Lookup::new().host("127.0.0.1").service("no-such-service").run() {
///     Err(error) if error.kind().is_temporary() => println!("try again later: {error}"),
///     Err(error) if error.kind() == ErrorKind::ServiceNotFound => println!("check the name: {error}"),
///     other => println!("{other:?}"),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No such host name (EAI_NONAME; DNS: NXDOMAIN).
    NameNotFound,
    /// The name exists, but has no address of the requested family (EAI_NODATA,
    /// EAI_ADDRFAMILY; DNS: no record of that type). A resolver that cannot distinguish
    /// the two reports [`NameNotFound`](Self::NameNotFound).
    NoAddress,
    /// No such service for that socket type (EAI_SERVICE).
    ServiceNotFound,
    /// The name server did not answer, or failed: the name may be valid (EAI_AGAIN;
    /// DNS: SERVFAIL, REFUSED, a timeout).
    TryAgain,
    /// The resolver failed permanently (EAI_FAIL), or in some other way.
    LookupFailed,
    /// The caller cancelled, with [`Cancel`](crate::Cancel).
    Cancelled,
    /// The time limit passed, or the OS gave up (ETIMEDOUT).
    TimedOut,
    /// The process or the system ran out of descriptors, buffers, memory or threads
    /// (EMFILE, ENFILE, ENOBUFS, ENOMEM, EAI_MEMORY): neither the peer nor the name is
    /// at fault.
    OutOfResources,
    /// An invalid string, address or argument (also EINVAL).
    InvalidInput,
    /// An unsupported address family, socket type or option.
    Unsupported,
    /// Any other OS error, as `std`'s kind: connection refused, address in use, would
    /// block, ... Never a kind that has a variant above.
    Io(io::ErrorKind),
}

impl ErrorKind {
    /// Whether the same request may succeed later without a change by the caller:
    /// [`TryAgain`](Self::TryAgain), [`OutOfResources`](Self::OutOfResources) and
    /// [`TimedOut`](Self::TimedOut).
    ///
    /// This is about failed lookups and shortages. For a system call that would have
    /// blocked, see [`Error::is_retryable`](crate::Error::is_retryable).
    ///
    /// ```
    /// use biosock::ErrorKind;
    ///
    /// assert!(ErrorKind::TryAgain.is_temporary());
    /// assert!(!ErrorKind::NameNotFound.is_temporary());
    /// assert!(!ErrorKind::Cancelled.is_temporary());
    /// ```
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::TryAgain | Self::OutOfResources | Self::TimedOut)
    }

    /// The kind in words, for an error without more specific ones.
    pub(crate) const fn text(self) -> Option<&'static str> {
        Some(match self {
            Self::NameNotFound => "no such name",
            Self::NoAddress => "the name has no address of this family",
            Self::ServiceNotFound => "no such service",
            Self::TryAgain => "the name server did not answer, or failed",
            Self::LookupFailed => "the resolver failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed out",
            Self::OutOfResources => "out of resources",
            Self::InvalidInput => "invalid input",
            Self::Unsupported => "not supported",
            Self::Io(_) => return None,
        })
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(kind) => kind.fmt(f),
            kind => f.write_str(kind.text().unwrap_or_default()),
        }
    }
}

impl From<io::ErrorKind> for ErrorKind {
    fn from(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::OutOfMemory => Self::OutOfResources,
            io::ErrorKind::InvalidInput => Self::InvalidInput,
            io::ErrorKind::Unsupported => Self::Unsupported,
            kind => Self::Io(kind),
        }
    }
}

impl From<ErrorKind> for io::ErrorKind {
    /// `std` has no kind for a cancel, a shortage or a failed name server: these become
    /// `Other`. A cancel never becomes `Interrupted`, which callers retry.
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NameNotFound | ErrorKind::NoAddress | ErrorKind::ServiceNotFound => Self::NotFound,
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::InvalidInput => Self::InvalidInput,
            ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::Io(kind) => kind,
            ErrorKind::TryAgain
            | ErrorKind::LookupFailed
            | ErrorKind::Cancelled
            | ErrorKind::OutOfResources => Self::Other,
        }
    }
}
