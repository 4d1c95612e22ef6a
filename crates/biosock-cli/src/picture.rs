//! The file that a picture goes to.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use crate::failure::{Failure, Result};
use crate::output::escape;

/// Where the picture goes.
#[derive(Debug)]
pub(crate) struct Picture {
    name: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A device or a pipe: written to as it is.
    Stream(File),
    /// A file, links followed: replaced as a whole.
    File(PathBuf),
}

impl Picture {
    /// Sees that the file can be written, before a connection is made for it.
    pub(crate) fn prepare(name: &Path) -> Result<Self> {
        match Place::of(name) {
            Ok(place) => Ok(Self { name: name.to_owned(), place }),
            Err(error) => Err(failure(name, &error)),
        }
    }

    /// The file is whole or what it was before.
    pub(crate) fn write(self, svg: &str) -> Result<()> {
        let written = match self.place {
            Place::Stream(mut file) => file.write_all(svg.as_bytes()),
            Place::File(path) => replace(&path, svg.as_bytes()),
        };
        written.map_err(|error| failure(&self.name, &error))
    }
}

impl Place {
    fn of(name: &Path) -> io::Result<Self> {
        // What stands there is open already, perhaps as our own standard output.
        let is_open = ["/dev", "/proc"].iter().any(|folder| name.starts_with(folder));
        match fs::metadata(name) {
            Ok(there) if there.is_dir() => Err(Errno::ISDIR.into()),
            Ok(there) if is_open || !there.is_file() => {
                Ok(Self::Stream(OpenOptions::new().append(true).open(name)?))
            }
            there => {
                let path = if there.is_ok() { fs::canonicalize(name)? } else { name.to_owned() };
                successor(&path)?;
                Ok(Self::File(path))
            }
        }
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = successor(path)?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// A new file in the folder, to take this one's place. One that is there has
/// to allow writing, and its mode is kept.
fn successor(path: &Path) -> io::Result<NamedTempFile> {
    let mode = match OpenOptions::new().write(true).open(path) {
        Ok(there) => Some(there.metadata()?.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // As open(2) makes files: less what umask(2) takes.
    let usual = Permissions::from_mode(0o666);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // tempfile's error would name a file that nobody asked for.
    access(folder, Access::WRITE_OK | Access::EXEC_OK)?;
    let file = tempfile::Builder::new().prefix(".biosock-").permissions(usual).tempfile_in(folder)?;
    if let Some(mode) = mode {
        file.as_file().set_permissions(mode)?;
    }
    Ok(file)
}

fn failure(name: &Path, error: &io::Error) -> Failure {
    Failure::io(&format!("write {}", escape(&name.to_string_lossy())), error)
}
