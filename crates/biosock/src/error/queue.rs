//! The entries of BIO_connect(3)'s error queue.

use std::fmt;

use super::{Reason, ResolverError, SystemError};

/// One entry of BIO_connect(3)'s error queue; its Display is the reason and its data.
///
/// ```
/// use biosock::{Domain, Family, QueueEntry, Reason};
///
/// let error = Family::try_from(Domain::from_raw(77)).unwrap_err();
/// assert!(error.entries().eq([QueueEntry::Reason(Reason::UnsupportedProtocolFamily)]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueEntry {
    /// An OS error, of the system library (`ERR_LIB_SYS`).
    System(SystemError),
    /// A reason of the BIO library, or of all libraries.
    Reason(Reason),
    /// [`Reason::SystemLibrary`], with the resolver's message as its data.
    Resolver(ResolverError),
}

impl fmt::Display for QueueEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(system) => system.fmt(f),
            Self::Reason(reason) => reason.fmt(f),
            Self::Resolver(resolver) => write!(f, "{}: {resolver}", Reason::SystemLibrary),
        }
    }
}
