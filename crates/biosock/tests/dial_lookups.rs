//! The threads on which dials look names up: how many there are, what they hold, and
//! that names whose resolver hangs leave some for others. Each test runs in its own
//! process, since those threads belong to the process.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use biosock::dial::{DialError, DialFailure, Dialer, Question, Resolver, lookup_threads, set_lookup_threads};
use biosock::listeners::{Listen, Listeners};
use biosock::{Domain, ErrorKind, Family, Result, SocketAddr};

const ALONE: &str = "BIOSOCK_TEST_ALONE";

/// Runs a test of this file on its own; `true` in that process.
fn is_alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut alone = Command::new(std::env::current_exe().unwrap());
    alone.args(["--exact", test, "--test-threads=1", "--nocapture"]).env(ALONE, "1");
    let output = alone.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}{err}");
    false
}

/// Answers `good`, and hangs for any other name until it is released.
#[derive(Debug)]
struct Hanging {
    good: SocketAddr,
    asked: Mutex<HashMap<(String, Domain), usize>>,
    over: Mutex<bool>,
    changed: Condvar,
}

impl Hanging {
    fn new(good: SocketAddr) -> Arc<Self> {
        let (asked, over, changed) = Default::default();
        Arc::new(Self { good, asked, over, changed })
    }

    fn let_go(&self) {
        *self.over.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().values().sum()
    }
}

impl Resolver for Hanging {
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        let name = question.host.clone().unwrap();
        let good = name == "good";
        *self.asked.lock().unwrap().entry((name, question.family)).or_default() += 1;
        if !good {
            let over = self.over.lock().unwrap();
            drop(self.changed.wait_while(over, |over| !*over).unwrap());
        }
        Ok(if question.family == Domain::IPV4 { vec![self.good] } else { vec![] })
    }
}

fn listener() -> (Listeners, SocketAddr) {
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let addr = listeners.addrs().unwrap()[0];
    (listeners, addr)
}

fn count(what: &str) -> usize {
    fs::read_dir(format!("/proc/self/{what}")).unwrap().count()
}

fn names_of_threads() -> Vec<String> {
    let names = fs::read_dir("/proc/self/task").unwrap();
    names.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok()).collect()
}

fn is_late(failure: &DialFailure) -> bool {
    matches!(failure, DialFailure::TimedOut)
}

#[test]
fn names_that_hang_have_a_bounded_number_of_threads_and_leave_some_for_others() {
    if !is_alone("names_that_hang_have_a_bounded_number_of_threads_and_leave_some_for_others") {
        return;
    }
    let (_listeners, addr) = listener();
    let resolver = Hanging::new(addr);
    let dialer = Dialer::new().resolver(Arc::clone(&resolver) as Arc<dyn Resolver>);
    let short = dialer.clone().timeout(Duration::from_millis(20));
    let open = count("fd");
    thread::scope(|scope| {
        for dialling in 0..10 {
            let short = &short;
            scope.spawn(move || {
                for dial in 0..50 {
                    let late = short.dial(&format!("dead{dialling}-{dial}:1")).unwrap_err();
                    assert!(is_late(late.failure()), "{late}");
                }
            });
        }
    });
    let lookups = names_of_threads().iter().filter(|name| name.starts_with("biosock lookup")).count();
    assert!((1..=lookup_threads()).contains(&lookups), "{lookups} threads");
    assert_eq!(count("fd"), open, "no lookup that is left holds a descriptor");
    assert_eq!(dialer.dial("good:1").unwrap().addr, addr);
    resolver.let_go();
}

#[test]
fn dials_that_ask_the_same_share_the_lookup() {
    if !is_alone("dials_that_ask_the_same_share_the_lookup") {
        return;
    }
    let (_listeners, addr) = listener();
    let resolver = Hanging::new(addr);
    let shared: Arc<dyn Resolver> = resolver.clone();
    let dial = |timeout| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || Dialer::new().resolver(shared).timeout(timeout).dial("dead:1"))
    };
    let late: Vec<_> = (0..100).map(|_| dial(Duration::from_millis(20))).collect();
    for late in late {
        assert!(is_late(late.join().unwrap().unwrap_err().failure()));
    }
    // On a machine too busy for these dials to share a lookup within 5 s, one asks
    // anew, a third after 15 s.
    assert!(resolver.asked() <= 6, "{} lookups for two families", resolver.asked());
    let patient: Vec<_> = (0..100).map(|_| dial(Duration::from_secs(3600))).collect();
    resolver.let_go();
    for dialed in patient {
        assert_eq!(dialed.join().unwrap().unwrap().addr, addr);
    }

    // Another resolver is queried separately.
    let other = Hanging::new(addr);
    other.let_go();
    Dialer::new().resolver(other.clone()).dial("dead:1").unwrap();
    assert_eq!(other.asked(), 2);
}

fn reports_that_it_waited(late: &DialError) {
    assert!(is_late(late.failure()), "{late}");
    assert_eq!(late.kind(), ErrorKind::TimedOut);
    assert_eq!(late.report().lookups.len(), 2);
    for lookup in &late.report().lookups {
        let waited = lookup.answer.as_ref().unwrap().as_ref().unwrap_err();
        assert_eq!((lookup.took, waited.kind()), (None, ErrorKind::OutOfResources));
    }
    let table = late.report().to_string();
    assert!(table.contains("good: waited for a thread: all lookup threads are busy (1)"), "{table}");
    assert!(late.hint().unwrap().contains("threads"), "{late:?}");
}

#[test]
fn what_waits_for_a_thread_goes_with_its_dial() {
    if !is_alone("what_waits_for_a_thread_goes_with_its_dial") {
        return;
    }
    set_lookup_threads(1);
    let (_listeners, addr) = listener();
    let (hanging, waiting) = (Hanging::new(addr), Hanging::new(addr));
    let patient = Dialer::new().resolver(hanging.clone()).family(Family::Ipv4);
    thread::spawn(move || patient.dial("dead:1"));
    while hanging.asked() == 0 {
        thread::yield_now();
    }
    let short = Dialer::new().timeout(Duration::from_millis(20));
    let short = short.resolver(waiting.clone());
    reports_that_it_waited(&short.dial("good:1").unwrap_err());
    #[cfg(feature = "tokio")]
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        reports_that_it_waited(&runtime.block_on(short.dial_async("good:1")).unwrap_err());
    }
    // A lookup in progress that does not answer is another case.
    let joined = Dialer::new().timeout(Duration::from_millis(20)).resolver(hanging.clone());
    let late = joined.family(Family::Ipv4).dial("dead:1").unwrap_err();
    assert!(late.report().lookups[0].answer.is_none(), "{late:?}");
    drop(short);
    assert_eq!((waiting.asked(), Arc::strong_count(&waiting)), (0, 1));
    hanging.let_go();
    assert_eq!(Dialer::new().resolver(waiting.clone()).dial("good:1").unwrap().addr, addr);
    // One thread looks names up, and one waits until that has hung for long.
    let lookups = names_of_threads().iter().filter(|name| name.starts_with("biosock lookup")).count();
    assert!((1..=2).contains(&lookups), "{lookups} threads");
}

#[cfg(feature = "tokio")]
#[test]
fn a_runtime_neither_lends_its_threads_nor_waits_for_lookups() {
    if !is_alone("a_runtime_neither_lends_its_threads_nor_waits_for_lookups") {
        return;
    }
    let (_listeners, addr) = listener();
    let resolver = Hanging::new(addr);
    let dialer = Dialer::new().resolver(Arc::clone(&resolver) as Arc<dyn Resolver>);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let dials: Vec<_> = (0..300)
            .map(|dial| {
                let short = dialer.clone().timeout(Duration::from_millis(20));
                tokio::spawn(async move { short.dial_async(&format!("dead{}:1", dial % 3)).await })
            })
            .collect();
        for dial in dials {
            assert!(is_late(dial.await.unwrap().unwrap_err().failure()));
        }
        assert!(resolver.asked() <= 18, "{} lookups of six questions", resolver.asked());
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        assert_eq!(dialer.dial_async("good:1").await.unwrap().addr, addr);
    });
    // This would not return if one of its threads were in a lookup.
    drop(runtime);
    resolver.let_go();
}

/// Patient dials occupy the places before it, and more than there are threads.
#[cfg(feature = "tokio")]
#[test]
fn dials_that_wait_on_leave_a_thread_for_one_that_comes_after_them() {
    if !is_alone("dials_that_wait_on_leave_a_thread_for_one_that_comes_after_them") {
        return;
    }
    let (_listeners, addr) = listener();
    let resolver = Hanging::new(addr);
    let dialer = Dialer::new().resolver(Arc::clone(&resolver) as Arc<dyn Resolver>);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (waiting, count) = tokio::sync::watch::channel(0);
        let waiting = Arc::new(waiting);
        for dial in 0..200 {
            let (dialer, waiting) = (dialer.clone(), Arc::clone(&waiting));
            tokio::spawn(async move {
                waiting.send_modify(|waiting| *waiting += 1);
                dialer.dial_async(&format!("dead{dial}:1")).await
            });
        }
        while *count.borrow() < 200 {
            tokio::task::yield_now().await;
        }
        assert_eq!(dialer.dial_async("good:1").await.unwrap().addr, addr);
    });
    resolver.let_go();
}

#[test]
fn lookup_threads_take_no_signal_but_those_of_faults() {
    if !is_alone("lookup_threads_take_no_signal_but_those_of_faults") {
        return;
    }
    /// Reports which signals its thread has blocked.
    #[derive(Debug, Default)]
    struct Blocked(Mutex<String>);
    impl Resolver for Blocked {
        fn resolve(&self, _: &Question) -> Result<Vec<SocketAddr>> {
            let status = fs::read_to_string("/proc/thread-self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
            *self.0.lock().unwrap() = line.trim().into();
            Ok(vec![])
        }
    }
    let resolver = Arc::new(Blocked::default());
    Dialer::new().resolver(resolver.clone()).dial("any:1").unwrap_err();
    let blocked = u64::from_str_radix(&resolver.0.lock().unwrap(), 16).unwrap();
    let bit = |signal: i32| 1u64 << (signal - 1);
    let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS];
    // Except those that cannot be blocked, and those that the C library reserves.
    let free = [libc::SIGKILL, libc::SIGSTOP, 32, 33];
    let expected = faults.iter().chain(&free).fold(!0, |set, signal| set & !bit(*signal));
    assert_eq!(
        blocked | free.iter().fold(0, |set, signal| set | bit(*signal)),
        expected | free.iter().fold(0, |set, signal| set | bit(*signal))
    );
}
