//! Which thread accepts a connection if the one it woke does not.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use super::*;
use crate::listeners::Listen;
use crate::listeners::Listeners;
use crate::{Socket, children};

/// Acceptors that were each woken for a connection, one that was not and has none of
/// these connections on its list, and the clients.
fn woken(set: &Listeners, count: usize) -> (Vec<Acceptor>, Acceptor, Vec<Socket>) {
    woken_before(set, count, set)
}

/// Like `woken`, with the last one from a set with the same queue.
fn woken_before(set: &Listeners, count: usize, other: &Listeners) -> (Vec<Acceptor>, Acceptor, Vec<Socket>) {
    let addr = set.addrs().unwrap()[0];
    // An arrival visits them in this order.
    let first: Vec<_> = (0..count).map(|_| watching(set)).collect();
    let last = watching(other);
    let (sender, woken) = mpsc::channel();
    let (first, clients) = thread::scope(|scope| {
        for mut acceptor in first {
            let sender = sender.clone();
            scope.spawn(move || {
                acceptor.wait(set.sources(), None, None).unwrap();
                sender.send(acceptor).unwrap();
            });
        }
        // If one does not sleep yet, the last has the connection on its list.
        thread::sleep(Duration::from_millis(200));
        let connect = |_| {
            let client = Socket::stream_for(&addr).unwrap();
            client.connect(&addr).unwrap();
            (woken.recv().unwrap(), client)
        };
        (0..count).map(connect).unzip()
    });
    (first, last, clients)
}

fn watching(set: &Listeners) -> Acceptor {
    let mut acceptor = Acceptor::new(sys::forks()).rounds_of(1);
    assert!(matches!(turn(&mut acceptor, set, 0), Turn::Late));
    acceptor
}

fn turn(acceptor: &mut Acceptor, set: &Listeners, seconds: u64) -> Turn {
    let end = Instant::now() + Duration::from_secs(seconds);
    acceptor.turn(set.sources(), false, None, Some(end)).unwrap()
}

fn is_connection(turn: &Turn) -> bool {
    matches!(turn, Turn::Event(Event::Connection(..)))
}

#[test]
fn each_connection_that_is_left_wakes_one_acceptor() {
    let set = Listen::new().listen("127.0.0.1:0").unwrap();
    let (woken, mut last, _clients) = woken(&set, 2);
    woken.into_iter().for_each(|mut acceptor| acceptor.leave(set.sources()));
    // One accept at a time, as for a caller that does something else in between.
    assert!(is_connection(&turn(&mut last, &set, 3)));
    let mut another = last.rounds_of(1);
    assert!(set.pool.nudge.is_awake(), "for the second");
    assert!(is_connection(&turn(&mut another, &set, 3)));
    assert!(matches!(turn(&mut another, &set, 0), Turn::Late));
    assert!(!set.pool.nudge.is_awake(), "nobody else is woken");
}

/// One that failed to accept, or took another's nudge without accepting, also leaves a
/// connection.
#[test]
fn an_acceptor_that_owes_wakes_another() {
    let set = Listen::new().listen("127.0.0.1:0").unwrap();
    let mut acceptor = watching(&set);
    acceptor.leave(set.sources());
    assert!(!set.pool.nudge.is_awake());
    acceptor.owes = true;
    acceptor.leave(set.sources());
    assert!(!acceptor.owes && set.pool.nudge.clear());
    (acceptor.owes, acceptor.round) = (true, VecDeque::from([0]));
    acceptor.leave(set.sources());
    assert!(set.pool.nudge.clear() && set.pool.nudge.clear() && !set.pool.nudge.clear(), "two");
}

#[test]
fn backing_off_ends_with_its_time_or_with_the_turn() {
    let set = Listen::new().listen("127.0.0.1:0").unwrap();
    let client = Socket::stream_for(&set.addrs().unwrap()[0]).unwrap();
    client.connect(&set.addrs().unwrap()[0]).unwrap();
    let mut acceptor = Acceptor::new(sys::forks()).rounds_of(1);
    acceptor.rest_until = Instant::now().checked_add(Duration::from_secs(3600));
    assert!(matches!(turn(&mut acceptor, &set, 0), Turn::Late), "it rests on");
    let cancel = Cancel::new().unwrap();
    cancel.cancel();
    assert!(matches!(acceptor.turn(set.sources(), false, Some(&cancel), None).unwrap(), Turn::Cancelled));
    // Without an end of the turn, and with one that is later.
    acceptor.rest_until = Some(Instant::now() + Duration::from_millis(5));
    assert!(acceptor.rest(None, None).unwrap().is_none() && acceptor.rest_until.is_none());
    acceptor.rest_until = Some(Instant::now() + Duration::from_millis(5));
    assert!(is_connection(&turn(&mut acceptor, &set, 60)));
}

/// Like a connection left by a process that dies.
#[test]
fn a_shared_set_is_checked_even_if_no_thread_was_woken() {
    let set = Listen::new().listen("127.0.0.1:0").unwrap();
    let (woken, mut last, _clients) = woken(&set, 1);
    assert!(matches!(turn(&mut last, &set, 0), Turn::Late), "it is on no list");
    drop(woken);
    set.pool.share();
    assert!(matches!(turn(&mut last, &set, 0), Turn::Late), "it is not time yet");
    last.look_at = Some(Instant::now());
    assert!(is_connection(&turn(&mut last, &set, 60)));
}

#[test]
fn a_sleeping_thread_wakes_up_to_check() {
    let set = Listen::new().listen("127.0.0.1:0").unwrap();
    set.pool.share();
    let (woken, mut last, _clients) = woken(&set, 1);
    drop(woken);
    assert!(is_connection(&turn(&mut last, &set, 60)));
}

const CHILD: &str = "BIOSOCK_TEST_CHILD_OF_PASSED";

/// Run by another test: takes the set that its parent passed, never checks the
/// listeners by itself, and accepts one connection.
#[test]
fn child_that_never_looks() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let set = Listeners::inherited().unwrap().expect("the parent passes it");
    let mut acceptor = never_looking(watching(&set));
    eprintln!("watching");
    assert!(is_connection(&turn(&mut acceptor, &set, 60)));
}

fn never_looking(mut acceptor: Acceptor) -> Acceptor {
    acceptor.look_at = Some(Instant::now() + Duration::from_secs(24 * 3600));
    acceptor
}

/// Like a parent that passes its set to a child and is stopped when a connection wakes
/// it.
#[test]
fn what_a_parent_leaves_wakes_the_child_that_was_passed_the_set() {
    // If the parent does not sleep yet, the child gets the connection anyway.
    assert!((0..20).any(|_| is_left_to_child()), "no connection woke the parent");
}

/// Whether a connection woke the parent first; a child accepts it.
fn is_left_to_child() -> bool {
    let set = Listen::new().listen("127.0.0.1:0").unwrap();
    let addr = set.addrs().unwrap()[0];
    let mut command = Command::new(std::env::current_exe().unwrap());
    let part = "listeners::acceptor::tests::child_that_never_looks";
    command.args(["--exact", part, "--test-threads=1", "--nocapture"]).env(CHILD, "1");
    set.pass_to(&mut command).unwrap();
    // It precedes the child's.
    let mut first = never_looking(watching(&set));
    let (sender, stat) = mpsc::channel();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let woken = scope.spawn(|| {
            let me = std::fs::read_link("/proc/thread-self").unwrap();
            sender.send(Path::new("/proc").join(me).join("stat")).unwrap();
            let end = Instant::now() + Duration::from_secs(180);
            while !is_over.load(Ordering::Relaxed) && Instant::now() < end {
                first.wait(set.sources(), None, Some(Instant::now() + Duration::from_secs(1))).unwrap();
                if !first.round.is_empty() {
                    first.leave(set.sources());
                    return true;
                }
            }
            false
        });
        let mut child = children::spawn(&mut command).unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        wait_until_asleep(&stat.recv().unwrap());
        let client = Socket::stream_for(&addr).unwrap();
        client.connect(&addr).unwrap();
        said.read_to_string(&mut line).unwrap();
        is_over.store(true, Ordering::Relaxed);
        assert!(child.wait().unwrap().success() && line == "watching\n", "{line}");
        woken.join().unwrap()
    })
}

/// Waits until a thread sleeps; for a minute at most.
fn wait_until_asleep(stat: &Path) {
    let end = Instant::now() + Duration::from_secs(60);
    let stat = || std::fs::read_to_string(stat).unwrap_or_default();
    while !stat().rsplit(") ").next().is_some_and(|rest| rest.starts_with('S')) && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Sets of the same Unix address share a queue, and wake each other.
#[test]
fn what_a_set_leaves_wakes_another_of_the_same_queue() {
    let name = format!("unix:@biosock-nudge-{}", std::process::id());
    let mut sets = Listen::new().shards(2, &name).unwrap();
    let (other, set) = (sets.pop().unwrap(), sets.pop().unwrap());
    let (woken, last, _clients) = woken_before(&set, 1, &other);
    woken.into_iter().for_each(|mut acceptor| acceptor.leave(set.sources()));
    assert!(is_connection(&turn(&mut never_looking(last), &other, 60)));
    // So does one that is dropped before it tries again.
    let (woken, last, _clients) = woken_before(&set, 1, &other);
    for mut acceptor in woken {
        (acceptor.owes, acceptor.round) = (true, VecDeque::new());
        set.pool.give_back(acceptor);
    }
    drop(set);
    assert!(is_connection(&turn(&mut never_looking(last), &other, 60)));
}

/// Others that share the set still use the nudge that it had before.
#[cfg(feature = "tokio")]
#[test]
fn a_set_that_was_on_a_runtime_has_the_same_nudge() {
    let set = Listen::new().listen("127.0.0.1:0").unwrap();
    let others = set.pool.nudge.try_clone().unwrap();
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let set = runtime.block_on(async { set.into_async().unwrap().into_blocking().unwrap() });
    others.wake();
    assert!(set.pool.nudge.is_awake());
}

#[test]
fn dropping_a_set_that_owes_nothing_wakes_no_thread() {
    let set = Listen::new().listen("127.0.0.1:0").unwrap();
    let others = set.pool.nudge.try_clone().unwrap();
    let acceptor = watching(&set);
    set.pool.give_back(acceptor);
    drop(set);
    assert!(!others.is_awake());
}

/// Another process that shares the sockets may end between being woken and accepting.
#[test]
fn a_set_is_shared_if_others_may_have_its_sockets() {
    let listen = || Listen::new().listen("127.0.0.1:0").unwrap();
    let set = listen();
    assert!(!set.pool.is_shared());
    set.pass_to(&mut std::process::Command::new("true")).unwrap();
    assert!(set.pool.is_shared());
    let set = listen();
    set.inheritable().unwrap();
    assert!(set.pool.is_shared());
    assert!(Listeners::take_over(listen().into_sockets()).unwrap().pool.is_shared());
    let shards = |target: &str| Listen::new().shards(2, target).unwrap();
    let are_shared =
        |shards: Vec<Listeners>| shards.iter().map(|set| set.pool.is_shared()).collect::<Vec<_>>();
    assert_eq!(are_shared(shards("127.0.0.1:0")), [false; 2], "each has a queue of its own");
    let name = format!("unix:@biosock-shared-{}", std::process::id());
    assert_eq!(are_shared(shards(&name)), [true; 2]);
}
