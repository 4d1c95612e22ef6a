//! Things to do later.

use std::collections::BTreeMap;
use std::time::Instant;

/// Things by the time when they are due; those due at the same time in the order in
/// which they were added.
///
/// ```
/// use std::time::{Duration, Instant};
/// use biosock_lab::due::Due;
///
/// let (mut due, now) = (Due::default(), Instant::now());
/// due.push(now + Duration::from_secs(1), "later");
/// due.push(now, "now");
/// assert_eq!(due.pop(now), Some("now"));
/// assert_eq!(due.pop(now), None);
/// assert_eq!(due.next(), Some(now + Duration::from_secs(1)));
/// ```
#[derive(Debug)]
pub struct Due<T> {
    things: BTreeMap<(Instant, u64), T>,
    count: u64,
}

impl<T> Default for Due<T> {
    fn default() -> Self {
        Self { things: BTreeMap::new(), count: 0 }
    }
}

impl<T> Due<T> {
    /// Adds something that is due then.
    pub fn push(&mut self, when: Instant, thing: T) {
        self.count += 1;
        self.things.insert((when, self.count), thing);
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Instant> {
        self.things.keys().next().map(|(when, _)| *when)
    }

    /// The next one that is due by now.
    pub fn pop(&mut self, now: Instant) -> Option<T> {
        let entry = self.things.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}
