//! Entries with messages, which name the call, the address and the OS error.

use std::fmt::{self, Display};
use std::io;

use biosock::dial::{Attempt, DialError, DialFailure, LookupReport, Outcome};
use biosock::{Error, Operation, Reason, Syscall, SystemError};

use super::entries::Entries;
use crate::calls::{Call, call_of};
use crate::errno;
use crate::host::{Common, Host, What};

/// The entry of a failure other than in a socket call.
pub(super) fn push_io<H: Host>(entries: &Entries<H>, doing: &str, error: &io::Error) -> i32 {
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    let errno = error.raw_os_error().unwrap_or(if denied { libc::EPERM } else { libc::EIO });
    entries.push_text(What::System { errno, call: &OTHER }, &format_args!("{doing}: {error}"));
    errno
}

/// A call without a number in OpenSSL 1.1.1.
static OTHER: Call = Call { calling: c"", code: 0 };

/// The OS error, then the reason with the whole message; or one of them.
pub(super) fn push_error<H: Host>(entries: &Entries<H>, error: &Error, message: &dyn Display) -> i32 {
    match (error.system(), reason_of(error)) {
        (Some(system), Some(reason)) => {
            entries.push_text(refused(system), &Calling(system));
            entries.push_text(reason, message);
        }
        (Some(system), None) => {
            entries.push_text(refused(system), &format_args!("{}: {message}", Calling(system)))
        }
        (None, Some(reason)) => entries.push_text(reason, message),
        (None, None) => entries.push_text(What::Common(Common::Invalid), message),
    }
    errno::of(error)
}

fn refused(system: SystemError) -> What {
    What::System { errno: system.raw_os_error(), call: call_of(system.syscall()) }
}

/// The call as the queue names it.
struct Calling(SystemError);

impl Display for Calling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "calling {}()", self.0.syscall().name())
    }
}

fn reason_of(error: &Error) -> Option<What> {
    match error.reason()? {
        Reason::SystemLibrary => Some(What::Common(Common::SystemLibrary)),
        reason => Some(What::Bio(reason.code().into())),
    }
}

/// The failed lookups, the attempts in starting order, and the dial's error.
pub(super) fn push_dial<H: Host>(entries: &Entries<H>, error: &DialError) -> i32 {
    if let DialFailure::Unable(cause) = error.failure() {
        return push_error(entries, cause, error);
    }
    error.report().lookups.iter().for_each(|lookup| push_lookup(entries, lookup));
    error.report().attempts.iter().for_each(|attempt| push_attempt(entries, attempt, error.failure()));
    entries.push_text(What::Bio(Reason::Connect.code().into()), error);
    errno_of_dial(error)
}

fn push_lookup<H: Host>(entries: &Entries<H>, LookupReport { family, answer, .. }: &LookupReport) {
    let what = What::Common(Common::SystemLibrary);
    match answer {
        Some(Ok(_)) => {}
        Some(Err(error)) => entries.push_text(what, &format_args!("{family} lookup: {}", error.why())),
        None => entries.push_text(what, &format_args!("{family} lookup: no answer")),
    }
}

fn push_attempt<H: Host>(entries: &Entries<H>, attempt: &Attempt, failure: &DialFailure) {
    let place = Place(attempt);
    match &attempt.outcome {
        Outcome::Connected => {}
        Outcome::Failed(error) => match error.system() {
            // A step before the connect has more details, such as the unknown device.
            Some(system) if error.operation() != Operation::Connect => {
                entries.push_text(refused(system), &format_args!("{} for {place}: {error}", Calling(system)))
            }
            Some(system) => {
                entries.push_text(refused(system), &format_args!("{} for {place}", Calling(system)));
            }
            None => {
                entries.push_text(refused_without_call(error), &format_args!("{place}: {}", error.why()));
            }
        },
        _ => {
            let what = What::System { errno: errno_of_end(failure), call: call_of(Syscall::Connect) };
            entries.push_text(what, &format_args!("calling connect() for {place}: no answer"));
        }
    }
}

/// Where and when an attempt was made.
struct Place<'a>(&'a Attempt);

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attempt { addr, started, took, .. } = self.0;
        write!(f, "{addr}, at {:.3} s, after {:.3} s", started.as_secs_f64(), took.as_secs_f64())
    }
}

/// What ended an attempt that no system call refused.
fn refused_without_call(error: &Error) -> What {
    match errno::of(error) {
        libc::EINVAL => What::Common(Common::Invalid),
        errno => What::System { errno, call: call_of(Syscall::Connect) },
    }
}

/// The number for attempts without a result when the dial ended.
fn errno_of_end(failure: &DialFailure) -> i32 {
    match failure {
        DialFailure::Cancelled => libc::ECANCELED,
        _ => libc::ETIMEDOUT,
    }
}

/// The number of the dial's end; if every attempt failed, that of the last one,
/// or of the lookups.
fn errno_of_dial(error: &DialError) -> i32 {
    if !matches!(error.failure(), DialFailure::NoneAnswered) {
        return errno_of_end(error.failure());
    }
    let report = error.report();
    let attempts = report.attempts.iter().rev().filter_map(|attempt| match &attempt.outcome {
        Outcome::Failed(error) => Some(errno::of(error)),
        _ => None,
    });
    let lookups = report.lookups.iter().filter_map(|lookup| lookup.answer.as_ref()?.as_ref().err());
    attempts.chain(lookups.map(errno::of)).next().unwrap_or(libc::ENOENT)
}
