//! The only place that knows the operating system.
//!
//! A platform is one folder beside `linux` that supplies:
//!
//! | item | what it does |
//! |---|---|
//! | `SUN_PATH_LEN`, `SockAddrBuf`, `encode`, `decode` | socket addresses as the system lays them out |
//! | `socket`, `bind`, `connect`, `listen`, `accept`, `close`, `shutdown` | the calls themselves |
//! | `set_nonblocking`, `is_nonblocking`, `unsent`, `set_option`, `socket_type`, … | options, one function each |
//! | `send`, `recv`, `poll` | moving bytes, waiting |
//! | `AddrInfoList`, `NameBuffers`, `getaddrinfo`, `getnameinfo`, `interface_name`, `interface_index` | names |
//! | `Waker`, `Poller`, `Wakes`, `poll_any`, `has_hung_up`, `forks`, `forks_seen`, `SignalsBlocked` | waiting for several, being woken, threads without the caller's signals |
//! | `PerProcess` | what a child must not have from its parent |
//! | `inherit`, `inheritable`, `inode`, `enclose`, `Passed`, `Wrong`, `take_passed` | listeners handed from process to process |
//! | `effective_user` | whose files these are |
//! | `open_regular`, `read_at_most` | the machine's own files |
//! | `errno_name`, `errno_kind`, `errno_hint`, `is_retryable`, `eai_name`, `eai_kind`, `eai_text` | what error numbers mean |
//!
//! Every call that can fail gives an [`Errno`]; what that means to the caller
//! is decided above this module.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::SockAddrBuf;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

/// How a new descriptor begins.
#[derive(Clone, Copy, Debug)]
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
    /// There is room to write, or a connect has its verdict.
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

#[cfg(not(target_os = "linux"))]
compile_error!("biosock runs on Linux; another system joins as a folder beside src/sys/linux");
