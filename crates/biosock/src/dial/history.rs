//! The history of addresses: which answered, how fast, and which did not.

use std::collections::VecDeque;
use std::mem::discriminant;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use crate::SocketAddr;

/// A history of addresses that dials share (RFC 8305, section 4), so that the next dial
/// does not wait again for an address that did not answer.
///
/// An address that was silent for the race's attempt delay, refused, or unreachable
/// counts as unusable (RFC 6724, section 6, rule 1): the others go first. Among
/// addresses that rules 1 to 8 leave equal, the one with the lower round-trip time goes
/// first, then one that was used before. So an address that answered never goes before
/// the preferred family.
///
/// An entry counts for ten minutes after it was learned, however often it is confirmed
/// in between; then the usual order is tried again. The history learns only what a peer
/// or the path to it did: neither a shortage of descriptors, ports or memory on this
/// machine, nor a refusal by its own routing table or filter, nor the silence in a dial
/// that was cancelled. It learns nothing from datagrams, Unix paths and successes with
/// [`Dialer::tfo`](super::Dialer::tfo), since no peer has answered.
///
/// ```
/// use std::sync::Arc;
/// use biosock::dial::{AddressHistory, Dialer};
///
/// let history = Arc::new(AddressHistory::new(128));
/// let dialer = Dialer::new().history(history);
/// ```
#[derive(Debug)]
pub struct AddressHistory {
    entries: Mutex<VecDeque<Entry>>,
    most: usize,
}

/// What is known of an address from earlier dials, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// It answered, after this time.
    Used(Duration),
    /// Nothing is known.
    Unknown,
    /// It was silent, refused or unreachable.
    Unusable,
}

#[derive(Debug)]
struct Entry {
    addr: SocketAddr,
    rank: Rank,
    learned: Instant,
}

impl Entry {
    fn counts(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.learned) < LIFETIME
    }
}

/// How long an entry counts, since networks change.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

impl AddressHistory {
    /// A history of at most `most` addresses, which forgets the least recently learned
    /// first; with 0 it learns nothing.
    ///
    /// ```
    /// let learns_nothing = biosock::dial::AddressHistory::new(0);
    /// ```
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { entries: Mutex::new(VecDeque::new()), most }
    }

    pub(crate) fn rank(&self, addr: &SocketAddr, now: Instant) -> Rank {
        self.lock().map_or(Rank::Unknown, |entries| rank(&entries, addr, now))
    }

    /// The rank of each address, with the lock taken once; `None` if it is not free.
    pub(crate) fn ranks(&self, addrs: &[SocketAddr], now: Instant) -> Option<Vec<Rank>> {
        let entries = self.lock()?;
        Some(addrs.iter().map(|addr| rank(&entries, addr, now)).collect())
    }

    /// An entry that is confirmed counts from when it was first learned.
    pub(crate) fn learn(&self, addr: SocketAddr, rank: Rank, now: Instant) {
        let Some(mut entries) = self.lock() else { return };
        let known = entries.iter().position(|entry| entry.addr == addr).and_then(|at| entries.remove(at));
        let known =
            known.filter(|entry| entry.counts(now) && discriminant(&entry.rank) == discriminant(&rank));
        let learned = known.map_or(now, |entry| entry.learned);
        entries.push_back(Entry { addr, rank, learned });
        while entries.len() > self.most {
            entries.pop_front();
        }
    }

    /// Locks the entries, which are held for microseconds at a time. `None` if they are
    /// not free within 20 ms: in a child of fork(2) the thread that held them may not
    /// exist, and a dial then does without its history.
    fn lock(&self) -> Option<MutexGuard<'_, VecDeque<Entry>>> {
        for _ in 0..20 {
            match self.entries.try_lock() {
                Ok(entries) => return Some(entries),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        None
    }
}

fn rank(entries: &VecDeque<Entry>, addr: &SocketAddr, now: Instant) -> Rank {
    let entry = entries.iter().find(|entry| entry.addr == *addr && entry.counts(now));
    entry.map_or(Rank::Unknown, |entry| entry.rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Rank = Rank::Used(Duration::from_millis(1));
    const SLOW: Rank = Rank::Used(Duration::from_millis(9));
    const MINUTE: Duration = Duration::from_secs(60);

    fn addr(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 80))
    }

    #[test]
    fn a_lock_that_stays_held_is_not_waited_for() {
        let (history, now) = (AddressHistory::new(2), Instant::now());
        history.learn(addr(1), FAST, now);
        let held = history.lock().expect("free");
        assert_eq!(history.rank(&addr(1), now), Rank::Unknown);
        history.learn(addr(2), FAST, now);
        drop(held);
        assert_eq!(history.rank(&addr(1), now), FAST);
        assert_eq!(history.rank(&addr(2), now), Rank::Unknown);
    }

    #[test]
    fn the_newest_word_counts_and_the_oldest_is_forgotten() {
        let (history, now) = (AddressHistory::new(2), Instant::now());
        history.learn(addr(1), Rank::Unusable, now);
        history.learn(addr(2), Rank::Unusable, now);
        history.learn(addr(1), FAST, now);
        history.learn(addr(3), Rank::Unusable, now);
        let ranks = [1, 2, 3].map(|last| history.rank(&addr(last), now));
        assert_eq!(ranks, [FAST, Rank::Unknown, Rank::Unusable]);
        let nothing = AddressHistory::new(0);
        nothing.learn(addr(1), FAST, now);
        assert_eq!(nothing.rank(&addr(1), now), Rank::Unknown);
    }

    #[test]
    fn an_entry_counts_for_ten_minutes_after_it_was_learned() {
        let (history, start) = (AddressHistory::new(1), Instant::now());
        for (learned, confirmed) in [(SLOW, FAST), (Rank::Unusable, Rank::Unusable)] {
            history.learn(addr(1), learned, start);
            history.learn(addr(1), confirmed, start + 9 * MINUTE);
            assert_eq!(history.rank(&addr(1), start + 10 * MINUTE - Duration::from_nanos(1)), confirmed);
            assert_eq!(history.rank(&addr(1), start + 10 * MINUTE), Rank::Unknown);
        }
    }

    #[test]
    fn the_contrary_is_learned_anew() {
        let (history, start) = (AddressHistory::new(1), Instant::now());
        history.learn(addr(1), FAST, start);
        history.learn(addr(1), Rank::Unusable, start + 9 * MINUTE);
        assert_eq!(history.rank(&addr(1), start + 18 * MINUTE), Rank::Unusable);
        // And so is what has expired.
        history.learn(addr(1), Rank::Unusable, start + 20 * MINUTE);
        assert_eq!(history.rank(&addr(1), start + 29 * MINUTE), Rank::Unusable);
    }
}
