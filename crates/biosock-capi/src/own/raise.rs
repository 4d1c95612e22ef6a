//! How the functions of our own fail: entries that name the call, the address
//! and what the system said, and errno always.

use std::ffi::CString;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use biosock::dial::{Attempt, DialError, DialFailure, LookupReport, Outcome};
use biosock::{Error, ErrorKind, Operation, Reason, Syscall, SystemError};

use crate::errno;
use crate::host::{Call, Common, Entry, Host, Site, What};
use crate::raise::call_of;
use crate::uncancelled::uncancelled;

/// Why a function of our own fails.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The caller passed NULL for what is named here.
    Null(&'static str),
    /// What the caller passed makes no sense, as said here.
    Invalid(String),
    /// The core failed.
    Core(Error),
    /// The same, and what it was about.
    About(String, Box<Error>),
    /// A dial failed.
    Dial(DialError),
    /// Something around sockets failed, as said here.
    Io(&'static str, io::Error),
    /// Only errno says so: the caller is to try again, or stopped it.
    Quiet(i32),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<DialError> for Trouble {
    fn from(error: DialError) -> Self {
        Self::Dial(error)
    }
}

/// Runs the body of a function. Its failure is raised and becomes the failure
/// value; so does a panic, which goes no further. Success leaves errno as it
/// was. A cancellation of the thread waits until the function has returned.
pub(super) fn run<H: Host, T>(
    site: &'static Site,
    failed: T,
    body: impl FnOnce() -> Result<T, Trouble>,
) -> T {
    uncancelled(|| caught::<H, T>(site, failed, body))
}

fn caught<H: Host, T>(site: &'static Site, failed: T, body: impl FnOnce() -> Result<T, Trouble>) -> T {
    let before = errno::get();
    let raised = || body().map_err(|trouble| raise::<H>(site, &trouble));
    let (value, errno) = match catch_unwind(AssertUnwindSafe(raised)) {
        Ok(Ok(done)) => (done, before),
        Ok(Err(number)) => (failed, number),
        Err(_panic) => {
            H::push(&Entry { what: What::Common(Common::Internal), site, data: None });
            (failed, libc::EFAULT)
        }
    };
    errno::set(errno);
    value
}

/// Puts a failure on the queue; gives what errno is to be.
#[cold]
fn raise<H: Host>(site: &'static Site, trouble: &Trouble) -> i32 {
    let say = |what, text: &str| say::<H>(site, what, text);
    match trouble {
        Trouble::Null(name) => say(What::Common(Common::Null), &format!("{name} is NULL")),
        Trouble::Invalid(text) => say(What::Common(Common::Invalid), text),
        Trouble::Core(error) => return raise_error(say, error, &error.to_string()),
        Trouble::About(what, error) => return raise_error(say, error, &format!("{what}: {error}")),
        Trouble::Dial(error) => return raise_dial(say, error),
        Trouble::Io(doing, error) => {
            let denied = error.kind() == io::ErrorKind::PermissionDenied;
            let errno = error.raw_os_error().unwrap_or(if denied { libc::EPERM } else { libc::EIO });
            say(What::System { errno, call: &OTHER }, &format!("{doing}: {error}"));
            return errno;
        }
        Trouble::Quiet(errno) => return *errno,
    }
    libc::EINVAL
}

/// A call that OpenSSL 1.1.1 has no number for.
static OTHER: Call = Call { calling: c"", code: 0 };

/// One entry with a text made for it.
fn say<H: Host>(site: &'static Site, what: What, text: &str) {
    H::push(&Entry { what, site, data: None });
    H::annotate(c"", &c_text(text));
}

/// A text for C. Ours have no NUL inside; one that came in would be dropped.
pub(super) fn c_text(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

/// The system's entry, then the reason with the whole message; or one of them.
fn raise_error(say: impl Fn(What, &str), error: &Error, message: &str) -> i32 {
    match (error.system(), reason_of(error)) {
        (Some(system), Some(reason)) => {
            say(refused(system), &calling(system));
            say(reason, message);
        }
        (Some(system), None) => say(refused(system), &format!("{}: {message}", calling(system))),
        (None, Some(reason)) => say(reason, message),
        (None, None) => say(What::Common(Common::Invalid), message),
    }
    errno_of(error)
}

fn refused(system: &SystemError) -> What {
    What::System { errno: system.raw_os_error(), call: call_of(system.syscall()) }
}

fn calling(system: &SystemError) -> String {
    format!("calling {}()", system.syscall().name())
}

fn reason_of(error: &Error) -> Option<What> {
    match error.reason()? {
        Reason::SystemLibrary => Some(What::Common(Common::SystemLibrary)),
        reason => Some(What::Bio(reason.code().into())),
    }
}

/// What the system said; where it said nothing, its number for the kind of error.
pub(super) fn errno_of(error: &Error) -> i32 {
    error.raw_os_error().unwrap_or_else(|| match error.kind() {
        ErrorKind::NameNotFound | ErrorKind::NoAddress | ErrorKind::ServiceNotFound => libc::ENOENT,
        ErrorKind::TryAgain | ErrorKind::LookupFailed => libc::ENOENT,
        ErrorKind::OutOfResources => libc::ENOMEM,
        ErrorKind::Cancelled => libc::ECANCELED,
        ErrorKind::Io(io::ErrorKind::AlreadyExists) => libc::EEXIST,
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => libc::EPERM,
        ErrorKind::Io(io::ErrorKind::ConnectionRefused) => libc::ECONNREFUSED,
        _ => libc::EINVAL,
    })
}

/// The look-ups that failed, the attempts in the order of their starts, and
/// what it came to.
fn raise_dial(say: impl Fn(What, &str), error: &DialError) -> i32 {
    let message = error.to_string();
    let summary = message.lines().next().unwrap_or_default();
    if let DialFailure::Unable(cause) = error.failure() {
        return raise_error(say, cause, summary);
    }
    error.report().lookups.iter().for_each(|lookup| say_lookup(&say, lookup));
    error.report().attempts.iter().for_each(|attempt| say_attempt(&say, attempt, error.failure()));
    say(What::Bio(Reason::Connect.code().into()), summary);
    errno_of_dial(error)
}

fn say_lookup(say: impl Fn(What, &str), LookupReport { family, answer, .. }: &LookupReport) {
    let what = What::Common(Common::SystemLibrary);
    match answer {
        Some(Ok(_)) => {}
        Some(Err(error)) => say(what, &format!("{family} look-up: {}", error.why())),
        None => say(what, &format!("{family} look-up: no answer")),
    }
}

fn say_attempt(say: impl Fn(What, &str), attempt: &Attempt, failure: &DialFailure) {
    let Attempt { addr, started, took, outcome, .. } = attempt;
    let times = format!("at {:.3} s, after {:.3} s", started.as_secs_f64(), took.as_secs_f64());
    match outcome {
        Outcome::Connected => {}
        Outcome::NoAnswer => {
            let what = What::System { errno: errno_of_end(failure), call: call_of(Syscall::Connect) };
            say(what, &format!("calling connect() for {addr}, {times}: no answer"));
        }
        Outcome::Failed(error) => match error.system() {
            Some(system) => {
                // A step before the connect has more to say, as which device is unknown.
                let step = (error.operation() != Operation::Connect).then(|| format!(": {error}"));
                let step = step.unwrap_or_default();
                say(refused(system), &format!("{} for {addr}, {times}{step}", calling(system)));
            }
            None => say(refused_without_call(error), &format!("{addr}, {times}: {}", error.why())),
        },
    }
}

/// What ended an attempt that no system call refused.
fn refused_without_call(error: &Error) -> What {
    match errno_of(error) {
        libc::EINVAL => What::Common(Common::Invalid),
        errno => What::System { errno, call: call_of(Syscall::Connect) },
    }
}

/// The number for whatever had no verdict when the dial ended.
fn errno_of_end(failure: &DialFailure) -> i32 {
    match failure {
        DialFailure::Cancelled => libc::ECANCELED,
        _ => libc::ETIMEDOUT,
    }
}

/// That of the end; where every attempt failed, that of the last one, or of
/// the look-ups.
fn errno_of_dial(error: &DialError) -> i32 {
    if !matches!(error.failure(), DialFailure::NoneAnswered) {
        return errno_of_end(error.failure());
    }
    let report = error.report();
    let attempts = report.attempts.iter().rev().filter_map(|attempt| match &attempt.outcome {
        Outcome::Failed(error) => Some(errno_of(error)),
        _ => None,
    });
    let lookups = report.lookups.iter().filter_map(|lookup| lookup.answer.as_ref()?.as_ref().err());
    attempts.chain(lookups.map(errno_of)).next().unwrap_or(libc::ENOENT)
}
