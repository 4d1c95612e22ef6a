//! Accepting from a set: fairly, and through the failures that pass.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Listeners;
use crate::{Cancel, Error, Interest, Operation, Options, Result, Socket, SocketAddr, Syscall, sys};

/// What an accept loop is to do after an error.
///
/// ```
/// use biosock::listeners::AcceptAdvice;
/// use biosock::{Options, Socket};
///
/// let not_listening = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
/// let error = not_listening.accept(Options::empty()).unwrap_err();
/// assert_eq!(AcceptAdvice::after(&error), AcceptAdvice::GiveUp);
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptAdvice {
    /// The connection is gone (aborted by its peer, its network failed), or
    /// there was none: the next may be fine.
    TryAgain,
    /// Descriptors or memory are short: wait a little. The connection stays
    /// in the queue.
    Pause,
    /// The listener is of no use any more.
    GiveUp,
}

impl AcceptAdvice {
    /// What accept(2) and its errors' meanings advise.
    ///
    /// ```
    /// # use biosock::listeners::{AcceptAdvice, Listen};
    /// # use biosock::Options;
    /// let listeners = Listen::new().listen("127.0.0.1:0")?;
    /// let nobody = listeners.sockets()[0].accept(Options::empty()).unwrap_err();
    /// assert_eq!(AcceptAdvice::after(&nobody), AcceptAdvice::TryAgain);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn after(error: &Error) -> Self {
        error.raw_os_error().map_or(Self::GiveUp, sys::accept_advice)
    }
}

/// What [`Listeners::serve`] tells.
///
/// ```
/// use biosock::listeners::Event;
///
/// fn log(event: &Event) -> String {
///     match event {
///         Event::Connection(_, peer) => format!("connection from {peer}"),
///         Event::Trouble { error, pause } => format!("{error}; next try in {pause:?}"),
///     }
/// }
/// # let _ = log;
/// ```
#[derive(Debug)]
pub enum Event {
    /// A connection, and its peer's address.
    Connection(Socket, SocketAddr),
    /// The system is short of something. The next try is after the pause; the
    /// connections wait in the queue.
    Trouble {
        /// What the system said.
        error: Error,
        /// How long the loop rests.
        pause: Duration,
    },
}

/// The first pause, doubled up to the last while the trouble goes on.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

impl Listeners {
    /// Waits for a connection on any of the sockets, at most `timeout`
    /// (`None` is without end). The options are for the accepted socket.
    ///
    /// The sockets take turns: a busy one does not keep the others waiting.
    ///
    /// # Errors
    /// accept(2)'s, and EAGAIN when the time has passed. [`AcceptAdvice`]
    /// sorts them.
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
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let nobody = match self.try_accept(options) {
                Err(error) if would_block(&error) => error,
                done => return done,
            };
            let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(nobody);
            }
            self.wait(None, left)?;
        }
    }

    /// Accepts until `stop` is cancelled, and tells each connection. Failures
    /// that pass are sat out: [`AcceptAdvice`]. Stopping accepts no more;
    /// what was accepted goes on.
    ///
    /// # Errors
    /// The failure that made the listener useless.
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
        let mut pause = PAUSES.0;
        while !stop.is_cancelled() {
            let error = match self.try_accept(options) {
                Ok((socket, peer)) => {
                    pause = PAUSES.0;
                    tell(Event::Connection(socket, peer));
                    continue;
                }
                Err(error) => error,
            };
            match AcceptAdvice::after(&error) {
                AcceptAdvice::TryAgain if would_block(&error) => self.wait(Some(stop), None)?,
                AcceptAdvice::TryAgain => {}
                AcceptAdvice::GiveUp => return Err(error),
                AcceptAdvice::Pause => {
                    tell(Event::Trouble { error, pause });
                    rest(stop, pause)?;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
        Ok(())
    }

    /// Asks each socket once, beginning with the one whose turn it is.
    fn try_accept(&self, options: Options) -> Result<(Socket, SocketAddr)> {
        let count = self.sockets.len();
        let turn = self.turn.load(Ordering::Relaxed);
        let mut nobody = None;
        for at in (0..count).map(|n| (turn + n) % count) {
            match self.sockets[at].accept(options) {
                Err(error) if would_block(&error) => nobody = Some(error),
                done => {
                    self.turn.store((at + 1) % count, Ordering::Relaxed);
                    return done;
                }
            }
        }
        Err(nobody.unwrap_or_else(|| Error::impossible(Operation::Accept, "no socket")))
    }

    fn wait(&self, stop: Option<&Cancel>, timeout: Option<Duration>) -> Result<()> {
        let sockets = self.sockets.iter().map(AsFd::as_fd);
        let readers = sockets.chain(stop.map(AsFd::as_fd)).map(|fd| (fd, Interest::Read));
        match sys::poll_any(readers, timeout) {
            Ok(_) | Err(sys::Errno::INTR) => Ok(()),
            Err(errno) => {
                Err(Error::system_call(Operation::Accept, Syscall::Poll, errno.raw_os_error(), None))
            }
        }
    }
}

fn would_block(error: &Error) -> bool {
    error.raw_os_error() == Some(sys::Errno::AGAIN.raw_os_error())
}

/// Sits the pause out, unless stopped.
fn rest(stop: &Cancel, pause: Duration) -> Result<()> {
    crate::fd::wait(stop.as_fd(), Interest::Read, Some(pause)).map(drop)
}
