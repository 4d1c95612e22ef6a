//! Accepting from sets of listeners: fairness, failures, threads, cancels.

mod alone;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use alone::{is_alone, run_alone};
use biosock::dial::Dialer;
use biosock::listeners::{AcceptAdvice, Event, Listen, Listeners};
use biosock::{Cancel, Domain, Socket, SocketAddr};

#[test]
fn every_shard_has_a_thread_and_all_connections_are_served() {
    let directory = tempfile::tempdir().unwrap();
    for target in ["localhost:0", &format!("unix:{}/socket", directory.path().display())] {
        let shards = Listen::new().shards(4, target).unwrap();
        let addrs = shards[0].addrs().unwrap();
        let cancel = Cancel::new().unwrap();
        let served: usize = thread::scope(|scope| {
            let work = |shard: &Listeners| {
                let mut served = 0;
                let count = |event| served += usize::from(matches!(event, Event::Connection(..)));
                shard.serve(&cancel, count).unwrap();
                served
            };
            let workers: Vec<_> = shards.iter().map(|shard| scope.spawn(move || work(shard))).collect();
            for addr in addrs.iter().cycle().take(60) {
                let mut client = Dialer::new().dial_addrs(&[*addr]).unwrap().socket;
                // The server's end: the connection was served.
                assert_eq!(client.read(&mut [0]).unwrap(), 0);
            }
            cancel.cancel();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(served, 60, "{target}");
    }
}

#[test]
fn several_threads_accept_from_one_set() {
    let listeners = Listen::new().listen("localhost:0").unwrap();
    let addrs = listeners.addrs().unwrap();
    thread::scope(|scope| {
        let accept = || (0..10).for_each(|_| drop(listeners.accept(None).unwrap()));
        (0..3).for_each(|_| drop(scope.spawn(accept)));
        for addr in addrs.iter().cycle().take(30) {
            let mut client = Dialer::new().dial_addrs(&[*addr]).unwrap().socket;
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        }
    });
}

#[test]
fn a_cancel_ends_an_accept_now_and_later() {
    let listeners = Listen::new().listen("localhost:0").unwrap();
    let cancel = Cancel::new().unwrap();
    let late = listeners.accept_or_cancel(Some(Duration::ZERO), &cancel).unwrap_err();
    assert!(late.is_retryable(), "{late}");
    let ended = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            cancel.cancel();
        });
        listeners.accept_or_cancel(None, &cancel).unwrap()
    });
    assert!(ended.is_none());
    let _client = Dialer::new().dial_addrs(&listeners.addrs().unwrap()).unwrap();
    assert!(listeners.accept_or_cancel(None, &cancel).unwrap().is_none());
    // The connection in the queue is still there.
    listeners.accept(None).unwrap();
}

#[test]
fn a_loop_takes_turns_too() {
    let listeners =
        Listen::new().listen_addrs(&["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()]).unwrap();
    let addrs = listeners.addrs().unwrap();
    let dial = |addr: &SocketAddr| Dialer::new().dial_addrs(std::slice::from_ref(addr)).unwrap();
    let _busy: Vec<_> = (0..20).map(|_| dial(&addrs[0])).collect();
    let _other: Vec<_> = (0..3).map(|_| dial(&addrs[1])).collect();
    let cancel = Cancel::new().unwrap();
    let peers = listeners.incoming(&cancel).take(6).map(|event| match event.unwrap() {
        Event::Connection(_, peer) => peer.family(),
        Event::Failure { error, .. } => panic!("{error}"),
    });
    assert_eq!(peers.filter(|family| *family == Domain::IPV6).count(), 3);
    // The next loop finds what one left; a cancelled loop finds nothing.
    assert!(listeners.incoming(&cancel).next().is_some());
    cancel.cancel();
    assert!(listeners.incoming(&cancel).next().is_none());
}

#[test]
fn a_useless_listener_ends_the_loop_with_its_failure() {
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    listeners.sockets()[0].shutdown(biosock::Shutdown::Both).unwrap();
    let cancel = Cancel::new().unwrap();
    let mut incoming = listeners.incoming(&cancel);
    let error = incoming.next().expect("a failure").unwrap_err();
    assert_eq!(error.to_string(), "accept: invalid argument (EINVAL)");
    assert!(incoming.next().is_none(), "and nothing after it");
}

#[test]
fn a_time_that_has_passed_is_told() {
    let listeners = Listen::new().listen("localhost:0").unwrap();
    for timeout in [Duration::ZERO, Duration::from_millis(5)] {
        let late = listeners.accept(Some(timeout)).unwrap_err();
        assert_eq!(AcceptAdvice::after(&late), AcceptAdvice::TryAgain);
    }
    let _client = Dialer::new().dial_addrs(&listeners.addrs().unwrap()).unwrap();
    listeners.accept(Some(Duration::ZERO)).unwrap();
}

#[test]
fn a_busy_socket_does_not_keep_the_others_waiting() {
    let listeners =
        Listen::new().listen_addrs(&["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()]).unwrap();
    let addrs = listeners.addrs().unwrap();
    let dial = |addr: &SocketAddr| Dialer::new().dial_addrs(std::slice::from_ref(addr)).unwrap();
    let _busy: Vec<_> = (0..6).map(|_| dial(&addrs[0])).collect();
    let _other: Vec<_> = (0..3).map(|_| dial(&addrs[1])).collect();
    let families: Vec<_> = (0..6).map(|_| listeners.accept(None).unwrap().1.family()).collect();
    assert_eq!(families.iter().filter(|family| **family == Domain::IPV6).count(), 3, "{families:?}");
}

#[test]
fn serving_ends_when_cancelled_and_what_was_accepted_goes_on() {
    let listeners = Listen::new().listen("localhost:0").unwrap();
    let cancel = Cancel::new().unwrap();
    let target = listeners.addrs().unwrap();
    let mut client = Dialer::new().dial_addrs(&target).unwrap().socket;
    let mut accepted = Vec::new();
    listeners
        .serve(&cancel, |event| {
            if let Event::Connection(socket, _) = event {
                accepted.push(socket);
                cancel.cancel();
            }
        })
        .unwrap();
    accepted[0].write_all(b"still here").unwrap();
    accepted.clear();
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "still here");
}

#[test]
fn cancelling_ends_a_wait() {
    let listeners = Listen::new().listen("localhost:0").unwrap();
    let cancel = Cancel::new().unwrap();
    thread::scope(|scope| {
        let serving = scope.spawn(|| listeners.serve(&cancel, |_| {}));
        thread::sleep(Duration::from_millis(20));
        cancel.cancel();
        serving.join().unwrap().unwrap();
    });
}

#[test]
fn failures_are_sorted() {
    use biosock::Error;
    let listener = Listen::new().listen("127.0.0.1:0").unwrap();
    let nobody: Error = listener.sockets()[0].accept().unwrap_err();
    assert_eq!(AcceptAdvice::after(&nobody), AcceptAdvice::TryAgain);
    let plain = Socket::stream_for(&"127.0.0.1:0".parse().unwrap()).unwrap();
    assert_eq!(AcceptAdvice::after(&plain.accept().unwrap_err()), AcceptAdvice::GiveUp);
}

/// Not a test itself: a service with few descriptors, all in use at first.
#[test]
fn short_of_descriptors() {
    if !is_alone("short_of_descriptors") {
        return;
    }
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let cancel = Cancel::new().unwrap();
    let addr = listeners.addrs().unwrap()[0];
    let client = Socket::stream_for(&addr).unwrap();
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    client.connect(&addr).unwrap();
    // A single accept returns the failure, and leaves backing off to the caller.
    for _ in 0..3 {
        let failed = listeners.accept(Some(Duration::ZERO)).unwrap_err();
        assert_eq!(AcceptAdvice::after(&failed), AcceptAdvice::BackOff, "{failed}");
    }
    let mut told: HashMap<&str, u32> = HashMap::new();
    let (mut pauses, mut rests) = (Vec::new(), Vec::new());
    let mut rests_from = Instant::now();
    listeners
        .serve(&cancel, |event| match event {
            Event::Failure { error, backoff } => {
                assert_eq!(AcceptAdvice::after(&error), AcceptAdvice::BackOff);
                pauses.push(backoff);
                rests.push(rests_from.elapsed());
                rests_from = Instant::now();
                *told.entry("trouble").or_default() += 1;
                if pauses.len() == 4 {
                    hoard.clear();
                }
            }
            Event::Connection(..) => {
                *told.entry("connection").or_default() += 1;
                cancel.cancel();
            }
        })
        .unwrap();
    assert_eq!((told["trouble"], told["connection"]), (4, 1));
    // Doubled with each failure in a row, three of which came before.
    assert_eq!(pauses, [40, 80, 160, 320].map(Duration::from_millis));
    assert!(rests[1..].iter().zip(&pauses).all(|(rest, pause)| rest >= pause), "{rests:?}");
}

#[test]
fn a_shortage_is_sat_out_and_no_connection_is_lost() {
    run_alone("short_of_descriptors", &["sh", "-c", "ulimit -n 40 && exec \"$0\" \"$@\""]);
}

/// A client that is not served within a minute fails here.
fn is_served(mut client: Socket) {
    let copy = std::os::fd::AsFd::as_fd(&client).try_clone_to_owned().unwrap();
    std::net::TcpStream::from(copy).set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 1);
}

fn both_families() -> Listeners {
    Listen::new().listen_addrs(&["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()]).unwrap()
}

/// Each accepting thread keeps its connection, and does not return until all are served.
#[test]
fn no_connection_waits_while_a_thread_does() {
    const THREADS: usize = 8;
    for _ in 0..20 {
        let listeners = both_families();
        let addrs = listeners.addrs().unwrap();
        let all_served = std::sync::Barrier::new(THREADS + 1);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let (mut socket, _) = listeners.accept(None).unwrap();
                    socket.write_all(b"x").unwrap();
                    all_served.wait();
                });
            }
            let dial = |addr| Dialer::new().dial_addrs(&[addr]).unwrap().socket;
            // Two at a time, so that threads are woken for both listeners at once.
            for _ in 0..THREADS / 2 {
                let clients = [dial(addrs[0]), dial(addrs[1])];
                clients.into_iter().for_each(is_served);
            }
            all_served.wait();
        });
    }
}

/// Of two threads, each with its own cancel, one is cancelled as a connection arrives:
/// if it was the one that was woken, the other accepts the connection.
#[test]
fn one_that_is_cancelled_leaves_its_connection_to_another() {
    for _ in 0..100 {
        let listeners = both_families();
        let addrs = listeners.addrs().unwrap();
        let cancels = [Cancel::new().unwrap(), Cancel::new().unwrap()];
        thread::scope(|scope| {
            let work = |cancel| {
                for event in listeners.incoming(cancel) {
                    if let Event::Connection(mut socket, _) = event.unwrap() {
                        socket.write_all(b"x").unwrap();
                    }
                }
            };
            let works = [&cancels[0], &cancels[1]].map(|cancel| scope.spawn(move || work(cancel)));
            let client = Dialer::new().dial_addrs(&addrs[..1]).unwrap().socket;
            cancels[0].cancel();
            is_served(client);
            cancels[1].cancel();
            works.into_iter().for_each(|work| work.join().unwrap());
        });
    }
}

/// A set keeps as many descriptors as threads accepted from it at the same time.
#[test]
fn accepting_keeps_a_descriptor_for_each_thread_and_one_for_all() {
    run_alone("descriptors_of_accepting", &[]);
}

#[test]
fn descriptors_of_accepting() {
    if !is_alone("descriptors_of_accepting") {
        return;
    }
    let before = alone::descriptors();
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let addr = listeners.addrs().unwrap()[0];
    for _ in 0..3 {
        let client = Dialer::new().dial_addrs(&[addr]).unwrap();
        listeners.accept(None).unwrap();
        drop(client);
    }
    assert_eq!(alone::descriptors(), before + 3, "the listener, an epoll, the nudge");
    let cancel = Cancel::new().unwrap();
    thread::scope(|scope| {
        let waiting = (0..4).map(|_| scope.spawn(|| listeners.accept_or_cancel(None, &cancel)));
        let waiting: Vec<_> = waiting.collect();
        cancel.cancel();
        waiting.into_iter().for_each(|wait| assert!(wait.join().unwrap().unwrap().is_none()));
    });
    assert!(alone::descriptors() <= before + 3 + 1 + 4, "the cancel, and an epoll a thread");
    drop((listeners, cancel));
    assert_eq!(alone::descriptors(), before);
}
