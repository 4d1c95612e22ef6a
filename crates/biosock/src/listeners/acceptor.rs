//! One thread's turn at accepting from a set, with an epoll instance of its
//! own, so that a connection wakes one of many threads and processes.
//!
//! The listeners are in each instance with EPOLLEXCLUSIVE. An arrival goes
//! through the instances in order, puts the listener on the list of each, and
//! ends at the first that a thread waits on, which it wakes. What follows
//! from that, and keeps a connection from waiting while a thread sleeps:
//!
//! - Where no thread waits, the listener is on every list, and whichever
//!   thread comes next finds it there (level-triggered: a list is looked
//!   through before a thread sleeps).
//! - A thread that was woken accepts, and first from the listener that woke
//!   it, which is the first on its list: it slept with an empty one. If it
//!   took another's connection instead, that one's thread would find nothing,
//!   and its own would wait with nobody on the way. So there is no turn to
//!   keep, and none is needed: epoll(7) puts what it reported at the end.
//! - A thread that was woken and then does not accept, since it is stopped,
//!   wakes another by the set's nudge, who looks at all listeners. One that
//!   fails to accept tries again after its pause.
//!
//! A child of fork(2) makes instances of its own: it would share those of its
//! parent, where each arrival wakes one of them after the other.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

use super::Listeners;
use super::advice::{AcceptAdvice, Event, Judge, Verdict};
use crate::sys::{self, Errno, Poller, Waker, Wakes};
use crate::{Cancel, Error, Interest, Operation, Options, Reason, Result, Syscall};

/// Marks beyond the indexes of sockets.
const STOP: usize = usize::MAX;
const NUDGE: usize = usize::MAX - 1;

/// The acceptors of a set that no thread uses at the moment: as many as ever
/// accepted at a time, each with one descriptor.
#[derive(Debug)]
pub(super) struct Pool {
    free: Mutex<Vec<Acceptor>>,
    /// Wakes one of those that wait, in any process that has the set by
    /// fork(2): made with the set, so that it is the same one for all.
    nudge: Waker,
}

impl Pool {
    /// # Errors
    /// eventfd(2)'s.
    pub(super) fn new() -> Result<Self> {
        let nudge = Waker::new().map_err(|error| {
            let errno = error.raw_os_error().unwrap_or_else(|| Errno::NOMEM.raw_os_error());
            Error::system_call(Operation::Listen, Syscall::EventFd, errno, None)
        })?;
        Ok(Self { free: Mutex::default(), nudge })
    }

    /// One that watches this stop already, if there is one.
    pub(super) fn take(&self, stop: Option<&Cancel>) -> Acceptor {
        let forks = sys::forks();
        let found = self.with_free(|free| {
            free.retain(|acceptor| acceptor.forks == forks);
            let same = free.iter().rposition(|acceptor| acceptor.has_stop(stop));
            same.or(free.len().checked_sub(1)).map(|at| free.swap_remove(at))
        });
        found.flatten().unwrap_or_else(|| Acceptor::new(forks))
    }

    pub(super) fn give_back(&self, acceptor: Acceptor) {
        self.with_free(|free| free.push(acceptor));
    }

    /// `None` where others are slow to let it go. A child of fork(2) may find
    /// it held for good, by a thread that it does not have.
    fn with_free<T>(&self, act: impl FnOnce(&mut Vec<Acceptor>) -> T) -> Option<T> {
        const TRIES: u32 = 1000;
        for _ in 0..TRIES {
            match self.free.try_lock() {
                Ok(mut free) => return Some(act(&mut free)),
                Err(TryLockError::Poisoned(free)) => return Some(act(&mut free.into_inner())),
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
        None
    }
}

/// How a turn ended.
#[derive(Debug)]
pub(super) enum Turn {
    Event(Event),
    /// The stop was cancelled.
    Stopped,
    /// The time has passed.
    Late,
}

#[derive(Debug)]
pub(super) struct Acceptor {
    /// The process that made it.
    forks: usize,
    poller: Option<Poller>,
    stop: Option<Cancel>,
    /// The sockets that are ready and were not asked since the last wait.
    round: VecDeque<usize>,
    judge: Judge,
    /// How long a round may be.
    most: usize,
    /// Nothing is tried before.
    rest_until: Option<Instant>,
}

impl Acceptor {
    fn new(forks: usize) -> Self {
        let (round, judge) = (VecDeque::new(), Judge::new());
        Self { forks, poller: None, stop: None, round, judge, most: 1, rest_until: None }
    }

    /// Whether it was made before a fork(2), in the parent.
    pub(super) fn is_of_another_process(&self) -> bool {
        self.forks != sys::forks()
    }

    /// How many that are ready a round may have: with 1, the next turn begins
    /// with a wait.
    pub(super) fn rounds_of(mut self, most: usize) -> Self {
        self.round.clear();
        self.most = most;
        self
    }

    /// Waits for the next event, until `deadline` if there is one.
    ///
    /// # Errors
    /// The failure that made a listener useless.
    pub(super) fn turn(
        &mut self,
        set: &Listeners,
        options: Options,
        stop: Option<&Cancel>,
        deadline: Option<Instant>,
    ) -> Result<Turn> {
        loop {
            if let Some(end) = self.rest(stop, deadline)? {
                return Ok(self.end(set, end));
            }
            let accepted = match self.round.pop_front() {
                Some(at) => set.sockets[at].accept(options),
                None => match self.wait(set, stop, deadline) {
                    Ok(Some(end)) => return Ok(self.end(set, end)),
                    Ok(None) => continue,
                    Err(error) => Err(error),
                },
            };
            match self.judge.judge(accepted)? {
                Verdict::Event(event) => {
                    self.pause(event.pause());
                    return Ok(Turn::Event(event));
                }
                Verdict::Rest(pause) => self.pause(Some(pause)),
                Verdict::GoOn => {}
            }
        }
    }

    /// Who leaves a connection that it was woken for wakes another.
    fn end(&mut self, set: &Listeners, end: Turn) -> Turn {
        if !self.round.is_empty() {
            set.pool.nudge.wake();
        }
        end
    }

    /// A failure that the caller is told has it rest as well: only where the
    /// advice does not say so is the next turn to begin with a rest.
    pub(super) fn leave_rest_to_caller(&mut self, error: &Error) {
        if AcceptAdvice::after(error) == AcceptAdvice::Pause {
            self.rest_until = None;
        }
    }

    fn pause(&mut self, pause: Option<Duration>) {
        self.rest_until = pause.and_then(|pause| Instant::now().checked_add(pause));
    }

    /// Sits a pause out; gives what ends the turn before its end.
    fn rest(&mut self, stop: Option<&Cancel>, deadline: Option<Instant>) -> Result<Option<Turn>> {
        if stop.is_some_and(Cancel::is_known) {
            return Ok(Some(Turn::Stopped));
        }
        let Some(until) = self.rest_until else { return Ok(None) };
        // What is ready is another thing then.
        self.round.clear();
        let end = deadline.map_or(until, |deadline| until.min(deadline));
        let left = end.saturating_duration_since(Instant::now());
        match stop {
            Some(stop) => {
                if crate::fd::wait(stop.as_fd(), Interest::Read, Some(left))? {
                    return Ok(Some(Turn::Stopped));
                }
            }
            None => std::thread::sleep(left),
        }
        if end < until {
            return Ok(Some(Turn::Late));
        }
        self.rest_until = None;
        Ok(None)
    }

    /// Waits for the next round; gives what ends the turn instead.
    fn wait(
        &mut self,
        set: &Listeners,
        stop: Option<&Cancel>,
        deadline: Option<Instant>,
    ) -> Result<Option<Turn>> {
        let (in_doubt, nudge) = (self.judge.is_in_doubt(), &set.pool.nudge);
        if !self.has_stop(stop) {
            self.change_stop(stop)?;
        }
        let poller = match &mut self.poller {
            Some(poller) => poller,
            none => none.insert(watch(set, stop, nudge).map_err(epoll_error)?),
        };
        let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
        match poller.wait(self.most, if in_doubt { Some(Duration::ZERO) } else { left }) {
            Ok(()) | Err(Errno::INTR) => {}
            Err(errno) => return Err(epoll_error(errno)),
        }
        self.round.extend(poller.ready().iter().copied());
        if self.round.contains(&STOP) {
            self.round.retain(|mark| *mark != STOP);
            return Ok(Some(Turn::Stopped));
        }
        if self.round.contains(&NUDGE) {
            nudge.clear();
            self.round = (0..set.sockets.len()).collect();
        }
        if self.round.is_empty() {
            self.judge.settle();
            if !in_doubt && left.is_some_and(|left| left.is_zero()) {
                return Ok(Some(Turn::Late));
            }
        }
        Ok(None)
    }

    fn has_stop(&self, stop: Option<&Cancel>) -> bool {
        match (&self.stop, stop) {
            (Some(mine), Some(stop)) => mine.is_same(stop),
            (mine, stop) => mine.is_none() && stop.is_none(),
        }
    }

    fn change_stop(&mut self, stop: Option<&Cancel>) -> Result<()> {
        let former = self.stop.take();
        let Some(poller) = self.poller.take() else {
            self.stop = stop.cloned();
            return Ok(());
        };
        let change = || -> std::result::Result<(), Errno> {
            former.iter().try_for_each(|former| poller.remove(former.as_fd()))?;
            stop.iter().try_for_each(|stop| poller.add(stop.as_fd(), STOP, Wakes::All))
        };
        change().map_err(epoll_error)?;
        (self.poller, self.stop) = (Some(poller), stop.cloned());
        Ok(())
    }
}

fn watch(set: &Listeners, stop: Option<&Cancel>, nudge: &Waker) -> std::result::Result<Poller, Errno> {
    let poller = Poller::new()?;
    for (mark, socket) in set.sockets.iter().enumerate() {
        poller.add(socket.as_fd(), mark, Wakes::One)?;
    }
    poller.add(nudge.as_fd(), NUDGE, Wakes::One)?;
    stop.iter().try_for_each(|stop| poller.add(stop.as_fd(), STOP, Wakes::All))?;
    Ok(poller)
}

fn epoll_error(errno: Errno) -> Error {
    Error::system_call(Operation::Accept, Syscall::Epoll, errno.raw_os_error(), Reason::Accept)
}
