//! A key that threads create on first use and share without waiting for each
//! other: two threads at once create two, and one is deleted again.

#[cfg(not(all(test, loom)))]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(all(test, loom))]
use loom::sync::atomic::{AtomicU64, Ordering};

/// A key of pthread_key_create(3), or none.
pub(super) struct Key(AtomicU64);

/// Not created yet. Keys are stored plus one.
const NONE: u64 = 0;

/// The library has been unloaded: there will be no more keys.
const ENDED: u64 = u64::MAX;

impl Key {
    #[cfg(not(all(test, loom)))]
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(NONE))
    }

    #[cfg(all(test, loom))]
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(NONE))
    }

    /// The key, created by `make` on first use; `delete` gets one that lost to
    /// another thread's. `None` if none can be created, or after the end.
    pub(super) fn get(&self, make: impl FnOnce() -> Option<u32>, delete: impl FnOnce(u32)) -> Option<u32> {
        let before = self.0.load(Ordering::Acquire);
        if before != NONE {
            return key_of(before);
        }
        let made = make()?;
        match self.0.compare_exchange(NONE, u64::from(made) + 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(made),
            Err(other) => {
                delete(made);
                key_of(other)
            }
        }
    }

    /// Ends it forever; the caller deletes the key, if there was one.
    pub(super) fn end(&self) -> Option<u32> {
        key_of(self.0.swap(ENDED, Ordering::AcqRel))
    }
}

fn key_of(stored: u64) -> Option<u32> {
    match stored {
        NONE | ENDED => None,
        stored => u32::try_from(stored - 1).ok(),
    }
}

#[cfg(all(test, loom))]
mod tests {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicU32;
    use loom::thread;

    /// The keys that exist, in place of the threads library.
    struct Keys {
        made: AtomicU32,
        deleted: AtomicU32,
    }

    impl Keys {
        fn new() -> Arc<(Key, Self)> {
            Arc::new((Key::new(), Self { made: AtomicU32::new(0), deleted: AtomicU32::new(0) }))
        }

        fn make(&self) -> Option<u32> {
            Some(self.made.fetch_add(1, Ordering::Relaxed))
        }

        fn delete(&self, key: u32) {
            let before = self.deleted.fetch_or(1 << key, Ordering::Relaxed);
            assert_eq!(before & (1 << key), 0, "deleted twice");
        }
    }

    fn get(shared: &(Key, Keys)) -> Option<u32> {
        shared.0.get(|| shared.1.make(), |key| shared.1.delete(key))
    }

    #[test]
    fn loom_threads_that_are_first_at_once_share_one_key() {
        loom::model(|| {
            let shared = Keys::new();
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || get(&shared))
                })
                .collect();
            let mine = get(&shared).expect("a key");
            for other in others {
                assert_eq!(other.join().expect("the thread"), Some(mine));
            }
            let (made, deleted) = (&shared.1.made, &shared.1.deleted);
            let all = (1 << made.load(Ordering::Relaxed)) - 1;
            assert_eq!(deleted.load(Ordering::Relaxed), all & !(1 << mine), "only the shared one is left");
        });
    }

    #[test]
    fn loom_no_key_outlives_the_end() {
        loom::model(|| {
            let shared = Keys::new();
            let other = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || get(&shared))
            };
            if let Some(key) = shared.0.end() {
                shared.1.delete(key);
            }
            other.join().expect("the thread");
            assert_eq!(get(&shared), None);
            let (made, deleted) = (&shared.1.made, &shared.1.deleted);
            assert_eq!(deleted.load(Ordering::Relaxed), (1 << made.load(Ordering::Relaxed)) - 1);
        });
    }
}
