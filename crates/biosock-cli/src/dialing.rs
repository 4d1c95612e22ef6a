//! How `biosock connect` dials, and the error when that fails.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use biosock::dial::{DialError, DialFailure, Dialed, Dialer, LookupReport, Outcome, Pace, Report};
use biosock::{Cancel, Domain, Family, Lookup, SocketAddr, Type};
use rustix::io::Errno;

use crate::args::ConnectArgs;
use crate::call::{Call, DIAL_LOOKUP, LOOKUP, addresses, listed};
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::race;
use crate::target::{Source, Target};
use crate::text::duration;

/// A dial as the arguments describe it, ready to start.
pub(crate) struct Dial<'a> {
    args: &'a ConnectArgs,
    dialer: Dialer,
    /// The only family that the source addresses allow, if there is only one.
    bound_to: Option<Family>,
}

impl<'a> Dial<'a> {
    /// Looks up the sources; that time counts towards the timeout.
    pub(crate) fn prepare(args: &'a ConnectArgs, cancel: Cancel, out: &Output) -> Result<Self> {
        let start = Instant::now();
        let sources = sources(args, out)?;
        let family = args.family.wanted();
        let bound_to = match &sources[..] {
            [SocketAddr::V4(_)] if family == Family::Any => Some(Family::Ipv4),
            [SocketAddr::V6(_)] if family == Family::Any => Some(Family::Ipv6),
            _ => None,
        };
        let dialer = Dialer::new()
            .family(bound_to.unwrap_or(family))
            .keepalive(args.stream.keepalive())
            .nodelay(args.stream.nodelay)
            .tfo(args.stream.tfo)
            // A port that the user chose must be reusable, and attempts share it.
            .reuseaddr(sources.iter().any(|source| source.port() != Some(0)))
            .pace(pace(args))
            .mptcp(args.mptcp)
            .cancel(cancel)
            .on_lookup(tracer(args, out));
        let dialer = sources.into_iter().fold(dialer, Dialer::source);
        let dialer = args.device.iter().fold(dialer, |dialer, device| dialer.device(device));
        let left = args.timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
        let dialer = left.into_iter().fold(dialer, Dialer::timeout);
        Ok(Self { args, dialer, bound_to })
    }

    pub(crate) fn run(&self) -> Result<Dialed, DialError> {
        match &self.args.target {
            Target::Unix(addr) => self.dialer.dial_addrs(&[(*addr).into()]),
            target => self.dialer.dial(&target.to_string()),
        }
    }

    /// The error of a failed dial, with its attempts unless they were drawn or the
    /// message covers them.
    pub(crate) fn failure(&self, error: &DialError, drawn: bool) -> Failure {
        let report = error.report();
        let failure = match error.failure() {
            DialFailure::Unable(error) => return Failure::from(error),
            DialFailure::TimedOut => with_hint(self.late(report), error.hint()),
            DialFailure::Cancelled => with_hint(self.interrupted(report), error.hint()),
            _ => self.none_answered(report, error.hint()),
        };
        let failure = failure.with_attempts(race::tried(report));
        let none_answered = matches!(error.failure(), DialFailure::NoneAnswered);
        let said = none_answered && only_cause(report).is_some() || is_alone(report);
        if drawn || said { failure.without_table() } else { failure }
    }

    fn late(&self, report: &Report) -> Failure {
        let limit = self.args.timeout.unwrap_or(report.elapsed).as_secs_f64();
        let failure = Failure::new(format!("connect to {}: no answer within {limit} s", self.args.target));
        failure.with_errno(Some(Errno::TIMEDOUT.raw_os_error()))
    }

    fn interrupted(&self, report: &Report) -> Failure {
        let after = duration(report.elapsed);
        let failure = Failure::new(format!("connect to {}: interrupted after {after}", self.args.target));
        failure.with_errno(Some(Errno::CANCELED.raw_os_error()))
    }

    fn none_answered(&self, report: &Report, hint: Option<&str>) -> Failure {
        let failure = only_cause(report).map_or_else(|| self.several_failed(report), Failure::from);
        match (self.bound_to, hint) {
            (Some(family), _) if report.attempts.is_empty() => {
                failure.hint(format!("only {family} was tried, the family of --bind"))
            }
            (_, hint) => with_hint(failure, hint),
        }
    }

    fn several_failed(&self, report: &Report) -> Failure {
        let what = match report.attempts.len() {
            0 => "no address found".into(),
            1 => "the only attempt failed".into(),
            count => format!("all {count} attempts failed"),
        };
        let last = report.attempts.iter().rev().find_map(|attempt| match &attempt.outcome {
            Outcome::Failed(error) => error.raw_os_error(),
            _ => None,
        });
        Failure::new(format!("connect to {}: {what}", self.args.target)).with_errno(last)
    }
}

fn with_hint(failure: Failure, hint: Option<&str>) -> Failure {
    hint.into_iter().fold(failure, Failure::hint)
}

/// The error that explains the failure alone: that of the only attempt, without
/// lookups, or of lookups that all failed alike.
fn only_cause(report: &Report) -> Option<&biosock::Error> {
    match (&report.lookups[..], &report.attempts[..]) {
        ([], [attempt]) => match &attempt.outcome {
            Outcome::Failed(error) => Some(error),
            _ => None,
        },
        ([first, others @ ..], []) => {
            let first = failed(first)?;
            let same = |lookup| failed(lookup).is_some_and(|it| it.to_string() == first.to_string());
            others.iter().all(same).then_some(first)
        }
        _ => None,
    }
}

/// One numeric address.
fn is_alone(report: &Report) -> bool {
    report.lookups.is_empty() && report.attempts.len() == 1
}

fn failed(lookup: &LookupReport) -> Option<&biosock::Error> {
    lookup.answer.as_ref()?.as_ref().err()
}

fn pace(args: &ConnectArgs) -> Pace {
    let max_attempts = usize::try_from(args.max_attempts).unwrap_or(usize::MAX);
    Pace { attempt_delay: args.attempt_delay, max_attempts, ..Pace::default() }
}

/// The source address for each family that has one.
fn sources(args: &ConnectArgs, out: &Output) -> Result<Vec<SocketAddr>> {
    let mut sources: Vec<SocketAddr> = Vec::new();
    // A deadline beyond the clock's range is none.
    let end = args.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    for source in &args.bind {
        let mut firsts: Vec<SocketAddr> = Vec::new();
        for addr in look_up(source, args.family.wanted(), end, out)? {
            if firsts.iter().all(|first| first.family() != addr.family()) {
                firsts.push(addr);
            }
        }
        for addr in firsts {
            if sources.iter().any(|other| other.family() == addr.family()) {
                let family = addr.family();
                let twice = format!("'--bind {source}' is a second source address for {family}");
                return Err(Failure::usage(twice).hint("use at most one for each of IPv4 and IPv6"));
            }
            sources.push(addr);
        }
    }
    Ok(sources)
}

/// Looks up a source on a thread, since a resolver may outlast the deadline.
fn look_up(source: &Source, family: Family, end: Option<Instant>, out: &Output) -> Result<Vec<SocketAddr>> {
    let (sender, answer) = mpsc::channel();
    let (asked, out) = (source.clone(), *out);
    let ask = move || {
        let lookup = Lookup::new().host(&asked.host).service(&asked.service);
        let lookup = lookup.family(family).socktype(Type::STREAM).passive();
        let words = format!("{asked}, {family} family, stream, passive");
        // Fails only if the deadline has passed.
        let _ = sender.send(out.call(LOOKUP, words, || lookup.run(), |found| addresses(found)));
    };
    let started = thread::Builder::new().name("lookup".into()).spawn(ask);
    started.map_err(|error| Failure::start(&format!("look up {source}: start a thread"), &error))?;
    let answer = match end {
        Some(end) => answer.recv_timeout(end.saturating_duration_since(Instant::now())).ok(),
        None => answer.recv().ok(),
    };
    let late = || {
        Failure::new(format!("look up {source}: no answer within the timeout"))
            .with_errno(Some(Errno::TIMEDOUT.raw_os_error()))
    };
    Ok(answer.ok_or_else(late)??.into_iter().map(|found| found.addr).collect())
}

/// Reports each lookup of a dial as it ends.
fn tracer(
    args: &ConnectArgs,
    out: &Output,
) -> impl Fn(Domain, Duration, biosock::Result<&[SocketAddr], &biosock::Error>) + Send + Sync + 'static {
    let (target, out) = (args.target.to_string(), *out);
    move |family, elapsed, answer| {
        let arguments = format!("{target}, {family}, stream");
        let result = answer.map_or_else(|error| error.why().to_string(), listed);
        out.trace(&Call { routine: DIAL_LOOKUP, arguments, result, ok: answer.is_ok(), elapsed });
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    #[test]
    fn the_defaults_in_the_help_are_those_of_the_library() {
        let cli = Cli::try_parse_from(["biosock", "connect", "localhost:80"]).unwrap();
        let Command::Connect(args) = cli.command else { panic!("{cli:?}") };
        let (pace, usual) = (pace(&args), Pace::default());
        assert_eq!((pace.attempt_delay, pace.max_attempts), (usual.attempt_delay, usual.max_attempts));
    }
}
