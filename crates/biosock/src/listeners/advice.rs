//! What failures of accept(2) mean to an accept loop, and how long it backs off.

use std::time::Duration;

use crate::sys::Errno;
use crate::{Error, Result, Socket, SocketAddr};

/// What an accept loop should do after an error.
///
/// ```
/// use biosock::listeners::AcceptAdvice;
/// use biosock::Socket;
///
/// let not_listening = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
/// let error = not_listening.accept().unwrap_err();
/// assert_eq!(AcceptAdvice::after(&error), AcceptAdvice::GiveUp);
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptAdvice {
    /// The connection is gone (aborted by its peer, or its network failed), or there
    /// was none: the next one may succeed. If this repeats, treat it as
    /// [`BackOff`](Self::BackOff).
    TryAgain,
    /// Descriptors or memory are short, or accepting is forbidden for now: wait a
    /// little. The connection stays in the queue.
    BackOff,
    /// The listener is no longer usable.
    GiveUp,
}

impl AcceptAdvice {
    /// The advice for an error, by what accept(2) says of it.
    ///
    /// ```
    /// # use biosock::listeners::{AcceptAdvice, Listen};
    /// let listeners = Listen::new().listen("127.0.0.1:0")?;
    /// let nobody = listeners.sockets()[0].accept().unwrap_err();
    /// assert_eq!(AcceptAdvice::after(&nobody), AcceptAdvice::TryAgain);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn after(error: &Error) -> Self {
        error.raw_os_error().map_or(Self::GiveUp, accept_advice)
    }
}

/// What an accept loop should do after an error: accept(2) lists the errors of a
/// connection that is already gone, "treat them like EAGAIN", and the shortages that
/// pass.
pub(crate) fn accept_advice(errno: i32) -> AcceptAdvice {
    match Errno::from_raw_os_error(errno) {
        Errno::CONNABORTED | Errno::INTR | Errno::AGAIN => AcceptAdvice::TryAgain,
        Errno::NETDOWN | Errno::PROTO | Errno::NOPROTOOPT | Errno::HOSTDOWN | Errno::NONET => {
            AcceptAdvice::TryAgain
        }
        Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::TIMEDOUT => AcceptAdvice::TryAgain,
        Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM => AcceptAdvice::BackOff,
        // A firewall refused one connection, or a sandbox refuses all.
        Errno::PERM => AcceptAdvice::BackOff,
        _ => AcceptAdvice::GiveUp,
    }
}

/// What [`Listeners::serve`](super::Listeners::serve) reports.
///
/// ```
/// use biosock::listeners::Event;
///
/// fn log(event: &Event) -> String {
///     match event {
///         Event::Connection(_, peer) => format!("connection from {peer}"),
///         Event::Failure { error, backoff } => format!("{error}; next try in {backoff:?}"),
///     }
/// }
/// # let _ = log;
/// ```
#[derive(Debug)]
pub enum Event {
    /// A connection, and its peer's address.
    Connection(Socket, SocketAddr),
    /// A shortage of the system: reported each time, before backing off. Or accepting
    /// keeps failing ([`AcceptAdvice::TryAgain`]) although there are connections:
    /// reported the first time, before backing off, unless others accepted them first
    /// (EAGAIN). The loop tries again after backing off; the connections wait in the
    /// queue.
    Failure {
        /// The OS error.
        error: Error,
        /// How long the loop backs off.
        backoff: Duration,
    },
}

impl Event {
    pub(super) fn pause(&self) -> Option<Duration> {
        match self {
            Self::Connection(..) => None,
            Self::Failure { backoff, .. } => Some(*backoff),
        }
    }
}

/// The first delay, and the last, up to which it doubles while failures continue.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// The same when others accepted each connection first, which is not a failure.
const SHORT_PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// How many failures in a row may be one connection's each. More come from the listener,
/// or a filter in front of it, and would keep a loop busy.
pub(super) const FEW: u32 = 8;

/// What a loop does after accepting.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Reports this.
    Event(Event),
    /// Backs off, with nothing new to report.
    Rest(Duration),
    /// Continues at once.
    GoOn,
}

/// Sorts the results of accepting, for loops of either kind.
#[derive(Debug)]
pub(super) struct AcceptBackoff {
    pause: Duration,
    short_pause: Duration,
    /// Failures since anything else happened.
    in_row: u32,
    /// Whether one of these was reported.
    has_told: bool,
}

impl AcceptBackoff {
    pub(super) const fn new() -> Self {
        Self { pause: PAUSES.0, short_pause: SHORT_PAUSES.0, in_row: 0, has_told: false }
    }

    /// # Errors
    /// The error that ends the loop.
    pub(super) fn outcome_of(&mut self, accepted: Result<(Socket, SocketAddr)>) -> Result<Outcome> {
        let error = match accepted {
            Ok((socket, peer)) => {
                *self = Self::new();
                return Ok(Outcome::Event(Event::Connection(socket, peer)));
            }
            Err(error) => error,
        };
        match AcceptAdvice::after(&error) {
            AcceptAdvice::TryAgain => {
                self.in_row = self.in_row.saturating_add(1);
                Ok(if self.in_row < FEW {
                    Outcome::GoOn
                } else if is_nobody(&error) {
                    Outcome::Rest(double(&mut self.short_pause, SHORT_PAUSES.1))
                } else if std::mem::replace(&mut self.has_told, true) {
                    Outcome::Rest(self.next_pause())
                } else {
                    Outcome::Event(Event::Failure { error, backoff: self.next_pause() })
                })
            }
            AcceptAdvice::GiveUp => Err(error),
            AcceptAdvice::BackOff => Ok(Outcome::Event(Event::Failure { error, backoff: self.next_pause() })),
        }
    }

    /// Whether the last failure may be the first of many: the loop then checks before
    /// it waits, and calls `settle` if there is no connection.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_row > 0
    }

    /// No connection is waiting.
    pub(super) fn settle(&mut self) {
        *self = Self::new();
    }

    fn next_pause(&mut self) -> Duration {
        double(&mut self.pause, PAUSES.1)
    }
}

/// Another thread accepted the connection, or a filter reports EAGAIN.
pub(super) fn is_nobody(error: &Error) -> bool {
    error.raw_os_error() == Some(Errno::AGAIN.raw_os_error())
}

fn double(pause: &mut Duration, last: Duration) -> Duration {
    let doubled = (*pause * 2).min(last);
    std::mem::replace(pause, doubled)
}

#[cfg(test)]
mod tests;
