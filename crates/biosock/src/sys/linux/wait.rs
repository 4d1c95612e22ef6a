//! Waiting on many descriptors at once, and being woken.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};

use super::Errno;
use crate::{Error, Interest, Operation, Result, Syscall};

/// poll(2): waits until one of these is ready, or has failed, and tells which
/// are. `None` waits without end.
pub(crate) fn poll_any<'fd>(
    fds: impl Iterator<Item = (BorrowedFd<'fd>, Interest)>,
    timeout: Option<Duration>,
) -> Result<Vec<bool>, Errno> {
    let mut fds: Vec<_> = fds.map(|(fd, interest)| PollFd::from_borrowed_fd(fd, flags(interest))).collect();
    // A time beyond the clock's range is as good as no end.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    rustix::event::poll(&mut fds, timeout.as_ref())?;
    Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
}

/// Waits again and again until one of the same descriptors can be read
/// (poll(2)), with one allocation for all of its life.
#[derive(Debug)]
pub(crate) struct Poller<'fd>(Vec<PollFd<'fd>>);

impl<'fd> Poller<'fd> {
    pub(crate) fn new(readers: impl Iterator<Item = BorrowedFd<'fd>>) -> Self {
        Self(readers.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect())
    }

    /// `None` waits without end. After an error none is ready.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> Result<(), Errno> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let polled = rustix::event::poll(&mut self.0, timeout.as_ref());
        if polled.is_err() {
            self.0.iter_mut().for_each(PollFd::clear_revents);
        }
        polled.map(drop)
    }

    /// Whether the descriptor at this place can be read, or has failed.
    pub(crate) fn is_ready(&self, at: usize) -> bool {
        self.0.get(at).is_some_and(|fd| !fd.revents().is_empty())
    }
}

fn flags(interest: Interest) -> PollFlags {
    match interest {
        Interest::Read => PollFlags::IN,
        Interest::Write => PollFlags::OUT,
    }
}

/// poll(2) for one descriptor of any number; `None` waits without end.
/// An error or hang-up on the socket counts as ready: the next call tells.
pub(crate) fn poll(fd: BorrowedFd<'_>, interest: Interest, timeout: Option<Duration>) -> Result<bool, Errno> {
    let mut fds = [PollFd::from_borrowed_fd(fd, flags(interest))];
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let ready = rustix::event::poll(&mut fds, timeout.as_ref())?;
    match fds[0].revents().contains(PollFlags::NVAL) {
        true => Err(Errno::BADF),
        false => Ok(ready > 0),
    }
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

    /// Whether it was woken. Where the system cannot say, it was not: a wait
    /// fails then, too.
    #[cfg_attr(all(test, loom), expect(dead_code, reason = "a model has its own"))]
    pub(crate) fn is_awake(&self) -> bool {
        poll(self.as_fd(), Interest::Read, Some(Duration::ZERO)).unwrap_or(false)
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
