//! Descriptors that come from another process or go to one.

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::FdFlags;

use super::Errno;

/// A copy that survives exec (dup(2)).
pub(crate) fn inheritable(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    rustix::io::dup(fd)
}

/// Has the command's process, and no other that starts meanwhile, inherit
/// these under the numbers that they have.
pub(crate) fn inherit(command: &mut Command, fds: Vec<OwnedFd>) {
    let keep = move || -> io::Result<()> {
        Ok(fds.iter().try_for_each(|fd| rustix::io::fcntl_setfd(fd, FdFlags::empty()))?)
    };
    // SAFETY: between fork and exec it calls fcntl(2) alone, which is
    // async-signal-safe, and allocates nothing.
    unsafe { command.pre_exec(keep) };
}

/// Takes the descriptors that another process passed to this one, once in the
/// life of the process; none after that.
///
/// # Errors
/// One of them is not open; the others are closed.
pub(crate) fn take_passed(fds: &[RawFd]) -> Result<Vec<OwnedFd>, (RawFd, Errno)> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    fds.iter().map(|&fd| take_open(fd).map_err(|errno| (fd, errno))).collect()
}

/// Takes one descriptor, if it is open, and sees that no child inherits it.
fn take_open(fd: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: asks about a number; one that is not open is refused with EBADF.
    let flags = unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    if flags < 0 {
        return Err(super::errno::last());
    }
    // SAFETY: it is open, the protocol gives it to this process, and
    // `take_passed` takes it once.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
