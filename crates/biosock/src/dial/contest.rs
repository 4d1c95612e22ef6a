//! One dial under way: the race's steps carried out on real sockets, and
//! recorded. Both drivers, blocking and async, are loops around this.

use std::time::{Duration, Instant};

use super::itself;
use super::memory::Memory;
use super::nat64::{self, Prefix};
use super::order::goes_before;
use super::race::{Race, Rank, Step};
use super::report::{Attempt, LookupReport, Outcome, Report};
use super::resolver::{Answer, Question};
use super::settings::Settings;
use crate::cause::Refusal;
use crate::connect::{Backoff, is_queue_full};
use crate::{Connect, Domain, Error, Operation, Options, Result, Socket, SocketAddr, Syscall, fd};
use std::os::fd::AsFd;

/// What a driver is to do.
#[derive(Debug)]
pub(super) enum Turn {
    /// Watch this socket too: its attempt is under way.
    Watch(usize, Socket),
    /// Wait until something happens, at most until this time.
    Wait(Option<Duration>),
    /// This socket is connected.
    Won(Socket),
    /// Nothing is left.
    Exhausted,
}

#[derive(Debug)]
pub(super) struct Contest<'d> {
    settings: &'d Settings,
    memory: Option<&'d Memory>,
    /// Whether each attempt has the thread to itself.
    blocking: bool,
    race: Race,
    report: Report,
    knocking: Vec<Knock>,
    stranded: Stranded,
}

/// IPv4 addresses that the machine has no route to, for a NAT64.
#[derive(Debug, Default)]
struct Stranded {
    addrs: Vec<SocketAddr>,
    discovery: Discovery,
}

/// The look-up of the NAT64's prefix.
#[derive(Debug, Default)]
enum Discovery {
    /// Nothing is stranded yet.
    #[default]
    Needless,
    Wanted,
    UnderWay,
    Done(Vec<Prefix>),
}

/// The mark of the look-up of a NAT64's prefix among those of the families.
pub(super) const NAT64: Domain = Domain::UNSPEC;

/// A Unix listener's queue is full, and no system call tells when it has room
/// (unix(7): a non-blocking connect gives EAGAIN). So it is asked again.
#[derive(Debug)]
struct Knock {
    attempt: usize,
    socket: Socket,
    patience: Backoff,
    next: Duration,
}

impl<'d> Contest<'d> {
    /// A contest between given addresses, while look-ups of `pending` go on.
    pub(super) fn new(
        settings: &'d Settings,
        memory: Option<&'d Memory>,
        addrs: &[SocketAddr],
        pending: &[Domain],
    ) -> Self {
        let unanswered = |&family| LookupReport { family, took: None, answer: None };
        let lookups = pending.iter().map(unanswered).collect();
        let report = Report { lookups, ..Report::default() };
        let race = Race::new(settings.pace, pending).with_first_family_count(settings.first_family_count);
        let mut contest = Self {
            settings,
            memory,
            blocking: false,
            race,
            report,
            knocking: Vec::new(),
            stranded: Stranded::default(),
        };
        contest.add(addrs.iter().copied());
        contest
    }

    /// Lets each attempt block: for one address that nothing is to interrupt.
    pub(super) fn blocking(mut self, blocking: bool) -> Self {
        self.blocking = blocking;
        self
    }

    /// Whether there is one address, and none to come.
    pub(super) fn is_for_one(&self) -> bool {
        self.race.is_for_one()
    }

    fn add(&mut self, addrs: impl IntoIterator<Item = SocketAddr>) {
        let memory = self.memory;
        self.race.add(addrs, |addr| memory.map_or(Rank::Unknown, |memory| memory.rank(addr)));
    }

    /// A look-up has ended.
    pub(super) fn answered(&mut self, now: Duration, (family, answer): Answer) {
        if family == NAT64 {
            return self.discovered(now, answer);
        }
        let told = match answer {
            Ok(addrs) => {
                let count = addrs.len();
                self.add(addrs);
                self.choose_first_family();
                Ok(count)
            }
            Err(error) => Err(error),
        };
        self.race.looked_up(now, family);
        if let Some(lookup) = self.report.lookups.iter_mut().find(|lookup| lookup.family == family) {
            (lookup.took, lookup.answer) = (Some(now), Some(told));
        }
    }

    /// Every look-up has ended, with these addresses together.
    pub(super) fn answered_together(&mut self, now: Duration, addrs: &[SocketAddr]) {
        let families: Vec<_> = self.report.lookups.iter().map(|lookup| lookup.family).collect();
        for family in families {
            let of_family = addrs.iter().filter(|addr| addr.family() == family);
            self.answered(now, (family, Ok(of_family.copied().collect())));
        }
    }

    /// A NAT64's prefixes, or none, since there is no NAT64 or no answer.
    fn discovered(&mut self, now: Duration, answer: Result<Vec<SocketAddr>>) {
        let mut prefixes: Vec<_> = answer.unwrap_or_default().iter().filter_map(Prefix::of).collect();
        // Both well-known addresses come, by the same prefix.
        prefixes.dedup();
        self.stranded.discovery = Discovery::Done(prefixes);
        for addr in std::mem::take(&mut self.stranded.addrs) {
            self.strand(addr);
        }
        self.race.looked_up(now, NAT64);
    }

    /// Joins the addresses by which a NAT64 reaches this one to the race, once
    /// its prefix is known.
    fn strand(&mut self, addr: SocketAddr) {
        match &self.stranded.discovery {
            Discovery::Done(prefixes) => {
                let by_nat64: Vec<_> = prefixes.iter().filter_map(|prefix| prefix.reaching(&addr)).collect();
                return self.add(by_nat64);
            }
            Discovery::Needless => {
                self.stranded.discovery = Discovery::Wanted;
                self.race.expect(NAT64);
            }
            Discovery::Wanted | Discovery::UnderWay => {}
        }
        self.stranded.addrs.push(addr);
    }

    /// The question that is to be asked now, if any; its answer's mark is [`NAT64`].
    pub(super) fn take_question(&mut self) -> Option<Question> {
        if !matches!(self.stranded.discovery, Discovery::Wanted) {
            return None;
        }
        self.stranded.discovery = Discovery::UnderWay;
        Some(nat64::question(self.settings.socktype))
    }

    /// RFC 8305, section 4, has the addresses of both families sorted together
    /// (RFC 6724); each resolver's answer is sorted in itself, so the first of
    /// each decide which family leads.
    fn choose_first_family(&mut self) {
        if let Some([v6, v4]) = self.race.leaders() {
            if goes_before(&v4, &v6) {
                self.race.lead(Domain::IPV4);
            }
        }
    }

    /// Carries out what is due now.
    pub(super) fn advance(&mut self, now: Duration) -> Turn {
        if let Some(socket) = self.knock(now) {
            return Turn::Won(socket);
        }
        loop {
            match self.race.step(now) {
                Step::Wait(until) => return Turn::Wait(self.knocks_before(until)),
                Step::Exhausted => return Turn::Exhausted,
                Step::Start(addr) => {
                    if let Some(turn) = self.start(now, addr) {
                        return turn;
                    }
                }
            }
        }
    }

    /// Asks every full queue again whose time has come.
    fn knock(&mut self, now: Duration) -> Option<Socket> {
        while let Some(at) = self.knocking.iter().position(|knock| knock.next <= now) {
            let Knock { attempt, socket, mut patience, .. } = self.knocking.swap_remove(at);
            match connect(self.settings, &socket, &self.report.attempts[attempt].addr) {
                Ok(Started::QueueFull) => {
                    let next = now + patience.next();
                    self.knocking.push(Knock { attempt, socket, patience, next });
                }
                // An AF_UNIX connect does not go on by itself.
                Ok(_) => {
                    self.record(now, attempt, Outcome::Connected);
                    return Some(socket);
                }
                Err(error) => self.lost(now, attempt, error),
            }
        }
        None
    }

    fn knocks_before(&self, until: Option<Duration>) -> Option<Duration> {
        self.knocking.iter().map(|knock| knock.next).chain(until).min()
    }

    /// Starts an attempt; `None` where there is nothing to watch.
    fn start(&mut self, now: Duration, addr: SocketAddr) -> Option<Turn> {
        let attempt = self.report.attempts.len();
        let (started, took) = (now, Duration::ZERO);
        self.report.attempts.push(Attempt { addr, started, took, outcome: Outcome::NoAnswer });
        let mode = if self.blocking { Options::empty() } else { Options::NONBLOCK };
        let begun = self.blocking.then(Instant::now);
        let begin = begin(self.settings, &addr, mode);
        let now = begun.map_or(now, |begun| now + begun.elapsed());
        match begin {
            Ok((socket, Started::Done)) => self.established(now, attempt, socket).map(Turn::Won),
            Ok((socket, Started::InProgress)) => Some(Turn::Watch(attempt, socket)),
            Ok((socket, Started::QueueFull)) => {
                let mut patience = Backoff::default();
                let next = now + patience.next();
                self.knocking.push(Knock { attempt, socket, patience, next });
                None
            }
            Err(error) => {
                self.lost(now, attempt, error);
                None
            }
        }
    }

    /// A watched socket can be written to: its attempt is decided. Gives the
    /// socket back where it won.
    pub(super) fn decided<S: AsFd>(&mut self, now: Duration, attempt: usize, socket: S) -> Option<S> {
        let errno = match fd::take_error(socket.as_fd()) {
            Ok(errno) => errno,
            Err(error) => {
                self.lost(now, attempt, error);
                return None;
            }
        };
        if errno == 0 {
            return self.established(now, attempt, socket);
        }
        let addr = self.report.attempts[attempt].addr;
        self.lost(now, attempt, crate::connect::connect_error(errno).at(&addr));
        None
    }

    /// The attempt has a connection, and wins unless that is one to itself.
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

    /// Ends the contest: what has no verdict yet has none, and what was
    /// learned is remembered.
    pub(super) fn end(mut self, now: Duration) -> Report {
        self.report.elapsed = now;
        for attempt in &mut self.report.attempts {
            if matches!(attempt.outcome, Outcome::NoAnswer) {
                attempt.took = now.saturating_sub(attempt.started);
            }
        }
        if let Some(memory) = self.memory {
            self.report.attempts.iter().for_each(|attempt| remember(memory, self.settings, attempt));
        }
        self.report
    }
}

/// An attempt that another outran within the delay tells nothing.
fn remember(memory: &Memory, settings: &Settings, attempt: &Attempt) {
    match attempt.outcome {
        Outcome::Connected => memory.note(attempt.addr, Rank::Good(attempt.took)),
        Outcome::Failed(_) => memory.note(attempt.addr, Rank::Bad),
        Outcome::NoAnswer if attempt.took >= settings.pace.bounded().attempt_delay => {
            memory.note(attempt.addr, Rank::Bad)
        }
        Outcome::NoAnswer => {}
    }
}

/// How a connect began.
enum Started {
    Done,
    InProgress,
    QueueFull,
}

/// A socket of this mode that connects.
fn begin(settings: &Settings, addr: &SocketAddr, mode: Options) -> Result<(Socket, Started)> {
    let socket = settings.socket_for(addr, mode)?;
    settings.prepare(&socket, addr)?;
    let started = connect(settings, &socket, addr)?;
    Ok((socket, started))
}

fn connect(settings: &Settings, socket: &Socket, addr: &SocketAddr) -> Result<Started> {
    match socket.connect(addr, settings.connect_options(addr)) {
        Ok(Connect::Done) => Ok(Started::Done),
        Ok(Connect::InProgress(_)) => Ok(Started::InProgress),
        Err(error) if is_queue_full(&error, addr) => Ok(Started::QueueFull),
        Err(error) => Err(error),
    }
}

/// What a system call of a driver's own wait met.
pub(super) fn wait_error(errno: i32) -> Error {
    Error::system_call(Operation::Wait, Syscall::Poll, errno, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::Pace;

    #[test]
    fn who_was_silent_for_less_than_the_race_s_own_delay_is_not_remembered() {
        let settings = Settings {
            pace: Pace { attempt_delay: Duration::ZERO, ..Pace::default() },
            ..Settings::default()
        };
        let addr = SocketAddr::from(([192, 0, 2, 1], 443));
        let silent_for = |took| Attempt { addr, started: Duration::ZERO, took, outcome: Outcome::NoAnswer };
        let (least, _) = Pace::ATTEMPT_DELAYS;
        let memory = Memory::new(1);
        remember(&memory, &settings, &silent_for(least / 2));
        assert_eq!(memory.rank(&addr), Rank::Unknown);
        remember(&memory, &settings, &silent_for(least));
        assert_eq!(memory.rank(&addr), Rank::Bad);
    }
}
