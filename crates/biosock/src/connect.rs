//! Connecting, after BIO_connect.

use std::os::fd::{AsFd, BorrowedFd};

use crate::connecting::{Backoff, Connecting, Deadline, connect_error, timed_out};
use crate::options::{ConnectOptions, Options};
use crate::raw::SockAddr;
use crate::sock::{set, set_nonblocking};
use crate::{Domain, Error, Operation, Reason, Result, Socket, SocketAddr, sys};

impl Socket {
    /// Connects to an address and waits for the outcome, whether or not signals
    /// interrupt it, and whether the socket is blocking or not.
    ///
    /// The system decides how long that may take; [`connect_with`](Self::connect_with)
    /// has a time limit, and [`start_connect`](Self::start_connect) does not wait. A
    /// datagram socket only records the peer's address. If a Unix listener's queue is
    /// full, this waits for room in it.
    ///
    /// # Errors
    /// connect(2)'s with [`Reason::Connect`].
    ///
    /// ```
    /// use biosock::{Socket, SocketAddr};
    ///
    /// let nobody: SocketAddr = "127.0.0.1:1".parse()?;
    /// let error = Socket::stream_for(&nobody)?.connect(&nobody).unwrap_err();
    /// assert_eq!(error.to_string(), "connect to 127.0.0.1:1: connection refused (ECONNREFUSED)");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_connect")]
    pub fn connect(&self, addr: &SocketAddr) -> Result<()> {
        self.connect_with(addr, &ConnectOptions::new())
    }

    /// As [`connect`](Self::connect), with options: a time limit, and what to set on
    /// the socket first.
    ///
    /// The socket stays blocking or non-blocking as it was, whatever the outcome. If a
    /// Unix listener's queue is full, a non-blocking socket, or a connect with a time
    /// limit, tries again after 1 ms at first and up to 50 ms later, since the system
    /// does not report when there is room.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); setsockopt(2)'s with
    /// [`Reason::UnableToKeepalive`], [`Reason::UnableToNodelay`] or
    /// [`Reason::UnableToTfo`], or, for the times of keep-alive, with the option's
    /// name; ETIMEDOUT when the time limit passes: the attempt may then still be in
    /// progress, so close the socket. With a time limit also fcntl(2)'s and ioctl(2)'s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use biosock::{ConnectOptions, Socket};
    ///
    /// let listener = Socket::stream_for(&"[::1]:0".parse()?)?;
    /// listener.listen(&"[::1]:0".parse()?)?;
    /// let addr = listener.local_addr()?;
    ///
    /// let socket = Socket::stream_for(&addr)?;
    /// socket.connect_with(&addr, &ConnectOptions::new().timeout(Duration::from_secs(5)).nodelay(true))?;
    /// assert!(socket.nodelay()? && !socket.is_nonblocking()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_connect")]
    pub fn connect_with(&self, addr: &SocketAddr, options: &ConnectOptions) -> Result<()> {
        if options.timeout.is_none() {
            return self.connect_and_wait(addr, options);
        }
        if self.is_nonblocking()? {
            return self.connect_and_wait(addr, options);
        }
        self.set_nonblocking(true)?;
        let ended = self.connect_and_wait(addr, options);
        let restored = self.set_nonblocking(false);
        ended.and(restored)
    }

    /// Makes the socket non-blocking and starts to connect, without waiting for the
    /// outcome: the returned value reports it, or waits for it.
    ///
    /// # Errors
    /// ioctl(2)'s; connect(2)'s with [`Reason::Connect`], among them EAGAIN, which [is
    /// retryable](Error::is_retryable), if the queue of a Unix listener is full.
    ///
    /// ```
    /// use biosock::Socket;
    ///
    /// let listener = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// listener.listen(&"127.0.0.1:0".parse()?)?;
    /// let addr = listener.local_addr()?;
    ///
    /// let socket = Socket::stream_for(&addr)?;
    /// let mut connecting = socket.start_connect(&addr)?;
    /// connecting.wait(&socket, None)?;
    /// assert!(socket.is_nonblocking()? && socket.peer_addr()? == addr);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    ///
    /// The value must not be ignored, since there may be no connection yet:
    ///
    /// ```compile_fail
    /// #![deny(unused_must_use)]
    /// # use biosock::Socket;
    /// # let addr = "127.0.0.1:1".parse()?;
    /// # let socket = Socket::stream_for(&addr)?;
    /// socket.start_connect(&addr)?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_connect")]
    pub fn start_connect(&self, addr: &SocketAddr) -> Result<Connecting> {
        self.start_connect_with(addr, &ConnectOptions::new())
    }

    /// As [`start_connect`](Self::start_connect), with options. Their timeout starts
    /// here.
    ///
    /// # Errors
    /// As [`start_connect`](Self::start_connect), and setsockopt(2)'s as
    /// [`connect_with`](Self::connect_with).
    ///
    /// ```
    /// # use biosock::Socket;
    /// use std::time::Duration;
    /// use biosock::ConnectOptions;
    ///
    /// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// # listener.listen(&"127.0.0.1:0".parse()?)?;
    /// # let addr = listener.local_addr()?;
    /// # let socket = Socket::stream_for(&addr)?;
    /// let options = ConnectOptions::new().timeout(Duration::from_secs(5)).nodelay(true);
    /// let mut connecting = socket.start_connect_with(&addr, &options)?;
    /// connecting.wait(&socket, None)?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_connect")]
    pub fn start_connect_with(&self, addr: &SocketAddr, options: &ConnectOptions) -> Result<Connecting> {
        self.set_nonblocking(true)?;
        self.begin_connect(addr, options)
    }

    /// Starts to connect without changing the socket's mode: a blocking socket waits.
    pub(crate) fn begin_connect(&self, addr: &SocketAddr, options: &ConnectOptions) -> Result<Connecting> {
        self.begin_until(addr, options, Deadline::after(options.timeout))
    }

    fn begin_until(
        &self,
        addr: &SocketAddr,
        options: &ConnectOptions,
        deadline: Deadline,
    ) -> Result<Connecting> {
        let connecting = |outcome| Connecting::new(addr, deadline, outcome);
        // These errors name the option.
        options.stream.keep_alive.map_or(Ok(()), |times| self.set_keepalive_times(times))?;
        loop {
            match addr.with_sockaddr(|raw| prepare_and_connect(self.as_fd(), raw, options.stream.bits)) {
                Ok(()) => return Ok(connecting(Some(0))),
                Err(error) if is(&error, sys::Errno::INPROGRESS) => return Ok(connecting(None)),
                // After a signal the system no longer waits for room in a queue.
                Err(error) if is(&error, sys::Errno::INTR) && addr.family() == Domain::UNIX => {}
                // Any other connect continues after the signal (connect(2)).
                Err(error) if is(&error, sys::Errno::INTR) => {
                    let mut connecting = connecting(None);
                    return connecting.wait(self, None).map(|()| connecting);
                }
                Err(error) => return Err(error.at(addr)),
            }
        }
    }

    fn connect_and_wait(&self, addr: &SocketAddr, options: &ConnectOptions) -> Result<()> {
        let deadline = Deadline::after(options.timeout);
        let mut backoff = Backoff::default();
        loop {
            match self.begin_until(addr, options, deadline) {
                // A blocking connect has already waited, for as long as SO_SNDTIMEO says.
                Err(error) if is_queue_full(&error, addr) && self.is_nonblocking().unwrap_or(false) => {
                    if !deadline.sleep(backoff.next()) {
                        return Err(timed_out(addr));
                    }
                }
                started => return started?.wait(self, None),
            }
        }
    }
}

/// In OpenSSL's order: the blocking mode, SO_KEEPALIVE, TCP_NODELAY, TCP Fast Open,
/// connect(2). Stops at the first failure.
///
/// # Errors
/// As [`Socket::connect_with`], and for a connect that is in progress or was
/// interrupted an error that [is retryable](Error::is_retryable).
///
/// ```
/// use std::os::fd::AsFd;
/// use biosock::fd::{self, Options};
/// use biosock::{Domain, Protocol, SocketAddr, Type};
///
/// let nobody: SocketAddr = "127.0.0.1:1".parse()?;
/// let socket = fd::socket(Domain::IPV4, Type::STREAM, Protocol::DEFAULT)?;
/// let error = nobody.with_sockaddr(|raw| fd::connect(socket.as_fd(), raw, Options::KEEPALIVE)).unwrap_err();
/// assert_eq!(error.to_string(), "connect: connection refused (ECONNREFUSED)");
/// # Ok::<(), biosock::Error>(())
/// ```
#[doc(alias = "BIO_connect")]
#[inline]
pub fn connect(fd: BorrowedFd<'_>, addr: SockAddr<'_>, options: Options) -> Result<()> {
    set_nonblocking(fd, options.contains(Options::NONBLOCK))?;
    prepare_and_connect(fd, addr, options)
}

#[inline]
fn prepare_and_connect(fd: BorrowedFd<'_>, addr: SockAddr<'_>, options: Options) -> Result<()> {
    set_stream_options(fd, options, Operation::Connect)?;
    if options.contains(Options::TFO) {
        set(sys::set_fastopen_connect(fd), Operation::Connect, Reason::UnableToTfo)?;
    }
    sys::connect(fd, addr).map_err(|errno| connect_error(errno.raw_os_error()))
}

/// The two options that connecting and listening have in common.
#[inline]
pub(crate) fn set_stream_options(fd: BorrowedFd<'_>, options: Options, operation: Operation) -> Result<()> {
    if options.contains(Options::KEEPALIVE) {
        set(sys::set_keepalive(fd, true), operation, Reason::UnableToKeepalive)?;
    }
    if options.contains(Options::NODELAY) {
        set(sys::set_nodelay(fd, true), operation, Reason::UnableToNodelay)?;
    }
    Ok(())
}

/// Whether a Unix listener's queue was full (unix(7)). For other families EAGAIN means
/// that no local port is free, which waiting does not help.
pub(crate) fn is_queue_full(error: &Error, addr: &SocketAddr) -> bool {
    addr.family() == Domain::UNIX && is(error, sys::Errno::AGAIN)
}

fn is(error: &Error, errno: sys::Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ListenOptions;
    use crate::connecting::connect_outcome;

    fn outcome(socket: &Socket) -> Option<i32> {
        connect_outcome(socket.as_fd()).unwrap()
    }

    /// Being writable without a pending error is not enough: that is also a socket that
    /// was woken spuriously, or whose error was already read.
    #[test]
    fn a_connect_ends_with_a_peer_or_an_error() {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listener = Socket::stream_for(&any).unwrap();
        listener.listen_with(&any, &ListenOptions::new().backlog(0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let first = Socket::stream_for(&addr).unwrap();
        first.connect(&addr).unwrap();
        assert_eq!(outcome(&first), Some(0));

        let pending = Socket::stream_for(&addr).unwrap();
        assert!(!pending.start_connect(&addr).unwrap().is_connected());
        assert_eq!(outcome(&pending), None, "the queue is full");

        let holder = Socket::stream_for(&any).unwrap();
        holder.bind(&any).unwrap();
        let refused = Socket::stream_for(&any).unwrap();
        if let Ok(mut connecting) = refused.start_connect(&holder.local_addr().unwrap()) {
            assert!(refused.take_error().unwrap().is_some(), "another takes the error");
            let lost = connecting.wait(&refused, None).unwrap_err();
            assert_eq!(lost.raw_os_error(), Some(libc::ENOTCONN));
        }
        let unconnected = Socket::stream_for(&any).unwrap();
        assert_eq!(outcome(&unconnected), Some(libc::ENOTCONN));
    }
}
