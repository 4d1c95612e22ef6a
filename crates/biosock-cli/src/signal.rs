//! Ending on SIGINT and SIGTERM, after tidying up.

use std::io;
use std::thread;

use nix::sys::signal::{SigSet, Signal, raise};

/// From now on SIGINT and SIGTERM run `clean` and then do what they do by
/// default: the process dies of the signal, so that its parent sees which.
///
/// To be called while there is one thread: the signals are blocked in it and
/// in those that it starts, and a thread waits for them. There is no handler,
/// so that no signal is lost, not even one that comes during this call.
/// (A command that is run starts with no signal blocked; std sees to that.)
pub(crate) fn at_end(clean: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
    signals.thread_block()?;
    thread::Builder::new().name("signals".into()).spawn(move || wait(signals, clean))?;
    Ok(())
}

fn wait(signals: SigSet, clean: impl FnOnce()) {
    let Ok(signal) = signals.wait() else { return };
    clean();
    // Pending until unblocked, then it ends the process.
    let _ = raise(signal);
    let _ = signals.thread_unblock();
    // A parent had it ignored.
    std::process::exit(128 + signal as i32);
}
