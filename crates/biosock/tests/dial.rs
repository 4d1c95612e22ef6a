//! The dialer on loopback. Tests that need a network of their own (silent addresses,
//! slow answers) are in the laboratory, `lab/`.

mod peers;

use std::io::{Read, Write};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use biosock::dial::{
    AddressHistory, DialFailure, Dialer, LookupReport, Outcome, Pace, Question, Report, Resolver,
};
use biosock::listeners::Listen;
use biosock::{Cancel, ConnectOptions, Domain, ErrorKind, Family, Result, Socket, SocketAddr, Type};

use peers::{Fixed, listeners, refusing};

/// Answers IPv4 at once, and IPv6 not within the life of a test.
#[derive(Debug)]
struct HalfDead(SocketAddr);

impl Resolver for HalfDead {
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        if question.family == Domain::IPV6 {
            thread::sleep(Duration::from_secs(3600));
        }
        Ok(vec![self.0])
    }
}

#[test]
fn a_name_is_dialled_and_the_connection_works() {
    let (listeners, port) = listeners("localhost:0");
    let mut dialed = Dialer::new().nodelay(true).dial(&format!("localhost:{port}")).unwrap();
    assert_eq!(dialed.socket.peer_addr().unwrap(), dialed.addr);
    assert!(!dialed.socket.is_nonblocking().unwrap());
    let (mut server, _) = listeners.accept(None).unwrap();
    dialed.socket.write_all(b"x").unwrap();
    server.read_exact(&mut [0]).unwrap();
}

#[test]
fn an_answer_that_never_comes_delays_little() {
    let (_listeners, port) = listeners("127.0.0.1:0");
    let resolver = Arc::new(HalfDead(SocketAddr::from(([127, 0, 0, 1], port))));
    let dialed = Dialer::new().resolver(resolver).dial("name:1").unwrap();
    let [ipv6, ipv4] = &dialed.report.lookups[..] else { panic!("two questions: {:?}", dialed.report) };
    assert_eq!((ipv6.family, ipv4.family), (Domain::IPV6, Domain::IPV4), "as they were asked");
    assert!(ipv6.answer.is_none() && ipv6.took.is_none() && ipv4.answer.is_some());
    assert!(dialed.report.attempts[0].started >= Duration::from_millis(50), "IPv6 had its time");
}

/// Knows its addresses locally, and must not look one up.
#[derive(Debug)]
struct Cached(Vec<SocketAddr>);

impl Resolver for Cached {
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        panic!("{question:?} was looked up");
    }

    fn known(&self, question: &Question) -> Option<Vec<SocketAddr>> {
        let serves = |addr: &&SocketAddr| [Domain::UNSPEC, addr.family()].contains(&question.family);
        Some(self.0.iter().filter(serves).copied().collect())
    }
}

#[test]
fn what_is_at_hand_is_not_looked_up() {
    let (_listeners, port) = listeners("127.0.0.1:0");
    let (v4, v6) = (SocketAddr::from(([127, 0, 0, 1], port)), "[::1]:1".parse().unwrap());
    let dialer = Dialer::new().resolver(Arc::new(Cached(vec![v4, v6])));
    let answers = |report: &Report| {
        let answer =
            |lookup: &LookupReport| (lookup.family, *lookup.answer.as_ref().unwrap().as_ref().unwrap());
        report.lookups.iter().map(answer).collect::<Vec<_>>()
    };

    // Both families, in the order of the combined answer.
    let dialed = dialer.dial("name:1").unwrap();
    let attempts: Vec<_> = dialed.report.attempts.iter().map(|attempt| attempt.addr).collect();
    assert_eq!((dialed.addr, attempts), (v4, vec![v6, v4]));
    assert_eq!(answers(&dialed.report), [(Domain::IPV6, 1), (Domain::IPV4, 1)]);

    // One family, for which a plain connect is enough.
    let dialed = dialer.clone().family(Family::Ipv4).dial("name:1").unwrap();
    assert_eq!(answers(&dialed.report), [(Domain::IPV4, 1)]);
    assert!(!dialed.socket.is_nonblocking().unwrap());

    // No addresses.
    let failed = Dialer::new().resolver(Arc::new(Cached(vec![]))).dial("name:1").unwrap_err();
    assert_eq!(failed.to_string(), "dial name:1: no address found");
    assert_eq!(answers(failed.report()), [(Domain::IPV6, 0), (Domain::IPV4, 0)]);
}

#[test]
fn the_deadline_includes_the_lookup() {
    let resolver = Arc::new(HalfDead("127.0.0.1:1".parse().unwrap()));
    let dialer = Dialer::new().resolver(resolver).family(Family::Ipv6).timeout(Duration::from_millis(50));
    let late = dialer.dial("name:1").unwrap_err();
    assert!(matches!(late.failure(), DialFailure::TimedOut));
    assert!(late.report().elapsed >= Duration::from_millis(50));
    assert_eq!(std::io::Error::from(late).kind(), std::io::ErrorKind::TimedOut);
}

/// TCP has no route to a multicast group, whatever routes there are (ENETUNREACH).
const GROUP: &str = "224.0.0.1:1";

#[test]
fn the_deadline_includes_a_nat64_s_discovery() {
    let resolver = Arc::new(HalfDead("127.0.0.1:1".parse().unwrap()));
    let dialer = Dialer::new().resolver(resolver).nat64(true);
    let late = dialer.clone().timeout(Duration::from_millis(50)).dial(GROUP).unwrap_err();
    assert!(matches!(late.failure(), DialFailure::TimedOut), "{late}");
    assert_eq!(late.report().attempts.len(), 1);

    let cancel = Cancel::new().unwrap();
    let dialer = dialer.cancel(cancel.clone());
    thread::scope(|scope| {
        let dialing = scope.spawn(|| dialer.dial(GROUP));
        thread::sleep(Duration::from_millis(20));
        cancel.cancel();
        let ended = dialing.join().unwrap().unwrap_err();
        assert!(matches!(ended.failure(), DialFailure::Cancelled), "{ended}");
        assert_eq!(ended.kind(), ErrorKind::Cancelled);
        assert_ne!(std::io::Error::from(ended).kind(), std::io::ErrorKind::Interrupted);
    });
}

#[test]
fn one_address_has_its_deadline_too() {
    let (_listener, _first, addr) = silent();
    let dialer = Dialer::new().timeout(Duration::from_millis(50));
    for late in [dialer.dial(&addr.to_string()).unwrap_err(), dialer.dial_addrs(&[addr]).unwrap_err()] {
        assert!(matches!(late.failure(), DialFailure::TimedOut), "{late}");
    }
}

#[test]
fn a_refusal_starts_the_next_at_once() {
    let (_holder, refusing) = refusing("127.0.0.1:0");
    let (_listeners, port) = listeners("127.0.0.1:0");
    let good = SocketAddr::from(([127, 0, 0, 1], port));
    let pace = Pace { attempt_delay: Duration::from_secs(2), ..Pace::default() };
    let dialed = Dialer::new().pace(pace).dial_addrs(&[refusing, refusing, good]).unwrap();
    assert_eq!(dialed.addr, good);
    let report = dialed.report;
    assert_eq!(report.attempts.len(), 2, "a duplicate is dropped");
    assert!(
        matches!(&report.attempts[0].outcome, Outcome::Failed(error) if error.address() == Some(&refusing))
    );
    assert!(matches!(report.attempts[1].outcome, Outcome::Connected));
    assert!(report.attempts[1].started < pace.attempt_delay, "no delay after a failure");
}

#[test]
fn what_worked_is_remembered() {
    let (_holder, refusing) = refusing("127.0.0.1:0");
    let (_listeners, port) = listeners("127.0.0.1:0");
    let addrs = [refusing, SocketAddr::from(([127, 0, 0, 1], port))];
    let dialer = Dialer::new().history(Arc::new(AddressHistory::new(16)));
    let tried = || dialer.dial_addrs(&addrs).unwrap().report.attempts.len();
    assert_eq!((tried(), tried()), (2, 1));
}

/// An address of this machine whose port is not in use, and a dialer that has it as its
/// source: so it connects to itself.
fn itself(ip: &str) -> (SocketAddr, Dialer) {
    let any: SocketAddr = std::net::SocketAddr::new(ip.parse().unwrap(), 0).into();
    let holder = Socket::stream_for(&any).unwrap();
    holder.bind(&any).unwrap();
    let addr = holder.local_addr().unwrap();
    (addr, Dialer::new().source(addr))
}

#[test]
fn a_connection_to_itself_is_a_refusal() {
    // On this address no other program uses the port.
    let [.., high, low] = std::process::id().to_be_bytes();
    let own = format!("127.80.{high}.{low}");
    for ip in [&*own, "::1", &format!("::ffff:{own}")] {
        let (addr, dialer) = itself(ip);
        let late = Duration::from_secs(60);
        let fast = dialer.clone().tfo(true);
        for dialer in [dialer.clone(), dialer.clone().timeout(late), dialer.clone().mptcp(true), fast] {
            let failed = dialer.dial_addrs(&[addr]).unwrap_err();
            let [attempt] = &failed.report().attempts[..] else { panic!("one attempt: {failed}") };
            let Outcome::Failed(error) = &attempt.outcome else { panic!("{addr}: {attempt:?}") };
            assert_eq!(
                error.to_string(),
                format!("connect to {addr}: connected to itself: nothing listens there")
            );
            assert_eq!(error.kind(), ErrorKind::Io(std::io::ErrorKind::ConnectionRefused));
            // A server can have the port at once, even without SO_REUSEADDR.
            let server = Socket::stream_for(&addr).unwrap();
            server.listen(&addr).unwrap();
        }
    }
}

#[test]
fn a_connection_to_itself_is_not_the_end_of_the_race() {
    let (addr, dialer) = itself("::1");
    let (_listeners, port) = listeners("127.0.0.1:0");
    let good = SocketAddr::from(([127, 0, 0, 1], port));
    let dialed = dialer.dial_addrs(&[addr, good]).unwrap();
    assert_eq!((dialed.addr, dialed.report.attempts.len()), (good, 2));
}

#[test]
fn the_unspecified_address_may_be_the_socket_s_own_too() {
    let (addr, dialer) = itself("127.0.0.1");
    let target = format!("0.0.0.0:{}", addr.port().unwrap());
    let failed = dialer.dial(&target).unwrap_err();
    assert!(failed.report().to_string().contains("connected to itself"), "{failed:?}");
}

#[test]
fn a_datagram_socket_may_be_its_own_peer() {
    let holder = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = SocketAddr::from(holder.local_addr().unwrap());
    drop(holder);
    let dialed = Dialer::new().socktype(Type::DGRAM).source(addr).dial_addrs(&[addr]).unwrap();
    assert_eq!(dialed.socket.local_addr().unwrap(), addr);
}

#[test]
fn equal_ports_alone_are_no_connection_to_itself() {
    let (_listeners, port) = listeners("127.0.0.1:0");
    let dialers = [Dialer::new(), Dialer::new().timeout(Duration::from_secs(60))];
    // Each from its own address: the first would keep the port for a while.
    for (dialer, last) in dialers.into_iter().zip(9..) {
        let source = SocketAddr::from(([127, 0, 0, last], port));
        let dialed = dialer.source(source).dial_addrs(&[SocketAddr::from(([127, 0, 0, 1], port))]).unwrap();
        assert_eq!(dialed.socket.local_addr().unwrap(), source);
    }
}

#[test]
fn what_worked_does_not_outrank_the_other_family() {
    let ((_v6, port6), (_v4, port4)) = (listeners("[::1]:0"), listeners("127.0.0.1:0"));
    let (v6, v4) = (format!("[::1]:{port6}").parse().unwrap(), SocketAddr::from(([127, 0, 0, 1], port4)));
    let dialer = Dialer::new().history(Arc::new(AddressHistory::new(16)));
    assert_eq!(dialer.dial_addrs(&[v4]).unwrap().addr, v4);
    assert_eq!(dialer.dial_addrs(&[v6, v4]).unwrap().addr, v6);
}

#[test]
fn a_failure_of_this_machine_s_is_not_remembered() {
    let ((_v6, port6), (_v4, port4)) = (listeners("[::1]:0"), listeners("127.0.0.1:0"));
    let (v6, v4) = (format!("[::1]:{port6}").parse().unwrap(), SocketAddr::from(([127, 0, 0, 1], port4)));
    let dialer = Dialer::new().history(Arc::new(AddressHistory::new(16)));
    assert_eq!(dialer.clone().device_v6("no-such-device").dial_addrs(&[v6, v4]).unwrap().addr, v4);
    assert_eq!(dialer.dial_addrs(&[v6, v4]).unwrap().addr, v6);
}

/// Answers IPv6 with two addresses that refuse, and IPv4 later.
#[derive(Debug)]
struct LateV4([SocketAddr; 2], SocketAddr);

impl Resolver for LateV4 {
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        if question.family == Domain::IPV6 {
            return Ok(self.0.to_vec());
        }
        thread::sleep(Duration::from_millis(100));
        Ok(vec![self.1])
    }
}

#[test]
fn the_attempts_are_not_used_up_before_ipv4_s_answer() {
    let (_listeners, port) = listeners("127.0.0.1:0");
    let good = SocketAddr::from(([127, 0, 0, 1], port));
    let resolver = LateV4([itself("::1").0, itself("::1").0], good);
    let pace = Pace { max_attempts: 2, ..Pace::default() };
    let dialed = Dialer::new().pace(pace).resolver(Arc::new(resolver)).dial("name:1").unwrap();
    assert_eq!((dialed.addr, dialed.report.attempts.len()), (good, 2));
}

#[test]
fn the_error_is_one_line_and_its_report_lists_every_attempt() {
    let (_one, first) = refusing("127.0.0.1:0");
    let (_two, second) = refusing("127.0.0.1:0");
    let failed = Dialer::new().dial_addrs(&[first, second]).unwrap_err();
    assert_eq!(failed.to_string(), format!("dial {first}, {second}: no address answered"));
    let source = std::error::Error::source(&failed).unwrap();
    assert_eq!(source.to_string(), format!("connect to {second}: connection refused (ECONNREFUSED)"));
    assert!(source.source().is_none());
    let table = failed.report().to_string();
    assert_eq!(table.lines().count(), 2);
    for (line, addr) in table.lines().zip([first, second]) {
        assert!(line.ends_with(&format!(" s  {addr}  connection refused (ECONNREFUSED)")), "{line}");
    }
    assert_eq!(std::io::Error::from(failed).kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn bad_targets_are_told() {
    let cases = [
        (
            "localhost",
            "dial localhost: parse \"localhost\": no port defined: add one, as in localhost:80 (at byte 9)",
        ),
        ("a:b:c", "dial a:b:c: parse \"a:b:c\": ambiguous host or service: a second colon (at byte 3)"),
        ("[::1", "dial [::1: parse \"[::1\": malformed host or service: missing closing ] (at byte 4)"),
        ("localhost:65536", "dial localhost:65536: parse \"65536\": the port is above 65535 (at byte 0)"),
        (
            "unix:\\x",
            "dial unix:\\x: parse \"unix:\\x\": an escape is \\x and two hexadecimal digits (at byte 5)",
        ),
    ];
    for (target, message) in cases {
        let failed = Dialer::new().dial(target).unwrap_err();
        assert_eq!((failed.to_string().as_str(), failed.kind()), (message, ErrorKind::InvalidInput));
        assert!(std::error::Error::source(&failed).is_none(), "the message has it");
    }
    let unknown = Dialer::new().dial("localhost:no-such").unwrap_err();
    assert_eq!(unknown.to_string(), "dial localhost:no-such: no address found");
    assert_eq!(unknown.kind(), ErrorKind::ServiceNotFound);
    let table = unknown.report().to_string();
    assert_eq!(table.lines().filter(|line| line.ends_with("(EAI_SERVICE)")).count(), 2, "{table}");
    assert!(Dialer::new().dial_addrs(&[]).is_err());
}

#[test]
fn another_thread_cancels() {
    let resolver = Arc::new(HalfDead("127.0.0.1:1".parse().unwrap()));
    let cancel = Cancel::new().unwrap();
    let dialer = Dialer::new().resolver(resolver).family(Family::Ipv6).cancel(cancel.clone());
    thread::scope(|scope| {
        let dialing = scope.spawn(|| dialer.dial("name:1"));
        thread::sleep(Duration::from_millis(20));
        cancel.cancel();
        let ended = dialing.join().unwrap().unwrap_err();
        assert!(matches!(ended.failure(), DialFailure::Cancelled));
        assert_eq!(ended.kind(), ErrorKind::Cancelled);
        // Never Interrupted: callers retry that forever.
        assert_eq!(std::io::Error::from(ended).kind(), std::io::ErrorKind::Other);
    });
}

/// Fails each family's lookup in a different way.
#[derive(Debug)]
struct Fails(ErrorKind, ErrorKind);

impl Resolver for Fails {
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        let kind = if question.family == Domain::IPV6 { self.0 } else { self.1 };
        let error = biosock::Error::from_kind(biosock::Operation::Lookup, kind).about("name");
        Err(error.with_source("a cause of the resolver's own"))
    }
}

#[test]
fn a_resolver_s_own_failure_is_the_dial_s() {
    use ErrorKind::{NameNotFound, NoAddress, OutOfResources, TryAgain};
    for (v6, v4, expected) in [
        (NameNotFound, NameNotFound, NameNotFound),
        (NoAddress, TryAgain, TryAgain),
        (TryAgain, NameNotFound, TryAgain),
        (NameNotFound, OutOfResources, OutOfResources),
    ] {
        let failed = Dialer::new().resolver(Arc::new(Fails(v6, v4))).dial("name:1").unwrap_err();
        assert_eq!(failed.kind(), expected);
        let lookup = std::error::Error::source(&failed).unwrap();
        assert_eq!(lookup.to_string(), format!("look up name: {expected}"));
        assert_eq!(lookup.source().unwrap().to_string(), "a cause of the resolver's own");
    }
}

/// Panics when looking up IPv6 addresses.
#[derive(Debug)]
struct Panics(SocketAddr);

impl Resolver for Panics {
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        assert!(question.family == Domain::IPV4, "a panic that the test wants");
        Ok(vec![self.0])
    }
}

#[test]
fn a_resolver_that_panics_is_a_lookup_that_failed() {
    let (_listeners, port) = listeners("127.0.0.1:0");
    let resolver = Arc::new(Panics(SocketAddr::from(([127, 0, 0, 1], port))));
    let dialer = Dialer::new().resolver(resolver);
    assert!(dialer.dial("name:1").is_ok());
    let failed = dialer.family(Family::Ipv6).dial("name:1").unwrap_err();
    let source = std::error::Error::source(&failed).unwrap().to_string();
    assert_eq!(source, "look up by a resolver that panicked: the resolver failed");
    assert_eq!(failed.kind(), ErrorKind::LookupFailed);
}

#[test]
fn unix_paths_and_datagrams_go_through_the_same_call() {
    let directory = tempfile::tempdir().unwrap();
    let target = format!("unix:{}", directory.path().join("socket").display());
    let (_listeners, _) = listeners(&target);
    assert_eq!(Dialer::new().dial(&target).unwrap().addr.family(), Domain::UNIX);

    let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let dialed = Dialer::new().socktype(Type::DGRAM).dial(&server.local_addr().unwrap().to_string()).unwrap();
    (&dialed.socket).write_all(b"datagram").unwrap();
    let mut heard = [0; 16];
    assert_eq!(server.recv(&mut heard).unwrap(), 8);
}

/// A listener whose queue is full, so that a connect to it does not complete.
fn silent() -> (Socket, Socket, SocketAddr) {
    let listener = Listen::new().backlog(0).listen("127.0.0.1:0").unwrap().into_sockets().remove(0);
    let addr = listener.local_addr().unwrap();
    let first = Socket::stream_for(&addr).unwrap();
    first.connect(&addr).unwrap();
    (listener, first, addr)
}

#[test]
fn a_dial_that_was_cancelled_teaches_nothing() {
    let (_listener, _first, silent) = silent();
    let (_listeners, port) = listeners("127.0.0.1:0");
    let good = SocketAddr::from(([127, 0, 0, 1], port));
    let pace = Pace { attempt_delay: Pace::ATTEMPT_DELAYS.0, ..Pace::default() };
    let dialer = Dialer::new().pace(pace).history(Arc::new(AddressHistory::new(16)));
    let cancel = Cancel::new().unwrap();
    let cancelled = dialer.clone().cancel(cancel.clone());
    thread::scope(|scope| {
        let dialing = scope.spawn(|| cancelled.dial_addrs(&[silent]));
        // Longer than the delay after which silence counts.
        thread::sleep(pace.attempt_delay * 5);
        cancel.cancel();
        assert_eq!(dialing.join().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    });
    let first = |dialer: &Dialer| dialer.dial_addrs(&[silent, good]).unwrap().report.attempts[0].addr;
    assert_eq!([first(&dialer), first(&dialer)], [silent, good], "the second has learned from the first");
}

#[test]
fn another_thread_cancels_a_connect_under_way() {
    let (_listener, _first, addr) = silent();
    let cancel = Cancel::new().unwrap();
    let dialer = Dialer::new().cancel(cancel.clone());
    thread::scope(|scope| {
        let dialing = scope.spawn(|| dialer.dial_addrs(&[addr]));
        thread::sleep(Duration::from_millis(20));
        cancel.cancel();
        let ended = dialing.join().unwrap().unwrap_err();
        assert!(matches!(ended.failure(), DialFailure::Cancelled));
        assert!(matches!(ended.report().attempts[0].outcome, Outcome::NoAnswer));
    });
}

/// Knows one address, and records the signals that its threads block.
#[derive(Debug)]
struct Noting(SocketAddr, Mutex<Vec<u64>>);

impl Resolver for Noting {
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        self.1.lock().unwrap().push(blocked_signals());
        Fixed(self.0).resolve(question)
    }
}

/// A bit for each signal, the first for signal 1: proc_pid_status(5).
fn blocked_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(blocked.trim(), 16).unwrap()
}

#[test]
fn the_caller_s_signals_are_not_taken_by_lookups() {
    const SIGINT_AND_SIGALRM: u64 = 1 << 1 | 1 << 13;
    let (_listeners, port) = listeners("127.0.0.1:0");
    let resolver = Arc::new(Noting(SocketAddr::from(([127, 0, 0, 1], port)), Mutex::default()));
    let before = blocked_signals();
    Dialer::new().resolver(Arc::clone(&resolver) as _).dial("name:1").unwrap();
    assert_eq!(blocked_signals(), before, "the caller's own are as they were");
    let noted = resolver.1.lock().unwrap();
    assert!(!noted.is_empty());
    assert!(noted.iter().all(|blocked| blocked & SIGINT_AND_SIGALRM == SIGINT_AND_SIGALRM), "{noted:x?}");
}

/// Answers only once it is allowed to.
#[derive(Debug)]
struct Gated(Arc<RwLock<()>>);

impl Resolver for Gated {
    fn resolve(&self, _: &Question) -> Result<Vec<SocketAddr>> {
        drop(self.0.read());
        Ok(vec![])
    }
}

#[test]
fn an_abandoned_lookup_ends_when_its_resolver_lets_it() {
    let gate = Arc::new(RwLock::new(()));
    let shut = gate.write().unwrap();
    let resolver = Arc::new(Gated(Arc::clone(&gate)));
    let dialer = Dialer::new().resolver(resolver.clone()).timeout(Duration::from_millis(30));
    let late = dialer.dial("name:1").unwrap_err();
    assert!(matches!(late.failure(), DialFailure::TimedOut));
    // This test's thread, the dialer's, and one for each lookup.
    assert_eq!(Arc::strong_count(&resolver), 4, "both lookups go on");
    drop(shut);
    let patience = Instant::now() + Duration::from_secs(30);
    while Arc::strong_count(&resolver) > 2 && Instant::now() < patience {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(Arc::strong_count(&resolver), 2, "both have ended");
}

/// A Unix listener whose queue is full until it accepts.
fn full_queue() -> (tempfile::TempDir, Socket, Vec<Socket>, SocketAddr) {
    let directory = tempfile::tempdir().unwrap();
    let addr: SocketAddr = format!("unix:{}", directory.path().join("full").display()).parse().unwrap();
    let listener = Listen::new().backlog(0).listen(&addr.to_string()).unwrap().into_sockets().remove(0);
    listener.set_nonblocking(false).unwrap();
    let fill = || {
        let socket = Socket::stream_for(&addr).unwrap();
        let connected = socket.start_connect(&addr).is_ok();
        connected.then_some(socket)
    };
    let waiting = std::iter::from_fn(fill).collect();
    (directory, listener, waiting, addr)
}

#[test]
fn a_full_queue_is_waited_for() {
    let (_directory, listener, waiting, addr) = full_queue();
    assert!(!waiting.is_empty());
    let dialer = Dialer::new().timeout(Duration::from_secs(60));
    let plain = Socket::stream_for(&addr).unwrap();
    let options = ConnectOptions::new().timeout(Duration::from_secs(60));
    thread::scope(|scope| {
        let dialing = scope.spawn(|| dialer.dial(&addr.to_string()));
        let connecting = scope.spawn(|| plain.connect_with(&addr, &options));
        thread::sleep(Duration::from_millis(20));
        assert!(!dialing.is_finished() && !connecting.is_finished());
        let accepted: Vec<_> = (0..waiting.len() + 2).map(|_| listener.accept().unwrap()).collect();
        assert_eq!(accepted.len(), waiting.len() + 2);
        let dialed = dialing.join().unwrap().unwrap();
        assert_eq!(dialed.report.attempts.len(), 1, "one attempt, however often it asks");
        assert!(!dialed.socket.is_nonblocking().unwrap());
        connecting.join().unwrap().unwrap();
        assert!(!plain.is_nonblocking().unwrap());
    });
}

#[test]
fn a_queue_that_stays_full_ends_with_the_deadline() {
    let (_directory, _listener, _waiting, addr) = full_queue();
    let late = Dialer::new().timeout(Duration::from_millis(30)).dial(&addr.to_string()).unwrap_err();
    assert!(matches!(late.failure(), DialFailure::TimedOut), "{late}");
    assert!(matches!(late.report().attempts[0].outcome, Outcome::NoAnswer));
    let socket = Socket::stream_for(&addr).unwrap();
    let late =
        socket.connect_with(&addr, &ConnectOptions::new().timeout(Duration::from_millis(30))).unwrap_err();
    assert_eq!(late.system().and_then(|system| system.name()), Some("ETIMEDOUT"));
}

#[test]
fn a_cancel_ends_the_waiting_for_a_full_queue() {
    let (_directory, _listener, _waiting, addr) = full_queue();
    let cancel = Cancel::new().unwrap();
    let dialer = Dialer::new().cancel(cancel.clone());
    thread::scope(|scope| {
        let dialing = scope.spawn(|| dialer.dial(&addr.to_string()));
        thread::sleep(Duration::from_millis(20));
        cancel.cancel();
        let ended = dialing.join().unwrap().unwrap_err();
        assert!(matches!(ended.failure(), DialFailure::Cancelled));
    });
}

#[test]
fn nothing_is_left_behind() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let (listeners, port) = listeners("127.0.0.1:0");
    let (_holder, refusing) = refusing("127.0.0.1:0");
    let resolver = Arc::new(Fixed(SocketAddr::from(([127, 0, 0, 1], port))));
    let dial_all = || {
        Dialer::new().resolver(resolver.clone()).dial("name:1").unwrap();
        Dialer::new().dial_addrs(&[refusing]).unwrap_err();
        while listeners.accept(Some(Duration::ZERO)).is_ok() {}
    };
    dial_all();
    // Other tests of this process open and close descriptors meanwhile; a leak of
    // biosock's would exceed theirs.
    let (files, tasks) = (open(), threads());
    (0..100).for_each(|_| dial_all());
    let patience = Instant::now() + Duration::from_secs(10);
    while (open() > files + 60 || threads() > tasks + 30) && Instant::now() < patience {
        thread::sleep(Duration::from_millis(10));
    }
    assert!(open() <= files + 60, "{files} descriptors before, {} after", open());
    assert!(threads() <= tasks + 30, "{tasks} threads before, {} after", threads());
}

/// Advice about hosts does not help with a socket file.
#[test]
fn a_server_that_does_not_accept_is_said_to() {
    let (_directory, _listener, _waiting, path) = full_queue();
    let late = Dialer::new().timeout(Duration::from_millis(30)).dial(&path.to_string()).unwrap_err();
    assert_eq!(late.hint(), Some("the server does not accept: its queue of connections is full"));
    let socket = Socket::stream_for(&path).unwrap();
    let error =
        socket.connect_with(&path, &ConnectOptions::new().timeout(Duration::from_millis(1))).unwrap_err();
    assert_eq!(error.hint(), late.hint());
}
