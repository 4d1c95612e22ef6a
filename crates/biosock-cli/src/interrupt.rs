//! A dial that a signal ends still reports its attempts.

use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use biosock::Cancel;

use crate::failure::{Failure, Result};
use crate::signal;

/// How long a dial may take to end and report before the signal ends the process.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lets a signal cancel a dial. Once this is dropped, signals have their default
/// effect.
#[derive(Debug)]
pub(crate) struct Interrupt {
    cancel: Cancel,
    reported: Sender<()>,
}

impl Interrupt {
    /// To be called while there is one thread.
    pub(crate) fn watch() -> Result<Self> {
        let cancel = Cancel::new()?;
        let (reported, all_reported) = mpsc::channel();
        let canceller = cancel.clone();
        let end = move || {
            canceller.cancel();
            // Returns at once if the dial is over and the sender is gone.
            let _ = all_reported.recv_timeout(PATIENCE);
        };
        signal::at_end_unless_ignored(end).map_err(|error| Failure::start("handle signals", &error))?;
        Ok(Self { cancel, reported })
    }

    pub(crate) fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Everything is reported: lets the signal that cancelled end the process.
    pub(crate) fn end(self) -> ! {
        drop(self.reported);
        loop {
            thread::park();
        }
    }
}
