//! Exiting on a signal, after cleaning up.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::signal::{SigSet, Signal};
use signal_hook::low_level::{emulate_default_handler, pipe};

use crate::{background, messages};

/// From now on the signals that ask a process to end run `clean` and then have
/// their default effect: the process dies of the signal, so that its parent sees
/// which. SIGHUP and SIGQUIT stay ignored if they are, as nohup(1) and shells
/// expect.
///
/// The handler records the signal and writes to a pipe that a thread reads, so
/// that none is lost whatever the other threads wait for. Must be called while
/// there is only one thread: signals are blocked until the handler is complete,
/// and another thread could lose one.
pub(crate) fn at_end(clean: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let asked = |signal: &Signal| matches!(signal, Signal::SIGINT | Signal::SIGTERM) || !is_ignored(*signal);
    at_end_by(ENDING.into_iter().filter(asked).collect(), clean)
}

/// The same, but every ignored signal stays ignored: shells make a script's
/// background jobs ignore SIGINT.
pub(crate) fn at_end_unless_ignored(clean: impl FnOnce() + Send + 'static) -> io::Result<()> {
    at_end_by(ENDING.into_iter().filter(|signal| !is_ignored(*signal)).collect(), clean)
}

const ENDING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

/// Whether this is PID 1 of a container, which no unhandled signal ends
/// (pid_namespaces(7)).
pub(crate) fn is_init() -> bool {
    std::process::id() == 1
}

/// Whether this process ignores a signal; `false` if the OS does not report it.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    // Signal n is bit n - 1 (proc(5)).
    mask >> (signal as u32 - 1) & 1 == 1
}

fn at_end_by(signals: SigSet, clean: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let (reader, writer) = UnixStream::pair()?;
    let last = Arc::new(AtomicUsize::new(0));
    signals.thread_block()?;
    // The thread first: without it, a handler would swallow its signal.
    let started = background::spawn("signals", {
        let last = Arc::clone(&last);
        move || wait(reader, &last, &signals, clean)
    });
    if let Err(error) = started {
        signals.thread_unblock()?;
        return Err(error);
    }
    for signal in &signals {
        // The numbers are small and positive.
        signal_hook::flag::register_usize(signal as i32, Arc::clone(&last), signal as usize)?;
        pipe::register(signal as i32, writer.try_clone()?)?;
    }
    // Children must not inherit the mask: signals must be able to end a command.
    signals.thread_unblock()?;
    Ok(())
}

fn wait(mut reader: UnixStream, last: &AtomicUsize, signals: &SigSet, clean: impl FnOnce()) {
    if reader.read_exact(&mut [0]).is_err() {
        return;
    }
    clean();
    messages::flush(messages::PATIENCE_AT_SIGNAL);
    let signal = i32::try_from(last.load(Ordering::SeqCst)).unwrap_or(Signal::SIGTERM as i32);
    if !is_init() {
        // This thread started with them blocked.
        let _ = signals.thread_unblock();
        // Returns only if the default action failed.
        let _ = emulate_default_handler(signal);
    }
    std::process::exit(128 + signal);
}
