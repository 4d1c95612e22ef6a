//! Listeners that are taken over and passed on.

mod alone;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use alone::{PART, is_alone, part, run_alone};
use biosock::dial::Dialer;
use biosock::listeners::{Event, Listen, Listeners};
use biosock::{Cancel, Options, Socket, SocketAddr};

const PLAIN: Options = Options::empty();

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

/// An abstract name that no other test has.
fn abstract_target() -> String {
    format!("unix:@biosock-passed-{}", std::process::id())
}

fn greeting(addr: &SocketAddr) -> String {
    let mut heard = String::new();
    Dialer::new().dial_addrs(&[*addr]).unwrap().socket.read_to_string(&mut heard).unwrap();
    heard
}

#[test]
fn listeners_are_passed_to_a_child() {
    let listeners = Listen::new()
        .listen_addrs(&["127.0.0.1:0".parse().unwrap(), abstract_target().parse().unwrap()])
        .unwrap();
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

/// Not a test of its own: the process that serves on when its parent is gone,
/// until its standard input ends.
#[test]
fn successor() {
    if !is_alone("successor") {
        return;
    }
    let listeners = Listeners::passed().unwrap().expect("the parent passes them");
    let stop = Cancel::new().unwrap();
    let stopper = stop.clone();
    thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        stopper.cancel();
    });
    eprintln!("ready");
    serve_as(b"child", &listeners, &stop);
}

fn serve_as(name: &[u8], listeners: &Listeners, stop: &Cancel) {
    let greet = |event| match event {
        Event::Connection(mut socket, _) => socket.write_all(name).unwrap(),
        Event::Trouble { error, .. } => panic!("{error}"),
    };
    listeners.serve(PLAIN, stop, greet).unwrap();
}

#[test]
fn a_child_takes_over_while_clients_come_and_none_is_refused() {
    let listeners = Listen::new().listen("localhost:0").unwrap();
    let addr = listeners.addrs().unwrap()[0];
    let mut command = part("successor");
    listeners.pass_to(&mut command).unwrap();
    let stop = Cancel::new().unwrap();
    let served_by: Mutex<HashMap<String, u32>> = Mutex::default();
    let served = |name: &str| served_by.lock().unwrap().get(name).copied().unwrap_or_default();
    let wait_for = |name: &str, clients: &thread::ScopedJoinHandle<'_, ()>| {
        while served(name) < 20 {
            if clients.is_finished() {
                // The parent's thread is not to be waited for.
                stop.cancel();
                panic!("a client was refused, see above");
            }
            thread::sleep(Duration::from_millis(1));
        }
    };
    let finished = AtomicBool::new(false);
    thread::scope(|scope| {
        let (stop, listeners) = (&stop, listeners);
        let parent = scope.spawn(move || serve_as(b"parent", &listeners, stop));
        let clients = scope.spawn(|| {
            while !finished.load(Ordering::Relaxed) {
                // A client that is refused or reset fails here.
                *served_by.lock().unwrap().entry(greeting(&addr)).or_default() += 1;
            }
        });
        wait_for("parent", &clients);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = lines.next();
        stop.cancel();
        parent.join().unwrap();
        assert!(matches!(&said, Some(Ok(line)) if line == "ready"), "{said:?}");
        drop(command);
        wait_for("child", &clients);
        finished.store(true, Ordering::Relaxed);
        clients.join().unwrap();
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    });
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
