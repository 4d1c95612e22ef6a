//! Lookups on threads, for blocking and async dials.

use std::hash::{Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::answer::Answer;
use super::pool::{Asker, Pool, Ticket, Work};
use super::resolver::{Question, Resolver};
use super::system_resolver::SystemResolver;
use crate::sock::waker_error;
use crate::sys::{PerProcess, Waker};
use crate::{Domain, Error, ErrorKind, Operation, Result, SocketAddr, Syscall};

/// The maximum number of threads in this process for the lookups of all dials: 64
/// unless [`set_lookup_threads`] was called.
///
/// They start when they are needed, block signals, and end after ten seconds without
/// work. A thread inherits the namespaces (setns(2)) of the dial that it started for. A
/// lookup that has started occupies its thread until its resolver returns, even if no
/// dial waits for it any more: getaddrinfo(3) cannot be interrupted. It holds nothing
/// else. An identical lookup within 5 s shares it; a later one starts anew, so that one
/// that never returns does not block later dials of its name. With each identical lookup
/// in progress those 5 s double: a name that is dialled for an hour while none returns
/// has 10. Lookups without a thread wait for one, as long as their dial does, whose
/// report then says so; if no thread can be started (clone(2)) and there is none, they
/// fail.
///
/// A thread whose lookup has run for 30 s, as long as getaddrinfo(3) tries by default,
/// no longer counts, and another may take its place: getaddrinfo(3) over TCP has no
/// timeout, and a name server that accepts and is silent would block all lookups
/// forever. Including those, there are at most four times as many threads, 256 by
/// default. If all of these hang, lookups wait until one returns. A thread beyond the
/// number ends when its lookup returns. While lookups wait for a thread, one more thread
/// waits for its time to start, and does nothing else.
///
/// Callers are not distinguished: if many patient dials of names whose server is silent
/// occupy all threads, any other name waits until getaddrinfo(3) gives up. More threads
/// delay that; async dials with `HickoryResolver` (of the crate `biosock-hickory`) occupy none.
///
/// So that names whose server is silent do not occupy all of the threads, the first half
/// of them start at once, and each of the others up to 2 s after the previous one: by
/// default after 57 ms at first, and the last after 30 s, when getaddrinfo(3) has given
/// up the first by its defaults.
///
/// ```
/// assert_eq!(biosock::dial::lookup_threads(), 64);
/// ```
pub fn lookup_threads() -> usize {
    LIMIT.load(Ordering::Relaxed)
}

/// Sets the maximum number of threads for the lookups of all dials of this process; 0
/// means 1. Threads above a lowered number end with their lookup. Those whose lookup has
/// run for 30 s do not count: see [`lookup_threads`]. Children of fork(2) inherit the
/// number.
///
/// ```
/// use biosock::dial::{lookup_threads, set_lookup_threads};
///
/// set_lookup_threads(256);
/// assert_eq!(lookup_threads(), 256);
/// ```
pub fn set_lookup_threads(limit: usize) {
    LIMIT.store(limit.max(1), Ordering::Relaxed);
    SHARED.get().pool.set_limit(limit);
}

static LIMIT: AtomicUsize = AtomicUsize::new(64);

static SHARED: PerProcess<Shared> = PerProcess::new();

/// State that the dials of a process share.
struct Shared {
    pool: Arc<Pool<Asking>>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { pool: Arc::new(Pool::new(lookup_threads())) }
    }
}

/// The OS's resolver, which dials use by default.
pub(super) fn system_resolver() -> Arc<dyn Resolver> {
    // A single one, so that identical queries are recognised. Not in `Shared`: a dial
    // without a lookup must not create the pool, whose hasher reads random bytes.
    static SYSTEM: PerProcess<Arc<SystemResolver>> = PerProcess::new();
    Arc::clone(SYSTEM.get()) as Arc<dyn Resolver>
}

/// A query to a resolver.
#[derive(Debug)]
struct Asking {
    resolver: Arc<dyn Resolver>,
    question: Question,
}

impl Asking {
    /// The resolver's address in memory, which is unique while it exists.
    fn place(&self) -> *const () {
        Arc::as_ptr(&self.resolver).cast()
    }
}

impl PartialEq for Asking {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place() && self.question == other.question
    }
}

impl Eq for Asking {}

impl Hash for Asking {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.place(), &self.question).hash(state);
    }
}

impl Work for Asking {
    type Answer = Result<Vec<SocketAddr>>;

    fn run(&self) -> Self::Answer {
        self.resolver.resolve(&self.question)
    }

    fn panicked() -> Self::Answer {
        Err(Error::from_kind(Operation::Lookup, ErrorKind::LookupFailed).about("by a resolver that panicked"))
    }

    fn without_thread(error: &io::Error) -> Self::Answer {
        let errno = error.raw_os_error().unwrap_or_default();
        Err(Error::system_call(Operation::Lookup, Syscall::Clone, errno, None))
    }
}

/// A dial's lookup; dropping it abandons it.
#[derive(Debug)]
struct Waiting {
    /// `None` only while this is dropped.
    ticket: Option<Ticket<Asking>>,
}

impl Waiting {
    fn start(
        resolver: &Arc<dyn Resolver>,
        question: Question,
        asker: Arc<dyn Asker<Result<Vec<SocketAddr>>>>,
    ) -> Self {
        let asking = Asking { resolver: Arc::clone(resolver), question };
        Self { ticket: Some(SHARED.get().pool.ask(asking, asker)) }
    }

    /// The error to report if it waits for a thread.
    fn without_thread(&self) -> Option<Error> {
        let ticket = self.ticket.as_ref().filter(|ticket| ticket.is_of(&SHARED.get().pool))?;
        let busy = ticket.waits_behind()?;
        let host = ticket.work().question.host.as_deref().unwrap_or("the loopback addresses");
        Some(Error::explained(
            Operation::Lookup,
            ErrorKind::OutOfResources,
            host,
            format_args!("waited for a thread: all lookup threads are busy ({busy})"),
        ))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // In a child of fork(2) the parent's pool has no threads, and its lock may be
        // held forever.
        if let Some(foreign) = self.ticket.take().filter(|ticket| !ticket.is_of(&SHARED.get().pool)) {
            std::mem::forget(foreign);
        }
    }
}

/// The lookups of a blocking dial.
#[derive(Debug)]
pub(super) struct Lookups {
    answers: Arc<Answers>,
    /// The marks of their answers, and the lookups.
    waiting: Vec<(Domain, Waiting)>,
}

/// Answers that have arrived; the waker is readable from then on.
#[derive(Debug)]
struct Answers {
    come: Mutex<Vec<Answer>>,
    waker: Waker,
}

/// Receives the answer, which will have this mark.
struct Marked {
    mark: Domain,
    answers: Arc<Answers>,
}

impl Asker<Result<Vec<SocketAddr>>> for Marked {
    fn answered(&self, answer: Result<Vec<SocketAddr>>) {
        self.answers.come.lock().unwrap_or_else(PoisonError::into_inner).push((self.mark, answer));
        self.answers.waker.wake();
    }
}

impl Lookups {
    /// Starts a lookup for each family.
    pub(super) fn start(
        resolver: &Arc<dyn Resolver>,
        question: &Question,
        families: &[Domain],
    ) -> Result<Self> {
        let waker = Waker::new().map_err(|errno| waker_error(Operation::Wait, errno))?;
        let answers = Answers { come: Mutex::default(), waker };
        let mut lookups = Self { answers: Arc::new(answers), waiting: Vec::new() };
        for &family in families {
            lookups.ask(resolver, Question { family, ..question.clone() }, family);
        }
        Ok(lookups)
    }

    /// Starts another lookup, whose answer will have this mark.
    pub(super) fn ask(&mut self, resolver: &Arc<dyn Resolver>, question: Question, mark: Domain) {
        let asker = Arc::new(Marked { mark, answers: Arc::clone(&self.answers) });
        self.waiting.push((mark, Waiting::start(resolver, question, asker)));
    }

    /// The lookups that wait for a thread, and the errors to report.
    pub(super) fn without_thread(&self) -> impl Iterator<Item = (Domain, Error)> {
        self.waiting.iter().filter_map(|(mark, waiting)| Some((*mark, waiting.without_thread()?)))
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.answers.waker
    }

    /// The answers that have arrived since the last call.
    pub(super) fn take(&self) -> Vec<Answer> {
        self.answers.waker.clear();
        std::mem::take(&mut *self.answers.come.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(feature = "tokio")]
pub(super) use task::LookupTask;

#[cfg(feature = "tokio")]
mod task {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;

    /// A lookup that a task waits for.
    #[derive(Debug)]
    pub(in crate::dial) struct LookupTask {
        state: Arc<Mutex<State>>,
        waiting: Waiting,
    }

    #[derive(Debug, Default)]
    struct State {
        answer: Option<Result<Vec<SocketAddr>>>,
        task: Option<std::task::Waker>,
    }

    impl LookupTask {
        pub(in crate::dial) fn start(resolver: &Arc<dyn Resolver>, question: Question) -> Self {
            let state = Arc::new(Mutex::<State>::default());
            let asker = Arc::clone(&state);
            Self { state, waiting: Waiting::start(resolver, question, asker) }
        }

        /// The error to report if it waits for a thread.
        pub(in crate::dial) fn without_thread(&self) -> Option<Error> {
            self.waiting.without_thread()
        }
    }

    impl Asker<Result<Vec<SocketAddr>>> for Mutex<State> {
        fn answered(&self, answer: Result<Vec<SocketAddr>>) {
            let mut state = self.lock().unwrap_or_else(PoisonError::into_inner);
            state.answer = Some(answer);
            let task = state.task.take();
            drop(state);
            task.into_iter().for_each(std::task::Waker::wake);
        }
    }

    impl Future for LookupTask {
        type Output = Result<Vec<SocketAddr>>;

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match state.answer.take() {
                Some(answer) => Poll::Ready(answer),
                None => {
                    state.task = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        }
    }
}
