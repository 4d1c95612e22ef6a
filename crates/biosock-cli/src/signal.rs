//! Ending on SIGINT and SIGTERM, after tidying up.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::sys::signal::{SigSet, Signal};
use signal_hook::low_level::{emulate_default_handler, pipe};

/// From now on SIGINT and SIGTERM run `clean` and then do what they do by
/// default: the process dies of the signal, so that its parent sees which.
///
/// The handler notes the signal and writes to a pipe that a thread reads, so
/// that none is lost whatever the other threads wait for. To be called while
/// there is one thread: a signal that comes while the handler is set up in
/// its parts would be lost, so it is kept pending until all are there.
pub(crate) fn at_end(clean: impl FnOnce() + Send + 'static) -> io::Result<()> {
    at_end_by(SigSet::from_iter(ENDING), clean)
}

/// The same, but a signal that is ignored stays so: the shell has a script's
/// background jobs ignore SIGINT.
pub(crate) fn at_end_unless_ignored(clean: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let ignored = ignored();
    // Signal n is bit n - 1 (proc(5)).
    let heeded = |signal: &Signal| ignored >> (*signal as u32 - 1) & 1 == 0;
    at_end_by(ENDING.into_iter().filter(heeded).collect(), clean)
}

const ENDING: [Signal; 2] = [Signal::SIGINT, Signal::SIGTERM];

/// The signals that this process ignores; none where the system does not tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

fn at_end_by(signals: SigSet, clean: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let (reader, writer) = UnixStream::pair()?;
    let last = Arc::new(AtomicUsize::new(0));
    signals.thread_block()?;
    for signal in &signals {
        // The numbers are small and positive.
        signal_hook::flag::register_usize(signal as i32, Arc::clone(&last), signal as usize)?;
        pipe::register(signal as i32, writer.try_clone()?)?;
    }
    // Not to be inherited: a command that is run must be free to be ended.
    signals.thread_unblock()?;
    thread::Builder::new().name("signals".into()).spawn(move || wait(reader, &last, clean))?;
    Ok(())
}

fn wait(mut reader: UnixStream, last: &AtomicUsize, clean: impl FnOnce()) {
    if reader.read_exact(&mut [0]).is_err() {
        return;
    }
    clean();
    let signal = i32::try_from(last.load(Ordering::SeqCst)).unwrap_or(Signal::SIGTERM as i32);
    // Comes back only where the default could not be done.
    let _ = emulate_default_handler(signal);
    std::process::exit(128 + signal);
}
