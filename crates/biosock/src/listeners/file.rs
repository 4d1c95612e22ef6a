//! The file of a listening Unix socket: creating it, replacing a stale one, removing it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::fs::{flock, fstat, openat, statat, unlinkat};

use crate::error::Refusal;
use crate::sys::{self, Errno};
use crate::{
    ConnectOptions, Domain, Error, Operation, Protocol, Result, Socket, SocketAddr, Syscall, Type, UnixAddr,
};

/// The file of a Unix socket that this process created, for removal when it is no
/// longer needed: unlike the listeners, it can be kept elsewhere, as by a thread that
/// waits for signals.
///
/// ```
/// use biosock::listeners::Listen;
///
/// let directory = tempfile::tempdir()?;
/// let listeners = Listen::new().listen(&format!("unix:{}/socket", directory.path().display()))?;
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
    place: Place,
    /// `None` if the file was not found in its place.
    id: Option<Id>,
}

/// Device and inode, which no two files have at a time.
type Id = (u64, u64);

fn id(meta: &Stat) -> Id {
    (meta.st_dev, meta.st_ino)
}

fn is_socket(meta: &Stat) -> bool {
    FileType::from_raw_mode(meta.st_mode) == FileType::Socket
}

impl SocketFile {
    /// Creates the file by calling `listen`, again once a stale file has been removed.
    pub(super) fn make(
        path: &Path,
        addr: &SocketAddr,
        mut listen: impl FnMut() -> Result<Socket>,
    ) -> Result<(Socket, Self)> {
        let place = match Place::of(path) {
            Ok(place) => place,
            // bind(2) reports why, unless the directory has been created meanwhile.
            Err(_) => {
                listen()?;
                return Err(Error::refused(Operation::Listen, Refusal::NotASocketFile).at(addr));
            }
        };
        let mut before = place.look().ok().map(|meta| id(&meta));
        let socket = match listen() {
            Err(error) if error.raw_os_error() == Some(Errno::ADDRINUSE.raw_os_error()) => {
                let _lock = match place.lock(PATIENCE) {
                    Ok(lock) => lock,
                    Err(NoLock::OfAnother) => return Err(place.lock_of_another(path)),
                    Err(_) => return Err(error),
                };
                remove_stale(&place, addr, error)?;
                before = None;
                listen()?
            }
            done => done?,
        };
        // bind(2) takes a path, whose directory may have been replaced: what is in this
        // one is the socket's file only if it was created by it.
        let made = place.look().ok().filter(is_socket).map(|meta| id(&meta));
        Ok((socket, Self { path: path.into(), place, id: made.filter(|made| Some(*made) != before) }))
    }

    /// Its path.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("socket");
    /// let listeners = Listen::new().listen(&format!("unix:{}", path.display()))?;
    /// assert_eq!(listeners.files()[0].path(), path);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, unless it is gone or another has replaced it. It is looked up
    /// in the directory in which it was created, which this keeps open (one
    /// descriptor), whatever the process's current directory is.
    ///
    /// # Errors
    /// unlink(2)'s, and those of its lock, a file `.NAME.lock` that exists meanwhile:
    /// EAGAIN if another process holds it for a second, and
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) if it is another user's.
    /// Only root and the owner of the directory remove that.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let listeners = Listen::new().listen(&format!("unix:{}", path.display()))?;
    /// std::fs::remove_file(&path)?;
    /// std::fs::write(&path, "of another")?;
    /// listeners.files()[0].remove()?;
    /// assert!(path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove(&self) -> io::Result<()> {
        self.remove_within(PATIENCE)
    }

    /// Like [`remove`](Self::remove), with another timeout for the lock.
    pub(super) fn remove_within(&self, patience: Duration) -> io::Result<()> {
        let is_there = || self.place.look().is_ok_and(|meta| is_socket(&meta) && Some(id(&meta)) == self.id);
        if !is_there() {
            return Ok(());
        }
        // Keeps another process from replacing a stale file in between.
        let _lock = match self.place.lock(patience) {
            Ok(lock) => Some(lock),
            // On a full disk no process can create its lock.
            Err(NoLock::System(Errno::NOSPC | Errno::DQUOT)) => None,
            Err(NoLock::System(errno)) => return Err(errno.into()),
            Err(NoLock::Held) => return Err(Errno::AGAIN.into()),
            Err(NoLock::OfAnother) => return Err(self.place.lock_of_another(&self.path).into()),
        };
        if is_there() { Ok(self.place.unlink()?) } else { Ok(()) }
    }
}

/// How long to wait for a lock that another process holds.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why there is no lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoLock {
    /// Another process holds it.
    Held,
    /// Its file belongs to another user.
    OfAnother,
    /// It cannot be created.
    System(Errno),
}

impl From<Errno> for NoLock {
    fn from(errno: Errno) -> Self {
        if errno == Errno::AGAIN { Self::Held } else { Self::System(errno) }
    }
}

/// A name in an open directory, so that it stays the same place if the current
/// directory changes, or if directories are renamed.
#[derive(Clone, Debug)]
struct Place {
    directory: Arc<OwnedFd>,
    name: OsString,
}

impl Place {
    fn of(path: &Path) -> Result<Self, Errno> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let name = path.file_name().ok_or(Errno::INVAL)?.to_owned();
        // O_PATH does not really open it, so a FIFO does not block.
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, parent.unwrap_or(Path::new(".")), flags, Mode::empty())?;
        Ok(Self { directory: Arc::new(directory), name })
    }

    /// The metadata of what is there, without following a symbolic link.
    fn look(&self) -> Result<Stat, Errno> {
        self.look_at(&self.name)
    }

    fn look_at(&self, name: &OsStr) -> Result<Stat, Errno> {
        statat(&*self.directory, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn unlink(&self) -> Result<(), Errno> {
        unlinkat(&*self.directory, &self.name, AtFlags::empty())
    }

    /// The address of what is there now, for connect(2); `None` if it is too long, or
    /// there is no /proc.
    fn addr(&self) -> Option<SocketAddr> {
        let directory = PathBuf::from(format!("/proc/self/fd/{}", self.directory.as_raw_fd()));
        let path = directory.exists().then(|| directory.join(&self.name))?;
        UnixAddr::from_path(path).ok().map(SocketAddr::from)
    }

    /// Keeps two processes from replacing or removing each other's file.
    ///
    /// The lock is on a file accessible to this user only, next to the other, which
    /// exists only meanwhile: users who may only read the directory cannot hold it.
    /// Users who may write to it can create that file first, and in a sticky directory
    /// only root and its owner can remove it.
    fn lock(&self, patience: Duration) -> Result<Lock<'_>, NoLock> {
        let name = self.lock_name();
        let start = Instant::now();
        loop {
            match self.try_lock(&name) {
                Ok(file) => return Ok(Lock { place: self, name, _file: file }),
                Err(NoLock::Held | NoLock::OfAnother) if start.elapsed() < patience => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(why) => return Err(why),
            }
        }
    }

    fn lock_name(&self) -> OsString {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".lock");
        name
    }

    fn try_lock(&self, name: &OsStr) -> Result<OwnedFd, NoLock> {
        if self.look_at(name).is_ok_and(|meta| !is_private(&meta)) {
            self.clear_away(name)?;
        }
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&*self.directory, name, flags, Mode::RUSR | Mode::WUSR) {
            // Another user's was created meanwhile; if there is none, this
            // user may not write to the directory.
            Err(Errno::ACCESS) if self.look_at(name).is_ok() => return Err(NoLock::OfAnother),
            opened => opened?,
        };
        let meta = fstat(&file)?;
        if !is_private(&meta) {
            return Err(NoLock::OfAnother);
        }
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        // The previous holder may have removed what was opened here.
        match self.look_at(name) {
            Ok(now) if id(&now) == id(&meta) => Ok(file),
            _ => Err(NoLock::Held),
        }
    }

    /// Removes what is not this user's lock from its place, if permitted: a file in the
    /// user's own directory, or any file as root. Other users' locks stay if this user
    /// may only write to the directory.
    fn clear_away(&self, name: &OsStr) -> Result<(), NoLock> {
        let me = sys::effective_user();
        let is_mine = |meta: Result<Stat, Errno>| meta.is_ok_and(|meta| meta.st_uid == me);
        if me != 0 && !is_mine(fstat(&*self.directory)) && !is_mine(self.look_at(name)) {
            return Err(NoLock::OfAnother);
        }
        match unlinkat(&*self.directory, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => unlinkat(&*self.directory, name, AtFlags::REMOVEDIR),
            done => done,
        }
        .or_else(|errno| if errno == Errno::NOENT { Ok(()) } else { Err(NoLock::OfAnother) })
    }

    /// The error that names the lock of the file with this path.
    fn lock_of_another(&self, path: &Path) -> Error {
        let lock = path.with_file_name(self.lock_name());
        Error::refused(Operation::Listen, Refusal::LockOfAnother).about(lock.display())
    }
}

/// Whether only this user can open it.
fn is_private(meta: &Stat) -> bool {
    meta.st_uid == sys::effective_user() && meta.st_mode & 0o077 == 0
}

/// Held until it is dropped, which removes its file.
struct Lock<'p> {
    place: &'p Place,
    name: OsString,
    _file: OwnedFd,
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // A leftover one does no harm.
        let _ = unlinkat(&*self.place.directory, &self.name, AtFlags::empty());
    }
}

/// Removes a stale socket file; refuses anything else.
fn remove_stale(place: &Place, addr: &SocketAddr, in_use: Error) -> Result<()> {
    let Ok(meta) = place.look() else { return Ok(()) };
    if !is_socket(&meta) {
        return Err(Error::refused(Operation::Listen, Refusal::NotASocketFile).at(addr));
    }
    if !is_stale(&place.addr().unwrap_or(*addr)) {
        return Err(in_use);
    }
    match place.look() {
        Ok(now) if id(&now) == id(&meta) => place.unlink().map_err(|errno| {
            Error::system_call(Operation::Listen, Syscall::Unlink, errno.raw_os_error(), None).at(addr)
        }),
        _ => Ok(()),
    }
}

/// Checks with a datagram socket: a listening stream socket refuses it because of its
/// type (EPROTOTYPE), so that no listener gets a spurious connection.
fn is_stale(addr: &SocketAddr) -> bool {
    let probe = Socket::in_mode(Domain::UNIX, Type::DGRAM, Protocol::DEFAULT, true);
    let asked = probe.and_then(|probe| probe.begin_connect(addr, &ConnectOptions::new()).map(drop));
    asked.is_err_and(|error| error.raw_os_error() == Some(Errno::CONNREFUSED.raw_os_error()))
}

#[cfg(test)]
mod tests;
