//! The file that the picture is written to.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use biosock::Interest;
use rustix::fs::{Access, OFlags, access};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use crate::failure::{Failure, Result};
use crate::messages;
use crate::text::escape;

/// A pipe whose reader reads nothing for this long is given up on.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the picture goes.
#[derive(Debug)]
pub(crate) struct Picture {
    name: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A device or a pipe, opened non-blocking: written to directly.
    Stream(File),
    /// An existing file: written in place, so that its owner, mode and links
    /// stay as they are.
    Existing(File),
    /// A new file: created complete.
    New(PathBuf),
}

impl Picture {
    /// Checks that the file can be written, before a connection is made.
    pub(crate) fn prepare(name: &Path) -> Result<Self> {
        match Place::of(name) {
            Ok(place) => Ok(Self { name: name.to_owned(), place }),
            Err(error) => Err(failure(name, &error)),
        }
    }

    pub(crate) fn write(self, svg: &str) -> Result<()> {
        let written = match self.place {
            Place::Stream(file) => write_stream(file, svg.as_bytes()),
            Place::Existing(file) => overwrite(file, svg.as_bytes()),
            Place::New(path) => create(&path, svg.as_bytes()),
        };
        written.map_err(|error| failure(&self.name, &error))
    }
}

impl Place {
    fn of(name: &Path) -> io::Result<Self> {
        // Such a file may be open already, as this command's standard output for
        // one, and is appended to.
        let is_open = ["/dev", "/proc"].iter().any(|directory| name.starts_with(directory));
        let mut how = OpenOptions::new();
        // The target of a dangling link is created, as open(2) does.
        how.write(true).append(is_open).create(name.is_symlink());
        // A FIFO without a reader is an error (ENXIO) instead of blocking.
        how.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32);
        match how.open(name) {
            Ok(file) if is_open || !file.metadata()?.is_file() => Ok(Self::Stream(file)),
            Ok(file) => Ok(Self::Existing(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                successor(name)?;
                Ok(Self::New(name.to_owned()))
            }
            Err(error) => Err(error),
        }
    }
}

fn write_stream(mut file: File, mut bytes: &[u8]) -> io::Result<()> {
    // It may be standard error.
    messages::flush(messages::PATIENCE);
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if !biosock::wait(&file, Interest::Write, Some(PATIENCE))? {
                    return Err(Errno::TIMEDOUT.into());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A longer file is truncated only once the picture is written.
fn overwrite(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)
}

fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = successor(path)?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// A temporary file in the same directory, to be renamed to this name.
fn successor(path: &Path) -> io::Result<NamedTempFile> {
    // The usual mode of new files; umask(2) applies.
    let usual = Permissions::from_mode(0o666);
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // tempfile's error would name the temporary file.
    access(directory, Access::WRITE_OK | Access::EXEC_OK)?;
    tempfile::Builder::new().prefix(".biosock-").permissions(usual).tempfile_in(directory)
}

fn failure(name: &Path, error: &io::Error) -> Failure {
    let failure = Failure::io(&format!("write {}", escape(&name.to_string_lossy())), error);
    match Errno::from_io_error(error) {
        Some(Errno::NXIO) if is_fifo(name) => {
            failure.hint("nothing reads from this FIFO; start its reader first")
        }
        _ => failure,
    }
}

fn is_fifo(name: &Path) -> bool {
    fs::metadata(name).is_ok_and(|there| there.file_type().is_fifo())
}
