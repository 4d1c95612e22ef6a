//! A dial in progress: carries out the race's steps on real sockets, and records them.
//! Both drivers, blocking and async, are loops around this.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::answer::{Answer, MOST_OF_ANSWER, keep_first};
use super::begin::{Started, begin, connect};
use super::history::{AddressHistory, Rank};
use super::itself;
use super::lesson::lesson;
use super::nat64::{self, Discovery, NAT64, Nat64Pending, Prefix};
use super::order::{goes_before, goes_before_any_v4, prefer_known};
use super::race::{Race, Step};
use super::report::{Attempt, LookupReport, Outcome, Report};
use super::resolver::Question;
use super::settings::{OnLookup, Settings};
use crate::connecting::{Backoff, connect_error, connect_outcome};
use crate::error::Refusal;
use crate::{Domain, Error, Operation, Result, Socket, SocketAddr, Syscall};

/// What a driver should do.
#[derive(Debug)]
pub(super) enum Turn {
    /// Watch this socket too: its attempt is in progress.
    Watch(usize, Socket),
    /// Check whether the dial should end, and continue: an attempt failed at once, and
    /// any number of them may.
    Again,
    /// Wait until something happens, at most until this time.
    Wait(Option<Duration>),
    /// This socket is connected.
    Won(Socket),
    /// There is nothing left to try.
    Exhausted,
}

/// The outcome of an attempt that a driver watched.
#[derive(Debug)]
pub(super) enum Decided<S> {
    Won(S),
    Lost,
    /// Readiness was spurious (select(2)): keep watching it.
    NotYet(S),
}

#[derive(Debug)]
pub(super) struct Attempts<'d> {
    settings: &'d Settings,
    history: Option<&'d AddressHistory>,
    /// When the dial started, by the history's clock.
    began: Instant,
    /// Whether attempts may block the thread.
    blocking: bool,
    race: Race,
    report: Report,
    retries: Vec<UnixRetry>,
    /// Attempts whose outcome arrived too late to be read.
    unheard: Vec<usize>,
    nat64: Nat64Pending,
    deferred: Deferred,
}

/// The question for a family without a way out.
#[derive(Debug, Default)]
enum Deferred {
    #[default]
    None,
    /// To be asked if the other family's answer has no address.
    Kept(Question),
    Wanted(Question),
}

/// An attempt at a Unix listener whose queue is full. No system call reports when it
/// has room (unix(7): a non-blocking connect fails with EAGAIN), so the connect is
/// repeated.
#[derive(Debug)]
struct UnixRetry {
    attempt: usize,
    socket: Socket,
    patience: Backoff,
    next: Duration,
}

impl<'d> Attempts<'d> {
    /// Creates the attempts at these addresses, while the lookups in `pending` are in progress.
    pub(super) fn new(
        settings: &'d Settings,
        history: Option<&'d AddressHistory>,
        began: Instant,
        addrs: &[SocketAddr],
        pending: &[Domain],
    ) -> Self {
        let unanswered = |&family| LookupReport { family, took: None, answer: None };
        let lookups = pending.iter().map(unanswered).collect();
        let report = Report { lookups, ..Report::default() };
        let race = Race::new(settings.pace, pending).with_first_family_count(settings.first_family_count);
        let mut attempts = Self {
            settings,
            history,
            began,
            blocking: false,
            race,
            report,
            retries: Vec::new(),
            unheard: Vec::new(),
            nat64: Nat64Pending::default(),
            deferred: Deferred::default(),
        };
        attempts.add(None, addrs.to_vec());
        attempts
    }

    /// Lets each attempt block: for one address that nothing needs to interrupt.
    pub(super) fn blocking(mut self, blocking: bool) -> Self {
        self.blocking = blocking;
        self
    }

    /// Whether there is one address, and no lookup that may add others.
    pub(super) fn is_for_one(&self) -> bool {
        self.race.is_for_one()
    }

    /// Adds the addresses of a lookup to the race, or those without a lookup: then each
    /// family is treated as a lookup.
    fn add(&mut self, lookup: Option<Domain>, mut addrs: Vec<SocketAddr>) {
        // Everything below takes time for each address.
        keep_first(&mut addrs, MOST_OF_ANSWER.max(self.settings.pace.max_attempts));
        let ranks = self.history.and_then(|history| history.ranks(&addrs, self.began));
        let ranks = ranks.unwrap_or_else(|| vec![Rank::Unknown; addrs.len()]);
        let mut ranked: Vec<_> = addrs.into_iter().zip(ranks).collect();
        prefer_known(&mut ranked);
        for (addr, rank) in ranked {
            self.race.add([(lookup.unwrap_or(addr.family()), addr)], |_| rank == Rank::Unusable);
        }
    }

    /// A lookup has ended.
    pub(super) fn answered(&mut self, now: Duration, (family, answer): Answer) {
        if family == NAT64 {
            return self.discovered(now, answer);
        }
        if let Some(OnLookup(call)) = &self.settings.on_lookup {
            call(family, now, answer.as_deref());
        }
        let told = match answer {
            Ok(addrs) => {
                let count = addrs.len();
                self.add(Some(family), addrs);
                self.choose_first_family();
                Ok(count)
            }
            Err(error) => Err(error),
        };
        if !matches!(told, Ok(1..)) {
            self.want_deferred();
        }
        self.race.looked_up(now, family);
        if let Some(lookup) = self.report.lookups.iter_mut().find(|lookup| lookup.family == family) {
            (lookup.took, lookup.answer) = (Some(now), Some(told));
        }
    }

    /// Asks this question only if the lookups in progress give no address.
    pub(super) fn defer(&mut self, question: Question) {
        self.deferred = Deferred::Kept(question);
    }

    #[cfg(test)]
    pub(super) fn deferred_family(&self) -> Option<Domain> {
        match &self.deferred {
            Deferred::Kept(question) | Deferred::Wanted(question) => Some(question.family),
            Deferred::None => None,
        }
    }

    /// The only family that was looked up has no address: look up the other.
    fn want_deferred(&mut self) {
        if let Deferred::Kept(question) = std::mem::take(&mut self.deferred) {
            let family = question.family;
            self.race.expect(family);
            self.report.lookups.push(LookupReport { family, took: None, answer: None });
            self.deferred = Deferred::Wanted(question);
        }
    }

    /// All lookups have ended, with these addresses between them.
    pub(super) fn answered_together(&mut self, now: Duration, addrs: &[SocketAddr]) {
        let families: Vec<_> = self.report.lookups.iter().map(|lookup| lookup.family).collect();
        for family in families {
            let of_family = addrs.iter().filter(|addr| addr.family() == family);
            self.answered(now, (family, Ok(of_family.copied().collect())));
        }
    }

    /// Takes a NAT64's prefixes, or none, if there is no NAT64 or no answer.
    fn discovered(&mut self, now: Duration, answer: Result<Vec<SocketAddr>>) {
        let mut prefixes: Vec<_> = answer.unwrap_or_default().iter().filter_map(Prefix::of).collect();
        // Both well-known addresses appear, with the same prefix.
        prefixes.dedup();
        prefixes.truncate(nat64::MOST_PREFIXES);
        self.nat64.discovery = Discovery::Done(prefixes);
        for addr in std::mem::take(&mut self.nat64.addrs) {
            self.strand(addr);
        }
        self.race.looked_up(now, NAT64);
    }

    /// Adds the addresses by which a NAT64 reaches this one to the race, once its
    /// prefix is known.
    fn strand(&mut self, addr: SocketAddr) {
        match &self.nat64.discovery {
            Discovery::Done(prefixes) => {
                let by_nat64: Vec<_> = prefixes.iter().filter_map(|prefix| prefix.reaching(&addr)).collect();
                return self.add(Some(NAT64), by_nat64);
            }
            Discovery::Needless => {
                self.nat64.discovery = Discovery::Wanted;
                self.race.expect(NAT64);
            }
            Discovery::Wanted | Discovery::UnderWay => {}
        }
        self.nat64.addrs.push(addr);
    }

    /// The question to ask now, if any, with the mark of its answer.
    pub(super) fn take_question(&mut self) -> Option<(Domain, Question)> {
        if matches!(self.deferred, Deferred::Wanted(_)) {
            if let Deferred::Wanted(question) = std::mem::take(&mut self.deferred) {
                return Some((question.family, question));
            }
        }
        if !matches!(self.nat64.discovery, Discovery::Wanted) {
            return None;
        }
        self.nat64.discovery = Discovery::UnderWay;
        Some((NAT64, nat64::question(self.settings.socktype)))
    }

    /// RFC 8305, section 4, sorts the addresses of both families together (RFC 6724);
    /// here each resolver sorts its own answer, so the first address of each decides
    /// which family goes first. While IPv4's answer is missing, IPv6 goes first at once
    /// only if no IPv4 address could change that: otherwise the order would depend on
    /// which answer arrives first.
    fn choose_first_family(&mut self) {
        let (history, began) = (self.history, self.began);
        match self.race.leaders() {
            [Some(v6), Some(v4)] if goes_before(&v4, &v6, |addr| rank(history, addr, began)) => {
                self.race.lead(Domain::IPV4);
            }
            [Some(v6), None] if self.race.is_pending(Domain::IPV4) => {
                self.race.let_v4_lead(!goes_before_any_v4(&v6));
            }
            _ => {}
        }
    }

    /// Carries out what is due now.
    pub(super) fn advance(&mut self, now: Duration) -> Turn {
        if let Some(socket) = self.retry(now) {
            return Turn::Won(socket);
        }
        match self.race.step(now) {
            Step::Wait(until) => Turn::Wait(self.retries_before(until)),
            Step::Exhausted => Turn::Exhausted,
            Step::Start(addr) => self.start(now, addr).unwrap_or(Turn::Again),
        }
    }

    /// Connects again to every full queue whose back-off has ended.
    fn retry(&mut self, now: Duration) -> Option<Socket> {
        while let Some(at) = self.retries.iter().position(|retry| retry.next <= now) {
            let UnixRetry { attempt, socket, mut patience, .. } = self.retries.swap_remove(at);
            match connect(self.settings, &socket, &self.report.attempts[attempt].addr) {
                Ok(Started::QueueFull) => {
                    let next = now + patience.next();
                    self.retries.push(UnixRetry { attempt, socket, patience, next });
                }
                // An AF_UNIX connect does not continue in the background.
                Ok(_) => {
                    self.record(now, attempt, Outcome::Connected);
                    return Some(socket);
                }
                Err(error) => self.lost(now, attempt, error),
            }
        }
        None
    }

    fn retries_before(&self, until: Option<Duration>) -> Option<Duration> {
        self.retries.iter().map(|retry| retry.next).chain(until).min()
    }

    /// Starts an attempt; `None` if there is nothing to watch.
    fn start(&mut self, now: Duration, addr: SocketAddr) -> Option<Turn> {
        let attempt = self.report.attempts.len();
        let (started, took) = (now, Duration::ZERO);
        self.report.attempts.push(Attempt { addr, started, took, outcome: Outcome::NoAnswer });
        let begun = self.blocking.then(Instant::now);
        let begin = begin(self.settings, &addr, !self.blocking);
        let now = begun.map_or(now, |begun| now + begun.elapsed());
        match begin {
            Ok((socket, Started::Done)) => self.established(now, attempt, socket).map(Turn::Won),
            Ok((socket, Started::InProgress)) => Some(Turn::Watch(attempt, socket)),
            Ok((socket, Started::QueueFull)) => {
                let mut patience = Backoff::default();
                let next = now + patience.next();
                self.retries.push(UnixRetry { attempt, socket, patience, next });
                None
            }
            Err(error) => {
                self.lost(now, attempt, error);
                None
            }
        }
    }

    /// A watched socket is writable, so its attempt should have an outcome.
    pub(super) fn decided<S: AsFd>(&mut self, now: Duration, attempt: usize, socket: S) -> Decided<S> {
        let addr = self.report.attempts[attempt].addr;
        let error = match connect_outcome(socket.as_fd()) {
            Ok(None) => return Decided::NotYet(socket),
            Ok(Some(0)) => {
                return self.established(now, attempt, socket).map_or(Decided::Lost, Decided::Won);
            }
            Ok(Some(errno)) => connect_error(errno).at(&addr),
            Err(error) => error,
        };
        self.lost(now, attempt, error);
        Decided::Lost
    }

    /// An attempt is closed while in progress. If it has an outcome that was not read,
    /// its peer was not silent.
    pub(super) fn closing(&mut self, attempt: usize, socket: impl AsFd) {
        if self.history.is_some() && !matches!(connect_outcome(socket.as_fd()), Ok(None)) {
            self.unheard.push(attempt);
        }
    }

    /// The attempt is connected, and wins unless it is connected to itself.
    fn established<S: AsFd>(&mut self, now: Duration, attempt: usize, socket: S) -> Option<S> {
        let addr = self.report.attempts[attempt].addr;
        if self.settings.is_tcp(&addr) && itself::is_connected_to_itself(socket.as_fd(), &addr) {
            itself::reset(socket);
            let error = Error::refused(Operation::Connect, Refusal::ConnectedToItself);
            self.lost(now, attempt, error.at(&addr));
            return None;
        }
        self.record(now, attempt, Outcome::Connected);
        Some(socket)
    }

    fn lost(&mut self, now: Duration, attempt: usize, error: Error) {
        let addr = self.report.attempts[attempt].addr;
        if self.settings.strands(&addr, &error) {
            self.strand(addr);
        }
        self.record(now, attempt, Outcome::Failed(error));
        self.race.failed(now);
    }

    fn record(&mut self, now: Duration, attempt: usize, outcome: Outcome) {
        let attempt = &mut self.report.attempts[attempt];
        attempt.took = now.saturating_sub(attempt.started);
        attempt.outcome = outcome;
    }

    /// Ends the attempts: those without an outcome had no answer, and the history
    /// learns what peers and paths did, except silence in a dial that was cancelled.
    /// Lookups that never started are reported with the reason.
    pub(super) fn end(
        mut self,
        now: Duration,
        cancelled: bool,
        never_began: impl IntoIterator<Item = (Domain, Error)>,
    ) -> Report {
        self.report.elapsed = now;
        for attempt in &mut self.report.attempts {
            if matches!(attempt.outcome, Outcome::NoAnswer) {
                attempt.took = now.saturating_sub(attempt.started);
            }
        }
        if self.race.is_over() {
            // The attempts were used up, so nothing waited for these.
            self.report.lookups.retain(|lookup| lookup.answer.is_some());
        }
        for (family, why) in never_began {
            let mut unanswered = self.report.lookups.iter_mut().filter(|lookup| lookup.answer.is_none());
            if let Some(lookup) = unanswered.find(|lookup| lookup.family == family) {
                lookup.answer = Some(Err(why));
            }
        }
        if let Some(history) = self.history {
            for (at, attempt) in self.report.attempts.iter().enumerate() {
                let unknown = cancelled || self.unheard.contains(&at);
                if let Some(rank) = lesson(self.settings, attempt, unknown) {
                    history.learn(attempt.addr, rank, self.began + now);
                }
            }
        }
        self.report
    }
}

fn rank(history: Option<&AddressHistory>, addr: &SocketAddr, now: Instant) -> Rank {
    history.map_or(Rank::Unknown, |history| history.rank(addr, now))
}

/// The error of a driver's own wait.
pub(super) fn wait_error(errno: i32) -> Error {
    Error::system_call(Operation::Wait, Syscall::Poll, errno, None)
}

#[cfg(test)]
mod tests;
