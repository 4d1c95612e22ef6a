//! Connecting, after BIO_connect.

use std::os::fd::{AsFd, BorrowedFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::raw::SockAddr;
use crate::sock::{set, set_nonblocking, take_error};
use crate::wait::wait;
use crate::{Domain, Error, Interest, Operation, Options, Reason, Result, Socket, SocketAddr, Syscall, sys};

/// How far a connect has come that [`Socket::start_connect`] started.
///
/// ```
/// use biosock::{Connect, Options, Socket, SocketAddr};
///
/// let listener = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
/// listener.listen(&"127.0.0.1:0".parse()?, Options::empty())?;
/// let addr = listener.local_addr()?;
///
/// let socket = Socket::stream_for(&addr, Options::NONBLOCK)?;
/// match socket.start_connect(&addr, Options::empty())? {
///     Connect::Done => {}
///     Connect::InProgress(mut connecting) => connecting.wait(None).expect("no time limit")?,
/// }
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the connection may not stand yet: wait for the outcome, or call `connect`"]
pub enum Connect<'s> {
    /// The connection stands. A blocking socket always gives this.
    Done,
    /// The socket is non-blocking and the system goes on connecting.
    InProgress(Connecting<'s>),
}

impl Connect<'_> {
    /// Waits for the outcome: `None` where `timeout` passes without one.
    /// A `timeout` of zero only looks; `None` waits without end.
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// # listener.listen(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// # let addr = listener.local_addr()?;
    /// let socket = Socket::stream_for(&addr, Options::NONBLOCK)?;
    /// let outcome = socket.start_connect(&addr, Options::empty())?.wait(None);
    /// assert!(outcome.is_some_and(|outcome| outcome.is_ok()));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn wait(self, timeout: Option<Duration>) -> Option<Result<()>> {
        match self {
            Self::Done => Some(Ok(())),
            Self::InProgress(mut connecting) => connecting.wait(timeout),
        }
    }
}

/// A connect that the system has not decided yet.
///
/// The system tells its outcome once (reading SO_ERROR clears it); this value
/// remembers it, so that it can be asked again.
///
/// ```
/// use std::time::Duration;
/// use biosock::{Connect, Options, Socket, SocketAddr};
///
/// let nobody: SocketAddr = "127.0.0.1:1".parse()?;
/// let socket = Socket::stream_for(&nobody, Options::NONBLOCK)?;
/// // Loopback may refuse at once; elsewhere this is the usual course.
/// if let Ok(Connect::InProgress(mut connecting)) = socket.start_connect(&nobody, Options::empty()) {
///     let outcome = connecting.wait(Some(Duration::from_secs(5)));
///     assert!(outcome.expect("decided").is_err());
///     assert!(connecting.outcome().expect("still known").is_err());
/// }
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the connection does not stand yet: wait for the outcome"]
pub struct Connecting<'s> {
    socket: &'s Socket,
    addr: SocketAddr,
    // The error number that SO_ERROR gave, 0 for success.
    outcome: Option<i32>,
}

impl Connecting<'_> {
    /// The outcome, or `None` while there is none; never waits.
    ///
    /// ```
    /// # use biosock::{Connect, Options, Socket};
    /// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// # listener.listen(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// # let addr = listener.local_addr()?;
    /// # let socket = Socket::stream_for(&addr, Options::NONBLOCK)?;
    /// if let Connect::InProgress(mut connecting) = socket.start_connect(&addr, Options::empty())? {
    ///     while connecting.outcome().is_none() {}
    ///     assert!(connecting.outcome().is_some_and(|outcome| outcome.is_ok()));
    /// }
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn outcome(&mut self) -> Option<Result<()>> {
        self.wait(Some(Duration::ZERO))
    }

    /// Waits for the outcome, at most `timeout`; `None` waits without end.
    /// Gives `None` where the time passes without an outcome.
    ///
    /// ```
    /// # use biosock::{Connect, Options, Socket};
    /// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// # listener.listen(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// # let addr = listener.local_addr()?;
    /// # let socket = Socket::stream_for(&addr, Options::NONBLOCK)?;
    /// if let Connect::InProgress(mut connecting) = socket.start_connect(&addr, Options::empty())? {
    ///     assert!(connecting.wait(None).is_some_and(|outcome| outcome.is_ok()));
    /// }
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn wait(&mut self, timeout: Option<Duration>) -> Option<Result<()>> {
        let deadline = Deadline::after(timeout);
        let mut backoff = Backoff::default();
        let mut left = timeout;
        while self.outcome.is_none() {
            match wait(self.socket.as_fd(), Interest::Write, left) {
                Ok(false) => return None,
                Ok(true) => {}
                Err(error) => return Some(Err(error.at(&self.addr))),
            }
            match connect_outcome(self.socket.as_fd()) {
                Ok(Some(errno)) => self.outcome = Some(errno),
                Ok(None) if !deadline.sleep(backoff.next()) => return None,
                Ok(None) => left = deadline.left(),
                Err(error) => return Some(Err(error.at(&self.addr))),
            }
        }
        self.outcome.map(|errno| outcome(errno, &self.addr))
    }
}

/// How the connect of a socket ended that poll(2) says can be written to: the
/// error number, 0 for a connection; `None` while it is still under way, since
/// readiness may be spurious (select(2)). A connection, whose peer has a name,
/// is one call; what else there is to say of it, reading says. Where the name
/// cannot be had, for want of memory or by a filter of system calls, nothing
/// proves a connection: that error is the outcome, unless SO_ERROR has one.
pub(crate) fn connect_outcome(fd: BorrowedFd<'_>) -> Result<Option<i32>> {
    let Err(nameless) = sys::peer_addr(fd) else { return Ok(Some(0)) };
    Ok(match take_error(fd)? {
        0 if nameless != sys::Errno::NOTCONN => Some(nameless.raw_os_error()),
        // Nothing is under way: another took the error.
        0 if sys::has_hung_up(fd) => Some(sys::Errno::NOTCONN.raw_os_error()),
        0 => None,
        errno => Some(errno),
    })
}

/// The end of a wait, if there is one.
#[derive(Clone, Copy, Debug)]
struct Deadline(Option<Instant>);

impl Deadline {
    /// A time beyond the clock's range is as good as no end.
    fn after(timeout: Option<Duration>) -> Self {
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    fn left(self) -> Option<Duration> {
        self.0.map(|end| end.saturating_duration_since(Instant::now()))
    }

    /// Sleeps, at most to the end; `false` where that was there already.
    fn sleep(self, time: Duration) -> bool {
        let left = self.left();
        let over = left.is_some_and(|left| left.is_zero());
        if !over {
            sleep(left.map_or(time, |left| time.min(left)));
        }
        !over
    }
}

fn outcome(errno: i32, addr: &SocketAddr) -> Result<()> {
    match errno {
        0 => Ok(()),
        errno => Err(connect_error(errno).at(addr)),
    }
}

impl Socket {
    /// Connects to an address and waits for the outcome, signals or not and
    /// whichever mode the socket is in. Acts on [`Options::KEEPALIVE`],
    /// [`Options::NODELAY`], [`Options::TFO`] and [`Options::NONBLOCK`], which
    /// makes the socket non-blocking for what comes after.
    ///
    /// How long that may take is the system's to say; for a limit there is
    /// [`connect_timeout`](Self::connect_timeout), for a program that waits
    /// otherwise [`start_connect`](Self::start_connect). A datagram socket only
    /// notes the peer's address. A Unix listener whose queue is full is waited
    /// for.
    ///
    /// # Errors
    /// setsockopt(2)'s with [`Reason::UnableToKeepalive`],
    /// [`Reason::UnableToNodelay`] or [`Reason::UnableToTfo`]; connect(2)'s
    /// with [`Reason::Connect`].
    ///
    /// ```
    /// use biosock::{Options, Socket};
    ///
    /// let listener = Socket::stream_for(&"[::1]:0".parse()?, Options::empty())?;
    /// listener.listen(&"[::1]:0".parse()?, Options::empty())?;
    /// let addr = listener.local_addr()?;
    ///
    /// let socket = Socket::stream_for(&addr, Options::empty())?;
    /// socket.connect(&addr, Options::KEEPALIVE | Options::NODELAY)?;
    /// assert_eq!(socket.peer_addr()?, addr);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_connect")]
    pub fn connect(&self, addr: &SocketAddr, options: Options) -> Result<()> {
        // Without a limit the time does not pass.
        self.connect_within(addr, options, None).map(drop)
    }

    /// Connects to an address, as [`connect`](Self::connect), but on a
    /// non-blocking socket does not wait for the outcome: the value that it
    /// returns does, whenever the caller likes.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); and EAGAIN, which
    /// [is retryable](Error::is_retryable), where the queue of a Unix listener
    /// is full: ask again later.
    ///
    /// ```
    /// use biosock::{Connect, Options, Socket};
    ///
    /// let listener = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// listener.listen(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// let addr = listener.local_addr()?;
    ///
    /// let socket = Socket::stream_for(&addr, Options::NONBLOCK)?;
    /// if let Connect::InProgress(mut connecting) = socket.start_connect(&addr, Options::empty())? {
    ///     connecting.wait(None).expect("no time limit")?;
    /// }
    /// assert_eq!(socket.peer_addr()?, addr);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    ///
    /// The value is not to be dropped unseen, as the connection may not stand:
    ///
    /// ```compile_fail
    /// #![deny(unused_must_use)]
    /// # use biosock::{Options, Socket};
    /// # let addr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&addr, Options::NONBLOCK)?;
    /// socket.start_connect(&addr, Options::empty())?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_connect")]
    pub fn start_connect(&self, addr: &SocketAddr, options: Options) -> Result<Connect<'_>> {
        self.start(addr, options).map_err(|error| error.at(addr))
    }

    fn start(&self, addr: &SocketAddr, options: Options) -> Result<Connect<'_>> {
        if options.contains(Options::NONBLOCK) {
            self.set_nonblocking(true)?;
        }
        let in_progress = || Connecting { socket: self, addr: *addr, outcome: None };
        match addr.with_sockaddr(|raw| prepare_and_connect(self.as_fd(), raw, options)) {
            Ok(()) => Ok(Connect::Done),
            Err(error) if is(&error, sys::Errno::INPROGRESS) => Ok(Connect::InProgress(in_progress())),
            // The system goes on after the signal (connect(2)); so do we.
            Err(error) if is(&error, sys::Errno::INTR) => {
                in_progress().wait(None).unwrap_or(Err(error)).map(|()| Connect::Done)
            }
            Err(error) => Err(error),
        }
    }

    /// Connects within a time limit, and leaves the socket in the mode,
    /// blocking or not, that it was in, whatever the outcome; with
    /// [`Options::NONBLOCK`] non-blocking. Otherwise as
    /// [`connect`](Self::connect).
    ///
    /// A Unix listener whose queue is full is asked again, after 1 ms at first
    /// and 50 ms at last, since the system does not tell when there is room.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and ETIMEDOUT where the time passes.
    /// The attempt may then still be under way: close the socket.
    ///
    /// ```
    /// use std::time::Duration;
    /// use biosock::{Options, Socket};
    ///
    /// let nobody = "127.0.0.1:1".parse()?;
    /// let socket = Socket::stream_for(&nobody, Options::empty())?;
    /// let error = socket.connect_timeout(&nobody, Options::empty(), Duration::from_secs(5)).unwrap_err();
    /// assert_eq!(error.system().and_then(|system| system.name()), Some("ECONNREFUSED"));
    /// assert!(!socket.is_nonblocking()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn connect_timeout(&self, addr: &SocketAddr, options: Options, timeout: Duration) -> Result<()> {
        let at = |error: Error| error.at(addr);
        let stays = options.contains(Options::NONBLOCK) || self.is_nonblocking().map_err(at)?;
        let ended = self.connect_within(addr, options | Options::NONBLOCK, Some(timeout));
        let restored = if stays { Ok(()) } else { self.set_nonblocking(false).map_err(at) };
        match ended? {
            true => restored,
            false => Err(at(connect_error(sys::Errno::TIMEDOUT.raw_os_error()))),
        }
    }

    /// Connects and waits for the outcome; `false` where the time passes.
    fn connect_within(&self, addr: &SocketAddr, options: Options, timeout: Option<Duration>) -> Result<bool> {
        let deadline = Deadline::after(timeout);
        let mut backoff = Backoff::default();
        loop {
            match self.start_connect(addr, options) {
                // A blocking connect has waited itself, for as long as SO_SNDTIMEO says.
                Err(error) if is_queue_full(&error, addr) && self.is_nonblocking().unwrap_or(false) => {
                    if !deadline.sleep(backoff.next()) {
                        return Ok(false);
                    }
                }
                started => {
                    let outcome = started?.wait(deadline.left());
                    return outcome.map_or(Ok(false), |outcome| outcome.map(|()| true));
                }
            }
        }
    }
}

/// OpenSSL's order: the blocking mode, SO_KEEPALIVE, TCP_NODELAY, TCP Fast
/// Open, connect(2). The first refusal ends it.
///
/// # Errors
/// As [`Socket::connect`], and for a connect that is not decided yet or was
/// interrupted an error that [is retryable](Error::is_retryable).
///
/// ```
/// use std::os::fd::AsFd;
/// use biosock::{Domain, Options, Protocol, SocketAddr, Type, fd};
///
/// let nobody: SocketAddr = "127.0.0.1:1".parse()?;
/// let socket = fd::socket(Domain::IPV4, Type::STREAM, Protocol::DEFAULT)?;
/// let error = nobody.with_sockaddr(|raw| fd::connect(socket.as_fd(), raw, Options::KEEPALIVE)).unwrap_err();
/// assert_eq!(error.to_string(), "connect: connection refused (ECONNREFUSED)");
/// # Ok::<(), biosock::Error>(())
/// ```
#[doc(alias = "BIO_connect")]
pub fn connect(fd: BorrowedFd<'_>, addr: SockAddr<'_>, options: Options) -> Result<()> {
    set_nonblocking(fd, options.contains(Options::NONBLOCK))?;
    prepare_and_connect(fd, addr, options)
}

fn prepare_and_connect(fd: BorrowedFd<'_>, addr: SockAddr<'_>, options: Options) -> Result<()> {
    set_stream_options(fd, options, Operation::Connect)?;
    if options.contains(Options::TFO) {
        set(sys::set_fastopen_connect(fd), Operation::Connect, Reason::UnableToTfo)?;
    }
    sys::connect(fd, addr).map_err(|errno| connect_error(errno.raw_os_error()))
}

/// The two options that connecting and listening share.
pub(crate) fn set_stream_options(fd: BorrowedFd<'_>, options: Options, operation: Operation) -> Result<()> {
    if options.contains(Options::KEEPALIVE) {
        set(sys::set_keepalive(fd, true), operation, Reason::UnableToKeepalive)?;
    }
    if options.contains(Options::NODELAY) {
        set(sys::set_nodelay(fd, true), operation, Reason::UnableToNodelay)?;
    }
    Ok(())
}

/// Whether a Unix listener's queue had no room (unix(7)). Of the other
/// families EAGAIN tells that the ports have run out, which no waiting mends.
pub(crate) fn is_queue_full(error: &Error, addr: &SocketAddr) -> bool {
    addr.family() == Domain::UNIX && is(error, sys::Errno::AGAIN)
}

/// The times between attempts at a full queue: 1 ms, twice that, at most 50 ms.
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

fn is(error: &Error, errno: sys::Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

pub(crate) fn connect_error(errno: i32) -> Error {
    Error::system_call(Operation::Connect, Syscall::Connect, errno, Reason::Connect)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Options = Options::empty();

    fn outcome(socket: &Socket) -> Option<i32> {
        connect_outcome(socket.as_fd()).unwrap()
    }

    /// To be writable without an error pending is not enough: so is a socket
    /// that was woken for nothing, or one whose error another took.
    #[test]
    fn a_connect_ends_with_a_peer_or_an_error() {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listener = Socket::stream_for(&any, PLAIN).unwrap();
        listener.listen_with_backlog(&any, PLAIN, 0).unwrap();
        let addr = listener.local_addr().unwrap();
        let first = Socket::stream_for(&addr, PLAIN).unwrap();
        first.connect(&addr, PLAIN).unwrap();
        assert_eq!(outcome(&first), Some(0));

        let pending = Socket::stream_for(&addr, Options::NONBLOCK).unwrap();
        assert!(matches!(pending.start_connect(&addr, PLAIN), Ok(Connect::InProgress(_))));
        assert_eq!(outcome(&pending), None, "the queue is full");

        let holder = Socket::stream_for(&any, PLAIN).unwrap();
        holder.bind(&any, PLAIN).unwrap();
        let refused = Socket::stream_for(&any, Options::NONBLOCK).unwrap();
        let started = refused.start_connect(&holder.local_addr().unwrap(), PLAIN);
        if let Ok(Connect::InProgress(mut connecting)) = started {
            assert!(refused.take_error().unwrap().is_some(), "another takes the error");
            let lost = connecting.wait(None).unwrap().unwrap_err();
            assert_eq!(lost.raw_os_error(), Some(libc::ENOTCONN));
        }
        let unconnected = Socket::stream_for(&any, PLAIN).unwrap();
        assert_eq!(outcome(&unconnected), Some(libc::ENOTCONN));
    }
}
