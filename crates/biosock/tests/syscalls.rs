//! The number of system calls of each operation, counted by strace(1) over a
//! copy of this test that runs the operations between marks.

use std::path::Path;
use std::process::Command;

use biosock::{Connect, Domain, Lookup, Options, Protocol, Socket, SocketAddr, Type};

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
    mark("none");
    assert!(matches!(connect, Connect::Done) && nonblocking.domain().is_ok() && parsed[0] != parsed[1]);
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
];

#[test]
fn the_fewest_calls() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: the_fewest_calls: strace is not installed");
        assert!(std::env::var_os("BIOSOCK_REQUIRE_ALL").is_none(), "strace is required here");
        return;
    }
    let record = tempfile::NamedTempFile::new().unwrap();
    let copy = Command::new("strace")
        .args(["-f", "-qq", "-o"])
        .arg(record.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "watched", "--test-threads=1"])
        .env(WATCHED, "1")
        .output()
        .unwrap();
    assert!(copy.status.success(), "{}", String::from_utf8_lossy(&copy.stderr));
    let record = std::fs::read_to_string(record.path()).unwrap();
    for (name, expected) in EXPECTED {
        let calls = calls_after(&record, name);
        println!("{name:36} {} {}", calls.len(), calls.join(" "));
        assert_eq!(calls, *expected, "{name}");
    }
}

/// The names of the calls between a mark and the next.
fn calls_after<'a>(record: &'a str, name: &str) -> Vec<&'a str> {
    let mark = format!("\"/mark/{name}\"");
    let mut lines = record.lines().skip_while(|line| !line.contains(&mark)).skip(1);
    let until_next = lines.by_ref().take_while(|line| !line.contains("\"/mark/"));
    // A line is "PID call(arguments) = result".
    until_next
        .filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('))
        .map(|(call, _)| call)
        .collect()
}
