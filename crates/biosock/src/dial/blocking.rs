//! The blocking driver: one thread that waits for all attempts at once.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::attempts::{Attempts, Decided, Turn, wait_error};
use super::lookups::Lookups;
use super::report::{DialFailure, Report};
use super::resolver::{Question, Resolver};
use crate::connecting::Backoff;
use crate::{Cancel, Domain, Interest, Socket, sys};

/// The limits of a dial: its deadline, and its cancel.
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

    /// How long to wait: until the race's next step, at most until the deadline.
    fn until(&self, now: Duration, next: Option<Duration>) -> Option<Duration> {
        let end = match (next, self.timeout) {
            (Some(next), Some(timeout)) => Some(next.min(timeout)),
            (next, timeout) => next.or(timeout),
        };
        end.map(|end| end.saturating_sub(now))
    }
}

/// An attempt in progress.
struct Watched {
    attempt: usize,
    socket: Socket,
    /// Not polled before this, since its last readiness was spurious, and poll(2) would
    /// report it again at once.
    from: Duration,
    backoff: Backoff,
}

/// Runs the attempts until the dial ends.
pub(super) fn run(
    mut attempts: Attempts<'_>,
    mut lookups: Option<Lookups>,
    resolver: &Arc<dyn Resolver>,
    limits: &Limits<'_>,
) -> (Result<Socket, DialFailure>, Report) {
    let mut watched: Vec<Watched> = Vec::new();
    let ended = loop {
        let now = limits.start.elapsed();
        if let Some(failure) = limits.over(now) {
            break Err(failure);
        }
        match attempts.advance(now) {
            Turn::Won(socket) => break Ok(socket),
            Turn::Again => {}
            Turn::Exhausted => break Err(DialFailure::NoneAnswered),
            Turn::Watch(attempt, socket) => {
                watched.push(Watched { attempt, socket, from: Duration::ZERO, backoff: Backoff::default() });
            }
            Turn::Wait(next) => {
                if let Some((mark, question)) = attempts.take_question() {
                    if let Err(error) = ask(&mut lookups, resolver, question, mark) {
                        attempts.answered(now, (mark, Err(error)));
                        continue;
                    }
                }
                let lookups = lookups.as_ref();
                let ready = match wait(&watched, lookups, limits, now, next) {
                    Ok(ready) => ready,
                    Err(errno) => break Err(DialFailure::Unable(wait_error(errno))),
                };
                let now = limits.start.elapsed();
                lookups.into_iter().flat_map(Lookups::take).for_each(|answer| attempts.answered(now, answer));
                if let Some(socket) = harvest(&mut attempts, &mut watched, &ready, now) {
                    break Ok(socket);
                }
            }
        }
    };
    watched.into_iter().for_each(|Watched { attempt, socket, .. }| attempts.closing(attempt, socket));
    let cancelled = matches!(ended, Err(DialFailure::Cancelled));
    let never_began = lookups.iter().flat_map(Lookups::without_thread);
    (ended, attempts.end(limits.start.elapsed(), cancelled, never_began))
}

/// Asks one more question, in a dial that may have had no lookups so far.
fn ask(
    lookups: &mut Option<Lookups>,
    resolver: &Arc<dyn Resolver>,
    question: Question,
    mark: Domain,
) -> crate::Result<()> {
    let under_way = match lookups.take() {
        Some(under_way) => under_way,
        None => Lookups::start(resolver, &question, &[])?,
    };
    lookups.insert(under_way).ask(resolver, question, mark);
    Ok(())
}

/// Waits until a lookup, a cancel or a socket is ready, at most until the race's next
/// step; returns which of the watched sockets are ready.
fn wait(
    watched: &[Watched],
    lookups: Option<&Lookups>,
    limits: &Limits<'_>,
    now: Duration,
    next: Option<Duration>,
) -> Result<Vec<bool>, i32> {
    let wakers = [lookups.map(|lookups| lookups.waker().as_fd()), limits.cancel.map(AsFd::as_fd)];
    let wakers = wakers.into_iter().flatten().map(|waker| (waker, Interest::Read));
    let sockets = watched.iter().filter(|watched| watched.from <= now);
    let sockets = sockets.map(|watched| (watched.socket.as_fd(), Interest::Write));
    let resting = watched.iter().map(|watched| watched.from).filter(|from| *from > now);
    let timeout = limits.until(now, resting.chain(next).min());
    let mut ready = match sys::poll_any(sockets.chain(wakers), timeout) {
        Err(sys::Errno::INTR) => return Ok(vec![false; watched.len()]),
        ready => ready.map_err(sys::Errno::raw_os_error)?.into_iter(),
    };
    let is_ready = |watched: &Watched| watched.from <= now && ready.next().unwrap_or_default();
    Ok(watched.iter().map(is_ready).collect())
}

/// Takes the outcomes that have arrived, in the order of the attempts.
fn harvest(
    attempts: &mut Attempts<'_>,
    watched: &mut Vec<Watched>,
    ready: &[bool],
    now: Duration,
) -> Option<Socket> {
    let mut at = 0;
    for is_ready in ready {
        if !is_ready {
            at += 1;
            continue;
        }
        let Watched { attempt, socket, mut backoff, .. } = watched.remove(at);
        match attempts.decided(now, attempt, socket) {
            Decided::Won(socket) => return Some(socket),
            Decided::Lost => {}
            Decided::NotYet(socket) => {
                let from = now + backoff.next();
                watched.insert(at, Watched { attempt, socket, from, backoff });
                at += 1;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SocketAddr;
    use crate::dial::Pace;
    use crate::dial::settings::Settings;
    use crate::listeners::Listen;

    /// Nothing on Linux makes a connecting socket ready without an outcome, so the test
    /// makes up what poll(2) returns.
    #[test]
    fn spurious_readiness_is_no_connection() {
        let listener = Listen::new().backlog(0).listen("127.0.0.1:0").unwrap().into_sockets().remove(0);
        let addr: SocketAddr = listener.local_addr().unwrap();
        let in_its_place = Socket::stream_for(&addr).unwrap();
        in_its_place.connect(&addr).map(drop).unwrap();

        let settings = Settings::default();
        let mut attempts = Attempts::new(&settings, None, Instant::now(), &[addr], &[]);
        let Turn::Watch(attempt, socket) = attempts.advance(Duration::ZERO) else { panic!("it is silent") };
        let mut watched =
            vec![Watched { attempt, socket, from: Duration::ZERO, backoff: Backoff::default() }];
        let now = Duration::from_secs(1);
        for _ in 0..2 {
            assert!(harvest(&mut attempts, &mut watched, &[true], now).is_none());
            assert!(watched[0].from > now, "it is not looked at again at once");
        }
        let limits = Limits { start: Instant::now(), timeout: Some(now), cancel: None };
        // Its back-off ends before anything else happens.
        assert_eq!(wait(&watched, None, &limits, now, None).unwrap(), [false]);
        // It is polled again then, and is still silent.
        let rested = watched[0].from;
        assert_eq!(wait(&watched, None, &limits, rested, Some(rested)).unwrap(), [false]);
        assert!(matches!(attempts.advance(now), Turn::Wait(None)), "it is still under way");

        // It stays watched, and connects once there is room.
        drop((in_its_place, listener.accept().unwrap()));
        let limits = Limits { start: Instant::now(), timeout: None, cancel: None };
        let socket = loop {
            let ready = wait(&watched, None, &limits, limits.start.elapsed(), None).unwrap();
            if let Some(socket) = harvest(&mut attempts, &mut watched, &ready, limits.start.elapsed()) {
                break socket;
            }
        };
        assert_eq!(socket.peer_addr().unwrap(), addr);
    }

    #[test]
    fn one_that_is_not_decided_keeps_its_place_before_the_next() {
        let full = || {
            let listener = Listen::new().backlog(0).listen("127.0.0.1:0").unwrap().into_sockets().remove(0);
            let addr: SocketAddr = listener.local_addr().unwrap();
            let in_its_place = Socket::stream_for(&addr).unwrap();
            in_its_place.connect(&addr).unwrap();
            (listener, addr, in_its_place)
        };
        let (silent, answers) = (full(), full());
        let pace = Pace { attempt_delay: Pace::ATTEMPT_DELAYS.0, ..Pace::default() };
        let settings = Settings { pace, ..Settings::default() };
        let mut attempts = Attempts::new(&settings, None, Instant::now(), &[silent.1, answers.1], &[]);
        let mut watched = Vec::new();
        for now in [Duration::ZERO, pace.attempt_delay] {
            let Turn::Watch(attempt, socket) = attempts.advance(now) else { panic!("it is silent") };
            watched.push(Watched { attempt, socket, from: Duration::ZERO, backoff: Backoff::default() });
        }
        drop((answers.2, answers.0.accept().unwrap()));
        let limits = Limits { start: Instant::now(), timeout: None, cancel: None };
        assert_eq!(wait(&watched, None, &limits, limits.start.elapsed(), None).unwrap(), [false, true]);
        // The first one's readiness is spurious.
        let socket = harvest(&mut attempts, &mut watched, &[true, true], limits.start.elapsed()).unwrap();
        assert_eq!((socket.peer_addr().unwrap(), watched.len()), (answers.1, 1));
    }
}
