//! The number of system calls of each operation, counted by strace(1) in a copy of this
//! test that runs the operations between marks.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use biosock::dial::{AddressHistory, Dialer, Question, Resolver, sort_destinations};
use biosock::listeners::{Event, Listen};
use biosock::{
    Cancel, ConnectOptions, Domain, ErrorKind, KeepAlive, ListenOptions, Lookup, Socket, SocketAddr, Type,
};

/// Set in the copy that strace watches.
const WATCHED: &str = "BIOSOCK_TEST_WATCHED";

/// The error with which every accept of the copy fails.
const FILTER: &str = "BIOSOCK_TEST_FILTER";

/// A recognizable system call that does nothing.
fn mark(name: &str) {
    assert!(!Path::new(&format!("/mark/{name}")).exists());
}

/// Not a test itself: the program that strace watches.
#[test]
fn watched() {
    if std::env::var_os(WATCHED).is_none() {
        return;
    }
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = Socket::stream_for(&any).unwrap();

    mark("listen");
    listener.listen_with(&any, &ListenOptions::new().reuseaddr(true)).unwrap();
    mark("none");
    let addr = listener.local_addr().unwrap();

    mark("create");
    let client = Socket::stream_for(&addr).unwrap();
    mark("connect with KEEPALIVE and NODELAY");
    client.connect_with(&addr, &ConnectOptions::new().keepalive(KeepAlive::default()).nodelay(true)).unwrap();
    mark("accept non-blocking");
    let (accepted, _) = listener.accept_nonblocking().unwrap();
    mark("none");
    let another = Socket::stream_for(&addr).unwrap();
    mark("start to connect");
    let connecting = another.start_connect(&addr).unwrap();
    mark("close");
    accepted.close().unwrap();
    mark("literal lookup");
    let found = Lookup::new().host("127.0.0.1").service("443").run().unwrap();
    drop(found);
    let found = Lookup::new().host("2001:db8::1").service("443").socktype(Type::STREAM).run().unwrap();
    drop(found);
    mark("parse addresses");
    let parsed: [SocketAddr; 2] = ["[::1]:80".parse().unwrap(), "unix:/run/x".parse().unwrap()];
    mark("none");
    let zone: SocketAddr = "[fe80::1%lo]:80".parse().unwrap();
    mark("show a zone");
    assert_eq!(zone.to_string(), "[fe80::1%1]:80");
    mark("dial an address");
    let dialed = Dialer::new().dial_addrs(&[addr]).unwrap();
    mark("dial an address within a time");
    let within = Dialer::new().timeout(Duration::from_secs(60)).dial_addrs(&[addr]).unwrap();
    mark("sort one destination");
    sort_destinations(&mut [addr]);
    mark("none");
    drop((dialed, within));
    let (_listener, silent, _first) = full_listener();
    let dialer = Dialer::new().timeout(Duration::from_millis(50));
    mark("dial an address that is silent");
    let failed = dialer.dial_addrs(&[silent]);
    mark("none");
    assert!(failed.is_err());
    // An address on which no other program uses the port that the first gets.
    let [.., high, low] = std::process::id().to_be_bytes();
    let set = ["[::1]:0".parse().unwrap(), SocketAddr::from(([127, 79, high, low], 0))];
    mark("listen on a set of two, with one port");
    let listeners = Listen::new().listen_addrs(&set).unwrap();
    mark("none");
    let cancel = Cancel::new().unwrap();
    let mut incoming = listeners.incoming(&cancel);
    for name in ["accept from each of a set of two for the first time", "accept from each of a set of two"] {
        let clients: Vec<_> = listeners.addrs().unwrap().iter().map(client_of).collect();
        mark(name);
        let accepted = (incoming.next(), incoming.next());
        mark("none");
        assert!(matches!(accepted, (Some(Ok(_)), Some(Ok(_)))) && clients.len() == 2);
    }
    drop(incoming);
    let _client = client_of(&listeners.addrs().unwrap()[0]);
    mark("accept from a set that may be cancelled");
    let accepted = listeners.accept_or_cancel(None, &cancel).unwrap();
    mark("none");
    assert!(accepted.is_some());
    drop((another, connecting));
    assert!(parsed[0] != parsed[1]);
}

fn client_of(addr: &SocketAddr) -> Socket {
    let client = Socket::stream_for(addr).unwrap();
    client.connect(addr).unwrap();
    client
}

const EXPECTED: &[(&str, &[&str])] = &[
    ("listen", &["getsockopt", "setsockopt", "bind", "listen"]),
    ("create", &["socket"]),
    ("connect with KEEPALIVE and NODELAY", &["setsockopt", "setsockopt", "connect"]),
    ("accept non-blocking", &["accept4"]),
    ("start to connect", &["ioctl", "connect"]),
    ("close", &["close"]),
    ("literal lookup", &[]),
    ("parse addresses", &[]),
    ("show a zone", &[]),
    ("dial an address", &["socket", "connect", "getsockname"]),
    ("dial an address within a time", &["socket", "connect", "ppoll", "getpeername", "getsockname", "ioctl"]),
    ("sort one destination", &[]),
    (
        "listen on a set of two, with one port",
        &[
            "eventfd2",
            "socket",
            "setsockopt",
            "bind",
            "listen",
            // SO_REUSEADDR: not before the port is chosen.
            "setsockopt",
            "getsockname",
            "socket",
            "setsockopt",
            "bind",
            "listen",
        ],
    ),
    (
        "accept from each of a set of two for the first time",
        &[
            "epoll_create1",
            "epoll_ctl",
            "epoll_ctl",
            "epoll_ctl",
            "epoll_ctl",
            "epoll_wait",
            "accept4",
            "accept4",
        ],
    ),
    ("accept from each of a set of two", &["epoll_wait", "accept4", "accept4"]),
    ("accept from a set that may be cancelled", &["epoll_wait", "accept4"]),
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
    // Closing takes one more call where std checks the descriptor.
    let silent = calls_after(&record, "dial an address that is silent");
    assert_eq!(silent[..3], ["socket", "connect", "ppoll"]);
    assert!(!silent[3..].contains(&"ppoll"), "it waits once: {silent:?}");
}

/// Not a test itself: the program whose first accept fails under strace.
#[test]
fn disturbed() {
    if std::env::var_os(WATCHED).is_none() {
        return;
    }
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let client = client_of(&listeners.addrs().unwrap()[0]);
    let (_, peer) = listeners.accept(None).unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

/// Not a test itself: the program whose poll returns spuriously under strace.
#[test]
fn woken_for_nothing() {
    if std::env::var_os(WATCHED).is_none() {
        return;
    }
    let any = "127.0.0.1:0".parse().unwrap();
    let listener = Socket::stream_for(&any).unwrap();
    listener.listen_with(&any, &ListenOptions::new().backlog(0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let _first = client_of(&addr);
    let socket = Socket::stream_for(&addr).unwrap();
    let timeout = Duration::from_millis(50);
    let start = Instant::now();
    let late = socket.connect_with(&addr, &ConnectOptions::new().timeout(timeout)).unwrap_err();
    assert_eq!(late.raw_os_error(), Some(libc::ETIMEDOUT), "the queue is full");
    assert!(start.elapsed() >= timeout, "gave up after {:?}", start.elapsed());
}

#[test]
fn readiness_alone_is_no_connection() {
    if has_strace("readiness_alone_is_no_connection") {
        let record = tempfile::NamedTempFile::new().unwrap();
        let path = record.path().to_str().unwrap();
        let poll = "inject=poll,ppoll:retval=1:when=1..2";
        under_strace(&["-o", path, "-e", poll], "woken_for_nothing");
        assert!(std::fs::read_to_string(path).unwrap().contains("(INJECTED)"), "nothing was disturbed");
    }
}

/// Gives each name this many IPv4 addresses, the first of which is this one.
#[derive(Debug)]
struct Many(u32, SocketAddr);

impl Resolver for Many {
    fn resolve(&self, question: &Question) -> biosock::Result<Vec<SocketAddr>> {
        let Self(count, first) = *self;
        if question.family != Domain::IPV4 {
            return Ok(vec![]);
        }
        let port = first.port().unwrap();
        // 127.1.0.0 and up, where nothing listens.
        let others =
            (0..count - 1).map(|number| SocketAddr::from(((0x7f01_0000 + number).to_be_bytes(), port)));
        Ok(std::iter::once(first).chain(others).collect())
    }
}

/// Not a test itself: the program that dials a name with a history.
#[test]
fn answered_at_length() {
    if std::env::var_os(WATCHED).is_none() {
        return;
    }
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let first = listeners.addrs().unwrap()[0];
    let memory = Arc::new(AddressHistory::new(16));
    Dialer::new().history(Arc::clone(&memory)).dial_addrs(&[first]).unwrap();
    let dialer = Dialer::new().history(memory);
    for (name, count) in [("an answer of 256", 256), ("an answer of 4000", 4000)] {
        let dialer = dialer.clone().resolver(Arc::new(Many(count, first)));
        mark(name);
        let dialed = dialer.dial("name.example:1").unwrap();
        mark("end");
        assert_eq!(dialed.addr, first);
        let v4 = dialed.report.lookups.iter().find(|lookup| lookup.family == Domain::IPV4).unwrap();
        assert_eq!(v4.answer.as_ref().unwrap().as_ref().unwrap(), &(count as usize));
    }
}

/// With a history each address takes system calls before the deadline is checked again.
#[test]
fn no_answer_decides_how_long_the_caller_s_thread_works() {
    if has_strace("no_answer_decides_how_long_the_caller_s_thread_works") {
        let record = tempfile::NamedTempFile::new().unwrap();
        under_strace(&["-o", record.path().to_str().unwrap()], "answered_at_length");
        let record = std::fs::read_to_string(record.path()).unwrap();
        let [usual, long] =
            ["an answer of 256", "an answer of 4000"].map(|name| calls_after(&record, name).len());
        println!("{usual} system calls after an answer of 256 addresses, {long} after one of 4000");
        // They differ only in waits and locks.
        assert!(usual > 256 * 3 && long < usual + 256, "{usual} {long}");
    }
}

/// Not a test itself: the program that cannot start a thread under strace.
#[test]
fn without_threads() {
    if std::env::var_os(WATCHED).is_none() {
        return;
    }
    let failed = Dialer::new().dial("name.example:1").unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::OutOfResources, "{failed:?}");
    assert!(failed.kind().is_temporary());
    let errors =
        failed.report().lookups.iter().map(|lookup| lookup.answer.as_ref().unwrap().as_ref().unwrap_err());
    assert!(errors.map(|error| error.raw_os_error()).all(|errno| errno == Some(libc::EAGAIN)));
    // A dial without a lookup needs no thread.
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    Dialer::new().dial_addrs(&listeners.addrs().unwrap()).unwrap();
}

#[test]
fn a_lookup_thread_that_cannot_be_had_is_a_shortage() {
    if has_strace("a_lookup_thread_that_cannot_be_had_is_a_shortage") {
        let record = tempfile::NamedTempFile::new().unwrap();
        let path = record.path().to_str().unwrap();
        under_strace(&["-o", path, "-e", "inject=clone,clone3:error=EAGAIN"], "without_threads");
        assert!(std::fs::read_to_string(path).unwrap().contains("(INJECTED)"), "no thread was refused");
    }
}

/// A listener whose queue is full, and the connection that fills it.
fn full_listener() -> (Socket, SocketAddr, Socket) {
    let any = "127.0.0.1:0".parse().unwrap();
    let listener = Socket::stream_for(&any).unwrap();
    listener.listen_with(&any, &ListenOptions::new().backlog(0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let first = client_of(&addr);
    (listener, addr, first)
}

/// Not a test itself: a connect that is refused while in progress, when the first SYN
/// is retransmitted, while getpeername(2) fails.
#[test]
fn refused_without_peers_names() {
    if std::env::var_os(WATCHED).is_some() {
        let (listener, addr, _first) = full_listener();
        let socket = Socket::stream_for(&addr).unwrap();
        let mut connecting = socket.start_connect(&addr).unwrap();
        assert!(connecting.outcome(&socket).is_none(), "the queue is full");
        drop(listener);
        let refused = connecting.wait(&socket, Some(Duration::from_secs(60))).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ECONNREFUSED));
    }
}

/// Not a test itself: the program that is woken spuriously under strace, and whose
/// getpeername(2) fails.
#[test]
fn woken_without_peers_names() {
    if std::env::var_os(WATCHED).is_some() {
        let (_listener, addr, _first) = full_listener();
        let socket = Socket::stream_for(&addr).unwrap();
        let error =
            socket.connect_with(&addr, &ConnectOptions::new().timeout(Duration::from_secs(60))).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOBUFS));
    }
}

#[test]
fn a_peer_without_a_name_is_no_connection() {
    if !has_strace("a_peer_without_a_name_is_no_connection") {
        return;
    }
    let [nameless, woken] = ["inject=getpeername:error=ENOBUFS", "inject=poll,ppoll:retval=1"];
    for (program, how) in [
        ("refused_without_peers_names", &["-e", nameless][..]),
        ("woken_without_peers_names", &["-e", nameless, "-e", woken]),
    ] {
        let record = tempfile::NamedTempFile::new().unwrap();
        let path = record.path().to_str().unwrap();
        under_strace(&[&["-o", path], how].concat(), program);
        assert!(std::fs::read_to_string(path).unwrap().contains("ENOBUFS"), "{program}: no name was refused");
    }
}

/// Not a test itself: the program whose first look at SO_ERROR comes too early.
#[test]
fn refused_a_little_later() {
    if std::env::var_os(WATCHED).is_some() {
        let (listener, addr, _first) = full_listener();
        let socket = Socket::stream_for(&addr).unwrap();
        let mut connecting = socket.start_connect(&addr).unwrap();
        drop(listener);
        let refused = connecting.wait(&socket, Some(Duration::from_secs(60))).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ECONNREFUSED));
    }
}

#[test]
fn an_error_that_comes_between_two_looks_is_the_outcome() {
    if has_strace("an_error_that_comes_between_two_looks_is_the_outcome") {
        let record = tempfile::NamedTempFile::new().unwrap();
        let path = record.path().to_str().unwrap();
        // After SO_TYPE of the listener. The call is not made, so the error stays to be read.
        let early = "inject=getsockopt:retval=0:when=2";
        under_strace(&["-o", path, "-e", early], "refused_a_little_later");
        let calls = std::fs::read_to_string(path).unwrap();
        let is_early = |call: &str| call.contains("SO_ERROR") && call.contains("(INJECTED)");
        assert!(calls.lines().any(is_early), "nothing was disturbed");
    }
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

/// Not a test itself: eight threads that accept, and 1,000 clients, one after the other
/// and then all at once.
#[test]
fn many_threads_accept() {
    if std::env::var_os(WATCHED).is_none() {
        return;
    }
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let addr = listeners.addrs().unwrap()[0];
    let cancel = Cancel::new().unwrap();
    let served = |mut client: Socket| {
        let fd = std::os::fd::AsFd::as_fd(&client).try_clone_to_owned().unwrap();
        std::net::TcpStream::from(fd).set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // A connection that waits while threads sleep fails here.
        assert_eq!(client.read(&mut [0]).unwrap(), 1);
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some((mut socket, _)) = listeners.accept_or_cancel(None, &cancel).unwrap() {
                    socket.write_all(b"x").unwrap();
                }
            });
        }
        for _ in 0..1000 {
            served(client_of(&addr));
        }
        mark("burst");
        let clients: Vec<_> = (0..500).map(|_| client_of(&addr)).collect();
        clients.into_iter().for_each(served);
        cancel.cancel();
    });
}

#[test]
fn a_connection_wakes_one_of_many_threads() {
    if !has_strace("a_connection_wakes_one_of_many_threads") {
        return;
    }
    let record = tempfile::NamedTempFile::new().unwrap();
    let path = record.path().to_str().unwrap();
    // Only these calls are traced: if all are, the threads are too slow for a burst.
    let how = ["--seccomp-bpf", "-o", path, "-e", "trace=accept4,statx,stat"];
    under_strace(&how, "many_threads_accept");
    let record = std::fs::read_to_string(path).unwrap();
    let (one_by_one, burst) = record.split_once("/mark/burst").expect("a mark");
    let calls = |part: &str| part.lines().filter(|line| line.contains("accept4(")).count();
    println!("accept calls: {} for 1000, then {} for 500 at once", calls(one_by_one), calls(burst));
    // strace slows each call down, so that threads compete which otherwise would not:
    // scripts/accepting counts without it. If all threads were woken there would be 8
    // calls per client.
    assert!((1000..=2000).contains(&calls(one_by_one)), "{}", calls(one_by_one));
    assert!((500..=1500).contains(&calls(burst)), "{}", calls(burst));
}

fn has_strace(test: &str) -> bool {
    let has = Command::new("strace").arg("-V").output().is_ok();
    if !has {
        println!("skipped: {test}: strace is not installed");
        assert!(std::env::var_os("BIOSOCK_REQUIRE_ALL").is_none(), "strace is required here");
    }
    has
}

/// Runs one of these programs in its own process.
fn under_strace(how: &[&str], program: &str) {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq"]).args(how).arg(std::env::current_exe().unwrap());
    let copy = strace.args(["--exact", program, "--test-threads=1"]).env(WATCHED, "1").output().unwrap();
    assert!(copy.status.success(), "{}", String::from_utf8_lossy(&copy.stderr));
}

/// The names of the calls between a mark and the next, of the thread that made the
/// mark.
fn calls_after<'a>(record: &'a str, name: &str) -> Vec<&'a str> {
    let mark = format!("\"/mark/{name}\"");
    // A line is "PID call(arguments) = result".
    let mut lines = record.lines().filter_map(|line| line.split_once(' '));
    let Some((thread, _)) = lines.find(|(_, call)| call.contains(&mark)) else { return vec!["no such mark"] };
    let mine = lines.filter(|(pid, _)| *pid == thread).map(|(_, call)| call.trim_start());
    let until_next = mine.take_while(|call| !call.contains("\"/mark/"));
    // A call that another thread interrupts in the record is resumed as "<... call".
    let begun = until_next.filter(|call| !call.starts_with('<'));
    begun.filter_map(|call| call.split_once('(')).map(|(call, _)| call).collect()
}

/// Not a test itself: the program whose first listen fails under strace.
#[test]
fn overtaken() {
    if std::env::var_os(WATCHED).is_some() {
        Listen::new().listen("127.0.0.1:0").unwrap();
    }
}

/// With SO_REUSEADDR two sockets may be bound to a port, and the second listen(2) fails.
#[test]
fn a_port_that_is_lost_at_listen_is_chosen_again() {
    if has_strace("a_port_that_is_lost_at_listen_is_chosen_again") {
        let record = tempfile::NamedTempFile::new().unwrap();
        let path = record.path().to_str().unwrap();
        under_strace(&["-o", path, "-e", "inject=listen:error=EADDRINUSE:when=1"], "overtaken");
        assert!(std::fs::read_to_string(path).unwrap().contains("(INJECTED)"), "nothing was disturbed");
    }
}

/// Not a test itself: a loop whose every accept fails under strace, until that has been
/// reported once and it has backed off a few times more.
#[test]
fn filtered() {
    if std::env::var_os(WATCHED).is_none() {
        return;
    }
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let _client = client_of(&listeners.addrs().unwrap()[0]);
    let cancel = Cancel::new().unwrap();
    let canceller = cancel.clone();
    let mut told = 0;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            canceller.cancel();
        });
        listeners
            .serve(&cancel, |event| match event {
                Event::Failure { .. } => told += 1,
                Event::Connection(..) => panic!("{event:?}"),
            })
            .unwrap();
    });
    // Being too late is not a failure.
    let is_late = std::env::var_os(FILTER).is_some_and(|errno| errno == "EAGAIN");
    assert_eq!(told, u32::from(!is_late), "once for all");
    // Single accepts too: reported once, and each further call takes its time.
    let accept = || listeners.accept(Some(Duration::from_millis(100)));
    mark("one at a time");
    let errors: Vec<_> = (0..3).map(|_| accept().unwrap_err().raw_os_error()).collect();
    assert!(errors[1..].iter().all(|errno| *errno == Some(libc::EAGAIN)), "{errors:?}");
    assert!(listeners.accept(Some(Duration::ZERO)).is_err());
}

#[test]
fn an_error_that_stays_is_not_tried_again_and_again() {
    if !has_strace("an_error_that_stays_is_not_tried_again_and_again") {
        return;
    }
    for errno in ["EPROTO", "ECONNABORTED", "EHOSTUNREACH", "EAGAIN"] {
        let record = tempfile::NamedTempFile::new().unwrap();
        let path = record.path().to_str().unwrap();
        let inject = format!("inject=accept4:error={errno}");
        let environment = format!("{FILTER}={errno}");
        under_strace(&["-o", path, "-e", "trace=accept4", "-e", &inject, "-E", &environment], "filtered");
        let calls = std::fs::read_to_string(path).unwrap().matches("INJECTED").count();
        // 8, and one after each delay, twice: 5 ms, 10 ms, 20 ms, ... fit into a second
        // only 7 times, and those of 1 ms to 100 ms only 16 times.
        assert!((9..60).contains(&calls), "{errno}: {calls} calls");
    }
}

/// What one accept of the copy should return: an errno, or 0 for a connection.
#[cfg(feature = "tokio")]
const WANTED: &str = "BIOSOCK_TEST_WANTED";

/// Not a test itself: the program whose first accepts fail under strace.
#[cfg(feature = "tokio")]
#[test]
fn accepted_async() {
    let Some(expected) = std::env::var_os(WANTED) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut listeners = Listen::new().listen("127.0.0.1:0").unwrap().into_async().unwrap();
        let addr = listeners.addrs()[0];
        let mut clients = vec![client_of(&addr)];
        let mut accept = std::pin::pin!(listeners.accept());
        // If the first was lost to another, a later one wakes the task.
        let accepted = loop {
            tokio::select! {
                accepted = &mut accept => break accepted,
                () = tokio::time::sleep(Duration::from_millis(10)) => clients.push(client_of(&addr)),
            }
        };
        let errno = accepted.err().map_or(0, |error| error.raw_os_error().unwrap());
        assert_eq!(errno.to_string(), expected.to_str().unwrap());
    });
}

/// Connections that are gone are skipped, but only a few in a row; a shortage is
/// returned at once, and losing a connection to another never is.
#[cfg(feature = "tokio")]
#[test]
fn an_async_accept_passes_over_a_few_that_are_gone() {
    if !has_strace("an_async_accept_passes_over_a_few_that_are_gone") {
        return;
    }
    for (errno, first, expected, count) in [
        ("ECONNABORTED", 7, 0, 8),
        ("ECONNABORTED", 9, libc::ECONNABORTED, 8),
        ("EMFILE", 1, libc::EMFILE, 1),
        ("EAGAIN", 9, 0, 10),
    ] {
        let record = tempfile::NamedTempFile::new().unwrap();
        let path = record.path().to_str().unwrap();
        let inject = format!("inject=accept4:error={errno}:when=1..{first}");
        let expected = format!("{WANTED}={expected}");
        under_strace(&["-o", path, "-e", "trace=accept4", "-e", &inject, "-E", &expected], "accepted_async");
        let calls = std::fs::read_to_string(path).unwrap().matches("accept4(").count();
        assert_eq!(calls, count, "{errno}, the first {first}");
    }
}
