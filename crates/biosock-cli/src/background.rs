//! Threads that work alongside the main one and leave all signals to it.

use std::io;
use std::thread;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// Starts a thread that takes no signals but its own faults', so that those whose
/// handling is being set up stay pending for the others.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut others = SigSet::all();
    for fault in FAULTS {
        others.remove(fault);
    }
    let before = others.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let started = thread::Builder::new().name(name.into()).spawn(run);
    before.thread_set_mask()?;
    started.map(drop)
}

/// Raised by what the thread itself does, a system call that a seccomp filter
/// traps included (SIGSYS). The kernel ends a process that has one blocked.
const FAULTS: [Signal; 6] =
    [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL, Signal::SIGFPE, Signal::SIGTRAP, Signal::SIGSYS];
