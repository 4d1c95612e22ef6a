//! One thread's acceptor of a set, with its own epoll instance, so that a connection
//! wakes only one of many threads and processes.
//!
//! The listeners are in each instance with EPOLLEXCLUSIVE. An arrival goes through
//! the instances in order, adds the listener to the ready list of each, and stops at
//! the first that a thread waits on, which it wakes. A listener stays on a ready list
//! until it is found to have no connection. Consequently:
//!
//! - If no thread waits, the listener is on every list, and the next thread finds it
//!   there: a list is searched before a thread sleeps.
//! - A woken thread accepts first from the listener that woke it, which is the first
//!   on its list, since it slept with an empty one. If it accepted another thread's
//!   connection instead, that thread would find nothing, and this one's connection
//!   would wait without a thread. So no turns need to be kept: epoll(7) moves what it
//!   reported to the end.
//! - A woken thread that does not accept, because it is stopped, wakes another by the
//!   set's nudge, once for each connection that it leaves. The thread that takes a
//!   nudge puts every listener on its list again.
//! - A thread that fails to accept tries again after backing off, as its listener is
//!   still on its list, or leaves it like a stopped one.
//!
//! There is one nudge for all that share the listeners' queues: it is inherited by
//! fork(2), is passed along with a set to a child, and is common to all sets of one
//! Unix address. Other code does not have it, nor does a set that was taken over from
//! such code.
//!
//! No thread is woken if a process dies, or is stopped by SIGSTOP, between being
//! woken and accepting, nor if other code leaves a connection. The connection then
//! waits until a thread checks: each checks all listeners every [`LOOK`] if the set
//! may be shared with other processes. A set that never was costs no such wake-ups,
//! since its threads end together.
//!
//! A child of fork(2) creates its own instances: if it shared its parent's, arrivals
//! would wake parent and child alternately.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::advice::{AcceptAdvice, AcceptBackoff, Event, Outcome};
use crate::accept::accept_socket;
use crate::sock::{dup_error, waker_error};
use crate::sys::{self, Errno, Poller, Waker, Wakes};
use crate::wait::wait;
use crate::{Cancel, Error, Interest, Operation, Reason, Result, Socket, Syscall};

/// Marks above the indexes of sockets.
const CANCEL: usize = usize::MAX;
const NUDGE: usize = usize::MAX - 1;

/// How long a connection may wait if a worker of another process died before accepting
/// it: long enough not to keep an idle machine awake, and shorter than clients'
/// timeouts.
const LOOK: Duration = Duration::from_secs(5);

/// The acceptors of a set that no thread is using: as many as ever accepted at a time,
/// each with one descriptor.
#[derive(Debug)]
pub(super) struct Pool {
    free: Mutex<Vec<Acceptor>>,
    /// Wakes one waiting acceptor, in any process that inherited the set by fork(2) or
    /// was passed it: created with the set, so that all share it.
    nudge: Waker,
    /// [`sys::forks_seen`] at its creation.
    forks: usize,
    /// Other processes, or sets, share the sockets in another way.
    is_shared: AtomicBool,
}

impl Pool {
    /// # Errors
    /// eventfd(2)'s.
    pub(super) fn new() -> Result<Self> {
        Waker::counting().map(Self::with).map_err(|errno| waker_error(Operation::Listen, errno))
    }

    /// With the nudge of others that share the sockets.
    pub(super) fn with(nudge: Waker) -> Self {
        let (free, forks, is_shared) = (Mutex::default(), sys::forks_seen(), AtomicBool::new(false));
        Self { free, nudge, forks, is_shared }
    }

    /// For a set that shares all of its sockets with this one.
    ///
    /// # Errors
    /// dup(2)'s.
    pub(super) fn of_same_queue(&self) -> Result<Self> {
        self.nudge.try_clone().map(Self::with).map_err(|error| dup_error(Operation::Listen, &error))
    }

    /// What a process needs in order to be woken.
    pub(super) fn nudge(&self) -> &Waker {
        &self.nudge
    }

    /// Records that others may accept from the sockets, and may leave a connection
    /// without a nudge.
    pub(super) fn share(&self) {
        self.is_shared.store(true, Ordering::Relaxed);
    }

    fn is_shared(&self) -> bool {
        self.is_shared.load(Ordering::Relaxed) || self.forks != sys::forks_seen()
    }

    /// A free acceptor, preferably one that already watches this cancel.
    pub(super) fn take(&self, cancel: Option<&Cancel>) -> Acceptor {
        let forks = sys::forks();
        let found = self.with_free(|free| {
            free.retain(|acceptor| acceptor.forks == forks);
            let same = free.iter().rposition(|acceptor| acceptor.has_cancel(cancel));
            same.or(free.len().checked_sub(1)).map(|at| free.swap_remove(at))
        });
        found.flatten().unwrap_or_else(|| Acceptor::new(forks))
    }

    pub(super) fn give_back(&self, acceptor: Acceptor) {
        self.with_free(|free| free.push(acceptor));
    }

    /// `None` if others hold the lock for long. A child of fork(2) may find it held
    /// forever, by a thread that it does not have.
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

impl Drop for Pool {
    /// Leaves what one of them failed to accept to others that share the sockets, if
    /// there are any.
    fn drop(&mut self) {
        let forks = sys::forks();
        let free = self.free.get_mut().unwrap_or_else(PoisonError::into_inner);
        let owing = free.iter().filter(|acceptor| acceptor.owes && acceptor.forks == forks);
        owing.for_each(|_| self.nudge.wake());
    }
}

/// What an acceptor waits for: the sockets of a set, and its pool.
#[derive(Clone, Copy)]
pub(super) struct Sources<'set> {
    pub(super) sockets: &'set [Socket],
    pub(super) pool: &'set Pool,
}

/// The outcome of a turn.
#[derive(Debug)]
pub(super) enum Turn {
    Event(Event),
    /// The cancel was set.
    Cancelled,
    /// The time has passed.
    Late,
}

#[derive(Debug)]
pub(super) struct Acceptor {
    /// The process that created it.
    forks: usize,
    poller: Option<Poller>,
    cancel: Option<Cancel>,
    /// The sockets that are ready and were not asked since the last wait.
    round: VecDeque<usize>,
    backoff: AcceptBackoff,
    /// How long a round may be.
    most: usize,
    /// Backing off until then.
    rest_until: Option<Instant>,
    /// It took a nudge, or failed to accept, and has not accepted a connection since.
    owes: bool,
    /// When it checks all listeners next, if the set is shared.
    look_at: Option<Instant>,
}

impl Acceptor {
    fn new(forks: usize) -> Self {
        let (round, backoff) = (VecDeque::new(), AcceptBackoff::new());
        let (poller, cancel, rest_until, look_at) = (None, None, None, None);
        Self { forks, poller, cancel, round, backoff, most: 1, rest_until, owes: false, look_at }
    }

    /// Whether it was created before a fork(2), in the parent.
    pub(super) fn is_of_another_process(&self) -> bool {
        self.forks != sys::forks()
    }

    /// The maximum number of ready sockets in a round: with 1, the next turn begins with
    /// a wait.
    pub(super) fn rounds_of(mut self, most: usize) -> Self {
        self.round.clear();
        self.most = most;
        self
    }

    /// Waits for the next event, until `deadline` if there is one.
    ///
    /// # Errors
    /// The failure that made a listener unusable.
    pub(super) fn turn(
        &mut self,
        set: Sources<'_>,
        nonblocking: bool,
        cancel: Option<&Cancel>,
        deadline: Option<Instant>,
    ) -> Result<Turn> {
        loop {
            if let Some(end) = self.rest(cancel, deadline)? {
                self.leave(set);
                return Ok(end);
            }
            let accepted = match self.round.pop_front() {
                Some(at) => accept_socket(set.sockets[at].as_fd(), nonblocking),
                None => match self.wait(set, cancel, deadline) {
                    Ok(Some(end)) => {
                        self.leave(set);
                        return Ok(end);
                    }
                    Ok(None) => continue,
                    Err(error) => Err(error),
                },
            };
            match self.backoff.outcome_of(accepted)? {
                Outcome::Event(event) => {
                    self.pause(event.pause());
                    self.owes = event.pause().is_some();
                    return Ok(Turn::Event(event));
                }
                Outcome::Rest(pause) => {
                    self.pause(Some(pause));
                    self.owes = true;
                }
                Outcome::GoOn => {}
            }
        }
    }

    /// Wakes another for each connection that this one was woken for and does not
    /// accept. If others have accepted it, that is a spurious wake-up.
    pub(super) fn leave(&mut self, set: Sources<'_>) {
        let left = self.round.len() + usize::from(std::mem::take(&mut self.owes));
        self.round.clear();
        (0..left).for_each(|_| set.pool.nudge.wake());
    }

    /// After a failure returned to the caller, the caller backs off itself if the advice
    /// says so: only otherwise does the next turn begin by backing off.
    pub(super) fn leave_rest_to_caller(&mut self, error: &Error) {
        if AcceptAdvice::after(error) == AcceptAdvice::BackOff {
            self.rest_until = None;
        }
    }

    fn pause(&mut self, pause: Option<Duration>) {
        self.rest_until = pause.and_then(|pause| Instant::now().checked_add(pause));
    }

    /// Backs off; returns what ends the turn before that.
    fn rest(&mut self, cancel: Option<&Cancel>, deadline: Option<Instant>) -> Result<Option<Turn>> {
        if cancel.is_some_and(Cancel::is_known) {
            return Ok(Some(Turn::Cancelled));
        }
        let Some(until) = self.rest_until else { return Ok(None) };
        // Afterwards, other sockets may be ready.
        self.round.clear();
        let end = deadline.map_or(until, |deadline| until.min(deadline));
        let left = end.saturating_duration_since(Instant::now());
        match cancel {
            Some(cancel) => {
                if wait(cancel.as_fd(), Interest::Read, Some(left))? {
                    return Ok(Some(Turn::Cancelled));
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

    /// Waits for the next round; returns what ends the turn instead.
    fn wait(
        &mut self,
        set: Sources<'_>,
        cancel: Option<&Cancel>,
        deadline: Option<Instant>,
    ) -> Result<Option<Turn>> {
        let in_doubt = self.backoff.is_in_doubt();
        if !self.has_cancel(cancel) {
            self.change_cancel(cancel)?;
        }
        if self.poller.is_none() {
            self.poller = Some(watch(set, cancel, &set.pool.nudge).map_err(epoll_error)?);
        }
        let now = Instant::now();
        let left = deadline.map(|end| end.saturating_duration_since(now));
        if !set.pool.is_shared() {
            self.look_at = None;
        } else if self.look_at.is_none_or(|at| at <= now) {
            // The first time they were just added.
            if self.look_at.replace(now + LOOK).is_some() {
                self.look_again(set)?;
            }
        }
        let until_look = self.look_at.map(|at| at.saturating_duration_since(now));
        let limit = if in_doubt { Some(Duration::ZERO) } else { left.into_iter().chain(until_look).min() };
        let Some(poller) = &mut self.poller else { return Ok(None) };
        // One that owes must see past the nudges, which may come first.
        match poller.wait(if self.owes { usize::MAX } else { self.most }, limit) {
            Ok(()) | Err(Errno::INTR) => {}
            Err(errno) => return Err(epoll_error(errno)),
        }
        self.round.extend(poller.ready().iter().copied());
        let (first, is_cancelled) = (self.round.front().copied(), self.round.contains(&CANCEL));
        let is_nudged = self.round.contains(&NUDGE);
        self.round.retain(|mark| *mark < NUDGE);
        self.round.truncate(self.most);
        // Only if it woke this thread: otherwise it is another's.
        let is_mine = is_nudged && if self.owes { self.round.is_empty() } else { first == Some(NUDGE) };
        if is_mine && set.pool.nudge.clear() {
            self.round.clear();
            self.owes = true;
            self.look_again(set)?;
        } else if first.is_none() {
            self.owes = false;
            self.backoff.settle();
            if !in_doubt && left.is_some_and(|left| left.is_zero()) {
                return Ok(Some(Turn::Late));
            }
        }
        Ok(is_cancelled.then_some(Turn::Cancelled))
    }

    /// Puts all listeners with a connection on the list, whichever thread was woken for it.
    fn look_again(&mut self, set: Sources<'_>) -> Result<()> {
        let Some(poller) = self.poller.take() else { return Ok(()) };
        for (mark, socket) in set.sockets.iter().enumerate() {
            poller.look_again(socket.as_fd(), mark, Wakes::One).map_err(epoll_error)?;
        }
        self.poller = Some(poller);
        Ok(())
    }

    fn has_cancel(&self, cancel: Option<&Cancel>) -> bool {
        match (&self.cancel, cancel) {
            (Some(mine), Some(cancel)) => mine.is_same(cancel),
            (mine, cancel) => mine.is_none() && cancel.is_none(),
        }
    }

    fn change_cancel(&mut self, cancel: Option<&Cancel>) -> Result<()> {
        let former = self.cancel.take();
        let Some(poller) = self.poller.take() else {
            self.cancel = cancel.cloned();
            return Ok(());
        };
        let change = || -> std::result::Result<(), Errno> {
            former.iter().try_for_each(|former| poller.remove(former.as_fd()))?;
            cancel.iter().try_for_each(|cancel| poller.add(cancel.as_fd(), CANCEL, Wakes::All))
        };
        change().map_err(epoll_error)?;
        (self.poller, self.cancel) = (Some(poller), cancel.cloned());
        Ok(())
    }
}

fn watch(set: Sources<'_>, cancel: Option<&Cancel>, nudge: &Waker) -> std::result::Result<Poller, Errno> {
    let poller = Poller::new()?;
    for (mark, socket) in set.sockets.iter().enumerate() {
        poller.add(socket.as_fd(), mark, Wakes::One)?;
    }
    poller.add(nudge.as_fd(), NUDGE, Wakes::One)?;
    cancel.iter().try_for_each(|cancel| poller.add(cancel.as_fd(), CANCEL, Wakes::All))?;
    Ok(poller)
}

fn epoll_error(errno: Errno) -> Error {
    Error::system_call(Operation::Accept, Syscall::Epoll, errno.raw_os_error(), Reason::Accept)
}

#[cfg(test)]
mod tests;
