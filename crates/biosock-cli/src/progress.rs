//! The progress line of a transfer.

use std::fs::File;
use std::io::{self, IsTerminal, Seek, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::traffic::Counters;

const EVERY: Duration = Duration::from_millis(200);
const BAR: usize = 20;

/// Draws until it is dropped.
pub(crate) struct Progress(Option<mpsc::Sender<()>>);

impl Progress {
    /// Draws on standard error, if that is a terminal.
    pub(crate) fn start<'s>(scope: &'s Scope<'s, '_>, counters: &'s Counters) -> Result<Self> {
        if !io::stderr().is_terminal() {
            return Ok(Self(None));
        }
        let (sender, stopped) = mpsc::channel::<()>();
        let (total, start) = (input_length(), Instant::now());
        let draw = move || {
            loop {
                let done = stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Disconnected);
                let line = line(counters.sent(), counters.received(), total, start.elapsed());
                // \x1b[K clears the rest of a longer line.
                let end = if done { "\n" } else { "" };
                let _ = io::stderr().write_all(format!("\r{line}\x1b[K{end}").as_bytes());
                if done {
                    return;
                }
            }
        };
        let started = thread::Builder::new().spawn_scoped(scope, draw);
        started.map_err(|error| Failure::start("show progress: start a thread", &error))?;
        Ok(Self(Some(sender)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0 = None;
    }
}

/// The bytes left in standard input, if it is a file.
fn input_length() -> Option<u64> {
    let mut file = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    let meta = file.metadata().ok().filter(|meta| meta.is_file())?;
    meta.len().checked_sub(file.stream_position().ok()?)
}

fn line(sent: u64, received: u64, total: Option<u64>, took: Duration) -> String {
    let share = total.filter(|total| *total > 0).map(|total| (sent as f64 / total as f64).min(1.0));
    let bar = share.map_or(String::new(), |share| {
        let full = (share * BAR as f64) as usize;
        format!("[{:<BAR$}] {:3.0}%  ", "#".repeat(full), share * 100.0)
    });
    let rate = (sent + received) as f64 / took.as_secs_f64().max(1e-3);
    format!("{bar}sent {}  received {}  {}/s", bytes(sent as f64), bytes(received as f64), bytes(rate))
}

fn bytes(amount: f64) -> String {
    let (mut amount, mut units) = (amount, ["B", "KiB", "MiB", "GiB", "TiB"].iter());
    let mut unit = units.next();
    while amount >= 1024.0 && units.len() > 0 {
        (amount, unit) = (amount / 1024.0, units.next());
    }
    let digits = if unit == Some(&"B") { 0 } else { 1 };
    format!("{amount:.digits$} {}", unit.unwrap_or(&"B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_percentage_and_rate() {
        let text = line(512 * 1024, 0, Some(1024 * 1024), Duration::from_secs(2));
        assert_eq!(text, "[##########          ]  50%  sent 512.0 KiB  received 0 B  256.0 KiB/s");
        assert_eq!(line(0, 10, None, Duration::from_secs(1)), "sent 0 B  received 10 B  10 B/s");
        assert_eq!(line(0, 0, Some(0), Duration::ZERO), "sent 0 B  received 0 B  0 B/s");
    }

    #[test]
    fn the_largest_unit_is_not_exceeded() {
        assert_eq!(bytes(1023.0), "1023 B");
        assert_eq!(bytes(1024.0f64.powi(4)), "1.0 TiB");
        assert_eq!(bytes(1024.0f64.powi(5)), "1024.0 TiB");
    }
}
