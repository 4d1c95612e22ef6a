//! The file of a listening Unix socket: made, replaced where stale, removed.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::cause::Refusal;
use crate::sys::Errno;
use crate::{Domain, Error, Operation, Options, Protocol, Result, Socket, SocketAddr, Syscall, Type};

/// The file of a Unix socket that this process made, for who removes it at
/// the end: it can be kept where the listeners cannot, as by a thread that
/// waits for signals.
///
/// ```
/// use biosock::listeners::Listen;
///
/// let folder = tempfile::tempdir()?;
/// let listeners = Listen::new().listen(&format!("unix:{}/socket", folder.path().display()))?;
/// let file = listeners.files()[0].clone();
/// drop(listeners);
/// assert!(file.path().exists());
/// file.remove()?;
/// assert!(!file.path().exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SocketFile {
    path: PathBuf,
    id: Id,
}

/// Device and inode, which no two files have at a time.
type Id = (u64, u64);

fn id(meta: &Metadata) -> Id {
    (meta.dev(), meta.ino())
}

impl SocketFile {
    /// Makes the file by `listen`, which is run again once a stale file is
    /// out of its way.
    pub(super) fn make(
        path: &Path,
        addr: &SocketAddr,
        mut listen: impl FnMut() -> Result<Socket>,
    ) -> Result<(Socket, Self)> {
        let socket = match listen() {
            Err(error) if error.raw_os_error() == Some(Errno::ADDRINUSE.raw_os_error()) => {
                let _folder = lock_folder(path);
                remove_stale(path, addr, error)?;
                listen()?
            }
            done => done?,
        };
        // A file that is gone again is nobody's: it has no number.
        let id = fs::symlink_metadata(path).map_or((0, 0), |meta| id(&meta));
        Ok((socket, Self { path: path.into(), id }))
    }

    /// Where it is.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("socket");
    /// let listeners = Listen::new().listen(&format!("unix:{}", path.display()))?;
    /// assert_eq!(listeners.files()[0].path(), path);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, unless it is gone or another has been put in its place.
    ///
    /// # Errors
    /// unlink(2)'s.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("socket");
    /// let listeners = Listen::new().listen(&format!("unix:{}", path.display()))?;
    /// std::fs::remove_file(&path)?;
    /// std::fs::write(&path, "of another")?;
    /// listeners.files()[0].remove()?;
    /// assert!(path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove(&self) -> io::Result<()> {
        // Whoever replaces a stale file does not do it in between.
        let _folder = lock_folder(&self.path);
        match fs::symlink_metadata(&self.path) {
            Ok(meta) if id(&meta) == self.id => fs::remove_file(&self.path),
            _ => Ok(()),
        }
    }
}

/// Keeps two from replacing or removing each other's file. Where the folder
/// cannot be locked in a second, this goes on without.
fn lock_folder(path: &Path) -> Option<File> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new("."))).ok()?;
    let end = Instant::now() + Duration::from_secs(1);
    while flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() {
        if Instant::now() > end {
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
    Some(folder)
}

/// Removes a socket file that no socket stands behind; refuses all else.
fn remove_stale(path: &Path, addr: &SocketAddr, in_use: Error) -> Result<()> {
    let Ok(meta) = fs::symlink_metadata(path) else { return Ok(()) };
    if !meta.file_type().is_socket() {
        return Err(Error::refused(Operation::Listen, Refusal::NotASocketFile).at(addr));
    }
    if !is_stale(addr) {
        return Err(in_use);
    }
    match fs::symlink_metadata(path) {
        Ok(now) if id(&now) == id(&meta) => fs::remove_file(path).map_err(|error| {
            let errno = error.raw_os_error().unwrap_or_default();
            Error::system_call(Operation::Listen, Syscall::Unlink, errno, None).at(addr)
        }),
        _ => Ok(()),
    }
}

/// Asks with a datagram socket: a listening stream socket refuses that for
/// its type (EPROTOTYPE), so that nobody gets a connection that means nothing.
fn is_stale(addr: &SocketAddr) -> bool {
    let probe = Socket::new(Domain::UNIX, Type::DGRAM, Protocol::DEFAULT, Options::NONBLOCK);
    let asked = probe.and_then(|probe| probe.start_connect(addr, Options::empty()).map(drop));
    asked.is_err_and(|error| error.raw_os_error() == Some(Errno::CONNREFUSED.raw_os_error()))
}
