//! Arguments of system calls, on every platform.

/// The flags of a new descriptor.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(biosock_unsupported, allow(dead_code, reason = "nothing is made there"))]
pub(crate) struct Flags {
    pub(crate) nonblocking: bool,
    /// It is closed on exec.
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
    /// There is data to read, a connection to accept, or the end.
    Read,
    /// There is room to write, or a connect has an outcome.
    Write,
}

/// Which direction [`Socket::shutdown`](crate::Socket::shutdown) shuts down.
///
/// ```
/// assert_ne!(biosock::Shutdown::Read, biosock::Shutdown::Write);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// No more reading.
    Read,
    /// No more writing: the peer reads to the end.
    Write,
    /// No more reading or writing.
    Both,
}
