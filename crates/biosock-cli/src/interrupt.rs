//! A dial that SIGINT or SIGTERM ends still tells how far it got.

use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use biosock::Cancel;

use crate::failure::{Failure, Result};
use crate::signal;

/// How long a dial may take to end and to tell, beyond which the signal ends
/// it as it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lets a signal cancel a dial. Once this is dropped, signals do what they do
/// by default.
#[derive(Debug)]
pub(crate) struct Interrupt {
    cancel: Cancel,
    told: Sender<()>,
}

impl Interrupt {
    /// To be called while there is one thread.
    pub(crate) fn watch() -> Result<Self> {
        let cancel = Cancel::new()?;
        let (told, all_told) = mpsc::channel();
        let canceller = cancel.clone();
        let end = move || {
            canceller.cancel();
            // Comes back at once where the dial is over, since nobody can send.
            let _ = all_told.recv_timeout(PATIENCE);
        };
        signal::at_end_unless_ignored(end).map_err(|error| Failure::start("handle signals", &error))?;
        Ok(Self { cancel, told })
    }

    pub(crate) fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// All is told: the signal that cancelled ends the process.
    pub(crate) fn end(self) -> ! {
        drop(self.told);
        loop {
            thread::park();
        }
    }
}
