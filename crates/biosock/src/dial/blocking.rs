//! The blocking driver: one thread that waits on every attempt at once.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::contest::{Contest, NAT64, Turn, wait_error};
use super::report::{DialFailure, Report};
use super::resolver::{Lookups, Question, Resolver};
use crate::{Cancel, Interest, Socket, sys};

/// What limits a dial: its deadline, and whoever may cancel it.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) start: Instant,
    pub(super) timeout: Option<Duration>,
    pub(super) cancel: Option<&'a Cancel>,
}

impl Limits<'_> {
    fn over(&self, now: Duration) -> Option<DialFailure> {
        if self.cancel.is_some_and(Cancel::is_cancelled) {
            return Some(DialFailure::Cancelled);
        }
        self.timeout.filter(|timeout| now >= *timeout).map(|_| DialFailure::TimedOut)
    }

    /// How long to wait from now: until the race's next step, at most until the deadline.
    fn until(&self, now: Duration, next: Option<Duration>) -> Option<Duration> {
        let end = match (next, self.timeout) {
            (Some(next), Some(timeout)) => Some(next.min(timeout)),
            (next, timeout) => next.or(timeout),
        };
        end.map(|end| end.saturating_sub(now))
    }
}

/// Runs a contest to its end.
pub(super) fn run(
    mut contest: Contest<'_>,
    mut lookups: Option<Lookups>,
    resolver: &Arc<dyn Resolver>,
    limits: &Limits<'_>,
) -> (Result<Socket, DialFailure>, Report) {
    let mut watched: Vec<(usize, Socket)> = Vec::new();
    let ended = loop {
        let now = limits.start.elapsed();
        if let Some(failure) = limits.over(now) {
            break Err(failure);
        }
        match contest.advance(now) {
            Turn::Won(socket) => break Ok(socket),
            Turn::Exhausted => break Err(DialFailure::NoneAnswered),
            Turn::Watch(attempt, socket) => watched.push((attempt, socket)),
            Turn::Wait(next) => {
                if let Some(question) = contest.take_question() {
                    if let Err(error) = ask(&mut lookups, resolver, question) {
                        contest.answered(now, (NAT64, Err(error)));
                        continue;
                    }
                }
                let lookups = lookups.as_ref();
                let ready = match wait(&watched, lookups, limits, limits.until(now, next)) {
                    Ok(ready) => ready,
                    Err(errno) => break Err(DialFailure::Unable(wait_error(errno))),
                };
                let now = limits.start.elapsed();
                lookups.into_iter().flat_map(Lookups::take).for_each(|answer| contest.answered(now, answer));
                if let Some(socket) = harvest(&mut contest, &mut watched, &ready, now) {
                    break Ok(socket);
                }
            }
        }
    };
    drop(watched);
    let cancelled = matches!(ended, Err(DialFailure::Cancelled));
    (ended, contest.end(limits.start.elapsed(), cancelled))
}

/// Asks for a NAT64's prefix, in a dial that may have asked for nothing yet.
fn ask(lookups: &mut Option<Lookups>, resolver: &Arc<dyn Resolver>, question: Question) -> crate::Result<()> {
    let under_way = match lookups.take() {
        Some(under_way) => under_way,
        None => Lookups::start(resolver, &question, &[])?,
    };
    lookups.insert(under_way).ask(resolver, question, NAT64);
    Ok(())
}

/// Waits until a look-up, a caller or a socket has something to say, and
/// tells which of the watched sockets are decided.
fn wait(
    watched: &[(usize, Socket)],
    lookups: Option<&Lookups>,
    limits: &Limits<'_>,
    timeout: Option<Duration>,
) -> Result<Vec<bool>, i32> {
    let wakers = [lookups.map(|lookups| lookups.waker.as_fd()), limits.cancel.map(AsFd::as_fd)];
    let wakers = wakers.into_iter().flatten().map(|waker| (waker, Interest::Read));
    let sockets = watched.iter().map(|(_, socket)| (socket.as_fd(), Interest::Write));
    match sys::poll_any(sockets.chain(wakers), timeout) {
        Err(sys::Errno::INTR) => Ok(vec![false; watched.len()]),
        ready => ready.map_err(sys::Errno::raw_os_error),
    }
}

/// Takes the verdicts that have come, in the order of the attempts.
fn harvest(
    contest: &mut Contest<'_>,
    watched: &mut Vec<(usize, Socket)>,
    ready: &[bool],
    now: Duration,
) -> Option<Socket> {
    let (decided, going): (Vec<_>, Vec<_>) = watched.drain(..).zip(ready).partition(|(_, ready)| **ready);
    watched.extend(going.into_iter().map(|(watched, _)| watched));
    decided.into_iter().find_map(|((attempt, socket), _)| contest.decided(now, attempt, socket))
}
