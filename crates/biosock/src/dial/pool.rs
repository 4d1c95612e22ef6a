//! Threads for work that blocks and cannot be interrupted, such as lookups: a bounded
//! number of them, identical work done once, and abandoned work dropped.
//!
//! Work may never return. So identical work joins a run only while that is young;
//! later a new run starts, and the old one answers those that joined it. The maximum
//! age for joining doubles with each run in progress: a name whose lookups hang
//! occupies few threads, however often it is looked up, and is never given up.
//!
//! Half of the threads start when they are needed. Each of the others starts some time
//! after the one before it, so that a flood of work that hangs does not occupy all of
//! them at once, and some are left for work that does not hang. A thread whose work has
//! hung for [`RAMP`] makes room for another, up to [`MOST`] times the limit in all, so
//! that work that never returns does not block all other work. One thread at a time
//! waits to start, and needs no further request to do so.
//!
//! Queued work is taken from both ends of the queue alternately: the oldest, since
//! impatient work leaves the queue, and the newest, since much patient work would delay
//! it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex, MutexGuard};

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
use model::new_thread;

#[cfg(test)]
thread_local! {
    /// Whether this thread can start none. Loom runs all of a model on one thread.
    static NO_THREADS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Work for a thread.
pub(super) trait Work: Eq + Hash + Send + Sync + 'static {
    type Answer: Clone + std::fmt::Debug + Send + 'static;

    /// Does it, however long it takes.
    fn run(&self) -> Self::Answer;
    /// The answer if [`run`](Self::run) panics.
    fn panicked() -> Self::Answer;
    /// The answer if there is no thread and none can be started.
    fn without_thread(error: &io::Error) -> Self::Answer;
}

/// Receives the answer, on the thread that has it.
pub(super) trait Asker<A>: Send + Sync {
    fn answered(&self, answer: A);
}

/// How long a thread without work stays.
#[cfg(not(all(test, loom)))]
const IDLE: Duration = Duration::from_secs(10);

/// How long after its start the only run of some work may be joined: as long as the
/// first name server has to answer (resolv.conf(5): `timeout:5`).
const JOINABLE: Duration = Duration::from_secs(5);

/// How long until the last thread may start: as long as three silent name servers
/// occupy getaddrinfo(3) (resolv.conf(5): `timeout:5 attempts:2`). Work that has run for
/// longer may never return.
const RAMP: Duration = Duration::from_secs(30);
/// The maximum time between two starts.
const LONGEST_STEP: Duration = Duration::from_secs(2);

/// The maximum number of threads, including those whose work may never return, as a
/// multiple of the limit.
const MOST: usize = 4;

/// The threads and their work.
#[derive(Debug)]
pub(super) struct Pool<W: Work> {
    state: Mutex<State<W>>,
    changed: Condvar,
    /// The time at which the next thread joins the others has changed.
    rescheduled: Condvar,
}

#[derive(Debug)]
struct State<W: Work> {
    /// The runs of identical work, the newest last. There is at least one.
    jobs: HashMap<Arc<W>, Vec<Job<W::Answer>>>,
    /// Those that no thread has started, by age.
    queue: BTreeMap<u64, Arc<W>>,
    /// Which end of the queue was taken from last.
    was_newest: bool,
    next_number: u64,
    /// The start of each running job, with its number.
    running: BTreeSet<(Instant, u64)>,
    limit: usize,
    threads: usize,
    /// Threads without work, those that have just started included.
    idle: usize,
    /// When the thread that waits to join the others may do so; `None` if none waits.
    due: Option<Instant>,
    /// The time, advanced by tests.
    #[cfg(test)]
    now: Instant,
    /// Whether idle threads have been idle for long enough.
    #[cfg(all(test, loom))]
    expired: bool,
}

/// With the number of each.
type Askers<A> = Vec<(u64, Arc<dyn Asker<A>>)>;

struct Job<A> {
    number: u64,
    /// When a thread started it.
    begun: Option<Instant>,
    askers: Askers<A>,
}

impl<A> std::fmt::Debug for Job<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut job = f.debug_struct("Job");
        job.field("number", &self.number).field("begun", &self.begun);
        job.field("askers", &self.askers.len()).finish()
    }
}

/// A pending request. Dropping it drops the asker, and the work too unless a thread has
/// started it or others wait for it.
#[derive(Debug)]
pub(super) struct Ticket<W: Work> {
    pool: Arc<Pool<W>>,
    work: Arc<W>,
    job: u64,
    asker: u64,
}

impl<W: Work> Pool<W> {
    /// A pool of at most this many threads, and at least one.
    pub(super) fn new(limit: usize) -> Self {
        let state = State {
            jobs: HashMap::new(),
            queue: BTreeMap::new(),
            was_newest: true,
            next_number: 0,
            running: BTreeSet::new(),
            limit: limit.max(1),
            threads: 0,
            idle: 0,
            due: None,
            #[cfg(test)]
            now: Instant::now(),
            #[cfg(all(test, loom))]
            expired: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), rescheduled: Condvar::new() }
    }

    /// Changes the limit. Excess threads end with their work.
    pub(super) fn set_limit(self: &Arc<Self>, limit: usize) {
        let mut state = self.lock();
        state.limit = limit.max(1);
        let start = state.grow();
        drop(state);
        self.changed.notify_all();
        start.into_iter().for_each(|start| self.start(start));
    }

    /// Requests work, or joins a young run of identical work.
    pub(super) fn ask(self: &Arc<Self>, work: W, asker: Arc<dyn Asker<W::Answer>>) -> Ticket<W> {
        let work = Arc::new(work);
        let mut state = self.lock();
        let (job, asker) = state.join(&work, asker);
        let start = state.grow();
        drop(state);
        self.changed.notify_one();
        start.into_iter().for_each(|start| self.start(start));
        Ticket { pool: Arc::clone(self), work, job, asker }
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a thread. If that fails, all work waits for the existing threads; if there
    /// are none, it is answered with the error.
    fn start(self: &Arc<Self>, start: Start) {
        if matches!(start, Start::Sooner) {
            self.rescheduled.notify_one();
            return;
        }
        let pool = Arc::clone(self);
        let started = spawn(move || {
            if matches!(start, Start::Now) || pool.joins_later() {
                pool.serve();
            }
        });
        if let Err(error) = started {
            let stranded = self.lock().has_not_started(start);
            for (work, (askers, key)) in stranded {
                contained(|| drop((work, key)));
                answer_all(askers, &W::without_thread(&error));
            }
        }
    }

    /// Waits for the time to join the other threads; returns whether it has come.
    fn joins_later(&self) -> bool {
        let mut state = self.lock();
        loop {
            match state.growth() {
                Growth::Joins => return true,
                Growth::Waits(time) => state = self.wait_to_join(state, time),
                Growth::Ends => return false,
            }
        }
    }

    /// A thread's life.
    fn serve(self: &Arc<Self>) {
        loop {
            let (next, start) = self.next();
            start.into_iter().for_each(|start| self.start(start));
            let Some((number, work)) = next else { return };
            let answer = contained(|| work.run()).unwrap_or_else(W::panicked);
            let (askers, key) = self.lock().end(&work, number);
            // First, so that nothing of it is left when the caller gets the answer. That
            // delays no answer, as each ticket has the same work.
            contained(|| drop((work, key)));
            answer_all(askers, &answer);
            contained(|| drop(answer));
            self.lock().idle += 1;
        }
    }

    /// Waits for work and takes it; `None` if the thread must end. Also returns whether
    /// and how to start another thread then.
    fn next(&self) -> (Option<(u64, Arc<W>)>, Option<Start>) {
        let mut state = self.lock();
        let mut expired = false;
        loop {
            let beyond = state.working() > state.limit;
            if beyond || (expired && state.queue.is_empty()) {
                state.idle -= 1;
                state.threads -= 1;
                let start = state.grow();
                drop(state);
                // This thread may have been woken for another thread's work.
                self.changed.notify_one();
                return (None, start);
            }
            if let Some(taken) = state.take() {
                return (Some(taken), state.grow());
            }
            (state, expired) = self.wait(state);
        }
    }

    /// Lets time pass.
    #[cfg(test)]
    fn pass(&self, time: Duration) {
        self.lock().now += time;
        self.rescheduled.notify_one();
    }

    #[cfg(not(all(test, loom)))]
    fn wait<'a>(&self, state: MutexGuard<'a, State<W>>) -> (MutexGuard<'a, State<W>>, bool) {
        let waited = self.changed.wait_timeout(state, IDLE);
        let (state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        (state, waited.timed_out())
    }

    #[cfg(not(all(test, loom)))]
    fn wait_to_join<'a>(&self, state: MutexGuard<'a, State<W>>, time: Duration) -> MutexGuard<'a, State<W>> {
        let waited = self.rescheduled.wait_timeout(state, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl<W: Work> State<W> {
    /// The numbers of the job and of this asker.
    fn join(&mut self, work: &Arc<W>, asker: Arc<dyn Asker<W::Answer>>) -> (u64, u64) {
        let (number, now) = (self.next_number, self.now());
        self.next_number += 1;
        let jobs = self.jobs.entry(Arc::clone(work)).or_default();
        let joinable = joinable(jobs.len());
        let is_young = |begun| now.saturating_duration_since(begun) < joinable;
        if !jobs.last().is_some_and(|newest| newest.begun.is_none_or(is_young)) {
            self.queue.insert(number, Arc::clone(work));
            jobs.push(Job { number, begun: None, askers: Vec::new() });
        }
        let newest = jobs.len() - 1;
        jobs[newest].askers.push((number, asker));
        (jobs[newest].number, number)
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "in tests the time is the state's")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    #[cfg(test)]
    fn now(&self) -> Instant {
        self.now
    }

    /// How many threads count towards the limit: neither the one that waits to
    /// join them nor those whose work may never return.
    fn working(&self) -> usize {
        let now = self.now();
        let hangs = |begun: Instant| now.saturating_duration_since(begun) >= RAMP;
        let hanging = self.running.iter().take_while(|(begun, _)| hangs(*begun)).count();
        self.threads - usize::from(self.due.is_some()) - hanging
    }

    /// How to start a thread now, if there is need and room for one; it counts as
    /// started.
    fn grow(&mut self) -> Option<Start> {
        if self.queue.len() <= self.idle {
            return None;
        }
        let room = self.threads < self.limit.saturating_mul(MOST);
        if room && self.working() < self.limit.div_ceil(2) {
            self.threads += 1;
            self.idle += 1;
            return Some(Start::Now);
        }
        let due = self.next_due()?;
        let start = match self.due {
            Some(before) if due < before => Start::Sooner,
            None if room => Start::Later,
            _ => return None,
        };
        self.threads += usize::from(self.due.is_none());
        self.due = Some(due);
        Some(start)
    }

    /// When one more thread may work: after a step of the ramp, or, if all that may are
    /// working, when the first of them counts as hung. `None` if no work that could has
    /// started: the threads are about to take more work, and grow then.
    fn next_due(&self) -> Option<Instant> {
        let (now, working, at_once) = (self.now(), self.working(), self.limit.div_ceil(2));
        if working < self.limit {
            return Some(now + step(working.saturating_sub(at_once), self.limit - at_once));
        }
        self.running.iter().map(|(begun, _)| *begun + RAMP).find(|due| *due > now)
    }

    /// What the thread that waits to join the others does now.
    fn growth(&mut self) -> Growth {
        let now = self.now();
        if let Some(due) = self.due.filter(|due| *due > now) {
            return Growth::Waits(due - now);
        }
        if self.working() < self.limit {
            self.due = None;
            self.idle += 1;
            return Growth::Joins;
        }
        // The work that was expected to hang has returned.
        self.due = if self.queue.len() > self.idle { self.next_due() } else { None };
        if let Some(due) = self.due {
            return Growth::Waits(due - now);
        }
        self.threads -= 1;
        Growth::Ends
    }

    /// A thread could not be started. If there is no other thread, returns the queued
    /// work with its askers.
    fn has_not_started(&mut self, start: Start) -> Vec<(Arc<W>, Ended<W>)> {
        self.threads -= 1;
        match start {
            Start::Now => self.idle -= 1,
            Start::Later | Start::Sooner => self.due = None,
        }
        let stranded = if self.threads == 0 { std::mem::take(&mut self.queue) } else { BTreeMap::new() };
        let end = |(number, work): (u64, Arc<W>)| {
            let ended = self.end(&work, number);
            (work, ended)
        };
        stranded.into_iter().map(end).collect()
    }

    /// Work for a thread that has none.
    fn take(&mut self) -> Option<(u64, Arc<W>)> {
        let next = if self.was_newest { self.queue.pop_first() } else { self.queue.pop_last() };
        let (number, work) = next?;
        self.was_newest = !self.was_newest;
        self.idle -= 1;
        let now = self.now();
        let mut jobs = self.jobs.get_mut(&*work).into_iter().flatten();
        jobs.find(|job| job.number == number).into_iter().for_each(|job| job.begun = Some(now));
        self.running.insert((now, number));
        Some((number, work))
    }

    /// Ends a job: returns its askers, and what else must be dropped without the lock.
    fn end(&mut self, work: &W, number: u64) -> Ended<W> {
        let Some(jobs) = self.jobs.get_mut(work) else { return (Vec::new(), None) };
        let ended = jobs.iter().position(|job| job.number == number).map(|at| jobs.remove(at));
        if let Some(begun) = ended.as_ref().and_then(|job| job.begun) {
            self.running.remove(&(begun, number));
        }
        let key = if jobs.is_empty() { self.jobs.remove_entry(work) } else { None };
        (ended.map(|job| job.askers).unwrap_or_default(), key.map(|(work, _)| work))
    }

    /// Removes an asker, and the work if nothing needs it any more; both must be dropped
    /// without the lock.
    fn forget(&mut self, ticket: &Ticket<W>) -> Option<Forgotten<W>> {
        let mut jobs = self.jobs.get_mut(&*ticket.work)?.iter_mut();
        let job = jobs.find(|job| job.number == ticket.job)?;
        let at = job.askers.iter().position(|(number, _)| *number == ticket.asker)?;
        let (_, asker) = job.askers.swap_remove(at);
        let queued = if job.askers.is_empty() { self.queue.remove(&ticket.job) } else { None };
        let key = queued.as_ref().and_then(|work| self.end(work, ticket.job).1);
        Some((asker, [queued, key]))
    }
}

type Ended<W> = (Askers<<W as Work>::Answer>, Option<Arc<W>>);

type Forgotten<W> = (Arc<dyn Asker<<W as Work>::Answer>>, [Option<Arc<W>>; 2]);

/// Answers all askers, whatever the waker or destructor of one does.
fn answer_all<A: Clone>(askers: Askers<A>, answer: &A) {
    for (_, asker) in askers {
        contained(|| asker.answered(answer.clone()));
        contained(|| drop(asker));
    }
}

/// Runs the caller's code: a panic ends only that. The payload is leaked, since its
/// destructor is the caller's code, too.
fn contained<T>(theirs: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(theirs)).map_err(std::mem::forget).ok()
}

/// How long after its start the newest of this many runs may be joined.
fn joinable(runs: usize) -> Duration {
    let doublings = u32::try_from(runs).unwrap_or(u32::MAX).saturating_sub(1);
    JOINABLE.saturating_mul(2_u32.saturating_pow(doublings))
}

impl<W: Work> Ticket<W> {
    pub(super) fn is_of(&self, pool: &Arc<Pool<W>>) -> bool {
        Arc::ptr_eq(&self.pool, pool)
    }

    pub(super) fn work(&self) -> &W {
        &self.work
    }

    /// The number of threads, if this waits for one and all are busy.
    pub(super) fn waits_behind(&self) -> Option<usize> {
        let state = self.pool.lock();
        let busy = state.threads - usize::from(state.due.is_some());
        (state.idle == 0 && state.queue.contains_key(&self.job)).then_some(busy)
    }
}

impl<W: Work> Drop for Ticket<W> {
    fn drop(&mut self) {
        let forgotten = self.pool.lock().forget(self);
        drop(forgotten);
    }
}

/// When a thread starts to look for work.
#[derive(Clone, Copy, Debug)]
enum Start {
    Now,
    /// When it is due.
    Later,
    /// One waits already, and is now due earlier.
    Sooner,
}

/// What a thread that waits to join the others does.
#[derive(Debug)]
enum Growth {
    Joins,
    Waits(Duration),
    Ends,
}

/// How long after the previous one the thread of this number, from 0, starts, of this
/// many that do not start at once. The fewer are left, the longer.
fn step(number: usize, of: usize) -> Duration {
    let all = of.saturating_mul(of.saturating_add(1)) / 2;
    let part = (number + 1) as f64 / all.max(1) as f64;
    RAMP.mul_f64(part).min(LONGEST_STEP)
}

fn spawn(job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    #[cfg(test)]
    if NO_THREADS.get() {
        return Err(io::Error::from_raw_os_error(libc::EAGAIN));
    }
    new_thread(job)
}

#[cfg(not(all(test, loom)))]
fn new_thread(job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // The caller's signal handlers run only on the caller's threads.
    let _blocked = crate::sys::SignalsBlocked::new();
    std::thread::Builder::new().name("biosock lookup".into()).spawn(job).map(drop)
}
