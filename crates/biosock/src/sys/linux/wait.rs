//! Waiting on many descriptors at once, and being woken.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, epoll};

use super::Errno;
use crate::sys::Interest;

/// poll(2): waits until one of these is ready or has failed, and returns which are.
/// `None` waits indefinitely.
pub(crate) fn poll_any<'fd>(
    fds: impl Iterator<Item = (BorrowedFd<'fd>, Interest)>,
    timeout: Option<Duration>,
) -> Result<Vec<bool>, Errno> {
    let mut fds: Vec<_> = fds.map(|(fd, interest)| PollFd::from_borrowed_fd(fd, flags(interest))).collect();
    // A time beyond the clock's range is practically indefinite.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    rustix::event::poll(&mut fds, timeout.as_ref())?;
    Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
}

/// Waits repeatedly until some of a set of descriptors can be read (epoll(7)).
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
    ready: Vec<usize>,
}

/// Which of the pollers that wait for a descriptor an arrival wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wakes {
    /// One waiting poller (EPOLLEXCLUSIVE); all of them, on a kernel without it.
    One,
    All,
}

impl Poller {
    pub(crate) fn new() -> Result<Self, Errno> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?, ready: Vec::new() })
    }

    /// Also waits for this descriptor, which must outlive the poller.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, mark: usize, wakes: Wakes) -> Result<(), Errno> {
        let add = |flags| epoll::add(&self.epoll, fd, epoll::EventData::new_u64(mark as u64), flags);
        let all = epoll::EventFlags::IN;
        match wakes {
            Wakes::All => add(all),
            Wakes::One => match add(all | epoll::EventFlags::EXCLUSIVE) {
                // Linux before 4.5.
                Err(Errno::INVAL) => add(all),
                done => done,
            },
        }
    }

    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        epoll::delete(&self.epoll, fd)
    }

    /// Reports it as ready again if it is, even if its arrival was reported to
    /// another poller.
    pub(crate) fn look_again(&self, fd: BorrowedFd<'_>, mark: usize, wakes: Wakes) -> Result<(), Errno> {
        self.remove(fd)?;
        self.add(fd, mark, wakes)
    }

    /// Waits, and reports at most this many; the others come first next time. `None`
    /// waits indefinitely; a long wait may end early. After an error none is ready.
    pub(crate) fn wait(&mut self, most: usize, timeout: Option<Duration>) -> Result<(), Errno> {
        const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout.min(LONGEST)).ok());
        self.ready.clear();
        let mut room = [const { MaybeUninit::<epoll::Event>::uninit() }; 16];
        let (events, _) = epoll::wait(&self.epoll, &mut room[..most.clamp(1, 16)], timeout.as_ref())?;
        self.ready.extend(events.iter().map(|event| event.data.u64() as usize));
        Ok(())
    }

    /// The marks of those that were readable or had failed, in the order in which
    /// they became so.
    pub(crate) fn ready(&self) -> &[usize] {
        &self.ready
    }
}

fn flags(interest: Interest) -> PollFlags {
    match interest {
        Interest::Read => PollFlags::IN,
        Interest::Write => PollFlags::OUT,
    }
}

/// poll(2) for one descriptor of any number; `None` waits indefinitely. An error or
/// hang-up on the socket counts as ready: the next call returns it.
pub(crate) fn poll(fd: BorrowedFd<'_>, interest: Interest, timeout: Option<Duration>) -> Result<bool, Errno> {
    let mut fds = [PollFd::from_borrowed_fd(fd, flags(interest))];
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let ready = rustix::event::poll(&mut fds, timeout.as_ref())?;
    match fds[0].revents().contains(PollFlags::NVAL) {
        true => Err(Errno::BADF),
        false => Ok(ready > 0),
    }
}

/// Whether a socket is neither connected nor connecting, or is shut down both ways
/// (POLLHUP of poll(2)).
pub(crate) fn has_hung_up(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::empty())];
    let polled = rustix::event::poll(&mut fds, Some(&Timespec::default()));
    polled.is_ok() && fds[0].revents().contains(PollFlags::HUP)
}

/// Wakes a polling thread (eventfd(2)).
#[derive(Debug)]
pub(crate) struct Waker(OwnedFd);

impl Waker {
    pub(crate) fn new() -> Result<Self, Errno> {
        Self::with(EventfdFlags::empty())
    }

    /// A waker that must be cleared as often as it was woken.
    pub(crate) fn counting() -> Result<Self, Errno> {
        Self::with(EventfdFlags::SEMAPHORE)
    }

    fn with(flags: EventfdFlags) -> Result<Self, Errno> {
        rustix::event::eventfd(0, flags | EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map(Self)
    }

    /// Another descriptor of the same waker.
    ///
    /// # Errors
    /// dup(2)'s.
    pub(crate) fn try_clone(&self) -> std::io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Makes the descriptor readable. Fails only if it is readable already and its
    /// counter is full.
    pub(crate) fn wake(&self) {
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Whether it was woken. `false` if the OS cannot tell: then a wait fails, too.
    pub(crate) fn is_awake(&self) -> bool {
        poll(self.as_fd(), Interest::Read, Some(Duration::ZERO)).unwrap_or(false)
    }

    /// Clears all wake-ups so far, or one if they are [counted](Self::counting).
    /// Returns whether there was one.
    pub(crate) fn clear(&self) -> bool {
        rustix::io::read(&self.0, &mut [0u8; 8]).is_ok()
    }
}

impl From<OwnedFd> for Waker {
    /// A waker from [`counting`](Self::counting) or [`new`](Self::new) of another
    /// process.
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
