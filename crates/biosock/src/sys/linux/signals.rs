//! Keeping signals away from the library's threads.

use std::mem::MaybeUninit;
use std::ptr;

/// While this exists, this thread blocks signals, and a thread that it starts
/// always does: the caller's handlers run only on the caller's threads. Signals of
/// the thread's own faults are not blocked.
pub(crate) struct SignalsBlocked {
    before: libc::sigset_t,
}

/// Raised by what the thread itself does, including a system call that a seccomp
/// filter traps (SIGSYS). The kernel kills a process that has one blocked.
const FAULTS: [libc::c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS];

impl SignalsBlocked {
    pub(crate) fn new() -> Self {
        let mut wanted = MaybeUninit::uninit();
        // SAFETY: room for a set, which the call fills.
        unsafe { libc::sigfillset(wanted.as_mut_ptr()) };
        // SAFETY: filled by the call above, which cannot fail.
        let mut wanted = unsafe { wanted.assume_init() };
        for fault in FAULTS {
            // SAFETY: an initialised set, and a signal number.
            unsafe { libc::sigdelset(&raw mut wanted, fault) };
        }
        let mut before = wanted;
        // SAFETY: two sets. It cannot fail, as SIG_BLOCK is valid.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const wanted, &raw mut before) };
        Self { before }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: the thread's previous set; the current one is not requested.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_blocked(signal: libc::c_int) -> bool {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: only queries, with room for a set, which the call fills.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), set.as_mut_ptr()) };
        // SAFETY: a set filled above, and a signal number.
        unsafe { libc::sigismember(set.as_ptr(), signal) == 1 }
    }

    #[test]
    fn all_signals_except_those_of_faults_are_blocked_until_dropped() {
        // Signals that cannot be blocked, and those reserved by the C library.
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
