//! The number of system calls of each operation, counted by strace(1) over a
//! copy of this test that runs the operations between marks.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use biosock::dial::Dialer;
use biosock::listeners::Listen;
use biosock::{Cancel, Connect, Domain, Lookup, Options, Protocol, Socket, SocketAddr, Type};

/// Set in the copy that strace watches.
const WATCHED: &str = "BIOSOCK_TEST_WATCHED";

/// A system call that stands out in the record and does nothing.
fn mark(name: &str) {
    assert!(!Path::new(&format!("/mark/{name}")).exists());
}

/// Not a test of its own: the program that strace watches.
#[test]
fn watched() {
    if std::env::var_os(WATCHED).is_none() {
        return;
    }
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let plain = Options::empty();
    let listener = Socket::stream_for(&any, plain).unwrap();

    mark("listen");
    listener.listen(&any, Options::REUSEADDR).unwrap();
    mark("none");
    let addr = listener.local_addr().unwrap();

    mark("create non-blocking");
    let nonblocking = Socket::new(Domain::IPV4, Type::STREAM, Protocol::DEFAULT, Options::NONBLOCK).unwrap();
    mark("create");
    let client = Socket::stream_for(&addr, plain).unwrap();
    mark("connect with KEEPALIVE and NODELAY");
    let connect = client.connect(&addr, Options::KEEPALIVE | Options::NODELAY).unwrap();
    mark("accept non-blocking");
    let (accepted, _) = listener.accept(Options::NONBLOCK).unwrap();
    mark("close");
    accepted.close().unwrap();
    mark("literal look-up");
    let found = Lookup::new().host("127.0.0.1").service("443").run().unwrap();
    drop(found);
    let found = Lookup::new().host("2001:db8::1").service("443").socktype(Type::STREAM).run().unwrap();
    drop(found);
    mark("parse addresses");
    let parsed: [SocketAddr; 2] = ["[::1]:80".parse().unwrap(), "unix:/run/x".parse().unwrap()];
    mark("dial an address");
    let dialed = Dialer::new().dial_addrs(&[addr]).unwrap();
    mark("dial an address within a time");
    let within = Dialer::new().timeout(Duration::from_secs(60)).dial_addrs(&[addr]).unwrap();
    mark("none");
    drop((dialed, within));
    // An address on which no other program has the port that the first gets.
    let [.., high, low] = std::process::id().to_be_bytes();
    let set = ["[::1]:0".parse().unwrap(), SocketAddr::from(([127, 79, high, low], 0))];
    mark("listen on a set of two, with one port");
    let listeners = Listen::new().listen_addrs(&set).unwrap();
    mark("none");
    let clients: Vec<_> = listeners.addrs().unwrap().iter().map(client_of).collect();
    let stop = Cancel::new().unwrap();
    let mut incoming = listeners.incoming(plain, &stop);
    mark("accept from each of a set of two");
    let accepted = (incoming.next(), incoming.next());
    mark("none");
    assert!(matches!(accepted, (Some(Ok(_)), Some(Ok(_)))) && clients.len() == 2);
    let _client = client_of(&listeners.addrs().unwrap()[0]);
    mark("accept from a set that may be stopped");
    let accepted = listeners.accept_or_stop(plain, None, &stop).unwrap();
    mark("none");
    assert!(accepted.is_some());
    assert!(matches!(connect, Connect::Done) && nonblocking.domain().is_ok() && parsed[0] != parsed[1]);
}

fn client_of(addr: &SocketAddr) -> Socket {
    let client = Socket::stream_for(addr, Options::empty()).unwrap();
    client.connect(addr, Options::empty()).unwrap();
    client
}

const EXPECTED: &[(&str, &[&str])] = &[
    ("listen", &["getsockopt", "setsockopt", "bind", "listen"]),
    ("create non-blocking", &["socket"]),
    ("create", &["socket"]),
    ("connect with KEEPALIVE and NODELAY", &["setsockopt", "setsockopt", "connect"]),
    ("accept non-blocking", &["accept4"]),
    ("close", &["close"]),
    ("literal look-up", &[]),
    ("parse addresses", &[]),
    ("dial an address", &["socket", "connect", "getsockname"]),
    ("dial an address within a time", &["socket", "connect", "ppoll", "getpeername", "getsockname", "ioctl"]),
    (
        "listen on a set of two, with one port",
        &["socket", "setsockopt", "bind", "listen", "getsockname", "socket", "bind", "listen"],
    ),
    ("accept from each of a set of two", &["ppoll", "accept4", "accept4"]),
    ("accept from a set that may be stopped", &["ppoll", "accept4"]),
];

#[test]
fn the_fewest_calls() {
    if !has_strace("the_fewest_calls") {
        return;
    }
    let record = tempfile::NamedTempFile::new().unwrap();
    under_strace(&["-o", record.path().to_str().unwrap()], "watched");
    let record = std::fs::read_to_string(record.path()).unwrap();
    for (name, expected) in EXPECTED {
        let calls = calls_after(&record, name);
        println!("{name:38} {} {}", calls.len(), calls.join(" "));
        assert_eq!(calls, *expected, "{name}");
    }
}

/// Not a test of its own: the program whose first accept strace makes fail.
#[test]
fn disturbed() {
    if std::env::var_os(WATCHED).is_none() {
        return;
    }
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let client = client_of(&listeners.addrs().unwrap()[0]);
    let (_, peer) = listeners.accept(Options::empty(), None).unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

#[test]
fn a_connection_that_is_gone_is_passed_over() {
    if has_strace("a_connection_that_is_gone_is_passed_over") {
        let record = tempfile::NamedTempFile::new().unwrap();
        let path = record.path().to_str().unwrap();
        under_strace(&["-o", path, "-e", "inject=accept4:error=ECONNABORTED:when=1"], "disturbed");
        assert!(std::fs::read_to_string(path).unwrap().contains("(INJECTED)"), "nothing was disturbed");
    }
}

fn has_strace(test: &str) -> bool {
    let has = Command::new("strace").arg("-V").output().is_ok();
    if !has {
        println!("skipped: {test}: strace is not installed");
        assert!(std::env::var_os("BIOSOCK_REQUIRE_ALL").is_none(), "strace is required here");
    }
    has
}

/// Runs one of these programs in a process of its own.
fn under_strace(how: &[&str], program: &str) {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq"]).args(how).arg(std::env::current_exe().unwrap());
    let copy = strace.args(["--exact", program, "--test-threads=1"]).env(WATCHED, "1").output().unwrap();
    assert!(copy.status.success(), "{}", String::from_utf8_lossy(&copy.stderr));
}

/// The names of the calls between a mark and the next, of the thread that
/// made the mark.
fn calls_after<'a>(record: &'a str, name: &str) -> Vec<&'a str> {
    let mark = format!("\"/mark/{name}\"");
    // A line is "PID call(arguments) = result".
    let mut lines = record.lines().filter_map(|line| line.split_once(' '));
    let Some((thread, _)) = lines.find(|(_, call)| call.contains(&mark)) else { return vec!["no such mark"] };
    let mine = lines.filter(|(pid, _)| *pid == thread).map(|(_, call)| call.trim_start());
    let until_next = mine.take_while(|call| !call.contains("\"/mark/"));
    // One that another thread's interrupts in the record is resumed as "<... call".
    let begun = until_next.filter(|call| !call.starts_with('<'));
    begun.filter_map(|call| call.split_once('(')).map(|(call, _)| call).collect()
}
