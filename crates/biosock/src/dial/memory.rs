//! What dials remember of addresses: which answered, how fast, which failed.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::race::Rank;
use crate::SocketAddr;

/// A memory that dials share, so that the next one begins with the address
/// that worked last (RFC 8305, section 4: "history of successful
/// connections"). It forgets after ten minutes, and the oldest when full.
///
/// ```
/// use std::sync::Arc;
/// use biosock::dial::{Dialer, Memory};
///
/// let memory = Arc::new(Memory::new(128));
/// let dialer = Dialer::new().memory(memory);
/// ```
#[derive(Debug)]
pub struct Memory {
    entries: Mutex<VecDeque<Entry>>,
    most: usize,
}

#[derive(Debug)]
struct Entry {
    addr: SocketAddr,
    rank: Rank,
    at: Instant,
}

/// How long something is remembered; networks change.
const TRUSTED: Duration = Duration::from_secs(600);

impl Memory {
    /// A memory of at most so many addresses; with 0 it remembers nothing.
    ///
    /// ```
    /// let forgets_everything = biosock::dial::Memory::new(0);
    /// ```
    pub const fn new(most: usize) -> Self {
        Self { entries: Mutex::new(VecDeque::new()), most }
    }

    pub(crate) fn rank(&self, addr: &SocketAddr) -> Rank {
        let entries = self.lock();
        let known = entries.iter().find(|entry| entry.addr == *addr);
        known.filter(|entry| entry.at.elapsed() < TRUSTED).map_or(Rank::Unknown, |entry| entry.rank)
    }

    pub(crate) fn note(&self, addr: SocketAddr, rank: Rank) {
        let mut entries = self.lock();
        entries.retain(|entry| entry.addr != addr);
        entries.push_back(Entry { addr, rank, at: Instant::now() });
        while entries.len() > self.most {
            entries.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_word_counts_and_the_oldest_is_forgotten() {
        let memory = Memory::new(2);
        let addrs = [1, 2, 3].map(|last| SocketAddr::from(([192, 0, 2, last], 80)));
        memory.note(addrs[0], Rank::Bad);
        memory.note(addrs[1], Rank::Bad);
        memory.note(addrs[0], Rank::Good(Duration::ZERO));
        memory.note(addrs[2], Rank::Bad);
        let ranks = addrs.map(|addr| memory.rank(&addr));
        assert_eq!(ranks, [Rank::Good(Duration::ZERO), Rank::Unknown, Rank::Bad]);
    }
}
