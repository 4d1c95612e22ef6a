//! Why the command failed.

use std::io;

use biosock::SystemError;
use rustix::io::Errno;
use serde_json::{Value, json};

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why the command failed, and what to print about it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    message: String,
    /// Each lookup and address tried, with its outcome.
    attempts: Vec<Tried>,
    /// Whether they are printed as a table, not only in JSON.
    listed: bool,
    hint: Option<String>,
    errno: Option<i32>,
    symbol: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Failed,
    Usage,
    /// It has been reported already.
    Reported,
    /// The reader of standard output has gone: there is nothing left to do or print.
    OutputClosed,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        let (kind, attempts) = (Kind::Failed, Vec::new());
        Self { kind, message, attempts, listed: true, hint: None, errno: None, symbol: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, ..Self::new(message) }
    }

    /// A failure that has been reported already.
    pub(crate) fn reported() -> Self {
        Self { kind: Kind::Reported, ..Self::new("") }
    }

    /// The failure of a system call that does not set up a socket.
    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        let errno = error.raw_os_error();
        let symbol = errno.and_then(SystemError::name_of);
        let text = io_text(error, symbol);
        Self { errno, symbol, ..Self::new(format!("{what}: {text}")) }
    }

    /// A failure to start a thread or a process: the OS counts them together.
    pub(crate) fn start(what: &str, error: &io::Error) -> Self {
        let failure = Self::io(what, error);
        if failure.errno == Some(Errno::AGAIN.raw_os_error()) {
            return failure.hint("too many processes and threads; raise ulimit -u or the cgroup's pids.max");
        }
        failure
    }

    /// As [`io`](Self::io), for standard output.
    pub(crate) fn output(error: &io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe { Kind::OutputClosed } else { Kind::Failed };
        Self { kind, ..Self::io("write standard output", error) }
    }

    /// As [`io`](Self::io), for bytes moved over a socket.
    pub(crate) fn socket(what: &str, error: &io::Error) -> Self {
        let failure = Self::io(what, error);
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                failure.hint("the peer closed the connection before it had read everything")
            }
            io::ErrorKind::ConnectionRefused => {
                failure.hint("nothing listens there; with TCP Fast Open, this is detected late")
            }
            _ => failure,
        }
    }

    /// Adds what was tried.
    pub(crate) fn with_attempts(self, attempts: Vec<Tried>) -> Self {
        Self { attempts, ..self }
    }

    /// Sets the error number of a cause.
    pub(crate) fn with_errno(self, errno: Option<i32>) -> Self {
        Self { errno, symbol: errno.and_then(SystemError::name_of), ..self }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Keeps the attempts for JSON only, since they are drawn already.
    pub(crate) fn without_table(self) -> Self {
        Self { listed: false, ..self }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is printed: the message, the cells of the attempts, the hint.
    pub(crate) fn lines(&self) -> (&str, Vec<&[String]>, Option<&str>) {
        let attempts = self.attempts.iter().filter(|_| self.listed).map(|tried| &*tried.cells).collect();
        (&self.message, attempts, self.hint.as_deref())
    }

    pub(crate) fn to_json(&self) -> Value {
        let kind = if self.kind == Kind::Usage { "usage" } else { "failed" };
        let attempts: Vec<_> = self.attempts.iter().filter_map(|tried| tried.data.as_ref()).collect();
        json!({
            "event": "error", "kind": kind, "message": self.message, "hint": self.hint,
            "errno": self.errno, "symbol": self.symbol, "attempts": attempts,
        })
    }
}

/// What was tried and failed.
#[derive(Debug)]
pub(crate) struct Tried {
    /// A row of a table.
    pub(crate) cells: Vec<String>,
    /// The same as JSON; a lookup has none.
    pub(crate) data: Option<Value>,
}

impl From<biosock::Error> for Failure {
    fn from(error: biosock::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&biosock::Error> for Failure {
    fn from(error: &biosock::Error) -> Self {
        let failure = Self {
            errno: error.raw_os_error(),
            symbol: error.system().and_then(|system| system.name()),
            ..Self::new(error.to_string())
        };
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn io_text(error: &io::Error, symbol: Option<&str>) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut chars = text.chars();
    let text = chars.next().map_or(String::new(), |c| c.to_lowercase().chain(chars).collect());
    match (symbol, error.raw_os_error()) {
        (Some(symbol), _) => format!("{text} ({symbol})"),
        (None, Some(errno)) => format!("{text} (errno {errno})"),
        (None, None) => text,
    }
}

pub(crate) fn has_errno(error: &biosock::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// Whether the OS lacks this address family.
pub(crate) fn family_is_off(error: &biosock::Error) -> bool {
    has_errno(error, Errno::AFNOSUPPORT) || has_errno(error, Errno::ADDRNOTAVAIL)
}
