//! The error type: which call failed, on what, with which OS error, and the reason that
//! BIO_connect(3)'s error queue would have.

use std::error::Error as StdError;
use std::fmt;
use std::io;

mod details;
mod hint;
mod kind;
mod queue;
mod reason;
mod refusal;
mod system;
#[cfg(test)]
mod tests;
mod text;

use crate::raw::{Domain, SocketAddr};
use details::{BadText, Details, Subject};
use system::OsText;
use text::{LowerFirst, boundary};

pub(crate) use hint::{HOST_SILENT, LOOKUPS_HANG, RESOLVER_SILENT, UNIX_SILENT};
pub use kind::ErrorKind;
pub use queue::QueueEntry;
pub use reason::{Operation, Reason, Syscall};
pub(crate) use refusal::Refusal;
pub(crate) use system::errno_kind;
pub(crate) use system::is_retryable;
pub use system::{ResolverError, SystemError};
pub(crate) use text::{Escaped, lossy};

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a function failed.
///
/// It has a [kind](Self::kind) for programs to act on, the
/// [operation](Self::operation), the [address](Self::address) or string that it was
/// about, the error of the [system](Self::system) or the [resolver](Self::resolver),
/// and the [reason](Self::reason) that BIO_connect(3)'s error queue would have. It
/// takes three words: the address, the string and the source are in a box. If memory
/// for the box is refused, they are left out and the rest is kept, so that no failure
/// aborts the process; only [`with_source`](Self::with_source) and the conversion to
/// [`io::Error`] allocate as `Box::new` does.
///
/// Its message is one line with all of this, including at most 256 bytes of any string
/// from outside, with control and invisible characters escaped.
/// [`source`](StdError::source) returns what the message does not include: the cause
/// that a resolver [gave](Self::with_source), if any. [`entries`](Self::entries)
/// returns the entries of BIO_connect(3)'s error queue.
///
/// ```
/// use biosock::{Socket, SocketAddr};
///
/// let nobody: SocketAddr = "127.0.0.1:1".parse()?;
/// let socket = Socket::stream_for(&nobody)?;
/// let error = socket.connect(&nobody).unwrap_err();
/// assert_eq!(error.to_string(), "connect to 127.0.0.1:1: connection refused (ECONNREFUSED)");
/// assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::ConnectionRefused);
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    details: Details,
    cause: Cause,
    operation: Operation,
}

#[derive(Clone, Copy, Debug)]
enum Cause {
    System(SystemError),
    Resolver(ResolverError),
    /// EAI_SYSTEM, with the errno that the resolver set.
    ResolverErrno(ResolverError, i32),
    /// A code that conceals a shortage, with the shortage's errno.
    ResolverShortage(ResolverError, i32),
    Reason(Reason),
    Refusal(Refusal),
    Kind(ErrorKind),
}

impl Error {
    #[inline]
    pub(crate) fn system_call(
        operation: Operation,
        syscall: Syscall,
        errno: i32,
        reason: impl Into<Option<Reason>>,
    ) -> Self {
        Self::new(operation, Cause::System(SystemError::new(syscall, errno, reason.into())))
    }

    #[inline]
    fn new(operation: Operation, cause: Cause) -> Self {
        Self { details: Details::default(), cause, operation }
    }

    /// An error without a system call: BIO_connect(3)'s reason alone.
    ///
    /// ```
    /// use biosock::{Error, Operation, Reason};
    ///
    /// let error = Error::from_reason(Operation::Connect, Reason::InvalidSocket);
    /// assert_eq!(error.to_string(), "connect: invalid socket");
    /// ```
    #[must_use]
    pub fn from_reason(operation: Operation, reason: Reason) -> Self {
        Self::new(operation, Cause::Reason(reason))
    }

    /// An error of a kind, for failures that neither a system call nor BIO_connect(3)
    /// reports: for the caller's own [`Resolver`](crate::dial::Resolver) or
    /// `AsyncResolver`. [`about`](Self::about) adds the name that was looked up,
    /// [`with_source`](Self::with_source) the cause.
    ///
    /// ```
    /// use biosock::{Error, ErrorKind, Operation};
    ///
    /// let error = Error::from_kind(Operation::Lookup, ErrorKind::NameNotFound).about("no-such.example");
    /// assert_eq!(error.to_string(), "look up no-such.example: no such name");
    /// assert_eq!(error.kind(), ErrorKind::NameNotFound);
    ///
    /// let later = Error::from_kind(Operation::Lookup, ErrorKind::TryAgain);
    /// assert!(later.kind().is_temporary());
    ///
    /// let ended = Error::from_kind(Operation::Lookup, ErrorKind::Cancelled);
    /// assert_eq!(std::io::Error::from(ended).kind(), std::io::ErrorKind::Other);
    /// ```
    #[must_use]
    pub fn from_kind(operation: Operation, kind: ErrorKind) -> Self {
        Self::new(operation, Cause::Kind(kind))
    }

    /// Sets the cause, which [`source`](StdError::source) returns: an error below this
    /// one, or its message. A second one replaces the first.
    ///
    /// ```
    /// use std::error::Error as _;
    /// use biosock::{Error, ErrorKind, Operation};
    ///
    /// let error = Error::from_kind(Operation::Lookup, ErrorKind::TryAgain).with_source("SERVFAIL from 192.0.2.1");
    /// assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("SERVFAIL from 192.0.2.1"));
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.details.set_source(source.into().into());
        self
    }

    /// A failed lookup, with a code of getaddrinfo(3): for the caller's own
    /// `AsyncResolver` or [`Resolver`](crate::dial::Resolver) that knows more than a
    /// [kind](Self::from_kind). `name` is what was looked up, such as `host:service`; a
    /// code that getaddrinfo(3) does not have is reported as a number.
    ///
    /// ```
    /// use biosock::{Error, ErrorKind};
    ///
    /// let error = Error::lookup("no-such.example:443", libc::EAI_NONAME);
    /// assert_eq!(error.kind(), ErrorKind::NameNotFound);
    /// assert!(error.to_string().ends_with("(EAI_NONAME)"), "{error}");
    /// ```
    #[must_use]
    pub fn lookup(name: impl Into<String>, code: i32) -> Self {
        Self::resolver_call(Operation::Lookup, code, None, None, name.into())
    }

    /// A resolver's failure; `system` is the errno of EAI_SYSTEM, `shortage` the errno
    /// of a shortage that the code conceals. An empty `name` means none.
    pub(crate) fn resolver_call(
        operation: Operation,
        code: i32,
        system: Option<i32>,
        shortage: Option<i32>,
        name: String,
    ) -> Self {
        let resolver = ResolverError::new(code);
        let cause = match (system, shortage) {
            (Some(errno), _) => Cause::ResolverErrno(resolver, errno),
            (None, Some(errno)) => Cause::ResolverShortage(resolver, errno),
            (None, None) => Cause::Resolver(resolver),
        };
        let error = Self::new(operation, cause);
        if name.is_empty() { error } else { error.on(Subject::Thing(name)) }
    }

    /// A request that biosock itself refuses.
    pub(crate) fn refused(operation: Operation, refusal: Refusal) -> Self {
        Self::new(operation, Cause::Refusal(refusal))
    }

    /// An error of a kind, about a thing, with a description of what is wrong.
    pub(crate) fn explained(
        operation: Operation,
        kind: ErrorKind,
        thing: impl fmt::Display,
        why: impl fmt::Display,
    ) -> Self {
        let error = Self::from_kind(operation, kind);
        match (text::of(&thing), text::of(&why)) {
            (Some(thing), Some(why)) => error.on(Subject::Explained { thing, why }),
            _ => error,
        }
    }

    /// Invalid input: the string, the byte offset of the mistake, and what is wrong.
    pub(crate) fn bad_text(
        reason: impl Into<Option<Reason>>,
        input: &[u8],
        at: usize,
        problem: &'static str,
    ) -> Self {
        let cause = reason.into().map_or(Cause::Kind(ErrorKind::InvalidInput), Cause::Reason);
        Self::new(Operation::Parse, cause).on(Subject::Text(BadText { input: lossy(&[input]), at, problem }))
    }

    /// A family that the operation does not support.
    pub(crate) fn unsupported_family(operation: Operation, family: Domain) -> Self {
        Self::from_reason(operation, Reason::UnsupportedProtocolFamily).on(Subject::Family(family))
    }

    pub(crate) fn at(self, addr: &SocketAddr) -> Self {
        self.on(Subject::Addr(*addr))
    }

    /// Sets what the operation was about: a host name, an option, a device.
    ///
    /// ```
    /// use biosock::{Error, ErrorKind, Operation};
    ///
    /// let error = Error::from_kind(Operation::Lookup, ErrorKind::TryAgain).about("example.org");
    /// assert_eq!(
    ///     error.to_string(),
    ///     "look up example.org: the name server did not answer, or failed"
    /// );
    /// ```
    #[must_use]
    pub fn about(self, thing: impl fmt::Display) -> Self {
        match text::of(&thing) {
            Some(thing) => self.on(Subject::Thing(thing)),
            None => self,
        }
    }

    fn on(mut self, subject: Subject) -> Self {
        self.details.set_subject(subject);
        self
    }

    /// What the caller was doing.
    ///
    /// ```
    /// # use biosock::{Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody)?;
    /// let error = socket.connect(&nobody).unwrap_err();
    /// assert_eq!(error.operation(), biosock::Operation::Connect);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The address that the operation was about, if any.
    ///
    /// ```
    /// # use biosock::{Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody)?;
    /// let error = socket.connect(&nobody).unwrap_err();
    /// assert_eq!(error.address(), Some(&nobody));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn address(&self) -> Option<&SocketAddr> {
        match self.details.subject() {
            Subject::Addr(addr) => Some(addr),
            _ => None,
        }
    }

    /// The OS error, if there was one.
    ///
    /// ```
    /// # use biosock::{Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody)?;
    /// let error = socket.connect(&nobody).unwrap_err();
    /// assert!(error.system().is_some());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn system(&self) -> Option<SystemError> {
        match self.cause {
            Cause::System(system) => Some(system),
            Cause::ResolverErrno(_, errno) => {
                let reverse = self.operation == Operation::ReverseLookup;
                let syscall = if reverse { Syscall::GetNameInfo } else { Syscall::GetAddrInfo };
                Some(SystemError::new(syscall, errno, Some(Reason::SystemLibrary)))
            }
            _ => None,
        }
    }

    /// The errno, if the operating system set it. A lookup that failed for lack of
    /// descriptors or memory has that number too, although its [`system`](Self::system)
    /// is `None` if the resolver reported something else.
    ///
    /// ```
    /// # use biosock::{Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody)?;
    /// let error = socket.connect(&nobody).unwrap_err();
    /// assert!(error.raw_os_error().is_some());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn raw_os_error(&self) -> Option<i32> {
        match self.cause {
            Cause::System(system) => Some(system.raw_os_error()),
            Cause::ResolverErrno(_, errno) | Cause::ResolverShortage(_, errno) => Some(errno),
            _ => None,
        }
    }

    /// The kind of failure.
    ///
    /// ```
    /// # use biosock::{Socket, SocketAddr};
    /// use std::io;
    /// use biosock::ErrorKind;
    ///
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody)?;
    /// let error = socket.connect(&nobody).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Io(io::ErrorKind::ConnectionRefused));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self.cause {
            Cause::System(system) => system.kind(),
            Cause::Resolver(resolver) => resolver.kind(),
            Cause::ResolverErrno(_, errno) => errno_kind(errno),
            Cause::ResolverShortage(..) => ErrorKind::OutOfResources,
            Cause::Kind(kind) => kind,
            Cause::Refusal(refusal) => refusal.kind(),
            Cause::Reason(Reason::UnsupportedProtocolFamily) => ErrorKind::Unsupported,
            Cause::Reason(_) => ErrorKind::InvalidInput,
        }
    }

    /// The resolver's error, if a lookup failed.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let error = Lookup::new().host("127.0.0.1").service("no-such").run().unwrap_err();
    /// let resolver = error.resolver().expect("the resolver refused");
    /// assert_eq!(resolver.to_string(), resolver.text());
    /// ```
    #[must_use]
    pub fn resolver(&self) -> Option<ResolverError> {
        match self.cause {
            Cause::Resolver(resolver)
            | Cause::ResolverErrno(resolver, _)
            | Cause::ResolverShortage(resolver, _) => Some(resolver),
            _ => None,
        }
    }

    /// The reason on BIO_connect(3)'s error queue.
    ///
    /// `None` where the queue would hold only the system's entry (setting the blocking
    /// mode) or nothing (closing), and for errors that BIO_connect(3) does not have.
    ///
    /// ```
    /// # use biosock::{Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody)?;
    /// let error = socket.connect(&nobody).unwrap_err();
    /// assert_eq!(error.reason(), Some(biosock::Reason::Connect));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self.cause {
            Cause::System(system) => system.next(),
            Cause::Reason(reason) => Some(reason),
            Cause::Refusal(_) | Cause::Kind(_) => None,
            _ => Some(Reason::SystemLibrary),
        }
    }

    /// The entries that describe such an error on BIO_connect(3)'s error queue, oldest
    /// first: the OS error, then the reason. Not every call queues them:
    /// BIO_closesocket(3) and retryable errors queue none. Empty for an error that
    /// OpenSSL's functions do not have.
    ///
    /// ```
    /// # use biosock::{Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody)?;
    /// let error = socket.connect(&nobody).unwrap_err();
    /// let entries: Vec<_> = error.entries().map(|entry| entry.to_string()).collect();
    /// assert_eq!(entries, ["calling connect(): Connection refused", "connect error"]);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn entries(&self) -> impl Iterator<Item = QueueEntry> {
        let system = self.system();
        let last = match self.resolver() {
            Some(resolver) if system.is_none() => Some(QueueEntry::Resolver(resolver)),
            _ => self.reason().map(QueueEntry::Reason),
        };
        system.map(QueueEntry::System).into_iter().chain(last)
    }

    /// The whole string that could not be parsed, and the byte offset of the mistake.
    /// The message shows at most 256 bytes around that offset.
    ///
    /// ```
    /// let error = "127.0.0.1:x".parse::<biosock::SocketAddr>().unwrap_err();
    /// assert_eq!(error.input(), Some(("127.0.0.1:x", 10)));
    /// ```
    #[must_use]
    pub fn input(&self) -> Option<(&str, usize)> {
        match self.details.subject() {
            // Longer than the input if that was invalid UTF-8, and empty if memory was refused.
            Subject::Text(text) => Some((&text.input, boundary(&text.input, text.at))),
            _ => None,
        }
    }

    /// Whether the same call may succeed later: would-block, in progress, already in
    /// progress, interrupted, not connected yet, protocol error.
    ///
    /// The list is that of `BIO_sock_non_fatal_error`. OpenSSL's routines queue nothing
    /// for these. Whether a failed lookup may succeed later depends on its
    /// [kind](ErrorKind::is_temporary).
    ///
    /// ```
    /// # use biosock::{Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody)?;
    /// let error = socket.connect(&nobody).unwrap_err();
    /// assert!(!error.is_retryable());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_sock_non_fatal_error")]
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.system().is_some_and(|system| is_retryable(system.raw_os_error()))
    }

    /// What went wrong, without the operation and its subject.
    ///
    /// ```
    /// # use biosock::{Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody)?;
    /// let error = socket.connect(&nobody).unwrap_err();
    /// assert_eq!(error.why().to_string(), "connection refused (ECONNREFUSED)");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn why(&self) -> impl fmt::Display + '_ {
        Why(self)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, preposition) = self.operation.words();
        f.write_str(verb)?;
        let gap = if preposition.is_empty() { "" } else { " " };
        match self.details.subject() {
            Subject::Nothing => {}
            text @ Subject::Text(_) => write!(f, " {text}")?,
            subject => write!(f, "{gap}{preposition} {subject}")?,
        }
        f.write_str(": ")?;
        write!(f, "{}", Why(self))
    }
}

impl Error {
    fn fmt_cause(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::System(system) => {
                if self.operation.main_call() != Some(system.syscall()) {
                    self.fmt_step(system, f)?;
                }
                fmt_errno(system.raw_os_error(), f)
            }
            Cause::Resolver(resolver) => fmt_resolver(*resolver, f),
            Cause::ResolverErrno(_, errno) | Cause::ResolverShortage(_, errno) => fmt_errno(*errno, f),
            Cause::Reason(reason) => f.write_str(reason.text()),
            Cause::Refusal(refusal) => f.write_str(refusal.text()),
            Cause::Kind(kind) => write!(f, "{kind}"),
        }
    }

    /// Names the step of the operation that failed.
    fn fmt_step(&self, system: &SystemError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match system.next() {
            Some(reason) => write!(f, "{reason}: "),
            None => write!(f, "{}: ", system.syscall().name()),
        }
    }
}

fn fmt_errno(errno: i32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = OsText::of(errno);
    match SystemError::name_of(errno) {
        Some(name) => write!(f, "{} ({name})", LowerFirst(text.as_str())),
        None => write!(f, "{} (errno {errno})", LowerFirst(text.as_str())),
    }
}

fn fmt_resolver(resolver: ResolverError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match resolver.name() {
        Some(name) => write!(f, "{} ({name})", LowerFirst(resolver.text())),
        None => write!(f, "{} (code {})", LowerFirst(resolver.text()), resolver.code()),
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.details.source().map(|source| source.as_ref() as _)
    }
}

/// What [`Error::why`] returns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Why<'a>(pub(crate) &'a Error);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.0;
        match error.details.subject() {
            Subject::Text(text) => {
                if let Some(reason) = error.reason() {
                    write!(f, "{reason}: ")?;
                }
                write!(f, "{} (at byte {})", text.problem, text.at)
            }
            Subject::Explained { why, .. } => Escaped(why).fmt(f),
            _ => error.fmt_cause(f),
        }
    }
}

impl From<Error> for io::Error {
    /// Has `std`'s kind for the [kind](Error::kind); [`io::Error::downcast`] returns
    /// the whole [`Error`].
    fn from(error: Error) -> Self {
        Self::new(error.kind().into(), error)
    }
}

const _: () = assert!(size_of::<Error>() <= 3 * size_of::<u64>(), "three words on 64 bits");
