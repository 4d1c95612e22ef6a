//! Accepting from a set: fairly, and through temporary failures.

use std::iter::FusedIterator;
use std::time::{Duration, Instant};

use super::Listeners;
use super::acceptor::{Acceptor, Turn};
use super::advice::Event;
use crate::accept::accept_error;
use crate::sys::Errno;
use crate::{Cancel, Error, Result, Socket, SocketAddr};

impl Listeners {
    /// Waits for a connection on any of the sockets, for at most `timeout`: zero only
    /// checks, `None` waits indefinitely. The accepted socket is blocking.
    ///
    /// Several threads may accept from one set, and several processes that share it by
    /// fork(2) or [`pass_to`](Self::pass_to): a connection wakes one of them
    /// (EPOLLEXCLUSIVE). A thread that is cancelled just then leaves it to another. If
    /// the set was forked, passed or taken over, each waiting thread also checks all
    /// sockets every 5 seconds: that is how long a connection may wait if it woke a
    /// process that died before accepting it, or other code that left it.
    ///
    /// For each thread that accepts at the same time as others, the set keeps a
    /// descriptor (epoll(7)) until it is dropped, in addition to the one for all of
    /// them (eventfd(2)) that it has from the start.
    ///
    /// The sockets take turns: a busy one does not keep the others waiting. Connections
    /// that are gone before they are accepted (ECONNABORTED and the like) are skipped.
    /// If that happens eight times in a row, the error is returned once, and this and
    /// later calls back off before each further try, from 5 ms up to 1 s. If others
    /// accepted first eight times in a row, they back off from 1 ms up to 100 ms, and
    /// return nothing.
    ///
    /// # Errors
    /// accept(2)'s, epoll(7)'s, and EAGAIN only if the time has passed.
    /// [`AcceptAdvice`](super::AcceptAdvice) sorts them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use biosock::listeners::Listen;
    ///
    /// let listeners = Listen::new().listen("localhost:0")?;
    /// let late = listeners.accept(Some(Duration::from_millis(1))).unwrap_err();
    /// assert!(late.is_retryable());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn accept(&self, timeout: Option<Duration>) -> Result<(Socket, SocketAddr)> {
        self.wait_for_one(false, timeout, None)?.ok_or_else(nobody)
    }

    /// As [`accept`](Self::accept), until `cancel` is cancelled: then it returns `None`.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    /// ```
    /// use biosock::Cancel;
    /// use biosock::listeners::Listen;
    ///
    /// let listeners = Listen::new().listen("localhost:0")?;
    /// let cancel = Cancel::new()?;
    /// cancel.cancel();
    /// assert!(listeners.accept_or_cancel(None, &cancel)?.is_none());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn accept_or_cancel(
        &self,
        timeout: Option<Duration>,
        cancel: &Cancel,
    ) -> Result<Option<(Socket, SocketAddr)>> {
        self.wait_for_one(false, timeout, Some(cancel))
    }

    /// `None` if it was cancelled.
    pub(crate) fn wait_for_one(
        &self,
        nonblocking: bool,
        timeout: Option<Duration>,
        cancel: Option<&Cancel>,
    ) -> Result<Option<(Socket, SocketAddr)>> {
        // A deadline beyond the clock's range is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut acceptor = self.pool.take(cancel).rounds_of(1);
        let turn = acceptor.turn(self.sources(), nonblocking, cancel, deadline);
        if let Ok(Turn::Event(Event::Failure { error, .. })) = &turn {
            acceptor.leave_rest_to_caller(error);
        }
        self.pool.give_back(acceptor);
        match turn? {
            Turn::Event(Event::Connection(socket, peer)) => Ok(Some((socket, peer))),
            Turn::Event(Event::Failure { error, .. }) => Err(error),
            Turn::Cancelled => Ok(None),
            Turn::Late => Err(nobody()),
        }
    }

    /// Accepts until `cancel` is cancelled, and reports each connection. It backs off
    /// during temporary failures: [`AcceptAdvice`](super::AcceptAdvice). After a cancel
    /// it accepts no more; accepted connections continue, and those in the queue wait
    /// until the set is dropped.
    ///
    /// # Errors
    /// The failure that made a listener unusable.
    ///
    /// ```
    /// use biosock::Cancel;
    /// use biosock::listeners::Listen;
    ///
    /// let listeners = Listen::new().listen("localhost:0")?;
    /// let cancel = Cancel::new()?;
    /// cancel.cancel();
    /// listeners.serve(&cancel, |event| println!("{event:?}"))?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn serve(&self, cancel: &Cancel, mut on_event: impl FnMut(Event)) -> Result<()> {
        for event in self.incoming(cancel) {
            on_event(event?);
        }
        Ok(())
    }

    /// As [`serve`](Self::serve), as an iterator: it waits for the next event, and ends
    /// when `cancel` is cancelled or after an error.
    ///
    /// ```
    /// use biosock::Cancel;
    /// use biosock::listeners::{Event, Listen};
    /// # use biosock::dial::Dialer;
    ///
    /// let listeners = Listen::new().listen("localhost:0")?;
    /// # let _client = Dialer::new().dial_addrs(&listeners.addrs()?).map_err(std::io::Error::from)?;
    /// let cancel = Cancel::new()?;
    /// for event in listeners.incoming(&cancel) {
    ///     if let Event::Connection(_socket, peer) = event? {
    ///         println!("hello {peer}");
    ///         break;
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn incoming<'l>(&'l self, cancel: &'l Cancel) -> Incoming<'l> {
        Incoming { set: self, cancel, nonblocking: false, acceptor: None, is_over: false }
    }
}

/// The connections of a set as they arrive: [`Listeners::incoming`].
///
/// A connection takes at most two system calls: each wait reports which sockets have
/// connections, and each of those is accepted from once before the next wait, so that
/// none keeps another waiting. Several threads and processes may each have one, as with
/// [`Listeners::accept`].
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
    set: &'l Listeners,
    cancel: &'l Cancel,
    nonblocking: bool,
    acceptor: Option<Acceptor>,
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
    /// Whether the accepted sockets are non-blocking, each set by the system call that
    /// accepts it (accept4(2)); blocking by default.
    ///
    /// ```
    /// use biosock::Cancel;
    /// use biosock::listeners::{Event, Listen};
    /// # use biosock::dial::Dialer;
    ///
    /// let listeners = Listen::new().listen("localhost:0")?;
    /// # let _client = Dialer::new().dial_addrs(&listeners.addrs()?).map_err(std::io::Error::from)?;
    /// let cancel = Cancel::new()?;
    /// let mut incoming = listeners.incoming(&cancel).nonblocking(true);
    /// if let Some(Event::Connection(socket, _)) = incoming.next().transpose()? {
    ///     assert!(socket.is_nonblocking()?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn nonblocking(mut self, on: bool) -> Self {
        self.nonblocking = on;
        self
    }

    fn event(&mut self) -> Result<Option<Event>> {
        if self.is_over {
            return Ok(None);
        }
        // A child that continues its parent's loop needs its own acceptor.
        let mine = self.acceptor.take().filter(|acceptor| !acceptor.is_of_another_process());
        let acceptor = self
            .acceptor
            .insert(mine.unwrap_or_else(|| self.set.pool.take(Some(self.cancel)).rounds_of(usize::MAX)));
        match acceptor.turn(self.set.sources(), self.nonblocking, Some(self.cancel), None)? {
            Turn::Event(event) => Ok(Some(event)),
            Turn::Cancelled | Turn::Late => Ok(None),
        }
    }
}

impl Drop for Incoming<'_> {
    /// What it did not get to is on the next acceptor's list, except for what another
    /// left to it.
    fn drop(&mut self) {
        let mine = self.acceptor.take().filter(|acceptor| !acceptor.is_of_another_process());
        if let Some(acceptor) = mine {
            let mut acceptor = acceptor.rounds_of(1);
            acceptor.leave(self.set.sources());
            self.set.pool.give_back(acceptor);
        }
    }
}

/// There is no connection.
fn nobody() -> Error {
    accept_error(Errno::AGAIN)
}
