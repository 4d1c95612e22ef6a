//! The race between addresses of RFC 8305 (Happy Eyeballs version 2) as a state
//! machine without clock or sockets: it takes timestamped events and returns the next
//! step. Times are since the start of the dial.

use std::time::Duration;

use crate::{Domain, SocketAddr};

/// The pace of the race.
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
    /// 50 milliseconds". How long after the first answer with an address an attempt
    /// waits for the answer of the family whose turn it is, so that the order does not
    /// depend on which answer arrives first: IPv4 addresses wait for IPv6's answer, IPv6
    /// ones for IPv4's if those may go first (RFC 6724), and the attempt after an early
    /// failure waits for the other family's.
    pub resolution_delay: Duration,
    /// RFC 8305, section 5: "Connection Attempt Delay ... The recommended
    /// value is 250 milliseconds". See [`ATTEMPT_DELAYS`](Self::ATTEMPT_DELAYS);
    /// below section 8's "Minimum Connection Attempt Delay ... 100 milliseconds" a race
    /// is more like a burst, for tests and local networks.
    pub attempt_delay: Duration,
    /// The maximum number of attempts of a dial; with 0 it makes none. The last one,
    /// unless it is the only one, is reserved for a family that has not been tried yet,
    /// while it has addresses or its lookup is in progress. Of one answer, this many
    /// addresses of a family are used, but at least 256.
    pub max_attempts: usize,
}

impl Pace {
    /// RFC 8305, section 8: the delay "MUST NOT be less than 10 milliseconds" and its
    /// "recommended maximum value is 2 seconds". Other values are clamped.
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

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Start an attempt at this address.
    Start(SocketAddr),
    /// Wait for an event, at most until this time.
    Wait(Option<Duration>),
    /// Nothing is left to try or to wait for.
    Exhausted,
}

/// An address of the race.
#[derive(Debug)]
struct Candidate {
    /// The mark of the lookup that found it; for a given list, its family.
    origin: Domain,
    addr: SocketAddr,
    /// According to history (RFC 6724, rule 1).
    unusable: bool,
    started: bool,
}

/// The race of one dial.
#[derive(Debug)]
pub(crate) struct Race {
    pace: Pace,
    candidates: Vec<Candidate>,
    /// The lookups that have not ended.
    pending: Vec<Domain>,
    /// When the addresses known so far may be used without the answer that they wait
    /// for.
    patience_ends: Option<Duration>,
    /// Whether IPv4's addresses may go before IPv6's, once there are any.
    v4_may_lead: bool,
    /// When the next attempt may start, given the previous ones.
    next_start: Duration,
    last_family: Option<Domain>,
    /// How many attempts of the first family start before one of the other.
    first_family_count: usize,
    /// The origins that have had an attempt.
    tried: Vec<Domain>,
    attempts: usize,
    in_flight: usize,
}

impl Race {
    /// A race with lookups of these families in progress.
    pub(crate) fn new(pace: Pace, pending: &[Domain]) -> Self {
        Self {
            pace: pace.bounded(),
            candidates: Vec::new(),
            pending: pending.to_vec(),
            patience_ends: None,
            v4_may_lead: false,
            next_start: Duration::ZERO,
            // Of two answers IPv6's goes first unless `lead` says otherwise; a given
            // list starts with its first address.
            first_family_count: 1,
            last_family: pending.contains(&Domain::IPV6).then_some(Domain::IPV4),
            tried: Vec::new(),
            attempts: 0,
            in_flight: 0,
        }
    }

    /// Adds addresses, in the resolver's order (RFC 6724). Drops known ones, and those
    /// beyond the number of attempts, however long the list is.
    pub(crate) fn add(
        &mut self,
        addrs: impl IntoIterator<Item = (Domain, SocketAddr)>,
        unusable: impl Fn(&SocketAddr) -> bool,
    ) {
        for (origin, addr) in addrs {
            let known = self.candidates.iter().any(|known| known.addr == addr);
            if !known && !self.has_enough(origin) {
                self.candidates.push(Candidate { origin, addr, unusable: unusable(&addr), started: false });
            }
        }
    }

    fn has_enough(&self, origin: Domain) -> bool {
        let usable = |candidate: &&Candidate| candidate.origin == origin && !candidate.unusable;
        let most = self.pace.max_attempts;
        self.candidates.len() >= most && self.candidates.iter().filter(usable).count() >= most
    }

    #[cfg(test)]
    pub(crate) fn candidates(&self) -> usize {
        self.candidates.len()
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

    /// The first candidate of each family, IPv6's before IPv4's, until an attempt has
    /// started.
    pub(crate) fn leaders(&self) -> [Option<SocketAddr>; 2] {
        if self.attempts > 0 {
            return [None; 2];
        }
        [Domain::IPV6, Domain::IPV4].map(|family| {
            let of_family = self.waiting().filter(|candidate| candidate.addr.family() == family);
            of_family.min_by_key(|candidate| candidate.unusable).map(|candidate| candidate.addr)
        })
    }

    /// Sets whether IPv4's addresses may go first, so that IPv6's wait for their answer.
    pub(crate) fn let_v4_lead(&mut self, may: bool) {
        self.v4_may_lead = may;
    }

    /// Whether the lookup of a family is in progress.
    pub(crate) fn is_pending(&self, family: Domain) -> bool {
        self.pending.contains(&family)
    }

    /// The lookup of a family has ended; [`add`](Self::add) was called before.
    pub(crate) fn looked_up(&mut self, now: Duration, family: Domain) {
        self.pending.retain(|pending| *pending != family);
        // RFC 8305, section 3: with the A answer first, "wait a short time"
        // for the AAAA answer.
        if self.patience_ends.is_none() && self.waiting().next().is_some() {
            self.patience_ends = Some(now.saturating_add(self.pace.resolution_delay));
        }
    }

    /// Another lookup is in progress.
    pub(crate) fn expect(&mut self, family: Domain) {
        self.pending.push(family);
    }

    /// An attempt failed: the next may start at once.
    pub(crate) fn failed(&mut self, now: Duration) {
        self.in_flight -= 1;
        self.next_start = now;
    }

    /// The next step at this time.
    pub(crate) fn step(&mut self, now: Duration) -> Step {
        let Some(at) = self.pick() else {
            return if self.is_over() { Step::Exhausted } else { Step::Wait(None) };
        };
        let start = self.next_start.max(self.patience());
        if now < start { Step::Wait(Some(start)) } else { self.start(now, at) }
    }

    /// Whether there is only one address, and none to come.
    pub(crate) fn is_for_one(&self) -> bool {
        self.candidates.len() == 1 && self.pending.is_empty()
    }

    /// Those that have not started.
    fn waiting(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|candidate| !candidate.started)
    }

    /// Whether nothing is left to try or to wait for.
    pub(crate) fn is_over(&self) -> bool {
        let more_to_come = !self.pending.is_empty() && self.attempts < self.pace.max_attempts;
        self.in_flight == 0 && !more_to_come
    }

    /// Until when the next attempt waits for a pending answer: that of the family whose
    /// turn it is (RFC 8305, section 3), IPv4's if it may lead, and any if no known
    /// address is usable.
    fn patience(&self) -> Duration {
        let their_turn = [Domain::IPV6, Domain::IPV4]
            .into_iter()
            .any(|family| self.is_pending(family) && self.is_turn_of(family));
        let may_lead = self.v4_may_lead && self.is_pending(Domain::IPV4);
        let nothing_good = !self.pending.is_empty() && self.waiting().all(|candidate| candidate.unusable);
        let waits = their_turn || may_lead || nothing_good;
        self.patience_ends.filter(|_| waits).unwrap_or_default()
    }

    fn start(&mut self, now: Duration, at: usize) -> Step {
        let Candidate { addr, origin, started, .. } = &mut self.candidates[at];
        *started = true;
        if !self.tried.contains(origin) {
            self.tried.push(*origin);
        }
        self.attempts += 1;
        self.in_flight += 1;
        self.last_family = Some(addr.family());
        self.next_start = now + self.pace.attempt_delay;
        Step::Start(*addr)
    }

    /// The next candidate: the usable ones first (RFC 6724, rule 1); RFC 8305, section
    /// 4: among equals "interleave address families", else the resolver's order.
    fn pick(&self) -> Option<usize> {
        let left = self.pace.max_attempts.saturating_sub(self.attempts);
        let kept = left == 1 && self.attempts > 0 && self.has_untried();
        let may_start = |candidate: &Candidate| {
            left > 0 && !candidate.started && !(kept && self.tried.contains(&candidate.origin))
        };
        let best = self.candidates.iter().filter(|one| may_start(one)).map(|one| one.unusable).min()?;
        let of_best = |candidate: &Candidate| may_start(candidate) && candidate.unusable == best;
        let wanted = |candidate: &Candidate| of_best(candidate) && self.is_turn_of(candidate.addr.family());
        self.candidates.iter().position(wanted).or_else(|| self.candidates.iter().position(of_best))
    }

    /// Whether a lookup without an attempt yet has, or may still find, an address.
    fn has_untried(&self) -> bool {
        let waiting = self.waiting().map(|candidate| &candidate.origin);
        waiting.chain(&self.pending).any(|origin| !self.tried.contains(origin))
    }

    /// Whether it is the family's turn: not that of the last attempt, except for the
    /// first family's first ones.
    fn is_turn_of(&self, family: Domain) -> bool {
        let first_goes_on = self.attempts > 0 && self.attempts < self.first_family_count;
        self.last_family.is_none_or(|last| (last == family) == first_goes_on)
    }
}

#[cfg(test)]
mod tests;
