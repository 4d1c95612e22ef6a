//! Failures of C functions, as values: nothing is queued yet.

use std::ffi::c_int;
use std::fmt::Display;
use std::io;

use biosock::dial::DialError;
use biosock::{Error, Operation, Reason, Syscall, SystemError, fd};

use crate::errno;
use crate::message::Message;

/// Why a C function fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The core failed.
    Core(Error),
    /// The same, for this descriptor of several.
    Descriptor(c_int, Error),
    /// A dial failed.
    Dial(DialError),
    /// A system call failed.
    System(Refusal),
    /// Something else failed, as described here.
    Io(&'static str, io::Error),
    /// A reason of the BIO library alone.
    Bio(u16),
    /// The caller passed NULL for the parameter of this name.
    Null(&'static str),
    /// The caller passed something invalid, as described here.
    Invalid(Message),
    /// A panic was caught, or the core failed in an unexpected way.
    Internal,
    /// Only errno reports it: try again, or it was cancelled.
    Errno(i32),
    /// The queue or errno report it already.
    Reported,
}

impl Failure {
    /// The caller passed something invalid.
    pub(crate) fn invalid(what: impl Display) -> Self {
        Self::Invalid(Message::of(&what))
    }

    /// A system call of this crate failed; errno has the error.
    pub(crate) fn last_os_error(syscall: Syscall, reason: Option<Reason>) -> Self {
        Self::System(Refusal { errno: errno::get(), syscall, reason, operation: None })
    }

    /// The failure of one of OpenSSL's functions in a socket call: reported only by
    /// errno if the same call may succeed later.
    #[inline]
    pub(crate) fn of_call(error: Error) -> Self {
        match error.system() {
            Some(system) if is_retry(system) => Self::Errno(system.raw_os_error()),
            _ => Self::Core(error),
        }
    }

    /// A failure that only errno reports.
    pub(crate) fn errno_only(error: Error) -> Self {
        Self::Errno(error.raw_os_error().unwrap_or_else(errno::get))
    }
}

/// A failed system call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) errno: i32,
    pub(crate) syscall: Syscall,
    pub(crate) reason: Option<Reason>,
    /// The core's operation, if it made the call.
    pub(crate) operation: Option<Operation>,
}

impl Refusal {
    /// The system call that an error of the core reports; `None` if it is about
    /// something else, or about a name.
    #[inline]
    pub(crate) fn of(error: &Error) -> Option<Self> {
        if error.resolver().is_some() {
            return None;
        }
        let system = error.system()?;
        Some(Self {
            errno: system.raw_os_error(),
            syscall: system.syscall(),
            reason: error.reason(),
            operation: Some(error.operation()),
        })
    }
}

/// Whether the same call may succeed later, so that the queue gets nothing.
#[inline]
fn is_retry(system: SystemError) -> bool {
    matches!(system.syscall(), Syscall::Connect | Syscall::Accept) && fd::is_retryable(system.raw_os_error())
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
