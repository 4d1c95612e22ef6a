//! Where originals are kept.

use super::{Built, Fallible, Original};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Directories in which Debian and others keep the system's libraries.
const SYSTEM_DIRECTORIES: [&str; 4] =
    ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];

/// The directory of all originals: `$ORIGINALS_DIR`, else `originals` in cargo's target directory.
#[must_use]
pub fn root() -> PathBuf {
    if let Some(dir) = env::var_os("ORIGINALS_DIR") {
        return dir.into();
    }
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    target.join("originals")
}

/// The link that names the newest built one, whatever its full version.
pub(super) fn link(original: Original) -> PathBuf {
    root().join(original.name())
}

/// The file whose presence shows that a build was finished, and how it was configured.
pub(super) fn stamp(dir: &Path) -> PathBuf {
    dir.join("stamp")
}

pub(super) fn present(original: Original) -> Option<Built> {
    let dir = fs::canonicalize(link(original)).ok()?;
    let version = dir.file_name()?.to_str()?.to_owned();
    stamp(&dir).is_file().then(|| at(dir, version))
}

pub(super) fn at(dir: PathBuf, version: String) -> Built {
    Built { version, libcrypto: dir.join("lib/libcrypto.so"), dir: Some(dir), took: None }
}

pub(super) fn system() -> Fallible<Built> {
    let libcrypto = SYSTEM_DIRECTORIES
        .iter()
        .map(|directory| Path::new(directory).join("libcrypto.so.3"))
        .find(|path| path.is_file())
        .ok_or("the system has no libcrypto.so.3: install its libssl3 package")?;
    Ok(Built { version: "system".to_owned(), libcrypto, dir: None, took: None })
}
