//! Sets of listeners: what a name gives, one port, fairness, trouble, stop.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

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
fn an_ipv4_mapped_address_is_ipv4_s() {
    let listeners = Listen::new().listen("[::ffff:127.0.0.1]:0").unwrap();
    assert_eq!(listeners.addrs().unwrap()[0].family(), Domain::IPV4);
}

/// Counts the descriptors of a process of its own, in which no other test runs.
#[test]
fn no_failure_leaves_a_descriptor_or_a_file() {
    run_alone("failures_alone", &[]);
}

#[test]
fn failures_alone() {
    if !is_alone("failures_alone") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let holder = Listen::new().listen("0.0.0.0:0").unwrap();
    let taken = ports(&holder)[0];
    let path = folder.path().join("socket");
    let unix = format!("unix:{}", path.display());
    let before = descriptors();
    for target in [&*format!("*:{taken}"), "localhost:no-such-service", "no such host:1", "", "a:b:c"] {
        Listen::new().listen(target).unwrap_err();
        Listen::new().shards(3, target).unwrap_err();
    }
    let addrs =
        [unix.parse().unwrap(), "127.0.0.1:0".parse().unwrap(), format!("0.0.0.0:{taken}").parse().unwrap()];
    let error = Listen::new().listen_addrs(&addrs).unwrap_err();
    assert_eq!(error.address(), Some(&addrs[2]));
    assert!(!path.exists(), "the file of a set that failed is gone");
    Listen::new().listen_addrs(&[]).unwrap_err();
    Listen::new().device("no-such").listen("*:0").unwrap_err();
    drop(Listen::new().shards(3, "*:0").unwrap());
    drop(Listen::new().shards(3, &unix).unwrap());
    assert_eq!(descriptors(), before);
}

#[test]
fn failures_say_which_address() {
    let holder = Listen::new().listen("0.0.0.0:0").unwrap();
    let port = ports(&holder)[0];
    let message = |target: &str| Listen::new().listen(target).unwrap_err().to_string();
    let in_use = format!("bind to 0.0.0.0:{port}: address already in use (EADDRINUSE)");
    assert_eq!(message(&format!("*:{port}")), in_use);
    // The IPv6 socket of that set is free again.
    Listen::new().listen(&format!("[::]:{port}")).unwrap();
    assert_eq!(message(""), "listen: there is no address to listen on");
    assert_eq!(message("127.0.0.1:70000"), "parse \"70000\": the port is above 65535 (at byte 0)");
    assert_eq!(message("no-such.invalid:1").split(": ").next(), Some("look up no-such.invalid:1"));
}

#[test]
fn shards_share_one_address() {
    let shards = Listen::new().shards(3, "127.0.0.1:0").unwrap();
    let addrs: Vec<_> = shards.iter().map(|shard| shard.addrs().unwrap()).collect();
    assert!(addrs.windows(2).all(|pair| pair[0] == pair[1]), "{addrs:?}");
    assert!(Listen::new().shards(0, "127.0.0.1:0").unwrap().is_empty());
}

#[test]
fn every_shard_has_a_thread_and_all_connections_are_served() {
    let folder = tempfile::tempdir().unwrap();
    for target in ["localhost:0", &format!("unix:{}/socket", folder.path().display())] {
        let shards = Listen::new().shards(4, target).unwrap();
        let addrs = shards[0].addrs().unwrap();
        let stop = Cancel::new().unwrap();
        let served: usize = thread::scope(|scope| {
            let work = |shard: &Listeners| {
                let mut served = 0;
                let count = |event| served += usize::from(matches!(event, Event::Connection(..)));
                shard.serve(PLAIN, &stop, count).unwrap();
                served
            };
            let workers: Vec<_> = shards.iter().map(|shard| scope.spawn(move || work(shard))).collect();
            for addr in addrs.iter().cycle().take(60) {
                let mut client = Dialer::new().dial_addrs(&[*addr]).unwrap().socket;
                // The server's end: it was served.
                assert_eq!(client.read(&mut [0]).unwrap(), 0);
            }
            stop.cancel();
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
        let accept = || (0..10).for_each(|_| drop(listeners.accept(PLAIN, None).unwrap()));
        (0..3).for_each(|_| drop(scope.spawn(accept)));
        for addr in addrs.iter().cycle().take(30) {
            let mut client = Dialer::new().dial_addrs(&[*addr]).unwrap().socket;
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        }
    });
}

#[test]
fn a_loop_takes_turns_too() {
    let listeners =
        Listen::new().listen_addrs(&["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()]).unwrap();
    let addrs = listeners.addrs().unwrap();
    let dial = |addr: &SocketAddr| Dialer::new().dial_addrs(std::slice::from_ref(addr)).unwrap();
    let _busy: Vec<_> = (0..20).map(|_| dial(&addrs[0])).collect();
    let _other: Vec<_> = (0..3).map(|_| dial(&addrs[1])).collect();
    let stop = Cancel::new().unwrap();
    let peers = listeners.incoming(PLAIN, &stop).take(6).map(|event| match event.unwrap() {
        Event::Connection(_, peer) => peer.family(),
        Event::Trouble { error, .. } => panic!("{error}"),
    });
    assert_eq!(peers.filter(|family| *family == Domain::IPV6).count(), 3);
    // What one loop left, the next finds; a cancelled one finds nothing.
    assert!(listeners.incoming(PLAIN, &stop).next().is_some());
    stop.cancel();
    assert!(listeners.incoming(PLAIN, &stop).next().is_none());
}

#[test]
fn a_useless_listener_ends_the_loop_with_its_failure() {
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    listeners.sockets()[0].shutdown(biosock::Shutdown::Both).unwrap();
    let stop = Cancel::new().unwrap();
    let mut incoming = listeners.incoming(PLAIN, &stop);
    let error = incoming.next().expect("a failure").unwrap_err();
    assert_eq!(error.to_string(), "accept: invalid argument (EINVAL)");
    assert!(incoming.next().is_none(), "and nothing after it");
}

#[test]
fn a_time_that_has_passed_is_told() {
    let listeners = Listen::new().listen("localhost:0").unwrap();
    for timeout in [Duration::ZERO, Duration::from_millis(5)] {
        let late = listeners.accept(PLAIN, Some(timeout)).unwrap_err();
        assert_eq!(AcceptAdvice::after(&late), AcceptAdvice::TryAgain);
    }
    let _client = Dialer::new().dial_addrs(&listeners.addrs().unwrap()).unwrap();
    listeners.accept(PLAIN, Some(Duration::ZERO)).unwrap();
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
    let in_use = Listen::new().listen(&target).unwrap_err();
    assert_eq!(in_use.to_string(), format!("bind to {target}: address already in use (EADDRINUSE)"));
    assert!(in_use.hint().is_some_and(|hint| hint.contains("the file")), "{:?}", in_use.hint());
    listeners.accept(PLAIN, Some(Duration::ZERO)).unwrap_err();
    Dialer::new().dial(&target).unwrap();
    listeners.unlink().unwrap();
    listeners.unlink().unwrap();
    assert!(!path.exists());

    std::fs::write(&path, "precious").unwrap();
    let refused = Listen::new().listen(&target).unwrap_err();
    assert_eq!(refused.to_string(), format!("listen on {target}: the file exists and is no socket"));
    assert_eq!(std::io::Error::from(refused).kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn of_many_that_find_a_stale_file_one_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let target = format!("unix:{}", path.display());
    for _ in 0..20 {
        drop(UnixListener::bind(&path).unwrap());
        let start = std::sync::Barrier::new(4);
        let listen = || {
            start.wait();
            Listen::new().listen(&target).ok()
        };
        let got: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(listen)).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(got.len(), 1);
        Dialer::new().dial(&target).unwrap();
        drop(got);
        std::fs::remove_file(&path).unwrap();
    }
}

/// Whoever else replaces a stale file has the folder locked; so has who
/// removes one.
#[test]
fn a_folder_that_is_locked_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let target = format!("unix:{}", path.display());
    drop(UnixListener::bind(&path).unwrap());

    let listen = || Listen::new().listen(&target).unwrap();
    let listeners = meanwhile(folder.path(), listen, || UnixStream::connect(&path).is_err());
    Dialer::new().dial(&target).unwrap();
    meanwhile(folder.path(), || listeners.unlink().unwrap(), || path.exists());
    assert!(!path.exists());
}

/// Does something while the folder is locked for a moment, in which
/// `unchanged` holds.
fn meanwhile<T: Send>(folder: &Path, job: impl FnOnce() -> T + Send, unchanged: impl Fn() -> bool) -> T {
    let lock = std::fs::File::open(folder).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    thread::scope(|scope| {
        let start = Instant::now();
        let job = scope.spawn(job);
        thread::sleep(Duration::from_millis(100));
        let unchanged = unchanged();
        // After a second it goes on without.
        assert!(unchanged || start.elapsed() > Duration::from_millis(900));
        drop(lock);
        job.join().unwrap()
    })
}

#[test]
fn only_a_file_of_ours_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listeners = Listen::new().listen(&format!("unix:{}", path.display())).unwrap();
    std::fs::rename(&path, folder.path().join("moved")).unwrap();
    let another = UnixListener::bind(&path).unwrap();
    listeners.unlink().unwrap();
    assert!(path.exists(), "it is another's");

    let taken = Listeners::take_over(vec![OwnedFd::from(another).into()]).unwrap();
    taken.unlink().unwrap();
    assert!(path.exists(), "whoever made it removes it");
}

#[test]
fn what_does_not_listen_is_not_taken_over() {
    let plain = Socket::stream_for(&"127.0.0.1:0".parse().unwrap(), PLAIN).unwrap();
    let error = Listeners::take_over(vec![plain]).unwrap_err();
    assert_eq!(error.to_string(), "listen on 0.0.0.0:0: the socket does not listen");
    let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    Listeners::take_over(vec![OwnedFd::from(datagrams).into()]).unwrap_err();
    Listeners::take_over(vec![OwnedFd::from(std::fs::File::open("/dev/null").unwrap()).into()]).unwrap_err();
    Listeners::take_over(vec![]).unwrap_err();
}

/// Names the part that a copy of this test program plays.
const PART: &str = "BIOSOCK_TEST_PART";

/// A copy of this test program that runs one part, and nothing else.
fn part(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--test-threads=1", "--nocapture"]).env(PART, name);
    command
}

fn is_alone(name: &str) -> bool {
    std::env::var_os(PART).is_some_and(|part| part == name)
}

fn run_alone(name: &str, prefix: &[&str]) {
    let part = part(name);
    let mut command = Command::new(prefix.first().map_or(part.get_program(), |program| program.as_ref()));
    if let [_, args @ ..] = prefix {
        command.args(args).arg(part.get_program());
    }
    let output = command.args(part.get_args()).env(PART, name).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Not a test of its own: the service that is passed its listeners, which
/// greets whoever comes with the listener's name.
#[test]
fn activated() {
    if !is_alone("activated") {
        return;
    }
    let passed = Listeners::passed_by_name().unwrap();
    assert!(Listeners::passed().unwrap().is_none(), "they are passed once");
    for (name, listeners) in &passed {
        let (mut socket, _) = listeners.accept(PLAIN, Some(Duration::from_secs(60))).unwrap();
        socket.write_all(name.as_bytes()).unwrap();
    }
    // A child of this one has none of them.
    let child = Command::new("sh").args(["-c", "ls -l /proc/self/fd"]).output().unwrap();
    let inherited = String::from_utf8(child.stdout).unwrap();
    for socket in passed.iter().flat_map(|(_, listeners)| listeners.sockets()) {
        let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
        assert!(!inherited.contains(link.to_str().unwrap()), "{link:?} in {inherited}");
    }
}

fn greeting(addr: &SocketAddr) -> String {
    let mut heard = String::new();
    Dialer::new().dial_addrs(&[*addr]).unwrap().socket.read_to_string(&mut heard).unwrap();
    heard
}

#[test]
fn listeners_are_passed_to_a_child() {
    let listeners =
        Listen::new().listen_addrs(&["127.0.0.1:0".parse().unwrap(), "unix:".parse().unwrap()]).unwrap();
    let addrs = listeners.addrs().unwrap();
    let mut command = part("activated");
    listeners.pass_to(&mut command).unwrap();
    // From now on they are the child's alone, and nobody is refused.
    drop(listeners);
    let mut child = command.spawn().unwrap();
    drop(command);
    assert_eq!(greeting(&addrs[0]), "unknown");
    assert!(child.wait().unwrap().success());
    assert!(Dialer::new().dial_addrs(&addrs[..1]).is_err(), "nobody else has them");
}

#[test]
fn what_is_passed_to_a_child_is_not_its_child_s() {
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    // A shell between the two, which does not exec.
    let mut command = Command::new("sh");
    let program = std::env::current_exe().unwrap();
    command.args(["-c", "\"$0\" --exact nothing_passed --test-threads=1; exit $?"]).arg(program);
    command.env(PART, "nothing_passed");
    listeners.pass_to(&mut command).unwrap();
    assert!(command.status().unwrap().success());
}

/// Not a test of its own: a process to which nothing was passed.
#[test]
fn nothing_passed() {
    if is_alone("nothing_passed") {
        assert!(Listeners::passed().unwrap().is_none());
    }
}

#[test]
fn what_is_passed_must_be_what_it_is_said_to_be() {
    run_alone("badly_passed", &["sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3</dev/null"]);
    run_alone("badly_passed", &["sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=200 exec \"$0\" \"$@\""]);
    run_alone("badly_passed", &["sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=many exec \"$0\" \"$@\""]);
}

/// Not a test of its own: a process that is passed what is no listener.
#[test]
fn badly_passed() {
    if is_alone("badly_passed") {
        let error = Listeners::passed().unwrap_err().to_string();
        let told = [
            "query socket: getsockopt: socket operation on non-socket",
            "which was passed: fcntl: bad file",
            "no list",
        ];
        assert!(told.iter().any(|told| error.contains(told)), "{error}");
    }
}

#[test]
fn listeners_are_taken_over_from_systemd() {
    if Command::new("systemd-socket-activate").arg("--version").output().is_err() {
        println!("skipped: listeners_are_taken_over_from_systemd: systemd-socket-activate is not installed");
        assert!(
            std::env::var_os("BIOSOCK_REQUIRE_ALL").is_none(),
            "systemd-socket-activate is required here"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    // An address that no other test has, so that its port stays free.
    let [.., high, low] = std::process::id().to_be_bytes();
    let address = SocketAddr::from(([127, 77, high, low], 7777));
    let part = part("activated");
    let mut manager = Command::new("systemd-socket-activate")
        .args(["-l", &address.to_string(), "-l"])
        .arg(&path)
        .args(["--fdname=web:local", "-E"])
        .arg(format!("{PART}=activated"))
        .arg(part.get_program())
        .args(part.get_args())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !path.exists() {
        assert!(manager.try_wait().unwrap().is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(5));
    }
    let unix = biosock::UnixAddr::from_path(&path).unwrap().into();
    assert_eq!(greeting(&address), "web");
    assert_eq!(greeting(&unix), "local");
    assert!(manager.wait().unwrap().success());
}

#[test]
fn listeners_are_taken_over_from_any_manager() {
    assert!(Listeners::passed().unwrap().is_none());
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let addrs = listeners.addrs().unwrap();
    // A shell is the manager: it gives the listener, its standard input, as
    // descriptor 3 to a process whose number is the one it says.
    let part = part("activated");
    let mut service = Command::new("sh")
        .args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&0 0</dev/null"])
        .arg(part.get_program())
        .args(part.get_args())
        .env(PART, "activated")
        .stdin(Stdio::from(listeners.sockets()[0].as_fd().try_clone_to_owned().unwrap()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(greeting(&addrs[0]), "unknown");
    assert!(service.wait().unwrap().success());
}

/// Not a test of its own: a service with few descriptors, all in use at first.
#[test]
fn short_of_descriptors() {
    if !is_alone("short_of_descriptors") {
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
    run_alone("short_of_descriptors", &["sh", "-c", "ulimit -n 40 && exec \"$0\" \"$@\""]);
}
