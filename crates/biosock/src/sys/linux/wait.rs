//! Waiting on many descriptors at once, and being woken.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};

use super::Errno;
use crate::{Error, Operation, Result, Syscall};

/// poll(2): waits until a reader is readable or a writer is decided (can be
/// written to, or failed), and tells which writers are. `None` waits without end.
pub(crate) fn poll_any<'fd>(
    readers: impl Iterator<Item = BorrowedFd<'fd>>,
    writers: impl Iterator<Item = BorrowedFd<'fd>>,
    timeout: Option<Duration>,
) -> Result<Vec<bool>, Errno> {
    let mut fds: Vec<_> = readers.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    let first_writer = fds.len();
    fds.extend(writers.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::OUT)));
    // A time beyond the clock's range is as good as no end.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    rustix::event::poll(&mut fds, timeout.as_ref())?;
    Ok(fds[first_writer..].iter().map(|fd| !fd.revents().is_empty()).collect())
}

/// Wakes a thread that polls (eventfd(2)).
#[derive(Debug)]
pub(crate) struct Waker(OwnedFd);

impl Waker {
    pub(crate) fn new() -> Result<Self> {
        let made = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        made.map(Self).map_err(|errno| {
            Error::system_call(Operation::Wait, Syscall::EventFd, errno.raw_os_error(), None)
        })
    }

    /// Makes the descriptor readable. It fails only where it is readable
    /// already, with no room for one more.
    pub(crate) fn wake(&self) {
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Takes every wake-up so far back.
    pub(crate) fn clear(&self) {
        let _ = rustix::io::read(&self.0, &mut [0u8; 8]);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
