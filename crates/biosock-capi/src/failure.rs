//! Why C functions fail, as values: nothing is on a queue yet.

use std::io;

use biosock::dial::DialError;
use biosock::{Error, Reason, Syscall, fd};

use crate::errno;

/// Why a C function fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The core failed.
    Core(Error),
    /// The same, and what it was about.
    About(String, Box<Error>),
    /// A dial failed.
    Dial(DialError),
    /// The system refused a call of this crate.
    System { errno: i32, syscall: Syscall, reason: Option<Reason> },
    /// Something else failed, as described here.
    Io(&'static str, io::Error),
    /// A reason of the BIO library alone.
    Bio(u16),
    /// The caller passed NULL for the parameter of this name.
    Null(&'static str),
    /// The caller passed something invalid, as described here.
    Invalid(String),
    /// A panic was caught.
    Panic,
    /// Only errno reports it: try again, or it was cancelled.
    Errno(i32),
    /// The queue or errno report it already.
    Reported,
}

impl Failure {
    /// The system refused a call of this crate, as errno says.
    #[cold]
    pub(crate) fn last_os_error(syscall: Syscall, reason: Option<Reason>) -> Self {
        Self::System { errno: errno::get(), syscall, reason }
    }

    /// A failure that only errno reports.
    #[cold]
    pub(crate) fn errno_only(error: Error) -> Self {
        Self::Errno(error.raw_os_error().unwrap_or_else(errno::get))
    }

    /// Whether the same call may succeed later, so that the queue gets nothing.
    pub(crate) fn is_retry(&self) -> bool {
        match self {
            Self::Core(error) => {
                error.system().filter(|_| error.resolver().is_none()).is_some_and(|system| {
                    matches!(system.syscall(), Syscall::Connect | Syscall::Accept)
                        && fd::is_retryable(system.raw_os_error())
                })
            }
            _ => false,
        }
    }
}

impl From<Error> for Failure {
    #[inline]
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<DialError> for Failure {
    fn from(error: DialError) -> Self {
        Self::Dial(error)
    }
}
