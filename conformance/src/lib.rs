//! Runs every case on the original first, then on biosock, and compares the two.

pub mod compare;
pub mod loader;
pub mod originals;

use originals::Fallible;
use std::process::ExitCode;

/// A program's exit status: 0 if nothing is wrong, 1 if something is, 2 with the reason on
/// standard error if it could not find out.
#[must_use]
pub fn ended(program: &str, wrong: Fallible<usize>) -> ExitCode {
    match wrong {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::from(2)
        }
    }
}
