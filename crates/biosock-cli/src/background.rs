//! Background threads, which leave all signals to the main one.

use std::io;
use std::thread;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// Starts a thread that blocks all signals but those of its own faults, so that
/// signals whose handlers are being installed stay pending for the other threads.
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

/// Raised by what the thread itself does, including a system call that a seccomp
/// filter traps (SIGSYS). The kernel kills a process that has one blocked.
const FAULTS: [Signal; 6] =
    [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL, Signal::SIGFPE, Signal::SIGTRAP, Signal::SIGSYS];
