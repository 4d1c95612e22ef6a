//! Connecting, after BIO_connect.

use std::os::fd::{AsFd, BorrowedFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::fd::{SockAddr, set, set_nonblocking};
use crate::{Domain, Error, Interest, Operation, Options, Reason, Result, Socket, SocketAddr, Syscall, sys};

/// How far a connect has come.
///
/// ```
/// use biosock::{Connect, Options, Socket, SocketAddr};
///
/// let listener = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
/// listener.listen(&"127.0.0.1:0".parse()?, Options::empty())?;
/// let addr = listener.local_addr()?;
///
/// let socket = Socket::stream_for(&addr, Options::NONBLOCK)?;
/// match socket.connect(&addr, Options::empty())? {
///     Connect::Done => {}
///     Connect::InProgress(mut connecting) => connecting.wait(None).expect("no time limit")?,
/// }
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Debug)]
pub enum Connect<'s> {
    /// The connection stands. A blocking socket always gives this.
    Done,
    /// The socket is non-blocking and the system goes on connecting.
    InProgress(Connecting<'s>),
}

impl Connect<'_> {
    /// Waits for the verdict: `None` where `timeout` passes without one.
    /// A `timeout` of zero only looks; `None` waits without end.
    ///
    /// ```
    /// # use biosock::{Options, Socket, SocketAddr};
    /// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// # listener.listen(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// # let addr = listener.local_addr()?;
    /// let socket = Socket::stream_for(&addr, Options::NONBLOCK)?;
    /// let verdict = socket.connect(&addr, Options::empty())?.wait(None);
    /// assert!(verdict.is_some_and(|verdict| verdict.is_ok()));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn wait(self, timeout: Option<Duration>) -> Option<Result<()>> {
        match self {
            Self::Done => Some(Ok(())),
            Self::InProgress(mut connecting) => connecting.wait(timeout),
        }
    }
}

/// A connect that the system has not decided yet.
///
/// The system tells its verdict once (reading SO_ERROR clears it); this value
/// remembers it, so that it can be asked again.
///
/// ```
/// use std::time::Duration;
/// use biosock::{Connect, Options, Socket, SocketAddr};
///
/// let nobody: SocketAddr = "127.0.0.1:1".parse()?;
/// let socket = Socket::stream_for(&nobody, Options::NONBLOCK)?;
/// // Loopback may refuse at once; elsewhere this is the usual course.
/// if let Ok(Connect::InProgress(mut connecting)) = socket.connect(&nobody, Options::empty()) {
///     let verdict = connecting.wait(Some(Duration::from_secs(5)));
///     assert!(verdict.expect("decided").is_err());
///     assert!(connecting.verdict().expect("still known").is_err());
/// }
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Debug)]
pub struct Connecting<'s> {
    socket: &'s Socket,
    addr: SocketAddr,
    // The error number that SO_ERROR gave, 0 for success.
    verdict: Option<i32>,
}

impl Connecting<'_> {
    /// The verdict, or `None` while there is none; never waits.
    ///
    /// ```
    /// # use biosock::{Connect, Options, Socket};
    /// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// # listener.listen(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// # let addr = listener.local_addr()?;
    /// # let socket = Socket::stream_for(&addr, Options::NONBLOCK)?;
    /// if let Connect::InProgress(mut connecting) = socket.connect(&addr, Options::empty())? {
    ///     while connecting.verdict().is_none() {}
    ///     assert!(connecting.verdict().is_some_and(|verdict| verdict.is_ok()));
    /// }
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn verdict(&mut self) -> Option<Result<()>> {
        self.wait(Some(Duration::ZERO))
    }

    /// Waits for the verdict, at most `timeout`; `None` waits without end.
    /// Gives `None` where the time passes without a verdict.
    ///
    /// ```
    /// # use biosock::{Connect, Options, Socket};
    /// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// # listener.listen(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// # let addr = listener.local_addr()?;
    /// # let socket = Socket::stream_for(&addr, Options::NONBLOCK)?;
    /// if let Connect::InProgress(mut connecting) = socket.connect(&addr, Options::empty())? {
    ///     assert!(connecting.wait(None).is_some_and(|verdict| verdict.is_ok()));
    /// }
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn wait(&mut self, timeout: Option<Duration>) -> Option<Result<()>> {
        if self.verdict.is_none() {
            match crate::fd::wait(self.socket.as_fd(), Interest::Write, timeout) {
                Ok(false) => return None,
                Ok(true) => {}
                Err(error) => return Some(Err(error.at(&self.addr))),
            }
            match crate::fd::take_error(self.socket.as_fd()) {
                Ok(errno) => self.verdict = Some(errno),
                Err(error) => return Some(Err(error.at(&self.addr))),
            }
        }
        self.verdict.map(|errno| verdict(errno, &self.addr))
    }
}

fn verdict(errno: i32, addr: &SocketAddr) -> Result<()> {
    match errno {
        0 => Ok(()),
        errno => Err(connect_error(errno).at(addr)),
    }
}

impl Socket {
    /// Connects to an address. Acts on [`Options::KEEPALIVE`],
    /// [`Options::NODELAY`], [`Options::TFO`] and [`Options::NONBLOCK`]
    /// (needless on a socket that was created non-blocking).
    ///
    /// A blocking socket waits for the verdict, signals or not. A datagram
    /// socket only notes the peer's address.
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
    pub fn connect(&self, addr: &SocketAddr, options: Options) -> Result<Connect<'_>> {
        self.start_connect(addr, options).map_err(|error| error.at(addr))
    }

    fn start_connect(&self, addr: &SocketAddr, options: Options) -> Result<Connect<'_>> {
        if options.contains(Options::NONBLOCK) {
            self.set_nonblocking(true)?;
        }
        let in_progress = || Connecting { socket: self, addr: *addr, verdict: None };
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

    /// Connects within a time limit, and leaves the socket blocking unless
    /// [`Options::NONBLOCK`] is given. Otherwise as [`connect`](Self::connect).
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
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn connect_timeout(&self, addr: &SocketAddr, options: Options, timeout: Duration) -> Result<()> {
        let late = || Err(connect_error(sys::Errno::TIMEDOUT.raw_os_error()).at(addr));
        match self.connect_with_patience(addr, options | Options::NONBLOCK, timeout)? {
            Some(connect) => connect.wait(Some(timeout)).unwrap_or_else(late)?,
            None => late()?,
        }
        if !options.contains(Options::NONBLOCK) {
            self.set_nonblocking(false).map_err(|error| error.at(addr))?;
        }
        Ok(())
    }

    /// Connects, and waits for room in a full queue; `None` where none comes.
    fn connect_with_patience(
        &self,
        addr: &SocketAddr,
        options: Options,
        timeout: Duration,
    ) -> Result<Option<Connect<'_>>> {
        let start = Instant::now();
        let mut patience = Backoff::default();
        loop {
            match self.connect(addr, options) {
                Err(error) if is_queue_full(&error, addr) => {}
                connect => return connect.map(Some),
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            sleep(patience.next().min(left));
        }
    }
}

/// The page's order: the blocking mode, SO_KEEPALIVE, TCP_NODELAY, TCP Fast
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

/// Always a part of its callers, of which there are two: only so does a failure
/// stay in registers on its way to the C layer (`scripts/costs`).
#[inline(always)]
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
