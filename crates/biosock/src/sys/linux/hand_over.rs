//! Descriptors that come from another process or go to one.

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
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

/// A descriptor that another process says it passed, and the inode of its
/// socket if that is said, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) fd: RawFd,
    pub(crate) inode: Option<u64>,
}

/// What is wrong with a descriptor that is said to be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    NotOpen,
    /// It was opened here: what comes over exec(2) has no FD_CLOEXEC.
    NotInherited,
    NotASocket,
    AnotherSocket,
    NotListening,
}

/// The inode by which another process knows this socket again.
pub(crate) fn inode(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    Ok(rustix::fs::fstat(fd)?.st_ino)
}

/// Takes the descriptors that another process passed to this one, once in the
/// life of the process; none after that. All are looked at before one is
/// taken, and what was not passed is never touched. Where inodes are given
/// and none is right, it is the list of another process: none.
///
/// # Errors
/// The first that is wrong. Those that are right are closed.
pub(crate) fn take_passed(passed: &[Passed]) -> Result<Vec<OwnedFd>, (RawFd, Wrong)> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let looks: Vec<_> = passed.iter().map(look).collect();
    let is_list_of_another =
        passed.iter().all(|passed| passed.inode.is_some()) && looks.iter().all(Result::is_err);
    if is_list_of_another || TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    let right = looks.iter().zip(passed).filter(|(look, _)| look.is_ok()).map(|(_, passed)| own(passed.fd));
    let taken: Vec<_> = right.collect();
    match looks.iter().zip(passed).find_map(|(look, passed)| look.err().map(|wrong| (passed.fd, wrong))) {
        Some(wrong) => Err(wrong),
        None => Ok(taken),
    }
}

fn look(passed: &Passed) -> Result<(), Wrong> {
    let fd = passed.fd;
    // SAFETY: asks about a number; one that is not open is refused with EBADF.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    if flags < 0 {
        return Err(Wrong::NotOpen);
    }
    if flags & libc::FD_CLOEXEC != 0 {
        return Err(Wrong::NotInherited);
    }
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: asks about a number, and there is room for the answer.
    if unsafe { libc::fstat(fd, status.as_mut_ptr()) } < 0 {
        return Err(Wrong::NotOpen);
    }
    // SAFETY: the call succeeded, so it is whole.
    let status = unsafe { status.assume_init() };
    if status.st_mode & libc::S_IFMT != libc::S_IFSOCK {
        return Err(Wrong::NotASocket);
    }
    if passed.inode.is_some_and(|inode| inode != status.st_ino) {
        return Err(Wrong::AnotherSocket);
    }
    let (mut listens, mut size) = (0 as c_int, size_of::<c_int>() as libc::socklen_t);
    // SAFETY: asks about a number, and there is room for an int.
    let asked = unsafe {
        libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN, (&raw mut listens).cast(), &mut size)
    };
    if asked < 0 || listens == 0 { Err(Wrong::NotListening) } else { Ok(()) }
}

/// Takes one that was looked at, and sees that no child inherits it.
fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: changes a flag of a descriptor that is open.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    // SAFETY: it is open, came over exec(2) as its protocol says, so that no
    // code of this process opened it, and `take_passed` takes it once.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
