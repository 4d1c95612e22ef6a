//! The OS error and the resolver's error.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use super::{ErrorKind, Reason, Syscall};
use crate::sys::{self, Errno};

pub(super) use crate::sys::ErrnoText as OsText;

/// An OS error: a call and its error number.
///
/// ```
/// use biosock::{Socket, SocketAddr};
///
/// let nobody: SocketAddr = "127.0.0.1:1".parse()?;
/// let socket = Socket::stream_for(&nobody)?;
/// let error = socket.connect(&nobody).unwrap_err();
/// let system = error.system().expect("the system refused");
/// assert_eq!(system.to_string(), "calling connect(): Connection refused");
/// assert_eq!(system.name(), Some("ECONNREFUSED"));
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemError {
    errno: i32,
    syscall: Syscall,
    next: Option<Reason>,
}

impl SystemError {
    #[inline]
    pub(crate) fn new(syscall: Syscall, errno: i32, next: Option<Reason>) -> Self {
        Self { errno, syscall, next }
    }

    /// The symbol of any error number, as [`name`](Self::name) returns it.
    ///
    /// ```
    /// assert_eq!(biosock::SystemError::name_of(0), None);
    /// ```
    #[must_use]
    pub fn name_of(errno: i32) -> Option<&'static str> {
        sys::errno_name(errno)
    }

    /// The reason that follows it on BIO_connect(3)'s queue.
    pub(crate) fn next(self) -> Option<Reason> {
        self.next
    }

    /// The call that failed.
    ///
    /// ```
    /// # use biosock::{Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody)?;
    /// let error = socket.connect(&nobody).unwrap_err();
    /// assert_eq!(error.system().map(|system| system.syscall().name()), Some("connect"));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn syscall(self) -> Syscall {
        self.syscall
    }

    /// The error number (errno).
    ///
    /// ```
    /// # use biosock::{Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody)?;
    /// let error = socket.connect(&nobody).unwrap_err();
    /// assert_eq!(error.system().map(|system| system.raw_os_error()), error.raw_os_error());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn raw_os_error(self) -> i32 {
        self.errno
    }

    /// The symbol of the error number, such as `ECONNREFUSED`; `None` for a number that
    /// socket calls do not return.
    ///
    /// ```
    /// # use biosock::{Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody)?;
    /// let error = socket.connect(&nobody).unwrap_err();
    /// assert_eq!(error.system().and_then(|system| system.name()), Some("ECONNREFUSED"));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        sys::errno_name(self.raw_os_error())
    }

    /// clone(2) fails with EAGAIN if no more threads are allowed.
    pub(crate) fn kind(self) -> ErrorKind {
        match (self.syscall, errno_kind(self.raw_os_error())) {
            (Syscall::Clone, ErrorKind::Io(io::ErrorKind::WouldBlock)) => ErrorKind::OutOfResources,
            (_, kind) => kind,
        }
    }
}

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "calling {}(): {}", self.syscall.name(), OsText::of(self.errno).as_str())
    }
}

impl StdError for SystemError {}

/// The resolver's error: an EAI code of getaddrinfo(3) or getnameinfo(3).
///
/// ```
/// use biosock::Lookup;
///
/// let error = Lookup::new().host("127.0.0.1").service("no-such-service").run().unwrap_err();
/// let resolver = error.resolver().expect("the resolver refused");
/// assert_eq!(resolver.name(), Some("EAI_SERVICE"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolverError {
    code: i32,
}

impl ResolverError {
    pub(crate) fn new(code: i32) -> Self {
        Self { code }
    }

    /// The EAI code, as numbered in <netdb.h>.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let error = Lookup::new().host("127.0.0.1").service("no-such").run().unwrap_err();
    /// let resolver = error.resolver().expect("the resolver refused");
    /// assert_ne!(resolver.code(), 0);
    /// ```
    #[must_use]
    pub fn code(self) -> i32 {
        self.code
    }

    /// The symbol of the code, such as `EAI_NONAME`; `None` for an unknown code.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let error = Lookup::new().host("127.0.0.1").service("no-such").run().unwrap_err();
    /// let resolver = error.resolver().expect("the resolver refused");
    /// assert_eq!(resolver.name(), Some("EAI_SERVICE"));
    /// ```
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        sys::eai_name(self.code)
    }

    /// The resolver's message for the code, from gai_strerror(3).
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let error = Lookup::new().host("127.0.0.1").service("no-such").run().unwrap_err();
    /// let resolver = error.resolver().expect("the resolver refused");
    /// assert_eq!(resolver.text(), "Servname not supported for ai_socktype");
    /// ```
    #[must_use]
    pub fn text(self) -> &'static str {
        sys::eai_text(self.code)
    }

    pub(crate) fn kind(self) -> ErrorKind {
        eai_kind(self.code)
    }
}

impl fmt::Display for ResolverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl StdError for ResolverError {}

/// The kind of failure that an error number stands for.
pub(crate) fn errno_kind(errno: i32) -> ErrorKind {
    match Errno::from_raw_os_error(errno) {
        _ if sys::is_shortage(errno) => ErrorKind::OutOfResources,
        Errno::CANCELED => ErrorKind::Cancelled,
        Errno::AFNOSUPPORT | Errno::PFNOSUPPORT | Errno::PROTONOSUPPORT | Errno::SOCKTNOSUPPORT => {
            ErrorKind::Unsupported
        }
        Errno::NOPROTOOPT => ErrorKind::Unsupported,
        _ => io::Error::from_raw_os_error(errno).kind().into(),
    }
}

/// The kind of failure that a resolver's code stands for.
fn eai_kind(code: i32) -> ErrorKind {
    match code {
        sys::EAI_NONAME => ErrorKind::NameNotFound,
        sys::EAI_NODATA | sys::EAI_ADDRFAMILY => ErrorKind::NoAddress,
        sys::EAI_SERVICE => ErrorKind::ServiceNotFound,
        sys::EAI_AGAIN => ErrorKind::TryAgain,
        sys::EAI_MEMORY => ErrorKind::OutOfResources,
        sys::EAI_FAMILY | sys::EAI_SOCKTYPE => ErrorKind::Unsupported,
        sys::EAI_BADFLAGS | sys::EAI_OVERFLOW => ErrorKind::InvalidInput,
        _ => ErrorKind::LookupFailed,
    }
}

/// Whether the same call may succeed later after this error, as
/// BIO_sock_non_fatal_error(3) defines it.
#[inline]
pub(crate) fn is_retryable(errno: i32) -> bool {
    matches!(
        Errno::from_raw_os_error(errno),
        Errno::AGAIN | Errno::INPROGRESS | Errno::ALREADY | Errno::INTR | Errno::NOTCONN | Errno::PROTO
    )
}
