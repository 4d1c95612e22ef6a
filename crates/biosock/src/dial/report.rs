//! What a dial did: every lookup and attempt, when, how long, and its outcome.

use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::io;
use std::time::Duration;

use crate::error::{HOST_SILENT, LOOKUPS_HANG, RESOLVER_SILENT, UNIX_SILENT, Why};
use crate::{Domain, Error, ErrorKind, Operation, SocketAddr};

/// What a dial did. Points in time are given as durations since its start.
///
/// ```
/// use biosock::dial::{Dialer, Outcome};
///
/// let failed = Dialer::new().dial("127.0.0.1:1").unwrap_err();
/// let attempt = &failed.report().attempts[0];
/// assert_eq!(attempt.addr.to_string(), "127.0.0.1:1");
/// assert!(matches!(attempt.outcome, Outcome::Failed(_)));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The lookups, in the order they were started: IPv6's first.
    pub lookups: Vec<LookupReport>,
    /// The attempts, in the order they were started.
    pub attempts: Vec<Attempt>,
    /// How long the whole dial took.
    pub elapsed: Duration,
}

/// One lookup of a dial.
///
/// ```
/// # use biosock::dial::Dialer;
/// let failed = Dialer::new().dial("127.0.0.1:no-such-service").unwrap_err();
/// assert!(failed.report().lookups.iter().all(|lookup| lookup.answer.as_ref().is_some_and(Result::is_err)));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LookupReport {
    /// The family that was looked up.
    pub family: Domain,
    /// When the answer arrived; `None` if there was none.
    pub took: Option<Duration>,
    /// How many addresses the answer had; `None` if there was no answer before the dial
    /// ended. If the lookup had not started by then, because all [lookup
    /// threads](super::lookup_threads) were busy, an error that says so, of the kind
    /// [`ErrorKind::OutOfResources`].
    pub answer: Option<Result<usize, Error>>,
}

/// One attempt of a dial.
///
/// ```
/// # use biosock::dial::Dialer;
/// let failed = Dialer::new().dial("127.0.0.1:1").unwrap_err();
/// assert!(failed.report().attempts[0].took <= failed.report().elapsed);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The address.
    pub addr: SocketAddr,
    /// When the attempt started.
    pub started: Duration,
    /// How long it took, or was in progress without an outcome.
    pub took: Duration,
    /// Its outcome.
    pub outcome: Outcome,
}

impl LookupReport {
    /// Creates a report of these values, for tests of code that shows one.
    #[must_use]
    pub fn new(family: Domain, took: Option<Duration>, answer: Option<Result<usize, Error>>) -> Self {
        Self { family, took, answer }
    }
}

impl Attempt {
    /// Creates an attempt of these values, for tests of code that shows one.
    #[must_use]
    pub fn new(addr: SocketAddr, started: Duration, took: Duration, outcome: Outcome) -> Self {
        Self { addr, started, took, outcome }
    }
}

/// The outcome of an attempt.
///
/// ```
/// use biosock::dial::Outcome;
///
/// assert_eq!(Outcome::NoAnswer.to_string(), "no answer");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It won.
    Connected,
    /// It failed.
    Failed(Error),
    /// It had no outcome when the dial ended, and was closed.
    NoAnswer,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected"),
            Self::Failed(error) => BriefError(error).fmt(f),
            Self::NoAnswer => f.write_str("no answer"),
        }
    }
}

/// An error in a line that already has the address or family: its subject is only named
/// if it is something else (an option, a device).
struct BriefError<'a>(&'a Error);

impl fmt::Display for BriefError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.address().is_some() || self.0.resolver().is_some();
        if known || self.0.operation() == Operation::Parse { Why(self.0).fmt(f) } else { self.0.fmt(f) }
    }
}

impl fmt::Display for Report {
    /// An aligned line for each lookup that failed or has no answer, and for each
    /// attempt; empty if there were none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = self.attempts.iter().map(|attempt| width(&attempt.addr)).max().unwrap_or(0);
        let mut gap = "";
        for LookupReport { family, answer, .. } in &self.lookups {
            match answer {
                None => write!(f, "{gap}{:>17}  {family} lookup: no answer", "")?,
                Some(Err(error)) => write!(f, "{gap}{:>17}  {family} lookup: {}", "", BriefError(error))?,
                Some(Ok(_)) => continue,
            }
            gap = "\n";
        }
        for Attempt { addr, started, took, outcome } in &self.attempts {
            let (started, took) = (started.as_secs_f64(), took.as_secs_f64());
            let rest = wide - width(addr);
            write!(f, "{gap}{started:>7.3} +{took:>7.3} s  {addr}{:rest$}  {outcome}", "")?;
            gap = "\n";
        }
        Ok(())
    }
}

/// The number of characters that a value is shown with.
fn width(shown: &dyn fmt::Display) -> usize {
    struct Count(usize);

    impl fmt::Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.chars().count();
            Ok(())
        }
    }

    let mut count = Count(0);
    let _ = write!(count, "{shown}");
    count.0
}

/// Why a dial as a whole failed.
///
/// ```
/// use biosock::dial::{DialFailure, Dialer};
///
/// let failed = Dialer::new().dial("127.0.0.1:1").unwrap_err();
/// assert!(matches!(failed.failure(), DialFailure::NoneAnswered));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DialFailure {
    /// Every address failed, or no lookup found one.
    NoneAnswered,
    /// The time limit passed.
    TimedOut,
    /// The caller cancelled.
    Cancelled,
    /// The target is invalid, or the system lacked what dialling needs.
    Unable(Error),
}

/// A failed dial, with its report.
///
/// ```
/// use biosock::dial::Dialer;
///
/// let failed = Dialer::new().dial("127.0.0.1:1").unwrap_err();
/// assert_eq!(failed.to_string(), "dial 127.0.0.1:1: no address answered");
/// let table = failed.report().to_string();
/// assert!(table.ends_with("127.0.0.1:1  connection refused (ECONNREFUSED)"), "{table}");
/// ```
#[derive(Clone, Debug)]
pub struct DialError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    target: String,
    failure: DialFailure,
    report: Report,
}

impl DialError {
    pub(crate) fn new(target: String, failure: DialFailure, report: Report) -> Self {
        Self(Box::new(Inner { target, failure, report }))
    }

    /// Why the dial failed.
    ///
    /// ```
    /// # use biosock::dial::{DialFailure, Dialer};
    /// let failed = Dialer::new().dial("127.0.0.1:1").unwrap_err();
    /// assert!(matches!(failed.failure(), DialFailure::NoneAnswered));
    /// ```
    #[must_use]
    pub fn failure(&self) -> &DialFailure {
        &self.0.failure
    }

    /// What was tried.
    ///
    /// ```
    /// # use biosock::dial::{DialFailure, Dialer};
    /// let failed = Dialer::new().dial("127.0.0.1:1").unwrap_err();
    /// assert_eq!(failed.report().attempts.len(), 1);
    /// ```
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.0.report
    }

    /// The kind of failure: timed out, cancelled, or the last attempt's. Without an
    /// attempt it is that of the lookups: first one that [may succeed
    /// later](ErrorKind::is_temporary), since a name that one family's lookup did not
    /// find may have addresses of the other.
    ///
    /// ```
    /// # use std::io;
    /// # use biosock::ErrorKind;
    /// # use biosock::dial::Dialer;
    /// let failed = Dialer::new().dial("127.0.0.1:1").unwrap_err();
    /// assert_eq!(failed.kind(), ErrorKind::Io(io::ErrorKind::ConnectionRefused));
    /// ```
    pub fn kind(&self) -> ErrorKind {
        match &self.0.failure {
            DialFailure::TimedOut => ErrorKind::TimedOut,
            DialFailure::Cancelled => ErrorKind::Cancelled,
            DialFailure::Unable(error) => error.kind(),
            DialFailure::NoneAnswered => self.cause().map_or(ErrorKind::NoAddress, Error::kind),
        }
    }

    /// Advice on what to try, if the failure has a common cause.
    ///
    /// ```
    /// # use biosock::dial::{DialFailure, Dialer};
    /// let failed = Dialer::new().dial("127.0.0.1:1").unwrap_err();
    /// assert!(failed.hint().is_some());
    /// ```
    pub fn hint(&self) -> Option<&'static str> {
        if let DialFailure::Unable(error) = &self.0.failure {
            return error.hint();
        }
        if matches!(self.0.failure, DialFailure::TimedOut | DialFailure::Cancelled) {
            return self.silent();
        }
        self.cause().and_then(Error::hint).or_else(|| self.errors().find_map(Error::hint))
    }

    /// What did not answer within the timeout, or before the cancel: the last of the
    /// attempts, or a resolver.
    fn silent(&self) -> Option<&'static str> {
        let Report { attempts, lookups, .. } = &self.0.report;
        let silent = |attempt: &&Attempt| matches!(attempt.outcome, Outcome::NoAnswer);
        match attempts.iter().rev().find(silent) {
            Some(attempt) if attempt.addr.path().is_some() => Some(UNIX_SILENT),
            Some(_) => Some(HOST_SILENT),
            None if lookups.iter().any(|lookup| lookup.took.is_none() && lookup.answer.is_some()) => {
                Some(LOOKUPS_HANG)
            }
            None if lookups.iter().any(|lookup| lookup.answer.is_none()) => Some(RESOLVER_SILENT),
            None => self.errors().find_map(Error::hint),
        }
    }

    /// The error that best explains the failure: the last attempt's; of the lookups',
    /// one that may succeed later, or the first.
    fn cause(&self) -> Option<&Error> {
        let no_attempt = self.0.report.attempts.is_empty();
        let temporary = self.errors().find(|error| no_attempt && error.kind().is_temporary());
        temporary.or_else(|| self.errors().next())
    }

    /// The errors of the attempts, last first, then those of the lookups.
    fn errors(&self) -> impl Iterator<Item = &Error> {
        let attempts = self.0.report.attempts.iter().rev().filter_map(|attempt| match &attempt.outcome {
            Outcome::Failed(error) => Some(error),
            _ => None,
        });
        let lookups =
            self.0.report.lookups.iter().filter_map(|lookup| lookup.answer.as_ref()?.as_ref().err());
        attempts.chain(lookups)
    }
}

impl fmt::Display for DialError {
    /// One line; the [report](DialError::report) shows what was tried.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { target, failure, report } = &*self.0;
        write!(f, "dial {}: ", crate::error::Escaped(target))?;
        match failure {
            DialFailure::NoneAnswered if report.attempts.is_empty() => f.write_str("no address found"),
            DialFailure::NoneAnswered => f.write_str("no address answered"),
            DialFailure::TimedOut => write!(f, "no answer within {:.3} s", report.elapsed.as_secs_f64()),
            DialFailure::Cancelled => write!(f, "cancelled after {:.3} s", report.elapsed.as_secs_f64()),
            DialFailure::Unable(error) => error.fmt(f),
        }
    }
}

impl StdError for DialError {
    /// The error of the last attempt, or of a lookup; the message has the rest.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.failure {
            DialFailure::Unable(error) => error.source(),
            _ => self.cause().map(|error| error as _),
        }
    }
}

impl From<DialError> for io::Error {
    /// Has `std`'s kind for the [kind](DialError::kind): a cancel is `Other`, never
    /// `Interrupted`. [`io::Error::downcast`] returns the whole [`DialError`].
    fn from(error: DialError) -> Self {
        Self::new(error.kind().into(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Operation};

    fn error(kind: ErrorKind) -> Error {
        Error::from_kind(Operation::Lookup, kind)
    }

    fn lookup(took: Option<Duration>, answer: Option<Result<usize, Error>>) -> LookupReport {
        LookupReport { family: Domain::IPV4, took, answer }
    }

    fn silent(addr: &str) -> Attempt {
        let (started, took) = (Duration::ZERO, Duration::from_secs(1));
        Attempt { addr: addr.parse().unwrap(), started, took, outcome: Outcome::NoAnswer }
    }

    fn hint(lookups: Vec<LookupReport>, attempts: Vec<Attempt>) -> Option<&'static str> {
        let report = Report { lookups, attempts, ..Report::default() };
        DialError::new("name:1".into(), DialFailure::TimedOut, report).hint()
    }

    #[test]
    fn what_was_silent_until_the_deadline_is_what_the_hint_is_about() {
        let took = Some(Duration::from_millis(5));
        let busy = || error(ErrorKind::OutOfResources);
        let cases = [
            (vec![lookup(took, Some(Ok(1)))], vec![silent("192.0.2.1:1")], Some(HOST_SILENT)),
            (vec![], vec![silent("unix:/run/x")], Some(UNIX_SILENT)),
            (vec![lookup(None, None)], vec![], Some(RESOLVER_SILENT)),
            (vec![lookup(None, Some(Err(busy())))], vec![], Some(LOOKUPS_HANG)),
            (vec![lookup(None, None), lookup(None, Some(Err(busy())))], vec![], Some(LOOKUPS_HANG)),
            (vec![lookup(took, Some(Ok(0)))], vec![], None),
            (vec![lookup(took, Some(Err(busy())))], vec![], busy().hint()),
        ];
        for (lookups, attempts, expected) in cases {
            let tried = format!("{lookups:?} {attempts:?}");
            assert_eq!(hint(lookups, attempts), expected, "{tried}");
        }
    }

    #[test]
    fn the_source_of_a_dial_that_could_not_begin_is_its_error_s() {
        let cause = io::Error::from(io::ErrorKind::PermissionDenied);
        let why = error(ErrorKind::LookupFailed).with_source(cause);
        let failed = DialError::new("name:1".into(), DialFailure::Unable(why), Report::default());
        let source = failed.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::PermissionDenied));
    }
}
