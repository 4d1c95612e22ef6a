//! A connect in progress, and its outcome.

use std::os::fd::{AsFd, BorrowedFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::sock::take_error;
use crate::wait::wait;
use crate::{Error, Interest, Operation, Reason, Result, SocketAddr, Syscall, sys};

/// A connect in progress, which [`Socket::start_connect`](crate::Socket::start_connect)
/// started. It neither owns nor borrows a descriptor, so it can be stored alongside the
/// socket, which is passed to each call.
///
/// The system reports a failure only once (reading SO_ERROR clears it); this value
/// keeps the outcome, so it can be queried again.
///
/// ```
/// use std::time::Duration;
/// use biosock::{Connecting, Socket};
///
/// struct Client {
///     socket: Socket,
///     connecting: Connecting,
/// }
///
/// let listener = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
/// listener.listen(&"127.0.0.1:0".parse()?)?;
/// let addr = listener.local_addr()?;
///
/// let socket = Socket::stream_for(&addr)?;
/// let connecting = socket.start_connect(&addr)?;
/// let mut client = Client { socket, connecting };
/// client.connecting.wait(&client.socket, Some(Duration::from_secs(5)))?;
/// assert!(client.connecting.outcome(&client.socket).is_some_and(|outcome| outcome.is_ok()));
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the connection may not stand yet: wait for the outcome, or call `connect`"]
pub struct Connecting {
    addr: SocketAddr,
    deadline: Deadline,
    // The error number from SO_ERROR, 0 for success.
    outcome: Option<i32>,
}

impl Connecting {
    pub(crate) fn new(addr: &SocketAddr, deadline: Deadline, outcome: Option<i32>) -> Self {
        Self { addr: *addr, deadline, outcome }
    }

    /// Whether it is known, without a system call, to be connected.
    pub(crate) fn is_connected(&self) -> bool {
        self.outcome == Some(0)
    }

    /// The outcome, or `None` while there is none; never waits. Query it once at the
    /// start, and then whenever the socket is writable.
    ///
    /// # Errors
    /// connect(2)'s; ETIMEDOUT once the [timeout](crate::ConnectOptions::timeout) of
    /// the connect has passed, for as long as the system keeps trying; poll(2)'s and
    /// getsockopt(2)'s.
    ///
    /// ```
    /// # use biosock::Socket;
    /// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// # listener.listen(&"127.0.0.1:0".parse()?)?;
    /// # let addr = listener.local_addr()?;
    /// # let socket = Socket::stream_for(&addr)?;
    /// let mut connecting = socket.start_connect(&addr)?;
    /// while connecting.outcome(&socket).is_none() {}
    /// assert!(connecting.outcome(&socket).is_some_and(|outcome| outcome.is_ok()));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn outcome(&mut self, socket: impl AsFd) -> Option<Result<()>> {
        match self.decide(socket.as_fd(), Some(Duration::ZERO)) {
            Ok(true) => Some(Ok(())),
            Ok(false) if self.deadline.is_over() => Some(Err(timed_out(&self.addr))),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Waits for the outcome, for at most `timeout`; `None` waits indefinitely, except
    /// for the [timeout](crate::ConnectOptions::timeout) of the connect.
    ///
    /// # Errors
    /// As [`outcome`](Self::outcome), and ETIMEDOUT if `timeout` passes first: then the
    /// outcome is `None`, and can be waited for again.
    ///
    /// ```
    /// # use biosock::Socket;
    /// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// # listener.listen(&"127.0.0.1:0".parse()?)?;
    /// # let addr = listener.local_addr()?;
    /// # let socket = Socket::stream_for(&addr)?;
    /// socket.start_connect(&addr)?.wait(&socket, None)?;
    /// assert_eq!(socket.peer_addr()?, addr);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn wait(&mut self, socket: impl AsFd, timeout: Option<Duration>) -> Result<()> {
        if self.decide(socket.as_fd(), timeout)? { Ok(()) } else { Err(timed_out(&self.addr)) }
    }

    /// Waits for the outcome: `true` when connected, `false` if the time passes first.
    fn decide(&mut self, fd: BorrowedFd<'_>, timeout: Option<Duration>) -> Result<bool> {
        let deadline = self.deadline.earlier(Deadline::after(timeout));
        let mut backoff = Backoff::default();
        loop {
            match self.outcome {
                Some(0) => return Ok(true),
                Some(errno) => return Err(connect_error(errno).at(&self.addr)),
                None => {}
            }
            let at = |error: Error| error.at(&self.addr);
            if !wait(fd, Interest::Write, deadline.left()).map_err(at)? {
                return Ok(false);
            }
            self.outcome = connect_outcome(fd).map_err(at)?;
            if self.outcome.is_none() && !deadline.sleep(backoff.next()) {
                return Ok(false);
            }
        }
    }
}

/// The outcome of a connect on a socket that poll(2) reports as writable: the error
/// number, 0 for a connection; `None` while it is still in progress, since readiness
/// may be spurious (select(2)). If the peer has an address, the socket is connected,
/// which takes one call to find out; any later error is for reads to report. If the
/// peer's address cannot be read, for lack of memory or because of a system call
/// filter, nothing proves a connection: that error is the outcome, unless SO_ERROR has
/// one.
pub(crate) fn connect_outcome(fd: BorrowedFd<'_>) -> Result<Option<i32>> {
    let Err(nameless) = sys::peer_addr(fd) else { return Ok(Some(0)) };
    Ok(match take_error(fd)? {
        0 if nameless != sys::Errno::NOTCONN => Some(nameless.raw_os_error()),
        0 if sys::has_hung_up(fd) => match take_error(fd)? {
            // Nothing is in progress: the error was read elsewhere.
            0 => Some(sys::Errno::NOTCONN.raw_os_error()),
            // It came after SO_ERROR was read.
            errno => Some(errno),
        },
        0 => None,
        errno => Some(errno),
    })
}

#[inline]
pub(crate) fn connect_error(errno: i32) -> Error {
    Error::system_call(Operation::Connect, Syscall::Connect, errno, Reason::Connect)
}

pub(crate) fn timed_out(addr: &SocketAddr) -> Error {
    connect_error(sys::Errno::TIMEDOUT.raw_os_error()).at(addr)
}

/// The end of a wait, if any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// A time beyond the clock's range is no deadline.
    pub(crate) fn after(timeout: Option<Duration>) -> Self {
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    fn earlier(self, other: Self) -> Self {
        Self(self.0.into_iter().chain(other.0).min())
    }

    fn left(self) -> Option<Duration> {
        self.0.map(|end| end.saturating_duration_since(Instant::now()))
    }

    fn is_over(self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// Sleeps, at most until the deadline; `false` if it had already passed.
    pub(crate) fn sleep(self, time: Duration) -> bool {
        let over = self.is_over();
        if !over {
            sleep(self.left().map_or(time, |left| time.min(left)));
        }
        !over
    }
}

/// The delays between attempts when a queue is full: 1 ms, doubled each time, at most 50 ms.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(Duration::from_millis(1))
    }
}

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(Duration::from_millis(50));
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_takes_its_time_or_what_is_left() {
        let time = Duration::from_millis(20);
        let start = Instant::now();
        assert!(Deadline::after(None).sleep(time));
        assert!(start.elapsed() >= time);
        // A sleep of an hour would be noticed.
        assert!(Deadline::after(Some(time)).sleep(Duration::from_secs(3600)));
        assert!(!Deadline::after(Some(Duration::ZERO)).sleep(time));
    }
}
