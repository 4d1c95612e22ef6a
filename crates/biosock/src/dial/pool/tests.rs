use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use super::*;

/// Work by name; hanging work continues when the test releases it.
#[derive(Clone)]
struct Job {
    name: &'static str,
    begun: Sender<&'static str>,
    gate: Option<Arc<Mutex<Receiver<()>>>>,
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Job {}

impl Hash for Job {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Work for Job {
    type Answer = &'static str;

    fn run(&self) -> Self::Answer {
        self.begun.send(self.name).unwrap();
        if let Some(gate) = &self.gate {
            let _ = gate.lock().unwrap().recv();
        }
        assert_ne!(self.name, "panics", "a panic that the test wants");
        self.name
    }

    fn panicked() -> Self::Answer {
        "panicked"
    }

    fn without_thread(_: &io::Error) -> Self::Answer {
        "without thread"
    }
}

impl Asker<&'static str> for Mutex<Sender<&'static str>> {
    fn answered(&self, answer: &'static str) {
        let _ = self.lock().unwrap().send(answer);
    }
}

/// A pool and the reports of its work.
struct Bench {
    pool: Arc<Pool<Job>>,
    begin: Sender<&'static str>,
    begun: Receiver<&'static str>,
}

impl Bench {
    fn new(limit: usize) -> Self {
        let (begin, begun) = channel();
        Self { pool: Arc::new(Pool::new(limit)), begin, begun }
    }

    fn ask(&self, name: &'static str) -> (Ticket<Job>, Receiver<&'static str>) {
        self.ask_gated(name, None)
    }

    fn ask_gated(
        &self,
        name: &'static str,
        gate: Option<Receiver<()>>,
    ) -> (Ticket<Job>, Receiver<&'static str>) {
        let (answer, answered) = channel();
        let gate = gate.map(|gate| Arc::new(Mutex::new(gate)));
        let job = Job { name, begun: self.begin.clone(), gate };
        (self.pool.ask(job, Arc::new(Mutex::new(answer))), answered)
    }

    /// How long the thread that waits to join the others must still wait.
    fn due_in(&self) -> Option<Duration> {
        let state = self.pool.lock();
        state.due.map(|due| due.saturating_duration_since(state.now))
    }

    /// Starts work that hangs until its sender is dropped.
    fn hang(&self, name: &'static str) -> (Sender<()>, Ticket<Job>, Receiver<&'static str>) {
        let (gate, closed) = channel();
        let (ticket, answer) = self.ask_gated(name, Some(closed));
        assert_eq!(self.begun.recv(), Ok(name));
        (gate, ticket, answer)
    }
}

#[test]
fn identical_work_in_progress_is_done_once() {
    let bench = Bench::new(1);
    let (gate, first, first_answer) = bench.hang("same");
    let (_second, second_answer) = bench.ask("same");
    drop(first);
    drop(gate);
    assert_eq!(second_answer.recv(), Ok("same"));
    assert!(first_answer.recv().is_err(), "who is gone is not answered");
    let (_third, third_answer) = bench.ask("same");
    assert_eq!((third_answer.recv(), bench.begun.recv()), (Ok("same"), Ok("same")));
    assert!(bench.begun.try_recv().is_err(), "it was done twice in all");
}

#[test]
fn a_long_run_is_not_joined_and_answers_those_that_did() {
    let bench = Bench::new(4);
    let (gate, first, first_answer) = bench.hang("same");
    let (abandoned, _nobody) = bench.ask("same");
    bench.pool.pass(JOINABLE - Duration::from_nanos(1));
    let (joined, joined_answer) = bench.ask("same");
    assert_eq!((abandoned.job, joined.job), (first.job, first.job));
    bench.pool.pass(Duration::from_nanos(1));
    drop(abandoned);
    let (_anew, anew_answer) = bench.ask("same");
    assert_eq!((anew_answer.recv(), bench.begun.recv()), (Ok("same"), Ok("same")));
    assert!(first_answer.try_recv().is_err() && joined_answer.try_recv().is_err());
    // The later run has ended, so the old run is the newest again, as old as before.
    let (waiting, _) = bench.ask_gated("same", Some(channel().1));
    assert_ne!(waiting.job, first.job);
    drop(gate);
    assert_eq!((first_answer.recv(), joined_answer.recv()), (Ok("same"), Ok("same")));
}

#[test]
fn an_abandoned_run_that_never_returns_does_not_block_its_name() {
    let bench = Bench::new(2);
    let (_gate, hanging, _) = bench.hang("same");
    drop(hanging);
    bench.pool.pass(JOINABLE);
    let (_anew, answer) = bench.ask("same");
    bench.pool.pass(LONGEST_STEP);
    assert_eq!(answer.recv(), Ok("same"));
}

#[test]
fn work_that_never_returns_has_few_runs_however_often_it_is_requested() {
    let bench = Bench::new(64);
    let mut gates = Vec::new();
    let (mut newest, mut begun_at) = (None, Vec::new());
    for second in 0..3600 {
        let (gate, closed) = channel();
        let (ticket, _) = bench.ask_gated("dead", Some(closed));
        if newest.replace(ticket.job) != Some(ticket.job) {
            assert_eq!(bench.begun.recv(), Ok("dead"));
            begun_at.push(second);
            gates.push(gate);
        }
        bench.pool.pass(Duration::from_secs(1));
    }
    assert_eq!(begun_at, [0, 5, 15, 35, 75, 155, 315, 635, 1275, 2555]);
}

#[test]
fn queued_work_is_joined_however_long_it_waits() {
    let bench = Bench::new(1);
    let (gate, _hanging, _) = bench.hang("hangs");
    let (first, first_answer) = bench.ask("waits");
    bench.pool.pass(RAMP - Duration::from_nanos(1));
    let (second, second_answer) = bench.ask("waits");
    assert_eq!(first.job, second.job);
    drop((first, gate));
    assert_eq!(second_answer.recv(), Ok("waits"));
    assert!(first_answer.recv().is_err());
}

#[test]
fn work_abandoned_in_the_queue_is_never_started() {
    let bench = Bench::new(1);
    let (gate, _hanging, answer) = bench.hang("hangs");
    let (waiting, nobody) = bench.ask("waits");
    let (_last, last_answer) = bench.ask("last");
    drop(waiting);
    assert!(nobody.recv().is_err());
    assert_eq!(bench.pool.lock().queue.len(), 1);
    assert_eq!(bench.pool.lock().jobs.len(), 2);
    drop(gate);
    assert_eq!((answer.recv(), last_answer.recv()), (Ok("hangs"), Ok("last")));
    assert_eq!((bench.begun.recv(), bench.begun.try_recv().is_err()), (Ok("last"), true));
}

#[test]
fn the_queue_is_served_from_both_ends() {
    let bench = Bench::new(1);
    let (gate, _hanging, _answer) = bench.hang("hangs");
    let _waiting: Vec<_> = ["oldest", "older", "newer", "newest"].map(|name| bench.ask(name)).into();
    drop(gate);
    let order: Vec<_> = bench.begun.iter().take(4).collect();
    assert_eq!(order, ["newest", "oldest", "newer", "older"]);
}

#[test]
fn a_panic_is_an_answer_and_the_thread_continues() {
    let bench = Bench::new(1);
    let (_one, answer) = bench.ask("panics");
    assert_eq!(answer.recv(), Ok("panicked"));
    let (_two, answer) = bench.ask("works");
    assert_eq!(answer.recv(), Ok("works"));
    assert_eq!(bench.pool.lock().threads, 1);
}

/// Panics when it is answered, and when it is dropped.
struct Panics;

impl Asker<&'static str> for Panics {
    fn answered(&self, _: &'static str) {
        panic!("a waker's, that the test wants");
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("a destructor's, that the test wants");
    }
}

#[test]
fn an_asker_that_panics_does_not_prevent_the_others_answers() {
    let bench = Bench::new(1);
    let (gate, _first, first_answer) = bench.hang("same");
    let job = || Job { name: "same", begun: bench.begin.clone(), gate: None };
    let _panics = [bench.pool.ask(job(), Arc::new(Panics)), bench.pool.ask(job(), Arc::new(Panics))];
    let (_last, last_answer) = bench.ask("same");
    drop(gate);
    assert_eq!((first_answer.recv(), last_answer.recv()), (Ok("same"), Ok("same")));
    // Without a thread, the requesting thread answers all.
    let other = Bench::new(1);
    other.pool.lock().threads = 1;
    let _panics = other.pool.ask(job(), Arc::new(Panics));
    let (_waits, answer) = other.ask("same");
    other.pool.lock().idle = 1;
    NO_THREADS.set(true);
    other.pool.start(Start::Now);
    assert_eq!(answer.recv(), Ok("without thread"));
}

#[test]
fn half_of_the_threads_start_at_once_and_one_more_after_another() {
    let bench = Bench::new(4);
    let _first: Vec<_> = ["a", "b"].map(|name| bench.hang(name)).into();
    let (_keep, closed) = channel();
    let _third = bench.ask_gated("c", Some(closed));
    let (_fourth, answer) = bench.ask("d");
    // One thread at a time waits for its turn, which later requests do not delay.
    assert_eq!(bench.pool.lock().threads, 3);
    bench.pool.pass(LONGEST_STEP / 2);
    let (fifth, _) = bench.ask("e");
    drop(fifth);
    bench.pool.pass(LONGEST_STEP / 2);
    let third = bench.begun.recv().unwrap();
    bench.pool.pass(LONGEST_STEP);
    let mut both = [third, bench.begun.recv().unwrap()];
    both.sort_unstable();
    assert_eq!((both, answer.recv()), (["c", "d"], Ok("d")));
    assert!(bench.pool.lock().threads <= 4);
}

#[test]
fn each_thread_beyond_the_half_is_due_a_step_of_the_ramp_later() {
    let bench = Bench::new(64);
    let name = |number: usize| -> &'static str { format!("hangs {number}").leak() };
    let mut hanging: Vec<_> = (0..32).map(|number| bench.hang(name(number))).collect();
    assert_eq!(bench.due_in(), None);
    for number in 0..2 {
        let (gate, closed) = channel();
        let name = name(32 + number);
        let waiting = bench.ask_gated(name, Some(closed));
        assert_eq!(bench.due_in(), Some(step(number, 32)));
        assert!(matches!(bench.pool.lock().growth(), Growth::Waits(time) if time == step(number, 32)));
        assert_eq!(waiting.0.waits_behind(), Some(32 + number));
        bench.pool.pass(step(number, 32));
        assert_eq!(bench.begun.recv_timeout(LONG), Ok(name));
        assert_eq!(waiting.0.waits_behind(), None);
        hanging.push((gate, waiting.0, waiting.1));
    }
}

#[test]
fn a_thread_is_due_earlier_if_a_higher_limit_allows_it() {
    let bench = Bench::new(1);
    let _hanging = bench.hang("hangs");
    let (_ticket, answer) = bench.ask("waits");
    assert_eq!(bench.due_in(), Some(RAMP));
    bench.pool.set_limit(2);
    assert_eq!(bench.due_in(), Some(LONGEST_STEP));
    bench.pool.pass(LONGEST_STEP);
    assert_eq!(answer.recv_timeout(LONG), Ok("waits"));
}

#[test]
fn a_thread_waits_for_the_next_work_to_count_as_hung_not_for_one_that_already_does() {
    let bench = Bench::new(1);
    let _first = bench.hang("first");
    bench.pool.pass(RAMP);
    let _second = bench.hang("second");
    let _waiting = bench.ask("waits");
    assert_eq!(bench.due_in(), Some(RAMP));
}

#[test]
fn a_thread_that_waited_to_join_ends_if_nothing_is_left_to_do() {
    let bench = Bench::new(1);
    let _hanging = bench.hang("hangs");
    let mut state = bench.pool.lock();
    // One that waits, and is due.
    state.threads += 1;
    state.due = Some(state.now);
    assert!(matches!(state.growth(), Growth::Ends));
    assert_eq!((state.threads, state.idle, state.due), (1, 0, None));
}

#[test]
fn a_higher_limit_serves_queued_work() {
    let bench = Bench::new(1);
    let _hanging = bench.hang("hangs");
    let (_ticket, answer) = bench.ask("waits");
    assert!(answer.try_recv().is_err());
    bench.pool.set_limit(4);
    assert_eq!(answer.recv(), Ok("waits"));
}

#[test]
fn if_no_thread_can_start_work_waits_for_the_existing_ones() {
    let bench = Bench::new(4);
    let (gate, _hanging, _) = bench.hang("hangs");
    NO_THREADS.set(true);
    let (_waiting, answer) = bench.ask("waits");
    bench.pool.set_limit(8);
    assert!(answer.try_recv().is_err());
    drop(gate);
    assert_eq!(answer.recv(), Ok("waits"));
}

#[test]
fn if_no_thread_can_start_and_none_exists_work_is_answered() {
    let bench = Bench::new(4);
    NO_THREADS.set(true);
    let (_one, answer) = bench.ask("waits");
    assert_eq!(answer.recv(), Ok("without thread"));
    // A thread that is about to start may fail to.
    bench.pool.lock().threads = 1;
    let ((_two, second), (_three, third)) = (bench.ask("waits"), bench.ask("waits"));
    let (_four, fourth) = bench.ask("waits too");
    assert!(second.try_recv().is_err() && fourth.try_recv().is_err());
    bench.pool.lock().idle = 1;
    bench.pool.start(Start::Now);
    for answer in [second, third, fourth] {
        assert_eq!(answer.recv(), Ok("without thread"));
    }
    assert!(bench.pool.lock().queue.is_empty() && bench.pool.lock().jobs.is_empty());
    NO_THREADS.set(false);
    assert_eq!(bench.ask("works").1.recv(), Ok("works"));
}

#[test]
fn the_last_thread_starts_after_what_silent_name_servers_take() {
    for of in [32, 128] {
        let all: Duration = (0..of).map(|number| step(number, of)).sum();
        assert!((RAMP - Duration::from_secs(1)..=RAMP).contains(&all), "{of}: {all:?}");
    }
    assert_eq!(step(0, 1), LONGEST_STEP);
    assert!(step(0, 32) < Duration::from_millis(60));
}

/// Far longer than any answer takes.
const LONG: Duration = Duration::from_secs(20);

#[test]
fn queued_work_is_served_once_all_threads_hang_without_another_request() {
    let bench = Bench::new(1);
    let _hanging = bench.hang("hangs");
    let (_ticket, answer) = bench.ask("waits");
    let (_last, last_answer) = bench.ask("waits too");
    bench.pool.pass(RAMP - Duration::from_nanos(1));
    assert_eq!(bench.pool.lock().queue.len(), 2);
    bench.pool.pass(Duration::from_nanos(1));
    assert_eq!(answer.recv_timeout(LONG), Ok("waits"));
    assert_eq!(last_answer.recv_timeout(LONG), Ok("waits too"));
}

#[test]
fn work_that_does_not_hang_after_all_makes_no_room() {
    let bench = Bench::new(1);
    let (gate, _first, first_answer) = bench.hang("first");
    let (next_gate, closed) = channel();
    let _next = bench.ask_gated("next", Some(closed));
    bench.pool.pass(RAMP / 2);
    drop(gate);
    assert_eq!((first_answer.recv(), bench.begun.recv()), (Ok("first"), Ok("next")));
    let (_ticket, answer) = bench.ask("waits");
    bench.pool.pass(RAMP / 2);
    // The thread that would have replaced the first continues to wait.
    let waits_on = || {
        let state = bench.pool.lock();
        state.due == Some(state.now + RAMP / 2)
    };
    let given_up = Instant::now() + LONG;
    while !waits_on() {
        assert!(Instant::now() < given_up, "the thread that waits does not wait on");
        std::thread::yield_now();
    }
    assert_eq!(bench.pool.lock().queue.len(), 1);
    bench.pool.pass(RAMP / 2);
    assert_eq!(answer.recv_timeout(LONG), Ok("waits"));
    drop(next_gate);
}

#[test]
fn threads_that_hang_are_bounded_and_those_beyond_the_limit_end_when_they_return() {
    let bench = Bench::new(1);
    let mut hanging = Vec::new();
    for name in ["a", "b", "c", "d"] {
        hanging.push(bench.hang(name));
        bench.pool.pass(RAMP);
    }
    assert_eq!((hanging.len(), bench.pool.lock().threads), (MOST, MOST));
    let (ticket, answer) = bench.ask("waits");
    bench.pool.pass(RAMP);
    assert_eq!((ticket.waits_behind(), bench.pool.lock().threads), (Some(MOST), MOST));
    hanging.pop();
    assert_eq!(answer.recv_timeout(LONG), Ok("waits"));
    hanging.clear();
    let given_up = Instant::now() + LONG;
    let counts = || {
        let state = bench.pool.lock();
        (state.threads, state.idle)
    };
    while counts() != (1, 1) {
        assert!(Instant::now() < given_up, "threads beyond the limit stay");
        std::thread::yield_now();
    }
}
