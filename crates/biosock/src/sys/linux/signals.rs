//! Keeping signals away from threads that the caller does not know of.

use std::mem::MaybeUninit;
use std::ptr;

/// While this lives, this thread takes no signal, and a thread that it starts
/// never does: the caller's handlers run on the caller's threads alone. What a
/// fault of the thread's own raises is not held back.
pub(crate) struct SignalsBlocked {
    before: libc::sigset_t,
}

/// Raised by a fault, on the thread that it is the fault of.
const FAULTS: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP];

impl SignalsBlocked {
    pub(crate) fn new() -> Self {
        let mut wanted = MaybeUninit::uninit();
        // SAFETY: a place for a set, which the call fills.
        unsafe { libc::sigfillset(wanted.as_mut_ptr()) };
        // SAFETY: filled by the call above, which cannot fail.
        let mut wanted = unsafe { wanted.assume_init() };
        for fault in FAULTS {
            // SAFETY: a whole set, and the number of a signal.
            unsafe { libc::sigdelset(&raw mut wanted, fault) };
        }
        let mut before = wanted;
        // SAFETY: two whole sets. It cannot fail, as SIG_BLOCK is a way to set.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const wanted, &raw mut before) };
        Self { before }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: the set that the thread had; the present one is not asked for.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut()) };
    }
}
