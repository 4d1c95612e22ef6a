//! Sets of listeners: what a name gives, one port, fairness, trouble, stop.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use biosock::dial::Dialer;
use biosock::listeners::{AcceptAdvice, Event, Listen, Listeners};
use biosock::{Cancel, Domain, Options, Socket, SocketAddr};

const PLAIN: Options = Options::empty();

fn ports(listeners: &Listeners) -> Vec<u16> {
    listeners.addrs().unwrap().iter().filter_map(SocketAddr::port).collect()
}

#[test]
fn every_address_of_a_name_has_the_same_port() {
    for target in ["*:0", ":0", "0", "*"] {
        let listeners = Listen::new().listen(target).unwrap();
        let ports = ports(&listeners);
        assert_eq!(ports.len(), 2, "{target}");
        assert!(ports[0] != 0 && ports[0] == ports[1], "{target}: {ports:?}");
        for to in [
            SocketAddr::from(([127, 0, 0, 1], ports[0])),
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, ports[0])),
        ] {
            Dialer::new().dial_addrs(&[to]).unwrap();
        }
    }
}

#[test]
fn a_refused_address_leaves_nothing_open() {
    let holder = Listen::new().listen("127.0.0.1:0").unwrap();
    let port = ports(&holder)[0];
    let error = Listen::new().listen(&format!("*:{port}")).unwrap_err();
    assert!(error.to_string().ends_with("address already in use (EADDRINUSE)"), "{error}");
    // The IPv6 socket of the set is free again.
    Listen::new().listen(&format!("[::]:{port}")).unwrap();
}

#[test]
fn shards_share_one_address() {
    let shards = Listen::new().shards(3, "127.0.0.1:0").unwrap();
    let addrs: Vec<_> = shards.iter().map(|shard| shard.addrs().unwrap()).collect();
    assert!(addrs.windows(2).all(|pair| pair[0] == pair[1]), "{addrs:?}");
    assert!(Listen::new().shards(0, "127.0.0.1:0").unwrap().is_empty());
}

#[test]
fn a_busy_socket_does_not_keep_the_others_waiting() {
    let listeners =
        Listen::new().listen_addrs(&["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()]).unwrap();
    let addrs = listeners.addrs().unwrap();
    let dial = |addr: &SocketAddr| Dialer::new().dial_addrs(std::slice::from_ref(addr)).unwrap();
    let _busy: Vec<_> = (0..6).map(|_| dial(&addrs[0])).collect();
    let _other: Vec<_> = (0..3).map(|_| dial(&addrs[1])).collect();
    let families: Vec<_> = (0..6).map(|_| listeners.accept(PLAIN, None).unwrap().1.family()).collect();
    assert_eq!(families.iter().filter(|family| **family == Domain::IPV6).count(), 3, "{families:?}");
}

#[test]
fn serving_ends_when_stopped_and_what_was_accepted_goes_on() {
    let listeners = Listen::new().listen("localhost:0").unwrap();
    let stop = Cancel::new().unwrap();
    let target = listeners.addrs().unwrap();
    let mut client = Dialer::new().dial_addrs(&target).unwrap().socket;
    let mut accepted = Vec::new();
    listeners
        .serve(PLAIN, &stop, |event| {
            if let Event::Connection(socket, _) = event {
                accepted.push(socket);
                stop.cancel();
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
fn stopping_ends_a_wait() {
    let listeners = Listen::new().listen("localhost:0").unwrap();
    let stop = Cancel::new().unwrap();
    thread::scope(|scope| {
        let serving = scope.spawn(|| listeners.serve(PLAIN, &stop, |_| {}));
        thread::sleep(Duration::from_millis(20));
        stop.cancel();
        serving.join().unwrap().unwrap();
    });
}

#[test]
fn failures_are_sorted() {
    use biosock::Error;
    let listener = Listen::new().listen("127.0.0.1:0").unwrap();
    let nobody: Error = listener.sockets()[0].accept(PLAIN).unwrap_err();
    assert_eq!(AcceptAdvice::after(&nobody), AcceptAdvice::TryAgain);
    let plain = Socket::stream_for(&"127.0.0.1:0".parse().unwrap(), PLAIN).unwrap();
    assert_eq!(AcceptAdvice::after(&plain.accept(PLAIN).unwrap_err()), AcceptAdvice::GiveUp);
}

#[test]
fn a_stale_socket_file_is_replaced_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let target = format!("unix:{}", path.display());

    drop(UnixListener::bind(&path).unwrap());
    let listeners = Listen::new().listen(&target).unwrap();
    assert!(Listen::new().listen(&target).unwrap_err().to_string().contains("address already in use"));
    Dialer::new().dial(&target).unwrap();
    listeners.unlink().unwrap();
    listeners.unlink().unwrap();

    std::fs::write(&path, "precious").unwrap();
    Listen::new().listen(&target).unwrap_err();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

/// Set in the copy of this test that plays the activated service.
const ACTIVATED: &str = "BIOSOCK_TEST_ACTIVATED";

/// Not a test of its own: the service that is passed its listeners.
#[test]
fn activated() {
    if std::env::var_os(ACTIVATED).is_none() {
        return;
    }
    let listeners = Listeners::passed().unwrap().expect("a socket was passed");
    assert!(Listeners::passed().unwrap().is_none(), "they are passed once");
    let (mut socket, _) = listeners.accept(PLAIN, Some(Duration::from_secs(10))).unwrap();
    socket.write_all(b"activated").unwrap();
}

#[test]
fn listeners_are_taken_over_from_a_service_manager() {
    assert!(Listeners::passed().unwrap().is_none());
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let addrs = listeners.addrs().unwrap();
    // A shell is the manager: it gives the listener, its standard input, as
    // descriptor 3 to a process whose number is the one it says.
    let service = Command::new("sh")
        .args([
            "-c",
            "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" --exact activated --test-threads=1 3<&0 0</dev/null",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(ACTIVATED, "1")
        .stdin(Stdio::from(listeners.inheritable().unwrap().remove(0)))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut heard = String::new();
    Dialer::new().dial_addrs(&addrs).unwrap().socket.read_to_string(&mut heard).unwrap();
    let output = service.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(heard, "activated");
}

/// Set in the copy of this test that runs short of descriptors.
const SHORT: &str = "BIOSOCK_TEST_SHORT";

/// Not a test of its own: a service with few descriptors, all in use at first.
#[test]
fn short_of_descriptors() {
    if std::env::var_os(SHORT).is_none() {
        return;
    }
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let stop = Cancel::new().unwrap();
    let addr = listeners.addrs().unwrap()[0];
    let client = Socket::stream_for(&addr, PLAIN).unwrap();
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    client.connect(&addr, PLAIN).unwrap();
    let mut told: HashMap<&str, u32> = HashMap::new();
    let mut pauses = Vec::new();
    listeners
        .serve(PLAIN, &stop, |event| match event {
            Event::Trouble { error, pause } => {
                assert_eq!(AcceptAdvice::after(&error), AcceptAdvice::Pause);
                pauses.push(pause);
                *told.entry("trouble").or_default() += 1;
                if pauses.len() == 4 {
                    hoard.clear();
                }
            }
            Event::Connection(..) => {
                *told.entry("connection").or_default() += 1;
                stop.cancel();
            }
        })
        .unwrap();
    assert_eq!((told["trouble"], told["connection"]), (4, 1));
    assert_eq!(pauses, [5, 10, 20, 40].map(Duration::from_millis));
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
