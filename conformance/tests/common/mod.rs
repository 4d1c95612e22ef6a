//! What the comparing tests share.

use biosock_conformance::compare::{Library, Outcome, probe};
use biosock_conformance::originals::{Fallible, Original};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs every case (or those chosen by `filter`) on a library.
///
/// # Panics
/// When the probe cannot run.
pub(crate) fn run(library: &Library, filter: Option<&str>) -> Outcome {
    let program = Path::new(env!("CARGO_BIN_EXE_probe"));
    probe(program, library, filter).unwrap()
}

/// An original, or `None` with its absence said aloud; where everything is required, a
/// failure.
pub(crate) fn original(which: Original) -> Option<PathBuf> {
    let why = match which.ensure() {
        Ok(built) => return Some(built.libcrypto),
        Err(error) => error,
    };
    let required = std::env::var_os("BIOSOCK_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "OpenSSL {} is required: {why}", which.name());
    println!("skipped: OpenSSL {} ({why})", which.name());
    None
}

/// One of our libraries, built now; `$BIOSOCK_LIBDIR` names a folder with built ones.
///
/// # Panics
/// When it does not build.
pub(crate) fn ours(package: &str) -> PathBuf {
    let name = format!("{}.so", package.replace('-', "_"));
    if let Some(folder) = std::env::var_os("BIOSOCK_LIBDIR") {
        return Path::new(&folder).join(name);
    }
    build(package).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_probe"));
    program.with_file_name(name)
}

/// Builds the package in the profile of this test, so that it lands beside the probe.
fn build(package: &str) -> Fallible<()> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "-p", package]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{cargo:?} ended with {status}").into())
}
