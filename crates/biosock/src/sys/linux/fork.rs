//! Telling a process from its parent.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Forks between this process and the one that asked first.
static ABOVE: AtomicUsize = AtomicUsize::new(0);
/// These, and those by which each of them has made others.
static SEEN: AtomicUsize = AtomicUsize::new(0);

/// How many forks lie between this process and the one that asked first: a
/// child has another number than its parent.
///
/// It costs no system call, as getpid(2) would. A child that clone(2) made
/// without libc has its parent's number.
pub(crate) fn forks() -> usize {
    counted(&ABOVE)
}

/// Another number after each fork, in the child and in the parent. Programs
/// that posix_spawn(3) runs do not count.
pub(crate) fn forks_seen() -> usize {
    counted(&SEEN)
}

fn counted(count: &AtomicUsize) -> usize {
    static COUNTING: AtomicBool = AtomicBool::new(false);
    if !COUNTING.load(Ordering::Acquire) {
        // Before anyone has a number that is not counted on. Not under a lock,
        // which a child might find held for good: threads that meet here count
        // each fork several times, and the numbers differ all the same.
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
