//! The async driver, for tokio (feature `tokio`): the same attempts, polled by the
//! runtime. Dropping the future ends the dial.

use std::future::{Future, poll_fn};
use std::io;
use std::net;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use super::async_resolver::Resolving;
use super::attempts::{Attempts, Decided, Turn, wait_error};
use super::dialer::Dialer;
use super::dialing::{Dialed, Plan, unable};
use super::lookups::LookupTask;
use super::report::{DialError, DialFailure, Report};
use super::resolver::Question;
use crate::cancel::CancelWatch;
use crate::error::Refusal;
use crate::{Cancel, Domain, Error, Operation, Socket, SocketAddr, Type};

impl Dialer {
    /// As [`dial`](Self::dial), on a tokio runtime with its I/O and time drivers. The
    /// socket stays non-blocking, as tokio's types need it; for TCP there is
    /// [`dial_stream_async`](Self::dial_stream_async). The
    /// [`async_resolver`](Self::async_resolver) looks names up; without one the lookups
    /// run on biosock's threads ([`lookup_threads`](super::lookup_threads)), none of
    /// the runtime's, and dropping a runtime does not wait for them.
    ///
    /// # Errors
    /// As [`dial`](Self::dial), and outside a runtime.
    ///
    /// # Panics
    /// As tokio does, on a runtime without its I/O or time driver.
    ///
    /// ```
    /// use biosock::dial::Dialer;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let listener = tokio::net::TcpListener::bind("localhost:0").await?;
    /// let target = format!("localhost:{}", listener.local_addr()?.port());
    ///
    /// let dialed = Dialer::new().dial_async(&target).await?;
    /// let stream = tokio::net::TcpStream::from_std(dialed.socket.try_into()?)?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn dial_async(&self, target: &str) -> Result<Dialed, DialError> {
        let plan = self.plan_async(target)?;
        let (ended, report) = self.race_async(plan).await;
        let ended = ended.and_then(|winner| winner.into_socket().map_err(unable_to_wait));
        self.finish(target, ended, report, true)
    }

    /// As [`dial_async`](Self::dial_async), for TCP only: the winner is a stream that
    /// is already registered with the runtime, which saves deregistering it and
    /// registering it again.
    ///
    /// # Errors
    /// As [`dial_async`](Self::dial_async). A Unix path, or a
    /// [`socktype`](Self::socktype) other than [`Type::STREAM`], is refused.
    ///
    /// # Panics
    /// As [`dial_async`](Self::dial_async).
    ///
    /// ```
    /// use biosock::dial::Dialer;
    /// use tokio::io::AsyncReadExt;
    /// # use tokio::io::AsyncWriteExt;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let listener = tokio::net::TcpListener::bind("localhost:0").await?;
    /// let target = format!("localhost:{}", listener.local_addr()?.port());
    ///
    /// let mut dialed = Dialer::new().dial_stream_async(&target).await?;
    /// # listener.accept().await?.0.write_all(b"hello").await?;
    /// let mut heard = String::new();
    /// dialed.socket.read_to_string(&mut heard).await?;
    /// println!("{} says {heard}", dialed.addr);
    /// # assert_eq!(heard, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn dial_stream_async(&self, target: &str) -> Result<Dialed<TcpStream>, DialError> {
        let plan = self.plan_async(target)?;
        let unix = |addr: &SocketAddr| addr.family() == Domain::UNIX;
        let is_unix = matches!(&plan, Plan::Addrs(addrs) if addrs.iter().any(unix));
        if is_unix || self.settings.socktype != Type::STREAM {
            return Err(unable(target, Error::refused(Operation::Connect, Refusal::NotTcp)));
        }
        let (ended, report) = self.race_async(plan).await;
        let ended = ended.and_then(|winner| winner.into_stream().map_err(unable_to_wait));
        Self::ended(target, ended, report)
    }

    fn plan_async(&self, target: &str) -> Result<Plan, DialError> {
        if Handle::try_current().is_err() {
            return Err(unable(target, Error::refused(Operation::Connect, Refusal::NoRuntime)));
        }
        self.plan(target).map_err(|error| unable(target, error))
    }

    async fn race_async(&self, plan: Plan) -> (Result<Winner, DialFailure>, Report) {
        let start = Instant::now();
        let (attempts, lookups) = match plan {
            Plan::Addrs(addrs) => (self.attempts(start.into_std(), &addrs, &[]), Lookups::new()),
            Plan::Names(question) => {
                if let Some(addrs) = self.known(&question) {
                    let mut attempts = self.attempts(start.into_std(), &[], self.settings.families());
                    attempts.answered_together(start.elapsed(), &addrs);
                    (attempts, Lookups::new())
                } else {
                    let (attempts, families) = self.attempts_of(start.into_std(), &question);
                    let look_up = |&family| (family, self.look_up(Question { family, ..question.clone() }));
                    (attempts, families.iter().map(look_up).collect())
                }
            }
        };
        let deadline = self.timeout.and_then(|timeout| start.checked_add(timeout));
        let dial = Dial { dialer: self, attempts, lookups, watched: Vec::new(), start, deadline };
        dial.run(self.cancel.as_ref()).await
    }

    /// An async resolver returns what it has cached at once by itself.
    fn known(&self, question: &Question) -> Option<Vec<SocketAddr>> {
        if self.async_resolver.is_some() { None } else { self.resolver.known(question) }
    }

    /// Starts a lookup, with the async resolver or on a thread.
    fn look_up(&self, question: Question) -> UnderWay<'_> {
        match &self.async_resolver {
            Some(resolver) => UnderWay::Async(resolver.resolve(question)),
            None => UnderWay::OnThread(LookupTask::start(&self.resolver, question)),
        }
    }
}

/// Lookups in progress, each with the mark of its answer.
type Lookups<'d> = Vec<(Domain, UnderWay<'d>)>;

/// A lookup in progress.
enum UnderWay<'d> {
    OnThread(LookupTask),
    Async(Resolving<'d>),
}

impl UnderWay<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<SocketAddr>, Error>> {
        match self {
            Self::OnThread(task) => Pin::new(task).poll(cx),
            Self::Async(resolving) => resolving.as_mut().poll(cx),
        }
    }
}

/// The winner, in the form that the race has it in.
enum Winner {
    /// It was connected at once.
    Socket(Socket),
    /// It is registered with the runtime.
    Stream(TcpStream),
}

impl Winner {
    fn into_socket(self) -> io::Result<Socket> {
        match self {
            Self::Socket(socket) => Ok(socket),
            Self::Stream(stream) => Ok(Socket::from(OwnedFd::from(stream.into_std()?))),
        }
    }

    fn into_stream(self) -> io::Result<TcpStream> {
        match self {
            Self::Socket(socket) => watch(socket),
            Self::Stream(stream) => Ok(stream),
        }
    }
}

/// A dial in progress on the runtime.
struct Dial<'d> {
    dialer: &'d Dialer,
    attempts: Attempts<'d>,
    lookups: Lookups<'d>,
    watched: Vec<(usize, TcpStream)>,
    start: Instant,
    deadline: Option<Instant>,
}

impl Dial<'_> {
    async fn run(mut self, cancel: Option<&Cancel>) -> (Result<Winner, DialFailure>, Report) {
        let ended = self.race(cancel).await;
        for (attempt, stream) in self.watched {
            self.attempts.closing(attempt, stream);
        }
        let cancelled = matches!(ended, Err(DialFailure::Cancelled));
        let never_began = self.lookups.iter().filter_map(|(mark, lookup)| match lookup {
            UnderWay::OnThread(task) => Some((*mark, task.without_thread()?)),
            UnderWay::Async(_) => None,
        });
        (ended, self.attempts.end(self.start.elapsed(), cancelled, never_began))
    }

    async fn race(&mut self, cancel: Option<&Cancel>) -> Result<Winner, DialFailure> {
        // Registered at the first wait: a dial that connects at once does not need it.
        let mut cancel_watch: Option<CancelWatch> = None;
        loop {
            let now = self.start.elapsed();
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(DialFailure::TimedOut);
            }
            if cancel.is_some_and(Cancel::is_cancelled) {
                return Err(DialFailure::Cancelled);
            }
            match self.attempts.advance(now) {
                Turn::Won(socket) => return Ok(Winner::Socket(socket)),
                Turn::Again => {}
                Turn::Exhausted => return Err(DialFailure::NoneAnswered),
                Turn::Watch(attempt, socket) => {
                    let stream = watch(socket).map_err(unable_to_wait)?;
                    self.watched.push((attempt, stream));
                }
                Turn::Wait(next) => {
                    let question = self.attempts.take_question();
                    self.lookups
                        .extend(question.map(|(mark, question)| (mark, self.dialer.look_up(question))));
                    if let (Some(cancel), None) = (cancel, &cancel_watch) {
                        cancel_watch = Some(cancel.watch().map_err(unable_to_wait)?);
                    }
                    if let Some(stream) = self.wait(next, cancel_watch.as_ref()).await? {
                        return Ok(Winner::Stream(stream));
                    }
                }
            }
        }
    }

    /// Waits until something happens; returns the winner if there is one.
    async fn wait(
        &mut self,
        next: Option<Duration>,
        cancel: Option<&CancelWatch>,
    ) -> Result<Option<TcpStream>, DialFailure> {
        let next = next.and_then(|next| self.start.checked_add(next));
        let end = [next, self.deadline].into_iter().flatten().min();
        let mut timer = pin!(end.map(sleep_until));
        poll_fn(|cx| {
            let timer = timer.as_mut().as_pin_mut();
            let passed = timer.is_some_and(|timer| timer.poll(cx).is_ready());
            let cancelled = match cancel.map_or(Poll::Pending, |cancel| cancel.poll(cx)) {
                Poll::Ready(Err(error)) => return Poll::Ready(Err(unable_to_wait(error))),
                cancelled => cancelled.is_ready(),
            };
            let answered = self.poll_answers(cx);
            match self.poll_outcomes(cx) {
                Poll::Pending if passed || cancelled || answered => Poll::Ready(Ok(None)),
                outcome => outcome,
            }
        })
        .await
    }

    fn poll_answers(&mut self, cx: &mut Context<'_>) -> bool {
        let (attempts, start) = (&mut self.attempts, self.start);
        let under_way = self.lookups.len();
        self.lookups.retain_mut(|(mark, lookup)| match lookup.poll(cx) {
            Poll::Ready(answer) => {
                attempts.answered(start.elapsed(), (*mark, answer));
                false
            }
            Poll::Pending => true,
        });
        self.lookups.len() < under_way
    }

    /// Ready when an attempt has an outcome, with its stream if it won.
    fn poll_outcomes(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<TcpStream>, DialFailure>> {
        let mut at = 0;
        while let Some((_, stream)) = self.watched.get(at) {
            let Poll::Ready(ready) = stream.poll_write_ready(cx) else {
                at += 1;
                continue;
            };
            // A runtime that is shutting down reports no outcome.
            ready.map_err(unable_to_wait)?;
            let (attempt, stream) = self.watched.remove(at);
            match self.attempts.decided(self.start.elapsed(), attempt, stream) {
                Decided::Won(stream) => return Poll::Ready(Ok(Some(stream))),
                Decided::Lost => return Poll::Ready(Ok(None)),
                Decided::NotYet(stream) => {
                    // So that the next turn waits for the system's next event.
                    let spurious = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
                    let _ = stream.try_io(tokio::io::Interest::WRITABLE, spurious);
                    self.watched.insert(at, (attempt, stream));
                }
            }
        }
        Poll::Pending
    }
}

/// Registers an attempt with the runtime. Only TCP attempts take time: an AF_UNIX or
/// datagram socket is connected or refused at once.
fn watch(socket: Socket) -> io::Result<TcpStream> {
    TcpStream::from_std(net::TcpStream::from(OwnedFd::from(socket)))
}

/// The runtime refused to wait, as one that is shutting down does.
fn unable_to_wait(error: io::Error) -> DialFailure {
    DialFailure::Unable(wait_error(error.raw_os_error().unwrap_or(libc::ECANCELED)))
}
