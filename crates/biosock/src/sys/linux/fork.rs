//! Telling a process from its parent.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

static FORKS: AtomicUsize = AtomicUsize::new(0);

/// How many forks lie between this process and the one that asked first: a
/// child has another number than its parent.
///
/// It costs no system call, as getpid(2) would. A child that clone(2) made
/// without libc has its parent's number.
pub(crate) fn forks() -> usize {
    static COUNTING: AtomicBool = AtomicBool::new(false);
    if !COUNTING.load(Ordering::Relaxed) && !COUNTING.swap(true, Ordering::Relaxed) {
        // Not under a lock, which a child might find held for good.
        // SAFETY: the handler is async-signal-safe, and takes no lock.
        unsafe { libc::pthread_atfork(None, None, Some(count)) };
    }
    FORKS.load(Ordering::Relaxed)
}

extern "C" fn count() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}
