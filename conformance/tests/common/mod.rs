//! What the comparing tests share.

#![allow(dead_code, reason = "each test uses a part of this")]

use biosock_conformance::compare::{Form, Library, Outcome, Suite, probe};
use biosock_conformance::originals::{Built, Fallible, Original};
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

/// Every form of biosock, built now, and where to put what is made of them.
pub(crate) fn suite() -> Suite<'static> {
    let program = Path::new(env!("CARGO_BIN_EXE_probe"));
    let alone = ours(Form::Alone);
    for form in [Form::Overlay, Form::Swap] {
        ours(form);
    }
    Suite {
        program,
        libraries: alone.parent().unwrap().to_owned(),
        scratch: program.with_file_name("swapped"),
        filter: None,
    }
}

/// An original, or `None` with a line that it is skipped; where everything is required, a
/// failure.
pub(crate) fn original(which: Original) -> Option<PathBuf> {
    built(which).map(|built| built.libcrypto)
}

/// The same, and everything else that was built.
pub(crate) fn built(which: Original) -> Option<Built> {
    found(which, which.ensure())
}

/// The same, with the static libcrypto that the swap needs.
pub(crate) fn whole(which: Original) -> Option<Built> {
    let built = built(which)?;
    let archive = built.archive().map(|_| built);
    found(which, archive)
}

fn found(which: Original, built: Fallible<Built>) -> Option<Built> {
    let why = match built {
        Ok(built) => return Some(built),
        Err(error) => error,
    };
    let required = std::env::var_os("BIOSOCK_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "OpenSSL {} is required: {why}", which.name());
    println!("skipped: OpenSSL {} ({why})", which.name());
    None
}

/// One of biosock's libraries, built now; `$BIOSOCK_LIBDIR` names a directory with built ones.
///
/// # Panics
/// When it does not build.
pub(crate) fn ours(form: Form) -> PathBuf {
    if let Some(directory) = std::env::var_os("BIOSOCK_LIBDIR") {
        return Path::new(&directory).join(form.file());
    }
    build(package(form)).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_probe"));
    program.with_file_name(form.file())
}

fn package(form: Form) -> &'static str {
    match form {
        Form::Alone => "libbiosock",
        Form::Overlay => "libbiosock-overlay",
        Form::Swap => "libbiosock-swap",
    }
}

/// Builds the package in the profile of this test, so that it lands alongside the probe.
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
