//! Descriptors passed from and to other processes.

use std::ffi::c_int;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::cmsg_space;
use rustix::io::FdFlags;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

use super::Errno;

/// A copy that survives exec (dup(2)).
pub(crate) fn inheritable(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    rustix::io::dup(fd)
}

/// Lets the command's process, and no other that starts meanwhile, inherit these
/// under their current numbers.
pub(crate) fn inherit(command: &mut Command, fds: Vec<OwnedFd>) {
    let keep = move || -> io::Result<()> {
        Ok(fds.iter().try_for_each(|fd| rustix::io::fcntl_setfd(fd, FdFlags::empty()))?)
    };
    // SAFETY: between fork and exec it only calls fcntl(2), which is
    // async-signal-safe, and does not allocate.
    unsafe { command.pre_exec(keep) };
}

/// A pair of sockets, the second of which will carry a descriptor (socketpair(2)).
pub(crate) fn socket_pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
}

/// Sends a descriptor to the other socket of a pair, as a message (SCM_RIGHTS of
/// unix(7)).
pub(crate) fn enclose(sender: BorrowedFd<'_>, fd: BorrowedFd<'_>) -> Result<(), Errno> {
    let (mut space, enclosed) = ([MaybeUninit::uninit(); cmsg_space!(ScmRights(1))], [fd]);
    let mut rights = SendAncillaryBuffer::new(&mut space);
    // It fits.
    rights.push(SendAncillaryMessage::ScmRights(&enclosed));
    rustix::net::sendmsg(sender, &[IoSlice::new(&[0])], &mut rights, SendFlags::NOSIGNAL).map(drop)
}

/// The descriptor sent by [`enclose`]. It stays in the socket, for other processes
/// that have the same one. `None` if there is none.
fn enclosed(carrier: BorrowedFd<'_>) -> Option<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::PEEK | RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    rustix::net::recvmsg(carrier, &mut [IoSliceMut::new(&mut [0])], &mut rights, flags).ok()?;
    rights.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    })
}

/// A descriptor that another process claims to have passed, and its socket's inode,
/// if given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) fd: RawFd,
    pub(crate) inode: Option<u64>,
}

/// What is wrong with a descriptor claimed to be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    NotOpen,
    /// It was opened here: a descriptor that survives exec(2) has no FD_CLOEXEC.
    NotInherited,
    NotASocket,
    AnotherSocket,
    NotListening,
}

/// The inode by which another process identifies this socket.
pub(crate) fn inode(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    Ok(rustix::fs::fstat(fd)?.st_ino)
}

/// Takes the descriptors that another process passed to this one, only once per
/// process; none after that. All are checked before any is taken, and a descriptor
/// that was not passed is never touched. If inodes are given and none matches, the
/// list is for another process: none.
///
/// Also takes what the carrier has [enclosed](enclose). The carrier is not a
/// listener: if its descriptor is now something else, it is not touched, and the
/// listeners are taken anyway.
///
/// # Errors
/// The first that is wrong. The right ones are closed.
pub(crate) fn take_passed(
    passed: &[Passed],
    carrier: Option<Passed>,
) -> Result<(Vec<OwnedFd>, Option<OwnedFd>), (RawFd, Wrong)> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let looks: Vec<_> = passed.iter().map(look).collect();
    let is_list_of_another =
        passed.iter().all(|passed| passed.inode.is_some()) && looks.iter().all(Result::is_err);
    if is_list_of_another || TAKEN.swap(true, Ordering::Relaxed) {
        return Ok((Vec::new(), None));
    }
    let right = looks.iter().zip(passed).filter(|(look, _)| look.is_ok()).map(|(_, passed)| own(passed.fd));
    let taken: Vec<_> = right.collect();
    let carrier = carrier.filter(|carrier| look_at_socket(carrier).is_ok()).map(|carrier| own(carrier.fd));
    match looks.iter().zip(passed).find_map(|(look, passed)| look.err().map(|wrong| (passed.fd, wrong))) {
        Some(wrong) => Err(wrong),
        None => Ok((taken, carrier.and_then(|carrier| enclosed(carrier.as_fd())))),
    }
}

fn look(passed: &Passed) -> Result<(), Wrong> {
    look_at_socket(passed)?;
    let (mut listens, mut size) = (0 as c_int, size_of::<c_int>() as libc::socklen_t);
    // SAFETY: only queries, and there is room for an int.
    let asked = unsafe {
        libc::getsockopt(
            passed.fd,
            libc::SOL_SOCKET,
            libc::SO_ACCEPTCONN,
            (&raw mut listens).cast(),
            &mut size,
        )
    };
    if asked < 0 || listens == 0 { Err(Wrong::NotListening) } else { Ok(()) }
}

fn look_at_socket(passed: &Passed) -> Result<(), Wrong> {
    let fd = passed.fd;
    // SAFETY: only queries; a number that is not open is refused with EBADF.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    if flags < 0 {
        return Err(Wrong::NotOpen);
    }
    if flags & libc::FD_CLOEXEC != 0 {
        return Err(Wrong::NotInherited);
    }
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: only queries, and there is room for the result.
    if unsafe { libc::fstat(fd, status.as_mut_ptr()) } < 0 {
        return Err(Wrong::NotOpen);
    }
    // SAFETY: the call succeeded, so it is initialised.
    let status = unsafe { status.assume_init() };
    if status.st_mode & libc::S_IFMT != libc::S_IFSOCK {
        return Err(Wrong::NotASocket);
    }
    match passed.inode.is_some_and(|inode| inode != status.st_ino) {
        true => Err(Wrong::AnotherSocket),
        false => Ok(()),
    }
}

/// Takes one that was checked, and makes it close-on-exec.
fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: changes a flag of a descriptor that is open.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    // SAFETY: it is open, and survived exec(2) as the protocol requires, so no code
    // of this process opened it; and `take_passed` takes it only once.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Waker;

    /// For each process that has the carrier, such as each child of one command.
    #[test]
    fn the_enclosed_descriptor_can_be_taken_repeatedly() {
        let waker = Waker::counting().unwrap();
        let (sender, carrier) = socket_pair().unwrap();
        enclose(sender.as_fd(), waker.as_fd()).unwrap();
        drop(sender);
        let copies: Vec<_> = (0..2).map(|_| enclosed(carrier.as_fd()).unwrap()).collect();
        for copy in &copies {
            assert!(rustix::io::fcntl_getfd(copy).unwrap().contains(FdFlags::CLOEXEC));
        }
        let copies: Vec<_> = copies.into_iter().map(Waker::from).collect();
        copies[0].wake();
        assert!(waker.is_awake() && copies[1].clear() && !waker.is_awake());
        // The enclosed descriptor stays open as long as the carrier.
        drop((waker, copies));
        let again = Waker::from(enclosed(carrier.as_fd()).unwrap());
        again.wake();
        assert!(again.clear() && !again.clear());
    }

    #[test]
    fn a_descriptor_that_is_not_a_carrier_encloses_nothing() {
        let (socket, _other) = std::os::unix::net::UnixDatagram::pair().unwrap();
        assert!(enclosed(socket.as_fd()).is_none());
        assert!(enclosed(std::fs::File::open("/dev/null").unwrap().as_fd()).is_none());
    }
}
