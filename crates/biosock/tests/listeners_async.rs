//! Sets of listeners on a tokio runtime.

use std::io::{Read, Write};
use std::process::Command;
use std::time::Duration;

use biosock::dial::Dialer;
use biosock::listeners::{AcceptAdvice, AsyncListeners, Event, Listen};
use biosock::{Cancel, Domain, ErrorKind, Socket, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Only ends a test that hangs.
const LONG: Duration = Duration::from_secs(60);

fn listen(target: &str) -> AsyncListeners {
    Listen::new().listen(target).unwrap().into_async().unwrap()
}

fn listen_on_both_families() -> AsyncListeners {
    let addrs = ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()];
    Listen::new().listen_addrs(&addrs).unwrap().into_async().unwrap()
}

fn dial(addr: &SocketAddr) -> Socket {
    Dialer::new().dial_addrs(std::slice::from_ref(addr)).unwrap().socket
}

fn stream(socket: Socket) -> TcpStream {
    socket.set_nonblocking(true).unwrap();
    TcpStream::from_std(socket.try_into().unwrap()).unwrap()
}

#[tokio::test]
async fn a_busy_socket_does_not_keep_the_others_waiting() {
    let mut listeners = listen_on_both_families();
    let addrs = listeners.addrs().to_vec();
    assert_eq!((addrs.len(), addrs[0].port()), (2, addrs[1].port()));
    let _busy: Vec<_> = (0..6).map(|_| dial(&addrs[0])).collect();
    let _other: Vec<_> = (0..3).map(|_| dial(&addrs[1])).collect();
    let mut families = Vec::new();
    for _ in 0..6 {
        let (socket, peer) = listeners.accept().await.unwrap();
        assert!(socket.is_nonblocking().unwrap());
        families.push(peer.family());
    }
    assert_eq!(families.iter().filter(|family| **family == addrs[1].family()).count(), 3, "{families:?}");
}

/// Runs in a task that may move between threads, and serves each connection in its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_are_served_until_cancelled_and_those_accepted_go_on() {
    let mut listeners = listen_on_both_families();
    let addrs = listeners.addrs().to_vec();
    let cancel = Cancel::new().unwrap();
    let canceller = cancel.clone();
    let serving = tokio::spawn(async move {
        let mut served = 0;
        let tell = |event| {
            if let Event::Connection(socket, _) = event {
                served += 1;
                tokio::spawn(async move {
                    let mut stream = stream(socket);
                    let byte = stream.read_u8().await.unwrap();
                    stream.write_u8(byte).await.unwrap();
                });
            }
        };
        listeners.serve(&cancel, tell).await.map(|()| served)
    });
    let mut late = stream(dial(&addrs[0]));
    let clients: Vec<_> = (0..100u8)
        .map(|number| {
            let addr = addrs[usize::from(number) % addrs.len()];
            tokio::spawn(async move {
                let mut stream = stream(Dialer::new().dial_async(&addr.to_string()).await.unwrap().socket);
                stream.write_u8(number).await.unwrap();
                assert_eq!(stream.read_u8().await.unwrap(), number);
            })
        })
        .collect();
    for client in clients {
        timeout(LONG, client).await.unwrap().unwrap();
    }
    canceller.cancel();
    assert_eq!(timeout(LONG, serving).await.unwrap().unwrap().unwrap(), 101);
    // The set is dropped; a connection accepted before is still served.
    late.write_u8(7).await.unwrap();
    assert_eq!(late.read_u8().await.unwrap(), 7);
}

#[tokio::test]
async fn dropping_a_future_loses_no_connection() {
    let mut listeners = listen("localhost:0");
    let addr = listeners.addrs()[0];
    for _ in 0..3 {
        assert!(timeout(Duration::from_millis(5), listeners.accept()).await.is_err());
    }
    let cancel = Cancel::new().unwrap();
    let serving = listeners.serve(&cancel, |event| panic!("{event:?}"));
    assert!(timeout(Duration::from_millis(5), serving).await.is_err());
    let _client = dial(&addr);
    timeout(LONG, listeners.accept()).await.unwrap().unwrap();
}

#[tokio::test]
async fn cancelling_ends_a_wait() {
    let mut listeners = listen("localhost:0");
    let cancel = Cancel::new().unwrap();
    let cancelling = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        cancel.cancel();
    };
    let serving = timeout(LONG, listeners.serve(&cancel, |event| panic!("{event:?}")));
    let (served, ()) = tokio::join!(serving, cancelling);
    served.unwrap().unwrap();
    // If it is already cancelled, nothing is accepted.
    let _client = dial(&listeners.addrs()[0].clone());
    listeners.serve(&cancel, |event| panic!("{event:?}")).await.unwrap();
}

#[tokio::test]
async fn a_unix_socket_is_served_and_its_file_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let mut listeners = listen(&format!("unix:{}", path.display()));
    let addr = listeners.addrs()[0];
    let mut client = dial(&addr);
    let (mut socket, peer) = timeout(LONG, listeners.accept()).await.unwrap().unwrap();
    assert_eq!(peer.family(), Domain::UNIX);
    socket.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    listeners.unlink().unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn back_on_threads_it_is_as_before() {
    let listeners = listen("localhost:0").into_blocking().unwrap();
    let _client = dial(&listeners.addrs().unwrap()[0]);
    listeners.accept(Some(LONG)).unwrap();
}

#[tokio::test]
async fn a_useless_listener_ends_the_loop_with_its_failure() {
    let blocking = Listen::new().listen("127.0.0.1:0").unwrap();
    blocking.sockets()[0].shutdown(biosock::Shutdown::Both).unwrap();
    let mut listeners = blocking.into_async().unwrap();
    let cancel = Cancel::new().unwrap();
    let error = timeout(LONG, listeners.serve(&cancel, |_| {})).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn without_a_runtime_there_is_an_error() {
    let error = Listen::new().listen("127.0.0.1:0").unwrap().into_async().unwrap_err();
    assert_eq!(error.to_string(), "listen: no tokio runtime");
}

/// Set in the copy of this test that runs short of descriptors.
const SHORT: &str = "BIOSOCK_TEST_SHORT";

/// Not a test itself: a service with few descriptors, all in use at first.
#[tokio::test]
async fn short_of_descriptors() {
    if std::env::var_os(SHORT).is_none() {
        return;
    }
    let mut listeners = listen("127.0.0.1:0");
    let addr = listeners.addrs()[0];
    let cancel = Cancel::new().unwrap();
    let client = Socket::stream_for(&addr).unwrap();
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    client.connect(&addr).unwrap();
    let (mut pauses, mut connections) = (Vec::new(), 0);
    let tell = |event| match event {
        Event::Failure { error, backoff } => {
            assert_eq!(AcceptAdvice::after(&error), AcceptAdvice::BackOff);
            pauses.push(backoff.as_millis());
            if pauses.len() == 4 {
                hoard.clear();
            }
        }
        Event::Connection(..) => {
            connections += 1;
            cancel.cancel();
        }
    };
    listeners.serve(&cancel, tell).await.unwrap();
    assert_eq!((&*pauses, connections), (&[5, 10, 20, 40][..], 1));
}

#[test]
fn a_shortage_is_sat_out_and_no_connection_is_lost() {
    let service = Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" --exact short_of_descriptors --test-threads=1"])
        .arg(std::env::current_exe().unwrap())
        .env(SHORT, "1")
        .output()
        .unwrap();
    assert!(service.status.success(), "{}", String::from_utf8_lossy(&service.stdout));
}

#[tokio::test]
async fn a_cancel_is_waited_for() {
    let cancel = Cancel::new().unwrap();
    // Two tasks, and one that gives up, wait for the same cancel.
    let waits = [cancel.clone(), cancel.clone()].map(|cancel| {
        tokio::spawn(async move {
            cancel.cancelled().await.unwrap();
            cancel.is_cancelled()
        })
    });
    assert!(timeout(Duration::from_millis(5), cancel.cancelled()).await.is_err(), "nobody cancelled");
    assert!(waits.iter().all(|wait| !wait.is_finished()));
    std::thread::spawn({
        let cancel = cancel.clone();
        move || cancel.cancel()
    });
    for wait in waits {
        assert!(timeout(LONG, wait).await.unwrap().unwrap());
    }
    timeout(LONG, cancel.cancelled()).await.unwrap().unwrap();
}

#[test]
fn a_cancel_cannot_be_waited_for_outside_of_a_runtime() {
    let cancel = Cancel::new().unwrap();
    let poll = |cancel: &Cancel| {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::pin!(cancel.cancelled()).poll(&mut context)
    };
    let std::task::Poll::Ready(Err(refused)) = poll(&cancel) else { panic!("no error") };
    assert_eq!(refused.to_string(), "wait: no tokio runtime");
    cancel.cancel();
    assert!(matches!(poll(&cancel), std::task::Poll::Ready(Ok(()))), "that needs none");
}
