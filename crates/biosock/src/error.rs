//! One error type: which call, on what, what the system said, and the reason
//! that the page's error queue would give.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use crate::cause::{Refusal, ResolverError, SystemError};
use crate::{Domain, Operation, Reason, SocketAddr, Syscall, sys};

/// The result of every fallible routine of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a routine failed.
///
/// It carries the [operation](Self::operation), the
/// [address](Self::address) or text it was about, what the
/// [system](Self::system) or the [resolver](Self::resolver) said, and the
/// [reason](Self::reason) that the page's error queue would give. Making one
/// for a socket call allocates nothing.
///
/// Walking [`source`](StdError::source) gives the entries of the page's
/// queue, oldest first: what the system said, then the reason.
///
/// ```
/// use biosock::{Options, Socket, SocketAddr};
///
/// let nobody: SocketAddr = "127.0.0.1:1".parse()?;
/// let socket = Socket::stream_for(&nobody, Options::empty())?;
/// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
/// assert_eq!(error.to_string(), "connect to 127.0.0.1:1: connection refused (ECONNREFUSED)");
/// assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::ConnectionRefused);
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    subject: Subject,
    cause: Cause,
    operation: Operation,
}

/// What the failed operation was about.
#[derive(Clone, Debug)]
enum Subject {
    Nothing,
    Addr(SocketAddr),
    Family(Domain),
    Name(NameSubject),
    Text(TextSubject),
    /// A thing with a name: an option, a device, a type.
    Thing(Box<str>),
}

#[derive(Clone, Debug)]
struct NameSubject {
    name: String,
    resolver: ResolverError,
}

#[derive(Clone, Debug)]
struct TextSubject {
    input: String,
    at: usize,
    problem: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Cause {
    System(SystemError),
    Reason(Reason),
    Refusal(Refusal),
    /// The subject says it all.
    Subject,
}

impl Error {
    pub(crate) fn system_call(
        operation: Operation,
        syscall: Syscall,
        errno: i32,
        reason: impl Into<Option<Reason>>,
    ) -> Self {
        let system = SystemError::new(syscall, errno, reason.into());
        Self { subject: Subject::Nothing, cause: Cause::System(system), operation }
    }

    /// An error that no system call made: the page's reason alone.
    ///
    /// ```
    /// use biosock::{Error, Operation, Reason};
    ///
    /// let error = Error::from_reason(Operation::Connect, Reason::InvalidSocket);
    /// assert_eq!(error.to_string(), "connect: invalid socket");
    /// ```
    pub fn from_reason(operation: Operation, reason: Reason) -> Self {
        Self { subject: Subject::Nothing, cause: Cause::Reason(reason), operation }
    }

    /// A resolver's failure; `system` is errno where the code is EAI_SYSTEM.
    pub(crate) fn resolver_call(
        operation: Operation,
        syscall: Syscall,
        code: i32,
        system: Option<i32>,
        name: String,
    ) -> Self {
        let cause = match system {
            Some(errno) => Self::system_call(operation, syscall, errno, Reason::SystemLibrary).cause,
            None => Cause::Reason(Reason::SystemLibrary),
        };
        let resolver = ResolverError::new(code);
        Self { subject: Subject::Name(NameSubject { name, resolver }), cause, operation }
    }

    /// What this library refuses by itself.
    pub(crate) fn refused(operation: Operation, refusal: Refusal) -> Self {
        Self { subject: Subject::Nothing, cause: Cause::Refusal(refusal), operation }
    }

    /// An error that the operation's subject explains.
    pub(crate) fn impossible(operation: Operation, subject: &str) -> Self {
        Self { subject: Subject::Thing(subject.into()), cause: Cause::Subject, operation }
    }

    /// Bad text: what it was, where in it (a byte offset) and what is wrong.
    pub(crate) fn bad_text(
        reason: impl Into<Option<Reason>>,
        input: &[u8],
        at: usize,
        problem: &'static str,
    ) -> Self {
        let input = lossy(&[input]);
        let subject = Subject::Text(TextSubject { input, at, problem });
        let cause = reason.into().map_or(Cause::Subject, Cause::Reason);
        Self { subject, cause, operation: Operation::Parse }
    }

    /// A family that the operation does not know.
    pub(crate) fn unsupported_family(operation: Operation, family: Domain) -> Self {
        let cause = Cause::Reason(Reason::UnsupportedProtocolFamily);
        Self { subject: Subject::Family(family), cause, operation }
    }

    pub(crate) fn at(mut self, addr: &SocketAddr) -> Self {
        self.subject = Subject::Addr(*addr);
        self
    }

    pub(crate) fn about(mut self, thing: impl Into<Box<str>>) -> Self {
        self.subject = Subject::Thing(thing.into());
        self
    }

    /// What the caller was doing.
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody, Options::empty())?;
    /// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
    /// assert_eq!(error.operation(), biosock::Operation::Connect);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The address that the operation was about, where there was one.
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody, Options::empty())?;
    /// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
    /// assert_eq!(error.address(), Some(&nobody));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn address(&self) -> Option<&SocketAddr> {
        match &self.subject {
            Subject::Addr(addr) => Some(addr),
            _ => None,
        }
    }

    /// What the operating system said, where it said anything.
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody, Options::empty())?;
    /// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
    /// assert!(error.system().is_some());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn system(&self) -> Option<&SystemError> {
        match &self.cause {
            Cause::System(system) => Some(system),
            _ => None,
        }
    }

    /// errno, where the operating system set it.
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody, Options::empty())?;
    /// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
    /// assert!(error.raw_os_error().is_some());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn raw_os_error(&self) -> Option<i32> {
        self.system().map(SystemError::raw_os_error)
    }

    /// The kind that `std` gives to the error number; for a failed look-up
    /// "not found", for bad input "invalid input".
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody, Options::empty())?;
    /// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn kind(&self) -> io::ErrorKind {
        match (self.raw_os_error(), &self.subject) {
            (Some(errno), _) => io::Error::from_raw_os_error(errno).kind(),
            (None, Subject::Name(_)) => io::ErrorKind::NotFound,
            (None, _) => match self.cause {
                Cause::Refusal(refusal) => refusal.kind(),
                _ => io::ErrorKind::InvalidInput,
            },
        }
    }

    /// What the resolver said, where a look-up failed.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let error = Lookup::new().host("127.0.0.1").service("no-such").run().unwrap_err();
    /// let resolver = error.resolver().expect("the resolver refused");
    /// assert_eq!(resolver.to_string(), resolver.text());
    /// ```
    pub fn resolver(&self) -> Option<&ResolverError> {
        match &self.subject {
            Subject::Name(name) => Some(&name.resolver),
            _ => None,
        }
    }

    /// The reason that the page's error queue gives.
    ///
    /// `None` where the queue would hold the system's entry alone (setting
    /// the blocking mode) or nothing (closing), and for what the page does
    /// not know.
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody, Options::empty())?;
    /// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
    /// assert_eq!(error.reason(), Some(biosock::Reason::Connect));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn reason(&self) -> Option<Reason> {
        match self.cause {
            Cause::System(system) => system.next(),
            Cause::Reason(reason) => Some(reason),
            Cause::Refusal(_) | Cause::Subject => None,
        }
    }

    /// The text that could not be read and the byte offset of what is wrong in it.
    ///
    /// ```
    /// let error = "127.0.0.1:x".parse::<biosock::SocketAddr>().unwrap_err();
    /// assert_eq!(error.input(), Some(("127.0.0.1:x", 10)));
    /// ```
    pub fn input(&self) -> Option<(&str, usize)> {
        match &self.subject {
            Subject::Text(text) => Some((&text.input, text.at)),
            _ => None,
        }
    }

    /// Whether the same call may succeed later: would-block, in progress,
    /// already in progress, interrupted, not connected yet, protocol error.
    ///
    /// The list is that of `BIO_sock_non_fatal_error`. The page's routines
    /// queue nothing for these.
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody, Options::empty())?;
    /// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
    /// assert!(!error.is_retryable());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_sock_non_fatal_error")]
    pub fn is_retryable(&self) -> bool {
        self.raw_os_error().is_some_and(sys::is_retryable)
    }

    /// What went wrong, without what was being done and on what.
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&nobody, Options::empty())?;
    /// let error = socket.connect(&nobody, Options::empty()).unwrap_err();
    /// assert_eq!(error.why().to_string(), "connection refused (ECONNREFUSED)");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn why(&self) -> impl fmt::Display + '_ {
        Why(self)
    }

    /// Advice on what to try, for the failures that have a usual cause.
    ///
    /// ```
    /// let error = "::1:80".parse::<biosock::SocketAddr>().unwrap_err();
    /// assert_eq!(error.hint(), Some("write an IPv6 address in brackets: [::1]:80"));
    /// ```
    pub fn hint(&self) -> Option<&'static str> {
        match &self.subject {
            Subject::Text(text) if text.input.matches(':').count() > 1 && !text.input.starts_with('[') => {
                Some("write an IPv6 address in brackets: [::1]:80")
            }
            Subject::Name(name) => sys::eai_hint(name.resolver.code()).or_else(|| self.system_hint()),
            Subject::Addr(addr) if addr.path().is_some() => self.path_hint(),
            _ => self.system_hint(),
        }
    }

    /// What is said of ports does not help with the file of a Unix socket.
    fn path_hint(&self) -> Option<&'static str> {
        match self.kind() {
            io::ErrorKind::AddrInUse => Some(
                "end the process that has the file open, or remove it if none has, or choose another path",
            ),
            _ => self.system_hint(),
        }
    }

    fn system_hint(&self) -> Option<&'static str> {
        match self.cause {
            Cause::Refusal(refusal) => refusal.hint(),
            _ => self.raw_os_error().and_then(|errno| sys::errno_hint(errno, self.operation)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, preposition) = self.operation.words();
        f.write_str(verb)?;
        let gap = if preposition.is_empty() { "" } else { " " };
        match &self.subject {
            Subject::Nothing => {}
            Subject::Addr(addr) => write!(f, "{gap}{preposition} {addr}")?,
            Subject::Thing(thing) => write!(f, "{gap}{preposition} {}", Escaped(thing))?,
            Subject::Family(family) => write!(f, "{gap}{preposition} address family {family}")?,
            Subject::Name(name) => write!(f, " {}", Escaped(&name.name))?,
            Subject::Text(text) => return text.fmt_after(self.reason(), f),
        }
        f.write_str(": ")?;
        self.fmt_cause(f)
    }
}

impl Error {
    fn fmt_cause(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(resolver) = self.resolver() {
            return fmt_resolver(*resolver, self.system(), f);
        }
        match &self.cause {
            Cause::System(system) => {
                if self.operation.main_call() != Some(system.syscall()) {
                    self.fmt_step(system, f)?;
                }
                fmt_system(system, f)
            }
            Cause::Reason(reason) => f.write_str(reason.text()),
            Cause::Refusal(refusal) => f.write_str(refusal.text()),
            Cause::Subject => f.write_str("not possible"),
        }
    }

    /// Names the step within the operation that failed.
    fn fmt_step(&self, system: &SystemError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match system.next() {
            Some(reason) => write!(f, "{reason}: "),
            None => write!(f, "{}: ", system.syscall().name()),
        }
    }
}

fn fmt_system(system: &SystemError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = system.text();
    match system.name() {
        Some(name) => write!(f, "{} ({name})", LowerFirst(&text)),
        None => write!(f, "{} (errno {})", LowerFirst(&text), system.raw_os_error()),
    }
}

fn fmt_resolver(
    resolver: ResolverError,
    system: Option<&SystemError>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if let Some(system) = system {
        return fmt_system(system, f);
    }
    match resolver.name() {
        Some(name) => write!(f, "{} ({name})", LowerFirst(resolver.text())),
        None => write!(f, "{} (code {})", LowerFirst(resolver.text()), resolver.code()),
    }
}

impl TextSubject {
    /// The longest piece of bad input that a message repeats, in bytes.
    const SHOWN: usize = 120;

    fn fmt_after(&self, reason: Option<Reason>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = prefix(&self.input, Self::SHOWN);
        let cut = if shown.len() < self.input.len() { "…" } else { "" };
        write!(f, " \"{}{cut}\": ", Escaped(shown))?;
        self.fmt_problem(reason, f)
    }

    fn fmt_problem(&self, reason: Option<Reason>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = reason {
            write!(f, "{reason}: ")?;
        }
        write!(f, "{} (at byte {})", self.problem, self.at)
    }
}

/// The parts in a row, for people: what is no UTF-8 is replaced. An error may be about a lack of
/// memory, so where there is none for the text it is empty.
pub(crate) fn lossy(parts: &[&[u8]]) -> String {
    let mut text = String::new();
    for chunk in parts.iter().flat_map(|part| part.utf8_chunks()) {
        let mark = if chunk.invalid().is_empty() { "" } else { "\u{fffd}" };
        if text.try_reserve(chunk.valid().len() + mark.len()).is_err() {
            return String::new();
        }
        text.push_str(chunk.valid());
        text.push_str(mark);
    }
    text
}

/// The longest prefix of at most `most` bytes that ends between characters.
fn prefix(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Text with its control characters escaped, so that no name from the network
/// can drive a terminal.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if drives_terminal(c) { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}

/// Control characters, and those that end lines or turn their direction.
pub(crate) fn drives_terminal(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text with its first letter small, for use after a colon; an acronym stays.
struct LowerFirst<'a>(&'a str);

impl fmt::Display for LowerFirst<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        match chars.next() {
            Some(first) if !chars.as_str().starts_with(char::is_uppercase) => {
                write!(f, "{}{}", first.to_lowercase(), chars.as_str())
            }
            _ => f.write_str(self.0),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        if let Cause::System(system) = &self.cause {
            return Some(system);
        }
        if let Some(resolver) = self.resolver() {
            return Some(resolver);
        }
        match &self.cause {
            Cause::Reason(reason) => Some(reason),
            _ => None,
        }
    }
}

/// What [`Error::why`] gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Why<'a>(pub(crate) &'a Error);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.subject {
            Subject::Text(text) => text.fmt_problem(self.0.reason(), f),
            _ => self.0.fmt_cause(f),
        }
    }
}

impl From<Error> for io::Error {
    /// Keeps the [kind](Error::kind); the whole [`Error`] can be had back by
    /// [`io::Error::downcast`].
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error)
    }
}

const _: () = assert!(size_of::<Error>() <= 120, "clippy's result_large_err begins at 128");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_utf_8_is_replaced() {
        assert_eq!(lossy(&[b"\xffa", b"", b"b\xfe\xfd"]), "\u{fffd}ab\u{fffd}\u{fffd}");
    }

    #[test]
    fn abbreviations_stay_as_they_are() {
        let texts = ["Connection refused", "RFS specific error", ".lib section in a.out corrupted", ""];
        let lowered = texts.map(|text| LowerFirst(text).to_string());
        assert_eq!(lowered, ["connection refused", texts[1], texts[2], texts[3]]);
    }

    #[test]
    fn a_look_up_that_lacks_descriptors_says_so() {
        let failed = |code, system| {
            Error::resolver_call(Operation::Lookup, Syscall::GetAddrInfo, code, system, "host".into())
        };
        let starved = failed(libc::EAI_SYSTEM, Some(libc::EMFILE));
        assert_eq!(starved.to_string(), "look up host: too many open files (EMFILE)");
        assert_eq!(starved.hint(), Some("the process has too many open files; raise it with ulimit -n"));
        let unanswered = failed(libc::EAI_AGAIN, None);
        assert_eq!(
            unanswered.hint(),
            Some("the name server did not answer; check the network and try again")
        );
        assert_eq!(failed(libc::EAI_FAIL, None).hint(), None);
    }
}
