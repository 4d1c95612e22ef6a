//! The file of a listening Unix socket: made, replaced where stale, removed.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use biosock::{Domain, Options, Protocol, Socket, SocketAddr, Type};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::failure::{Failure, Result};

/// The socket file of this process, once it has one; shared with whoever
/// tidies up on a signal.
#[derive(Clone, Debug, Default)]
pub(crate) struct SocketFile(Arc<Mutex<Option<Made>>>);

#[derive(Debug)]
struct Made {
    path: PathBuf,
    id: Id,
}

type Id = (u64, u64);

fn id(meta: &Metadata) -> Id {
    (meta.dev(), meta.ino())
}

impl SocketFile {
    /// Makes the file by `listen`, which is run again after a stale file was
    /// removed. While this runs a signal's clean-up waits.
    pub(crate) fn make(
        &self,
        addr: &SocketAddr,
        mut listen: impl FnMut() -> biosock::Result<Socket>,
    ) -> Result<Socket> {
        let Some(path) = addr.path() else { return Ok(listen()?) };
        let mut made = self.lock();
        let _folder = lock_folder(path);
        let socket = match listen() {
            Err(error) if is(&error, Errno::ADDRINUSE) => {
                remove_stale(path, addr, error)?;
                listen()?
            }
            result => result?,
        };
        *made = fs::symlink_metadata(path).ok().map(|meta| Made { path: path.into(), id: id(&meta) });
        Ok(socket)
    }

    /// Removes the file, unless someone has put another in its place.
    pub(crate) fn remove(&self) {
        let Some(Made { path, id: mine }) = self.lock().take() else { return };
        if fs::symlink_metadata(&path).is_ok_and(|meta| id(&meta) == mine) {
            // Where that fails, the next listener finds the file stale.
            let _ = fs::remove_file(&path);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Made>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps two listeners that start at once from removing each other's file.
/// Where the folder cannot be locked in time, this goes on without.
fn lock_folder(path: &Path) -> Option<File> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new("."))).ok()?;
    let end = Instant::now() + Duration::from_secs(1);
    while flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() {
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Some(folder)
}

/// Removes a socket file that no socket stands behind; refuses all else.
fn remove_stale(path: &Path, addr: &SocketAddr, in_use: biosock::Error) -> Result<()> {
    let Ok(meta) = fs::symlink_metadata(path) else { return Ok(()) };
    if !meta.file_type().is_socket() {
        let failure = Failure::new(format!("listen on {addr}: the file exists and is no socket"));
        return Err(failure.hint("choose another path; only a stale socket file is replaced"));
    }
    if !is_stale(addr) {
        return Err(
            Failure::from(in_use).hint("another process has it open; end that or choose another path")
        );
    }
    match fs::symlink_metadata(path) {
        Ok(now) if id(&now) == id(&meta) => fs::remove_file(path)
            .map_err(|error| Failure::io(&format!("remove the stale socket file of {addr}"), &error)),
        _ => Ok(()),
    }
}

/// Asks with a datagram socket: a listening stream socket refuses that for
/// its type (EPROTOTYPE), so that nobody gets a connection that means nothing.
fn is_stale(addr: &SocketAddr) -> bool {
    let probe = Socket::new(Domain::UNIX, Type::DGRAM, Protocol::DEFAULT, Options::NONBLOCK);
    probe
        .and_then(|probe| probe.connect(addr, Options::empty()).map(drop))
        .is_err_and(|error| is(&error, Errno::CONNREFUSED))
}

pub(crate) fn is(error: &biosock::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}
