//! What system calls are called with, on every platform.

/// How a new descriptor begins.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(biosock_unsupported, allow(dead_code, reason = "nothing is made there"))]
pub(crate) struct Flags {
    pub(crate) nonblocking: bool,
    /// It does not survive exec.
    pub(crate) cloexec: bool,
}

/// What to wait for.
///
/// ```
/// use biosock::Interest;
///
/// assert_ne!(Interest::Read, Interest::Write);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// There is something to read, a connection to accept, or the end.
    Read,
    /// There is room to write, or a connect has its outcome.
    Write,
}

/// Which direction [`Socket::shutdown`](crate::Socket::shutdown) ends.
///
/// ```
/// assert_ne!(biosock::Shutdown::Read, biosock::Shutdown::Write);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// No more is read.
    Read,
    /// No more is written: the peer reads to the end.
    Write,
    /// Neither.
    Both,
}
