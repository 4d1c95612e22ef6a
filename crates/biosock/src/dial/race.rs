//! The race between addresses of RFC 8305 (Happy Eyeballs version 2) as a
//! state machine without clock or sockets: it is told what happened when, and
//! says what to do next. Times are since the start of the dial.

use std::time::Duration;

use crate::{Domain, SocketAddr};

/// How fast the race goes.
///
/// ```
/// use std::time::Duration;
/// use biosock::dial::Pace;
///
/// assert_eq!(Pace::default().attempt_delay, Duration::from_millis(250));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// RFC 8305, section 3: "Resolution Delay ... The recommended value is
    /// 50 milliseconds". How long IPv4 addresses wait for the IPv6 answer.
    pub resolution_delay: Duration,
    /// RFC 8305, section 5: "Connection Attempt Delay ... The recommended
    /// value is 250 milliseconds". See [`ATTEMPT_DELAYS`](Self::ATTEMPT_DELAYS);
    /// below section 8's "Minimum Connection Attempt Delay ... 100 milliseconds"
    /// a race is more of a burst, and meant for tests and local networks.
    pub attempt_delay: Duration,
    /// The most attempts that a dial makes.
    pub max_attempts: usize,
}

impl Pace {
    /// RFC 8305, section 8: the delay "MUST NOT be less than 10 milliseconds"
    /// and its "recommended maximum value is 2 seconds". Others are taken for
    /// the nearer bound.
    ///
    /// ```
    /// use biosock::dial::Pace;
    ///
    /// assert!(Pace::ATTEMPT_DELAYS.0 < Pace::default().attempt_delay);
    /// ```
    pub const ATTEMPT_DELAYS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(2));

    pub(super) fn bounded(self) -> Self {
        let (least, most) = Self::ATTEMPT_DELAYS;
        Self { attempt_delay: self.attempt_delay.clamp(least, most), ..self }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            resolution_delay: Duration::from_millis(50),
            attempt_delay: Duration::from_millis(250),
            max_attempts: 64,
        }
    }
}

/// What is known of an address from earlier dials, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// It answered, after this time.
    Good(Duration),
    /// Nothing is known.
    Unknown,
    /// It failed, or was outrun.
    Bad,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Start an attempt at this address.
    Start(SocketAddr),
    /// Wait until something happens, at most until this time.
    Wait(Option<Duration>),
    /// Nothing is left to try or to wait for.
    Exhausted,
}

/// An address of the race.
#[derive(Debug)]
struct Candidate {
    rank: Rank,
    addr: SocketAddr,
    started: bool,
}

/// The race of one dial.
#[derive(Debug)]
pub(crate) struct Race {
    pace: Pace,
    candidates: Vec<Candidate>,
    /// The look-ups that have not ended.
    pending: Vec<Domain>,
    /// When the addresses at hand may be used although IPv6's answer is out.
    patience_ends: Option<Duration>,
    /// When the next attempt may start, by the attempts before it.
    next_start: Duration,
    last_family: Option<Domain>,
    /// How many of the first family start before one of the other.
    first_family_count: usize,
    attempts: usize,
    in_flight: usize,
}

impl Race {
    /// A race for which the look-ups of these families are under way.
    pub(crate) fn new(pace: Pace, pending: &[Domain]) -> Self {
        Self {
            pace: pace.bounded(),
            candidates: Vec::new(),
            pending: pending.to_vec(),
            patience_ends: None,
            next_start: Duration::ZERO,
            // Of two answers IPv6's goes first unless `lead` says otherwise; a
            // given list begins where it begins.
            first_family_count: 1,
            last_family: pending.contains(&Domain::IPV6).then_some(Domain::IPV4),
            attempts: 0,
            in_flight: 0,
        }
    }

    /// Adds addresses, in the resolver's order (RFC 6724); known ones are dropped.
    pub(crate) fn add(
        &mut self,
        addrs: impl IntoIterator<Item = SocketAddr>,
        rank: impl Fn(&SocketAddr) -> Rank,
    ) {
        for addr in addrs {
            if self.candidates.iter().all(|known| known.addr != addr) {
                self.candidates.push(Candidate { rank: rank(&addr), addr, started: false });
            }
        }
    }

    /// RFC 8305, section 4: "First Address Family Count".
    pub(crate) fn with_first_family_count(mut self, count: usize) -> Self {
        self.first_family_count = count;
        self
    }

    /// This family goes first, if nothing has started yet.
    pub(crate) fn lead(&mut self, family: Domain) {
        if self.attempts == 0 {
            self.last_family = match family {
                Domain::IPV4 => Some(Domain::IPV6),
                _ => Some(Domain::IPV4),
            };
        }
    }

    /// The first candidate of each family, IPv6's before IPv4's, where both
    /// have one and nothing has started.
    pub(crate) fn leaders(&self) -> Option<[SocketAddr; 2]> {
        if self.attempts > 0 {
            return None;
        }
        let first = |family| {
            self.waiting().find(|candidate| candidate.addr.family() == family).map(|candidate| candidate.addr)
        };
        Some([first(Domain::IPV6)?, first(Domain::IPV4)?])
    }

    /// The look-up of a family has ended; [`add`](Self::add) came before.
    pub(crate) fn looked_up(&mut self, now: Duration, family: Domain) {
        self.pending.retain(|pending| *pending != family);
        // RFC 8305, section 3: with the A answer first, "wait a short time"
        // for the AAAA answer.
        if self.patience_ends.is_none() && self.waiting().next().is_some() {
            self.patience_ends = Some(now.saturating_add(self.pace.resolution_delay));
        }
    }

    /// A look-up more is under way.
    pub(crate) fn expect(&mut self, family: Domain) {
        self.pending.push(family);
    }

    /// An attempt failed: the next may start at once.
    pub(crate) fn failed(&mut self, now: Duration) {
        self.in_flight -= 1;
        self.next_start = now;
    }

    /// What to do at this time.
    pub(crate) fn step(&mut self, now: Duration) -> Step {
        if self.waiting().next().is_none() || self.attempts >= self.pace.max_attempts {
            return if self.is_over() { Step::Exhausted } else { Step::Wait(None) };
        }
        let start = self.next_start.max(self.patience());
        if now < start {
            return Step::Wait(Some(start));
        }
        match self.pick() {
            Some(at) => self.start(now, at),
            None => Step::Exhausted,
        }
    }

    /// Whether there is one address, and none to come.
    pub(crate) fn is_for_one(&self) -> bool {
        self.candidates.len() == 1 && self.pending.is_empty()
    }

    /// Those that have not started.
    fn waiting(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|candidate| !candidate.started)
    }

    fn is_over(&self) -> bool {
        let more_to_come = !self.pending.is_empty() && self.attempts < self.pace.max_attempts;
        self.in_flight == 0 && !more_to_come
    }

    /// Until when the addresses at hand wait for an answer that is out: IPv6's
    /// (RFC 8305, section 3), and any where nothing at hand is worth a start.
    fn patience(&self) -> Duration {
        let all_bad = self.waiting().all(|candidate| candidate.rank == Rank::Bad);
        let waits = self.pending.contains(&Domain::IPV6) || (all_bad && !self.pending.is_empty());
        self.patience_ends.filter(|_| waits).unwrap_or_default()
    }

    fn start(&mut self, now: Duration, at: usize) -> Step {
        self.candidates[at].started = true;
        let addr = self.candidates[at].addr;
        self.attempts += 1;
        self.in_flight += 1;
        self.last_family = Some(addr.family());
        self.next_start = now + self.pace.attempt_delay;
        Step::Start(addr)
    }

    /// RFC 8305, section 4: the best known first; among equals "interleave
    /// address families", else the resolver's order.
    fn pick(&self) -> Option<usize> {
        let best = self.waiting().map(|candidate| candidate.rank).min()?;
        let of_best = |candidate: &Candidate| !candidate.started && candidate.rank == best;
        let wanted = |candidate: &Candidate| of_best(candidate) && self.is_turn_of(candidate.addr.family());
        self.candidates.iter().position(wanted).or_else(|| self.candidates.iter().position(of_best))
    }

    /// The family's turn: not the last one's, but for the first family's first.
    fn is_turn_of(&self, family: Domain) -> bool {
        let first_goes_on = self.attempts > 0 && self.attempts < self.first_family_count;
        self.last_family.is_none_or(|last| (last == family) == first_goes_on)
    }
}

#[cfg(test)]
mod tests;
