//! Ending on SIGINT and SIGTERM, after tidying up.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::{emulate_default_handler, pipe};

/// From now on SIGINT and SIGTERM run `clean` and then do what they do by
/// default: the process dies of the signal, so that its parent sees which.
///
/// The handler writes to a pipe that a thread reads, so no signal is lost
/// whatever the other threads wait for.
pub(crate) fn at_end(clean: impl FnOnce(i32) + Send + 'static) -> io::Result<()> {
    let (reader, writer) = UnixStream::pair()?;
    let which = Arc::new(AtomicUsize::new(0));
    for signal in [SIGINT, SIGTERM] {
        // The numbers are small and positive. The flag is set before the pipe is written.
        signal_hook::flag::register_usize(signal, Arc::clone(&which), signal.unsigned_abs() as usize)?;
        pipe::register(signal, writer.try_clone()?)?;
    }
    thread::Builder::new().name("signals".into()).spawn(move || wait(reader, &which, clean))?;
    Ok(())
}

fn wait(mut reader: UnixStream, which: &AtomicUsize, clean: impl FnOnce(i32)) {
    if reader.read_exact(&mut [0]).is_err() {
        return;
    }
    let signal = i32::try_from(which.load(Ordering::SeqCst)).unwrap_or(SIGTERM);
    clean(signal);
    // Comes back only where the default could not be done.
    let _ = emulate_default_handler(signal);
    std::process::exit(128 + signal);
}
