//! What was said below this library: the system's error number, the
//! resolver's code.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use crate::sys::Wrong;
use crate::{ErrorKind, Reason, Syscall, sys};

/// What the operating system said: a call and its error number.
///
/// ```
/// use biosock::{Options, Socket, SocketAddr};
///
/// let nobody: SocketAddr = "127.0.0.1:1".parse()?;
/// let socket = Socket::stream_for(&nobody, Options::empty())?;
/// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
/// let system = error.system().expect("the system refused");
/// assert_eq!(system.to_string(), "calling connect(): Connection refused");
/// assert_eq!(system.name(), Some("ECONNREFUSED"));
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemError {
    // Bytes rather than an i32, so that Error stays within 120 bytes.
    errno: [u8; 4],
    syscall: Syscall,
    next: Option<Reason>,
}

impl SystemError {
    pub(crate) fn new(syscall: Syscall, errno: i32, next: Option<Reason>) -> Self {
        Self { errno: errno.to_ne_bytes(), syscall, next }
    }

    /// The symbol of any error number, as [`name`](Self::name) gives it.
    ///
    /// ```
    /// assert_eq!(biosock::SystemError::name_of(0), None);
    /// ```
    pub fn name_of(errno: i32) -> Option<&'static str> {
        sys::errno_name(errno)
    }

    /// The reason that follows on the page's queue.
    pub(crate) fn next(&self) -> Option<Reason> {
        self.next
    }

    /// The call that failed.
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody, Options::empty())?;
    /// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
    /// assert_eq!(error.system().map(|system| system.syscall().name()), Some("connect"));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn syscall(&self) -> Syscall {
        self.syscall
    }

    /// The error number (errno).
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody, Options::empty())?;
    /// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
    /// assert_eq!(error.system().map(|system| system.raw_os_error()), error.raw_os_error());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn raw_os_error(&self) -> i32 {
        i32::from_ne_bytes(self.errno)
    }

    /// The symbol of the error number, such as `ECONNREFUSED`; `None` for one
    /// that socket calls do not give.
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody, Options::empty())?;
    /// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
    /// assert_eq!(error.system().and_then(|system| system.name()), Some("ECONNREFUSED"));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn name(&self) -> Option<&'static str> {
        sys::errno_name(self.raw_os_error())
    }

    /// clone(2) says EAGAIN where there may be no more threads.
    pub(crate) fn kind(&self) -> ErrorKind {
        match (self.syscall, sys::errno_kind(self.raw_os_error())) {
            (Syscall::Clone, ErrorKind::Io(io::ErrorKind::WouldBlock)) => ErrorKind::OutOfResources,
            (_, kind) => kind,
        }
    }
}

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "calling {}(): {}", self.syscall.name(), os_text(self.raw_os_error()))
    }
}

impl StdError for SystemError {}

/// The system's text for an error number, without the number that `std` adds.
pub(crate) fn os_text(errno: i32) -> String {
    let mut text = io::Error::from_raw_os_error(errno).to_string();
    if let Some(at) = text.rfind(" (os error ") {
        text.truncate(at);
    }
    text
}

/// What the resolver said: getaddrinfo's or getnameinfo's EAI code.
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

    /// The EAI code, as <netdb.h> numbers it.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let error = Lookup::new().host("127.0.0.1").service("no-such").run().unwrap_err();
    /// let resolver = error.resolver().expect("the resolver refused");
    /// assert_ne!(resolver.code(), 0);
    /// ```
    pub fn code(&self) -> i32 {
        self.code
    }

    /// The symbol of the code, such as `EAI_NONAME`; `None` for an unknown one.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let error = Lookup::new().host("127.0.0.1").service("no-such").run().unwrap_err();
    /// let resolver = error.resolver().expect("the resolver refused");
    /// assert_eq!(resolver.name(), Some("EAI_SERVICE"));
    /// ```
    pub fn name(&self) -> Option<&'static str> {
        sys::eai_name(self.code)
    }

    /// The resolver's own text for the code, from gai_strerror(3).
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let error = Lookup::new().host("127.0.0.1").service("no-such").run().unwrap_err();
    /// let resolver = error.resolver().expect("the resolver refused");
    /// assert_eq!(resolver.text(), "Servname not supported for ai_socktype");
    /// ```
    pub fn text(&self) -> &'static str {
        sys::eai_text(self.code)
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        sys::eai_kind(self.code)
    }
}

impl fmt::Display for ResolverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl StdError for ResolverError {}

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
            Self::NotASocketFile => "the file exists and is no socket",
            Self::LockOfAnother => "the lock file of the socket belongs to another user",
            Self::NotListening => "the socket does not listen",
            Self::NoAddress => "there is no address to listen on",
            Self::TooManyAddresses => "the name has more than 256 addresses",
            Self::Unnamed => "a Unix socket needs a path or an @name to listen on",
            Self::OtherFamily => "the address is of another family than the one asked for",
            Self::BadHandOver => "that is no list of descriptors",
            Self::Passed(Wrong::NotASocket) => "it is not a socket",
            Self::Passed(Wrong::NotListening) => "the socket does not listen",
            Self::Passed(Wrong::AnotherSocket) => "it is another socket by now",
            Self::Passed(Wrong::NotInherited) => "this process opened it itself",
            Self::Passed(Wrong::NotOpen) => "it is not open",
            Self::ConnectedToItself => "connected to itself: nothing listens there",
            #[cfg(feature = "tokio")]
            Self::NoRuntime => "there is no tokio runtime here",
            #[cfg(feature = "tokio")]
            Self::NotTcp => "that is no TCP",
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
