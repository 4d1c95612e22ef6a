//! Distinguishing a process from its parent.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Forks between the first caller and this process.
static ABOVE: AtomicUsize = AtomicUsize::new(0);
/// These, and the forks that each process on the way made itself.
static SEEN: AtomicUsize = AtomicUsize::new(0);

/// How many forks are between the first caller and this process: a child's number
/// differs from its parent's.
///
/// Unlike getpid(2), it costs no system call. A child created by clone(2) without
/// libc has its parent's number.
pub(crate) fn forks() -> usize {
    counted(&ABOVE)
}

/// A number that changes with each fork, in the child and in the parent. Programs
/// run by posix_spawn(3) do not count.
pub(crate) fn forks_seen() -> usize {
    counted(&SEEN)
}

fn counted(count: &AtomicUsize) -> usize {
    static COUNTING: AtomicBool = AtomicBool::new(false);
    if !COUNTING.load(Ordering::Acquire) {
        // Registered before any caller gets a number. Not under a lock, which a child
        // might find held forever: threads that race here count each fork several
        // times, and the numbers still differ.
        // SAFETY: the handlers are async-signal-safe, and take no lock.
        let registered = unsafe { libc::pthread_atfork(None, Some(in_parent), Some(in_child)) };
        COUNTING.store(registered == 0, Ordering::Release);
    }
    count.load(Ordering::Relaxed)
}

extern "C" fn in_parent() {
    SEEN.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn in_child() {
    ABOVE.fetch_add(1, Ordering::Relaxed);
    SEEN.fetch_add(1, Ordering::Relaxed);
}
