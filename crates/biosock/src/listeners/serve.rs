//! Accepting from a set: fairly, and through the failures that pass.

use std::iter::FusedIterator;
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Listeners;
use super::advice::{AcceptAdvice, Event, Judge, would_block};
use crate::accept::accept_error;
use crate::sys::{Errno, Poller};
use crate::{Cancel, Error, Interest, Operation, Options, Result, Socket, SocketAddr, Syscall};

impl Listeners {
    /// Waits for a connection on any of the sockets, at most `timeout`: zero
    /// only looks, `None` waits without end. The options are for the accepted
    /// socket. Several threads may accept from one set.
    ///
    /// The sockets take turns: a busy one does not keep the others waiting.
    /// Connections that are gone before they are accepted (ECONNABORTED and
    /// the like) are passed over.
    ///
    /// # Errors
    /// accept(2)'s, and EAGAIN when the time has passed.
    /// [`AcceptAdvice`] sorts them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use biosock::Options;
    /// use biosock::listeners::Listen;
    ///
    /// let listeners = Listen::new().listen("localhost:0")?;
    /// let late = listeners.accept(Options::empty(), Some(Duration::from_millis(1))).unwrap_err();
    /// assert!(late.is_retryable());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn accept(&self, options: Options, timeout: Option<Duration>) -> Result<(Socket, SocketAddr)> {
        self.wait_for_one(options, timeout, None)?.ok_or_else(nobody)
    }

    /// As [`accept`](Self::accept), until `stop` is cancelled: `None` then.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    /// ```
    /// use biosock::{Cancel, Options};
    /// use biosock::listeners::Listen;
    ///
    /// let listeners = Listen::new().listen("localhost:0")?;
    /// let stop = Cancel::new()?;
    /// stop.cancel();
    /// assert!(listeners.accept_or_stop(Options::empty(), None, &stop)?.is_none());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn accept_or_stop(
        &self,
        options: Options,
        timeout: Option<Duration>,
        stop: &Cancel,
    ) -> Result<Option<(Socket, SocketAddr)>> {
        self.wait_for_one(options, timeout, Some(stop))
    }

    /// `None` where it was stopped.
    fn wait_for_one(
        &self,
        options: Options,
        timeout: Option<Duration>,
        stop: Option<&Cancel>,
    ) -> Result<Option<(Socket, SocketAddr)>> {
        // A time beyond the clock's range is as good as no end.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let sockets = self.sockets.iter().map(AsFd::as_fd);
        let mut poller = Poller::new(sockets.chain(stop.map(AsFd::as_fd)));
        loop {
            let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
            wait(&mut poller, left)?;
            // A stop makes the wait end, also one from before.
            if stop.is_some() && poller.is_ready(self.sockets.len()) {
                return Ok(None);
            }
            match self.accept_ready(&poller, options) {
                Err(error) if AcceptAdvice::after(&error) != AcceptAdvice::TryAgain => return Err(error),
                Err(error) if would_block(&error) && left.is_some_and(|left| left.is_zero()) => {
                    return Err(error);
                }
                Err(_) => {}
                Ok(accepted) => return Ok(Some(accepted)),
            }
        }
    }

    /// Accepts from the first that is ready, beginning with the one whose
    /// turn it is. Another thread may have been faster.
    fn accept_ready(&self, poller: &Poller<'_>, options: Options) -> Result<(Socket, SocketAddr)> {
        let count = self.sockets.len();
        let turn = self.turn.load(Ordering::Relaxed);
        for at in (0..count).map(|n| (turn + n) % count).filter(|&at| poller.is_ready(at)) {
            match self.sockets[at].accept(options) {
                Err(error) if would_block(&error) => {}
                done => {
                    self.turn.store((at + 1) % count, Ordering::Relaxed);
                    return done;
                }
            }
        }
        Err(nobody())
    }

    /// Accepts until `stop` is cancelled, and tells each connection. Failures
    /// that pass are sat out: [`AcceptAdvice`]. Stopping
    /// accepts no more; what was accepted goes on, and who waits in the queue
    /// waits until the set is dropped.
    ///
    /// # Errors
    /// The failure that made a listener useless.
    ///
    /// ```
    /// use biosock::{Cancel, Options};
    /// use biosock::listeners::Listen;
    ///
    /// let listeners = Listen::new().listen("localhost:0")?;
    /// let stop = Cancel::new()?;
    /// stop.cancel();
    /// listeners.serve(Options::empty(), &stop, |event| println!("{event:?}"))?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn serve(&self, options: Options, stop: &Cancel, mut tell: impl FnMut(Event)) -> Result<()> {
        for event in self.incoming(options, stop) {
            tell(event?);
        }
        Ok(())
    }

    /// As [`serve`](Self::serve), as an iterator: it waits for the next
    /// event, and ends when `stop` is cancelled or after an error.
    ///
    /// ```
    /// use biosock::{Cancel, Options};
    /// use biosock::listeners::{Event, Listen};
    /// # use biosock::dial::Dialer;
    ///
    /// let listeners = Listen::new().listen("localhost:0")?;
    /// # let _client = Dialer::new().dial_addrs(&listeners.addrs()?).map_err(std::io::Error::from)?;
    /// let stop = Cancel::new()?;
    /// for event in listeners.incoming(Options::empty(), &stop) {
    ///     if let Event::Connection(_socket, peer) = event? {
    ///         println!("hello {peer}");
    ///         break;
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn incoming<'l>(&'l self, options: Options, stop: &'l Cancel) -> Incoming<'l> {
        let sockets = self.sockets.iter().map(AsFd::as_fd);
        Incoming {
            sockets: &self.sockets,
            stop,
            options,
            poller: Poller::new(sockets.chain([stop.as_fd()])),
            round: 0..0,
            judge: Judge::new(),
            rest: None,
            is_over: false,
        }
    }
}

/// The connections of a set as they come: [`Listeners::incoming`].
///
/// A connection costs at most two system calls: each wait tells which sockets
/// have some, and each of those is accepted from once before the next wait,
/// so that none keeps another waiting.
///
/// ```
/// use biosock::listeners::{Event, Incoming};
///
/// fn peers(incoming: Incoming<'_>) -> impl Iterator<Item = String> {
///     incoming.filter_map(|event| match event {
///         Ok(Event::Connection(_, peer)) => Some(peer.to_string()),
///         _ => None,
///     })
/// }
/// # let _ = peers;
/// ```
#[derive(Debug)]
pub struct Incoming<'l> {
    sockets: &'l [Socket],
    stop: &'l Cancel,
    options: Options,
    /// The sockets, and after them the stop.
    poller: Poller<'l>,
    /// Which sockets were not asked since the last wait.
    round: Range<usize>,
    judge: Judge,
    /// How long to rest before the next call.
    rest: Option<Duration>,
    is_over: bool,
}

impl Iterator for Incoming<'_> {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = self.event().transpose();
        self.is_over = !matches!(event, Some(Ok(_)));
        event
    }
}

impl FusedIterator for Incoming<'_> {}

impl Incoming<'_> {
    fn event(&mut self) -> Result<Option<Event>> {
        while !self.is_over {
            if let Some(pause) = self.rest.take() {
                crate::fd::wait(self.stop.as_fd(), Interest::Read, Some(pause))?;
                // Stopped or not, the next wait says.
                self.round = 0..0;
            }
            if self.stop.is_known() {
                break;
            }
            let Some(at) = self.round.find(|&at| self.poller.is_ready(at)) else {
                wait(&mut self.poller, None)?;
                if self.poller.is_ready(self.sockets.len()) {
                    break;
                }
                self.round = 0..self.sockets.len();
                continue;
            };
            let event = self.judge.judge(self.sockets[at].accept(self.options))?;
            if let Some(event) = event {
                self.rest = event.pause();
                return Ok(Some(event));
            }
        }
        Ok(None)
    }
}

fn wait(poller: &mut Poller<'_>, timeout: Option<Duration>) -> Result<()> {
    match poller.wait(timeout) {
        Ok(()) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(Error::system_call(Operation::Accept, Syscall::Poll, errno.raw_os_error(), None)),
    }
}

/// There is no connection.
fn nobody() -> Error {
    accept_error(Errno::AGAIN)
}
