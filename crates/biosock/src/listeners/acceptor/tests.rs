//! Who comes for a connection whose thread was woken and does not.

use std::sync::mpsc;
use std::thread;

use super::*;
use crate::Socket;
use crate::listeners::Listen;

const PLAIN: Options = Options::empty();

/// Acceptors that were woken for a connection each, one that was not, and has
/// none of these connections on its list, and the clients.
fn woken(set: &Listeners, count: usize) -> (Vec<Acceptor>, Acceptor, Vec<Socket>) {
    let addr = set.addrs().unwrap()[0];
    // An arrival goes through them in this order.
    let first: Vec<_> = (0..count).map(|_| watching(set)).collect();
    let last = watching(set);
    let (sender, woken) = mpsc::channel();
    let (first, clients) = thread::scope(|scope| {
        for mut acceptor in first {
            let sender = sender.clone();
            scope.spawn(move || {
                acceptor.wait(set, None, None).unwrap();
                sender.send(acceptor).unwrap();
            });
        }
        // Where one does not sleep yet, the last has the connection on its list.
        thread::sleep(Duration::from_millis(200));
        let connect = |_| {
            let client = Socket::stream_for(&addr, PLAIN).unwrap();
            client.connect(&addr, PLAIN).unwrap();
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
    acceptor.turn(set, PLAIN, None, Some(end)).unwrap()
}

fn is_connection(turn: &Turn) -> bool {
    matches!(turn, Turn::Event(Event::Connection(..)))
}

#[test]
fn each_connection_that_is_left_wakes_one() {
    let set = Listen::new().listen("127.0.0.1:0").unwrap();
    let (woken, mut last, _clients) = woken(&set, 2);
    woken.into_iter().for_each(|mut acceptor| acceptor.leave(&set));
    // One accept at a time, as of a caller that is away in between.
    assert!(is_connection(&turn(&mut last, &set, 3)));
    let mut another = last.rounds_of(1);
    assert!(set.pool.nudge.is_awake(), "for the second");
    assert!(is_connection(&turn(&mut another, &set, 3)));
    assert!(matches!(turn(&mut another, &set, 0), Turn::Late));
    assert!(!set.pool.nudge.is_awake(), "nobody else is woken");
}

/// As one that is left by a process that dies.
#[test]
fn a_shared_set_is_looked_at_though_nobody_was_woken() {
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
fn a_thread_that_sleeps_looks_of_itself() {
    let set = Listen::new().listen("127.0.0.1:0").unwrap();
    set.pool.share();
    let (woken, mut last, _clients) = woken(&set, 1);
    drop(woken);
    assert!(is_connection(&turn(&mut last, &set, 60)));
}

/// Whoever has the sockets otherwise than by fork(2) has another nudge.
#[test]
fn a_set_is_shared_where_others_may_have_its_sockets() {
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
