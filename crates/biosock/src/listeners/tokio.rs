//! Accepting from a set on a tokio runtime (feature `tokio`).

use std::future::{Future, poll_fn};
use std::io;
use std::net;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::sleep;

use super::acceptor::Pool;
use super::advice::{AcceptAdvice, AcceptBackoff, Event, FEW, Outcome, is_nobody};
use super::file::SocketFile;
use super::set::{Listeners, unlink};
use crate::accept::accept_socket;
use crate::error::Refusal;
use crate::{Cancel, Error, Operation, Result, Socket, SocketAddr, Syscall};

impl Listeners {
    /// Converts the set for use on the caller's tokio runtime, which needs its I/O
    /// driver, and its time driver to [serve](AsyncListeners::serve).
    ///
    /// # Errors
    /// Outside a runtime; epoll_ctl(2)'s.
    ///
    /// # Panics
    /// As tokio does, on a runtime without its I/O driver.
    ///
    /// ```
    /// use biosock::listeners::Listen;
    /// # use biosock::dial::Dialer;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let mut listeners = Listen::new().listen("localhost:0")?.into_async()?;
    /// # let _client = Dialer::new().dial_addrs(listeners.addrs()).map_err(std::io::Error::from)?;
    /// let (socket, peer) = listeners.accept().await?;
    /// let stream = tokio::net::TcpStream::from_std(socket.try_into()?)?;
    /// assert_eq!(biosock::SocketAddr::from(stream.peer_addr()?), peer);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_async(self) -> Result<AsyncListeners> {
        if Handle::try_current().is_err() {
            return Err(Error::refused(Operation::Listen, Refusal::NoRuntime));
        }
        let addrs = self.addrs()?;
        let sockets: io::Result<Vec<_>> = self.sockets.into_iter().map(watch).collect();
        let sockets = sockets.map_err(|error| wait_error(&error))?;
        Ok(AsyncListeners { sockets, addrs, files: self.files, pool: self.pool, turn: 0 })
    }
}

/// Registers a socket with the runtime, as the one of tokio's types that reports
/// readability for any socket.
fn watch(socket: Socket) -> io::Result<TcpStream> {
    TcpStream::from_std(net::TcpStream::from(OwnedFd::from(socket)))
}

/// Listening sockets that are accepted from together on a tokio runtime:
/// [`Listeners::into_async`]. Dropping it closes them; a socket file is kept (see
/// [`unlink`](Self::unlink)).
///
/// ```
/// use biosock::listeners::Listen;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let listeners = Listen::new().listen("*:0")?.into_async()?;
/// for addr in listeners.addrs() {
///     println!("listening on {addr}");
/// }
/// # Ok::<(), biosock::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AsyncListeners {
    sockets: Vec<TcpStream>,
    addrs: Vec<SocketAddr>,
    files: Vec<SocketFile>,
    /// For when it becomes a set for threads again: other processes and sets that share
    /// the sockets have the same nudge.
    pool: Pool,
    /// The socket that is tried first.
    turn: usize,
}

impl AsyncListeners {
    /// Waits for a connection on any of the sockets. The accepted socket is
    /// non-blocking, as tokio's types need it.
    ///
    /// The sockets take turns, and connections that are gone before they are accepted
    /// are skipped; if that happens eight times in a row, the error is returned, and
    /// the caller should back off. The future is cancel-safe: dropping it loses no
    /// connection. For several accepting tasks there is
    /// [`Listen::shards`](super::Listen::shards).
    ///
    /// # Errors
    /// accept(2)'s; [`AcceptAdvice`] sorts them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use biosock::listeners::Listen;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let mut listeners = Listen::new().listen("localhost:0")?.into_async()?;
    /// let accept = listeners.accept();
    /// assert!(tokio::time::timeout(Duration::from_millis(1), accept).await.is_err());
    /// # Ok::<(), biosock::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn accept(&mut self) -> Result<(Socket, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// As [`Listeners::serve`]: reports each connection until `cancel` is cancelled or
    /// the future is dropped, and backs off during temporary failures. `on_event`
    /// should start a task for a connection, not serve it.
    ///
    /// # Errors
    /// The failure that made a listener unusable.
    ///
    /// ```
    /// use biosock::Cancel;
    /// use biosock::listeners::{Event, Listen};
    /// use tokio::net::TcpStream;
    /// # use biosock::dial::Dialer;
    ///
    /// async fn greet(stream: std::io::Result<TcpStream>, cancel: Cancel) {
    ///     println!("hello {:?}", stream.and_then(|stream| stream.peer_addr()));
    ///     cancel.cancel();
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let mut listeners = Listen::new().listen("localhost:0")?.into_async()?;
    /// # let _client = Dialer::new().dial_addrs(listeners.addrs()).map_err(std::io::Error::from)?;
    /// let cancel = Cancel::new()?;
    /// let on_event = |event| match event {
    ///     Event::Connection(socket, _) => {
    ///         let stream = socket.try_into().map_err(std::io::Error::other).and_then(TcpStream::from_std);
    ///         tokio::spawn(greet(stream, cancel.clone()));
    ///     }
    ///     Event::Failure { error, backoff } => eprintln!("{error}; next try in {backoff:?}"),
    /// };
    /// listeners.serve(&cancel, on_event).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn serve(&mut self, cancel: &Cancel, mut on_event: impl FnMut(Event)) -> Result<()> {
        let mut backoff = AcceptBackoff::new();
        // The runtime may be as short of descriptors as accepting is.
        let cancelled = loop {
            if cancel.is_cancelled() {
                return Ok(());
            }
            match cancel.watch() {
                Ok(cancelled) => break cancelled,
                Err(error) => {
                    let error = wait_error(&error);
                    sleep(act(backoff.outcome_of(Err(error))?, &mut on_event).unwrap_or_default()).await;
                }
            }
        };
        while !cancel.is_known() {
            // The cancel goes first: accepting may never be pending.
            let accepted = poll_fn(|cx| match cancelled.poll(cx) {
                Poll::Pending => self.poll_accept_one(cx).map(Some),
                Poll::Ready(cancelled) => Poll::Ready(cancelled.err().map(|error| Err(wait_error(&error)))),
            });
            let Some(accepted) = accepted.await else { break };
            let Some(pause) = act(backoff.outcome_of(accepted)?, &mut on_event) else { continue };
            let mut rest = pin!(sleep(pause));
            poll_fn(|cx| match cancelled.poll(cx) {
                Poll::Pending => rest.as_mut().poll(cx),
                Poll::Ready(_) => Poll::Ready(()),
            })
            .await;
        }
        Ok(())
    }

    /// As [`poll_accept_one`](Self::poll_accept_one), skipping connections that are
    /// gone; only a few in a row, so that the task yields.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Socket, SocketAddr)>> {
        let mut in_row = 0;
        loop {
            in_row += 1;
            match ready!(self.poll_accept_one(cx)) {
                Err(error) if in_row < FEW && AcceptAdvice::after(&error) == AcceptAdvice::TryAgain => {}
                accepted => return Poll::Ready(accepted),
            }
        }
    }

    /// Tries the sockets that may have a connection, starting with the one whose turn
    /// it is.
    fn poll_accept_one(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Socket, SocketAddr)>> {
        let count = self.sockets.len();
        for at in (0..count).map(|n| (self.turn + n) % count) {
            if let Poll::Ready(done) = accept_from(&self.sockets[at], cx) {
                self.turn = at + 1;
                return Poll::Ready(done);
            }
        }
        Poll::Pending
    }

    /// The addresses that the set listens on, in the order of the sockets.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let listeners = Listen::new().listen("127.0.0.1:0")?.into_async()?;
    /// assert_ne!(listeners.addrs()[0].port(), Some(0));
    /// # Ok::<(), biosock::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// Removes the socket files that were created for the set, as [`Listeners::unlink`]
    /// does, but without waiting for a lock.
    ///
    /// # Errors
    /// The first error of [`SocketFile::remove`]; EAGAIN if another process holds a
    /// file's lock at the moment: try again a little later. A file that is already gone
    /// is not an error.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let dir = tempfile::tempdir()?;
    /// # let target = format!("unix:{}", dir.path().join("socket").display());
    /// Listen::new().listen(&target)?.into_async()?.unlink()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unlink(&self) -> io::Result<()> {
        unlink(&self.files, |file| file.remove_within(Duration::ZERO))
    }

    /// Converts it back to a set for threads; the runtime no longer watches it.
    ///
    /// # Errors
    /// epoll_ctl(2)'s.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let listeners = Listen::new().listen("127.0.0.1:0")?.into_async()?.into_blocking()?;
    /// assert_eq!(listeners.sockets().len(), 1);
    /// # Ok::<(), biosock::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_blocking(self) -> Result<Listeners> {
        let back = |stream: TcpStream| Ok(Socket::from(OwnedFd::from(stream.into_std()?)));
        let sockets: io::Result<Vec<_>> = self.sockets.into_iter().map(back).collect();
        let sockets = sockets.map_err(|error| wait_error(&error))?;
        Ok(Listeners { sockets, files: self.files, pool: self.pool })
    }
}

fn accept_from(listener: &TcpStream, cx: &mut Context<'_>) -> Poll<Result<(Socket, SocketAddr)>> {
    loop {
        ready!(listener.poll_read_ready(cx)).map_err(|error| wait_error(&error))?;
        let mut done = None;
        let accept = || match accept_socket(listener.as_fd(), true) {
            Err(error) if is_nobody(&error) => Err(io::ErrorKind::WouldBlock.into()),
            accepted => {
                done = Some(accepted);
                Ok(())
            }
        };
        // If it would block, it is tried again when the runtime reports readiness.
        let _ = listener.try_io(Interest::READABLE, accept);
        if let Some(accepted) = done {
            return Poll::Ready(accepted);
        }
    }
}

/// Reports an event, if there is one; returns how long to back off, if at all.
fn act(outcome: Outcome, on_event: &mut impl FnMut(Event)) -> Option<Duration> {
    match outcome {
        Outcome::Event(event) => {
            let pause = event.pause();
            on_event(event);
            pause
        }
        Outcome::Rest(pause) => Some(pause),
        Outcome::GoOn => None,
    }
}

/// The runtime refused to wait, as one that is shutting down does.
fn wait_error(error: &io::Error) -> Error {
    let errno = error.raw_os_error().unwrap_or(libc::ECANCELED);
    Error::system_call(Operation::Accept, Syscall::Poll, errno, None)
}
