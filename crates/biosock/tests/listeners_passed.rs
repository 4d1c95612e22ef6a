//! Listeners that are taken over and passed on.

mod alone;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use alone::{PART, is_alone, part, run_alone};
use biosock::dial::Dialer;
use biosock::listeners::{Event, Listen, Listeners};
use biosock::{Cancel, Socket, SocketAddr};

/// Not a test itself: the service that inherits its listeners, and greets each client
/// with the listener's name.
#[test]
fn activated() {
    if !is_alone("activated") {
        return;
    }
    let passed = Listeners::inherited_by_name().unwrap();
    assert!(Listeners::inherited().unwrap().is_none(), "they are passed once");
    for (name, listeners) in &passed {
        let (mut socket, _) = listeners.accept(Some(Duration::from_secs(60))).unwrap();
        socket.write_all(name.as_bytes()).unwrap();
    }
    // A child of this process inherits the environment, which does not apply to it.
    let child = part("nothing_passed").output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    // Nor does it have any of the listeners.
    let child = Command::new("sh").args(["-c", "ls -l /proc/self/fd"]).output().unwrap();
    let inherited = String::from_utf8(child.stdout).unwrap();
    for socket in passed.iter().flat_map(|(_, listeners)| listeners.sockets()) {
        let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
        assert!(!inherited.contains(link.to_str().unwrap()), "{link:?} in {inherited}");
    }
}

/// An abstract name that no other test uses.
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
    // From now on only the child has them, and no client is refused.
    drop(listeners);
    let mut child = command.spawn().unwrap();
    drop(command);
    assert_eq!(greeting(&addrs[0]), "unknown");
    assert!(child.wait().unwrap().success());
    assert!(Dialer::new().dial_addrs(&addrs[..1]).is_err(), "nobody else has them");
}

/// Not a test itself: the process that continues to serve when its parent has ended,
/// until its standard input ends.
#[test]
fn successor() {
    if !is_alone("successor") {
        return;
    }
    let listeners = Listeners::inherited().unwrap().expect("the parent passes them");
    let cancel = Cancel::new().unwrap();
    let canceller = cancel.clone();
    thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        canceller.cancel();
    });
    eprintln!("ready");
    serve_as(b"child", &listeners, &cancel);
}

fn serve_as(name: &[u8], listeners: &Listeners, cancel: &Cancel) {
    let greet = |event| match event {
        Event::Connection(mut socket, _) => socket.write_all(name).unwrap(),
        Event::Failure { error, .. } => panic!("{error}"),
    };
    listeners.serve(cancel, greet).unwrap();
}

#[test]
fn a_child_takes_over_while_clients_come_and_none_is_refused() {
    let listeners = Listen::new().listen("localhost:0").unwrap();
    let addr = listeners.addrs().unwrap()[0];
    let mut command = part("successor");
    listeners.pass_to(&mut command).unwrap();
    let cancel = Cancel::new().unwrap();
    let served_by: Mutex<HashMap<String, u32>> = Mutex::default();
    let served = |name: &str| served_by.lock().unwrap().get(name).copied().unwrap_or_default();
    let wait_for = |name: &str, clients: &thread::ScopedJoinHandle<'_, ()>| {
        while served(name) < 20 {
            if clients.is_finished() {
                // Do not wait for the parent's thread.
                cancel.cancel();
                panic!("a client was refused, see above");
            }
            thread::sleep(Duration::from_millis(1));
        }
    };
    let finished = AtomicBool::new(false);
    thread::scope(|scope| {
        let (cancel, listeners) = (&cancel, listeners);
        let parent = scope.spawn(move || serve_as(b"parent", &listeners, cancel));
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
        cancel.cancel();
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

/// A shell in between, which starts the child and has ended by the time the child asks.
#[test]
fn what_is_passed_is_passed_though_the_parent_ends_first() {
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let addr = listeners.addrs().unwrap()[0];
    let part = part("activated");
    let mut command = Command::new("sh");
    command.args(["-c", "(sleep 0.2; exec \"$0\" \"$@\") & exit 0", part.get_program().to_str().unwrap()]);
    command.args(part.get_args()).env(PART, "activated").stdout(Stdio::null());
    listeners.pass_to(&mut command).unwrap();
    drop(listeners);
    assert!(command.status().unwrap().success());
    drop(command);
    assert_eq!(greeting(&addr), "unknown");
}

/// The descriptor with the nudge is not a listener: if it is another descriptor by now,
/// the set does without it, and does not touch it.
#[test]
fn a_nudge_that_is_another_descriptor_by_now_is_not_touched() {
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let addr = listeners.addrs().unwrap()[0];
    let mut command = part("passed_another_nudge");
    listeners.pass_to(&mut command).unwrap();
    let said = |command: &Command| {
        let (_, said) = command.get_envs().find(|(name, _)| *name == "BIOSOCK_LISTEN_FDS").unwrap();
        said.unwrap().to_str().unwrap().to_owned()
    };
    let list = said(&command);
    let (sockets, nudge) = list.split_once(';').expect("it names the nudge");
    let (fd, inode) = nudge.split_once(':').unwrap();
    let inode: u64 = inode.parse().unwrap();
    command.env("BIOSOCK_LISTEN_FDS", format!("{sockets};{fd}:{}", inode + 1)).env(NUDGE, nudge);
    let mut child = command.spawn().unwrap();
    assert_eq!(greeting(&addr), "x");
    assert!(child.wait().unwrap().success());
}

/// The nudge that was passed, and is said to be another one.
const NUDGE: &str = "BIOSOCK_TEST_NUDGE";

/// Not a test itself.
#[test]
fn passed_another_nudge() {
    if !is_alone("passed_another_nudge") {
        return;
    }
    let nudge = std::env::var(NUDGE).unwrap();
    let (fd, inode) = nudge.split_once(':').unwrap();
    let link = || std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
    let flags = || std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
    let before = flags();
    let listeners = Listeners::inherited().unwrap().unwrap();
    assert_eq!(link().to_str().unwrap(), format!("socket:[{inode}]"));
    assert_eq!(flags(), before, "its FD_CLOEXEC is as it was");
    let (mut socket, _) = listeners.accept(Some(Duration::from_secs(60))).unwrap();
    socket.write_all(b"x").unwrap();
}

/// Not a test itself: a process to which nothing was passed.
#[test]
fn nothing_passed() {
    if is_alone("nothing_passed") {
        assert!(Listeners::inherited().unwrap().is_none());
    }
}

#[test]
fn what_is_passed_must_be_what_it_is_said_to_be() {
    for (said, set_up) in [
        (
            "descriptor 3, which was passed: it is not a socket",
            "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3</dev/null",
        ),
        ("which was passed: fcntl: bad file", "exec 3>&-; LISTEN_PID=$$ LISTEN_FDS=200 exec \"$0\" \"$@\""),
        ("LISTEN_FDS=many: not a list of descriptors", "LISTEN_PID=$$ LISTEN_FDS=many exec \"$0\" \"$@\""),
        ("BIOSOCK_LISTEN_FDS=3: not a list of descriptors", "BIOSOCK_LISTEN_FDS=3 exec \"$0\" \"$@\""),
        // Left by a parent of this process: what names this process goes first.
        (
            "LISTEN_FDS=many: not a list of descriptors",
            "BIOSOCK_LISTEN_FDS=3:1 LISTEN_PID=$$ LISTEN_FDS=many exec \"$0\" \"$@\"",
        ),
    ] {
        run_alone("badly_passed", &["env", &format!("{SAID}={said}"), "sh", "-c", set_up]);
    }
}

/// The error's message if what is passed is wrong.
const SAID: &str = "BIOSOCK_TEST_SAID";

/// Not a test itself: a process that is passed something other than a listener.
#[test]
fn badly_passed() {
    if is_alone("badly_passed") {
        let error = Listeners::inherited().unwrap_err().to_string();
        assert!(error.contains(&std::env::var(SAID).unwrap()), "{error}");
    }
}

fn is_open(fd: i32) -> bool {
    Path::new(&format!("/proc/self/fd/{fd}")).exists()
}

/// Descriptors 3 and 5 are listeners, and 4 is not open.
#[test]
fn where_one_is_missing_the_others_are_closed_and_it_is_named() {
    let listeners = Listen::new()
        .listen_addrs(&["127.0.0.1:0", "127.0.0.2:0"].map(|addr| addr.parse().unwrap()))
        .unwrap();
    let mut command = Command::new("sh");
    let sockets = listeners.sockets();
    let stream = |at: usize| Stdio::from(sockets[at].as_fd().try_clone_to_owned().unwrap());
    let part = part("two_of_three_passed");
    command.args(["-c", "LISTEN_PID=$$ LISTEN_FDS=3 exec \"$0\" \"$@\" 3<&0 5>&2 4>&- 0</dev/null 2>&1"]);
    command.arg(part.get_program()).args(part.get_args()).env(PART, "two_of_three_passed");
    let done = command.stdin(stream(0)).stderr(stream(1)).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}

/// Not a test itself.
#[test]
fn two_of_three_passed() {
    if is_alone("two_of_three_passed") {
        assert!([3, 5].map(is_open) == [true; 2] && !is_open(4));
        let error = Listeners::inherited().unwrap_err().to_string();
        assert!(error.contains("descriptor 4, which was passed: fcntl: bad file"), "{error}");
        assert_eq!([3, 5].map(is_open), [false; 2], "they are not left to be inherited");
        assert!(Listeners::inherited().unwrap().is_none());
    }
}

#[test]
fn what_this_process_opened_is_not_touched() {
    let set_up = "exec 3>&- 4>&- 5>&-; LISTEN_PID=$$ LISTEN_FDS=3 exec \"$0\" \"$@\"";
    run_alone("opened_here", &["sh", "-c", set_up]);
}

/// Not a test itself: safe code has a file and listeners open where the environment
/// says that some were passed.
#[test]
fn opened_here() {
    if is_alone("opened_here") {
        let file = std::fs::File::open("/dev/null").unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let opened = [file.as_raw_fd(), listener.as_raw_fd(), datagrams.as_raw_fd()];
        assert_eq!(opened, [3, 4, 5]);
        let error = Listeners::inherited().unwrap_err().to_string();
        assert!(error.ends_with("descriptor 3, which was passed: this process opened it itself"), "{error}");
        assert_eq!(opened.map(is_open), [true; 3]);
        listener.local_addr().unwrap();
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
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    // An address that no other test uses, so that its port stays free.
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
    assert!(Listeners::inherited().unwrap().is_none());
    let listeners = Listen::new().listen("127.0.0.1:0").unwrap();
    let addrs = listeners.addrs().unwrap();
    // A shell acts as the manager: it passes the listener, its standard input, as
    // descriptor 3 to the process with the PID that it sets.
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
    let plain = Socket::stream_for(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let error = Listeners::take_over(vec![plain]).unwrap_err();
    assert_eq!(error.to_string(), "listen on 0.0.0.0:0: the socket does not listen");
    let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    Listeners::take_over(vec![OwnedFd::from(datagrams).into()]).unwrap_err();
    Listeners::take_over(vec![OwnedFd::from(std::fs::File::open("/dev/null").unwrap()).into()]).unwrap_err();
    Listeners::take_over(vec![]).unwrap_err();
}
