//! Every form of biosock against one original.

use super::{Library, Outcome, Report, compare, probe};
use crate::originals::{Built, Fallible};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;

/// How biosock takes an original's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `libbiosock.so`, with an error queue of its own.
    Alone,
    /// `libbiosock_overlay.so`, over the original.
    Overlay,
    /// `libbiosock_swap.a`, inside the original.
    Swap,
}

impl Form {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Alone, Self::Overlay, Self::Swap];

    /// As in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Overlay => "overlay",
            Self::Swap => "swap",
        }
    }

    /// The file that a build leaves.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::Alone => "libbiosock.so",
            Self::Overlay => "libbiosock_overlay.so",
            Self::Swap => "libbiosock_swap.a",
        }
    }
}

/// What is compared: the program that runs the cases, and biosock.
#[derive(Clone, Debug)]
pub struct Suite<'a> {
    /// The probe.
    pub program: &'a Path,
    /// Where the files of [`Form::file`] are.
    pub libraries: PathBuf,
    /// A directory for originals with biosock inside, which is kept.
    pub scratch: PathBuf,
    /// Chooses cases by a part of their names.
    pub filter: Option<&'a str>,
}

impl Suite<'_> {
    /// Runs the original and what is over it and in it, and compares each form with it. The
    /// swap is left out where the original has no static library. What biosock does alone is the
    /// same for every original: the first finds it, and `alone` keeps it for the others.
    ///
    /// # Errors
    /// When something cannot be run, when the swap does not link, and when two that are to be
    /// compared are one.
    pub fn against(&self, original: &Built, alone: &OnceLock<Outcome>) -> Fallible<Vec<(Form, Report)>> {
        let libcrypto = &original.libcrypto;
        let over = Library::under(libcrypto, self.libraries.join(Form::Overlay.file()));
        let mut libraries = vec![Library::alone(libcrypto), over];
        if original.archive().is_ok() {
            let swap = self.libraries.join(Form::Swap.file());
            let swapped = original.swapped(&swap, &self.scratch.join(&original.version))?;
            libraries.push(Library::alone(swapped));
        }
        if alone.get().is_none() {
            libraries.push(Library::alone(self.libraries.join(Form::Alone.file())));
        }
        let mut outcomes = self.run_all(&libraries)?;
        let alone = alone.get_or_init(|| outcomes.pop().expect("it ran last"));
        let [first, others @ ..] = &outcomes[..] else { return Err("no library was run".into()) };
        must_share_queue(first, &others[0])?;
        let forms = Form::ALL.into_iter().zip([alone].into_iter().chain(others));
        forms.map(|(form, ours)| Ok((form, compare(first, ours)?))).collect()
    }

    fn run(&self, library: &Library) -> Fallible<Outcome> {
        probe(self.program, library, self.filter)
    }

    /// At once: a part of each run is waiting.
    fn run_all(&self, libraries: &[Library]) -> Fallible<Vec<Outcome>> {
        thread::scope(|scope| {
            let runs: Vec<_> = libraries.iter().map(|library| scope.spawn(|| self.run(library))).collect();
            let ended = runs.into_iter().map(thread::ScopedJoinHandle::join);
            ended.map(|run| run.unwrap_or_else(|_| Err("a run of the probe panicked".into()))).collect()
        })
    }
}

/// An overlay leaves the queue to the original.
fn must_share_queue(original: &Outcome, over: &Outcome) -> Fallible<()> {
    if original.errors == over.errors {
        return Ok(());
    }
    Err(format!("the overlay's errors go to {}, not to {}", over.errors, original.errors).into())
}
