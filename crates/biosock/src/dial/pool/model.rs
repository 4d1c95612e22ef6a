//! All interleavings of the pool's steps, by loom (`scripts/loom`). Time passes only in
//! [`Pool::expire`], and for a thread that waits to join the others.

use std::sync::atomic::Ordering;

use loom::sync::atomic::AtomicUsize;
use loom::thread;

use super::*;

pub(super) fn new_thread(job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::spawn(job);
    Ok(())
}

impl<W: Work> Pool<W> {
    pub(super) fn wait<'a>(&self, mut state: MutexGuard<'a, State<W>>) -> (MutexGuard<'a, State<W>>, bool) {
        if !state.expired {
            state = self.changed.wait(state).unwrap();
        }
        let expired = state.expired;
        (state, expired)
    }

    pub(super) fn wait_to_join<'a>(
        &'a self,
        state: MutexGuard<'a, State<W>>,
        time: Duration,
    ) -> MutexGuard<'a, State<W>> {
        drop(state);
        thread::yield_now();
        let mut state = self.lock();
        state.now += time;
        state
    }

    /// From now on, idle threads have been idle for long enough.
    fn expire(&self) {
        self.lock().expired = true;
        self.changed.notify_all();
    }
}

/// Checks that nothing is left when all threads have ended.
impl<W: Work> Drop for Pool<W> {
    fn drop(&mut self) {
        let state = self.lock();
        assert_eq!((state.threads, state.idle, state.jobs.len(), state.queue.len()), (0, 0, 0, 0));
        assert!(state.due.is_none() && state.running.is_empty());
    }
}

/// Work that returns only after other work has been done.
const HANGS: u8 = u8::MAX;

/// Work whose answer is how often it was done.
struct Count(u8, Arc<AtomicUsize>);

impl PartialEq for Count {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Count {}

impl Hash for Count {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Work for Count {
    type Answer = Option<usize>;

    fn run(&self) -> Self::Answer {
        while self.0 == HANGS && self.1.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        Some(1 + self.1.fetch_add(1, Ordering::Relaxed))
    }

    fn panicked() -> Self::Answer {
        unreachable!("no work panics here")
    }

    fn without_thread(_: &io::Error) -> Self::Answer {
        None
    }
}

#[derive(Default)]
struct Mailbox {
    answer: Mutex<Option<Option<usize>>>,
    come: Condvar,
}

impl Asker<Option<usize>> for Mailbox {
    fn answered(&self, answer: Option<usize>) {
        let before = self.answer.lock().unwrap().replace(answer);
        assert!(before.is_none(), "two answers");
        self.come.notify_one();
    }
}

impl Mailbox {
    fn wait(&self) -> Option<usize> {
        let mut answer = self.answer.lock().unwrap();
        loop {
            match *answer {
                Some(answer) => return answer,
                None => answer = self.come.wait(answer).unwrap(),
            }
        }
    }
}

fn ask(pool: &Arc<Pool<Count>>, work: u8, runs: &Arc<AtomicUsize>) -> Option<usize> {
    let mailbox = Arc::new(Mailbox::default());
    let _ticket = pool.ask(Count(work, Arc::clone(runs)), Arc::clone(&mailbox) as Arc<dyn Asker<_>>);
    mailbox.wait()
}

fn model(limit: usize, check: impl Fn(Arc<Pool<Count>>, Arc<AtomicUsize>) + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // Limits the search to this many preemptions.
    builder.preemption_bound = Some(3);
    builder.check(move || {
        NO_THREADS.set(false);
        check(Arc::new(Pool::new(limit)), Arc::new(AtomicUsize::new(0)));
    });
}

#[test]
fn loom_identical_work_is_done_once_or_sequentially() {
    model(1, |pool, runs| {
        let (theirs, their_runs) = (Arc::clone(&pool), Arc::clone(&runs));
        let other = thread::spawn(move || ask(&theirs, 0, &their_runs).unwrap());
        let mine = ask(&pool, 0, &runs).unwrap();
        let other = other.join().unwrap();
        let runs = runs.load(Ordering::Relaxed);
        assert!((1..=2).contains(&runs) && mine.max(other) == runs, "{mine}, {other} of {runs}");
        pool.expire();
    });
}

#[test]
fn loom_idle_threads_end_and_leave_no_work() {
    model(1, |pool, runs| {
        assert_eq!(ask(&pool, 0, &runs), Some(1));
        let expiring = Arc::clone(&pool);
        let expire = thread::spawn(move || expiring.expire());
        assert_eq!(ask(&pool, 1, &runs), Some(2));
        expire.join().unwrap();
    });
}

#[test]
fn loom_abandoned_work_is_dropped_and_can_be_requested_again() {
    model(1, |pool, runs| {
        let mailbox: Arc<dyn Asker<_>> = Arc::new(Mailbox::default());
        drop(pool.ask(Count(0, Arc::clone(&runs)), Arc::clone(&mailbox)));
        // Only a thread that already has the answer may still have it.
        let again = ask(&pool, 0, &runs).unwrap();
        assert!((1..=2).contains(&again));
        pool.expire();
    });
}

#[test]
fn loom_an_old_run_and_its_replacement_answer_their_own_askers() {
    model(2, |pool, runs| {
        let (theirs, their_runs) = (Arc::clone(&pool), Arc::clone(&runs));
        let other = thread::spawn(move || ask(&theirs, 0, &their_runs).unwrap());
        pool.pass(JOINABLE);
        let mine = ask(&pool, 0, &runs).unwrap();
        let other = other.join().unwrap();
        let runs = runs.load(Ordering::Relaxed);
        assert!((1..=2).contains(&runs) && mine.max(other) == runs, "{mine}, {other} of {runs}");
        pool.expire();
    });
}

#[test]
fn loom_the_second_half_joins_while_work_waits() {
    model(2, |pool, runs| {
        let (theirs, their_runs) = (Arc::clone(&pool), Arc::clone(&runs));
        let other = thread::spawn(move || ask(&theirs, 1, &their_runs));
        ask(&pool, 0, &runs).unwrap();
        other.join().unwrap().unwrap();
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        pool.expire();
    });
}

#[test]
fn loom_work_without_a_thread_is_answered() {
    for limit in [1, 3] {
        model(limit, |pool, runs| {
            NO_THREADS.set(true);
            let (theirs, their_runs) = (Arc::clone(&pool), Arc::clone(&runs));
            let other = thread::spawn(move || ask(&theirs, 0, &their_runs));
            assert_eq!(ask(&pool, 1, &runs), None);
            assert_eq!(other.join().unwrap(), None);
        });
    }
}

#[test]
fn loom_work_waits_for_the_existing_thread_if_no_other_can_start() {
    model(4, |pool, runs| {
        let (theirs, their_runs) = (Arc::clone(&pool), Arc::clone(&runs));
        assert_eq!(ask(&pool, 0, &runs), Some(1));
        NO_THREADS.set(true);
        let other = thread::spawn(move || ask(&theirs, 1, &their_runs).unwrap());
        let mine = ask(&pool, 2, &runs).unwrap();
        assert_eq!(mine + other.join().unwrap(), 2 + 3);
        pool.expire();
    });
}

#[test]
fn loom_work_that_never_returns_makes_room_for_queued_work() {
    model(1, |pool, runs| {
        let (theirs, their_runs) = (Arc::clone(&pool), Arc::clone(&runs));
        let other = thread::spawn(move || ask(&theirs, HANGS, &their_runs).unwrap());
        assert_eq!(ask(&pool, 0, &runs), Some(1));
        assert_eq!(other.join().unwrap(), 2);
        pool.expire();
    });
}
