//! Keeping signals away from threads that the caller does not know of.

use std::mem::MaybeUninit;
use std::ptr;

/// While this lives, this thread takes no signal, and a thread that it starts
/// never does: the caller's handlers run on the caller's threads alone. What a
/// fault of the thread's own raises is not held back.
pub(crate) struct SignalsBlocked {
    before: libc::sigset_t,
}

/// Raised by what the thread itself does, a system call that a seccomp filter
/// traps included (SIGSYS). The kernel ends a process that has one blocked.
const FAULTS: [libc::c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS];

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

#[cfg(test)]
mod tests {
    use super::*;

    fn is_blocked(signal: libc::c_int) -> bool {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: only asks; a place for a set, which the call fills.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), set.as_mut_ptr()) };
        // SAFETY: a whole set, filled above, and the number of a signal.
        unsafe { libc::sigismember(set.as_ptr(), signal) == 1 }
    }

    #[test]
    fn every_signal_is_blocked_but_those_of_faults_until_the_end() {
        // What cannot be blocked, and what the C library keeps for itself.
        let others = |signal: &libc::c_int| ![libc::SIGKILL, libc::SIGSTOP, 32, 33].contains(signal);
        let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS];
        let before: Vec<_> = (1..=64).map(is_blocked).collect();
        let blocked = SignalsBlocked::new();
        for signal in (1..=64).filter(others) {
            assert_eq!(is_blocked(signal), !faults.contains(&signal), "signal {signal}");
        }
        let inherited = std::thread::spawn(|| (is_blocked(libc::SIGSYS), is_blocked(libc::SIGTERM)));
        assert_eq!(inherited.join().unwrap(), (false, true));
        drop(blocked);
        assert_eq!((1..=64).map(is_blocked).collect::<Vec<_>>(), before);
    }
}
