//! Ending by a signal.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};

use crate::common::{self, DEADLINE, Process, biosock};
use crate::{dial, exchange, exchange_tcp, socket_path};

#[test]
fn signals_end_the_listener_and_remove_the_file() {
    for (name, number) in [("HUP", 1), ("INT", 2), ("QUIT", 3), ("TERM", 15)] {
        if [1, 3].contains(&number) && is_ignored(number as u32) {
            println!("skipped: SIG{name}: this process ignores it");
            continue;
        }
        let directory = tempfile::tempdir().unwrap();
        let (path, target) = socket_path(&directory);
        let (server, _) = Process::listen([&*target, "--keep-open", "--echo"], Stdio::null());
        // A connection that is being served does not keep it alive.
        let _client = UnixStream::connect(&path).unwrap();
        server.signal(name);
        let ended = server.finish();
        assert_eq!(ended.status.signal(), Some(number));
        assert!(!path.exists(), "{name}");
    }
}

/// Whenever the signal comes, it ends the listener and leaves no file.
#[test]
fn no_signal_is_lost_during_start() {
    let directory = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&directory);
    // A shell's background jobs ignore SIGINT by default.
    let signals = if is_ignored(2) { [("TERM", 15); 2] } else { [("INT", 2), ("TERM", 15)] };
    for number in 0..60 {
        let (name, signal) = signals[number as usize % 2];
        let mut command = biosock(["listen", &target, "--keep-open", "--echo"]);
        let server = Process::start(&mut command, Stdio::null());
        std::thread::sleep(Duration::from_micros(100 * number));
        server.signal(name);
        let ended = server.finish();
        assert_eq!(ended.status.signal(), Some(signal), "{ended:?}");
        assert!(!path.exists(), "{ended:?}");
    }
}

/// Whether this process, and so its children, ignores a signal (proc_pid_status(5)).
fn is_ignored(signal: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(ignored.trim(), 16).unwrap() >> (signal - 1) & 1 == 1
}

#[test]
fn a_signal_ends_a_listener_that_serves_standard_streams() {
    let (mut server, addr) = Process::listen(["127.0.0.1:0"], Stdio::piped());
    server.write(b"x");
    dial(&addr).read_exact(&mut [0]).unwrap();
    server.signal("INT");
    assert_eq!(server.finish().status.signal(), Some(2));
}

#[test]
fn a_signal_ends_the_commands() {
    for (name, number) in [("TERM", 15), ("HUP", 1)] {
        if is_ignored(number as u32) {
            println!("skipped: SIG{name}: this process ignores it");
            continue;
        }
        let script = "echo $$; exec sleep 1000";
        let (server, addr) = Process::listen(["127.0.0.1:0", "--exec", script], Stdio::null());
        let mut client = dial(&addr);
        client.read_exact(&mut [0]).unwrap();
        server.signal(name);
        assert_eq!(server.finish().status.signal(), Some(number));
        // The command held the other end.
        let _ = client.read_to_end(&mut Vec::new());
    }
}

/// As under nohup(1).
#[test]
fn an_ignored_sighup_ends_nothing() {
    let mut command = Command::new("sh");
    let script = "trap '' HUP; exec \"$0\" listen 127.0.0.1:0 --echo --keep-open";
    command.args(["-c", script, env!("CARGO_BIN_EXE_biosock")]);
    let mut server = Process::start(&mut command, Stdio::null());
    let addr = server.line_with("listening on ");
    server.signal("HUP");
    assert_eq!(exchange_tcp(&addr, b"still there"), b"still there");
    server.signal("TERM");
    assert_eq!(server.finish().status.signal(), Some(15));
}

/// The kernel kills a process whose thread blocks the signal of its own fault,
/// even if there is a handler (a sandbox's for SIGSYS).
#[test]
fn no_thread_blocks_the_signals_of_faults() {
    let (server, _) = Process::listen(["127.0.0.1:0", "--exec", "cat", "--keep-open"], Stdio::null());
    let masks = || -> Vec<u64> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", server.id())).unwrap();
        // A thread may end meanwhile.
        let texts = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok());
        let blocked = |text: String| {
            Some(text.lines().find_map(|line| line.strip_prefix("SigBlk:"))?.trim().to_owned())
        };
        texts.filter_map(blocked).map(|mask| u64::from_str_radix(&mask, 16).unwrap()).collect()
    };
    let of = |signals: &[u64]| signals.iter().fold(0, |mask, signal| mask | 1 << (signal - 1));
    // SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV and SIGSYS (signal(7)).
    let (faults, term) = (of(&[4, 5, 7, 8, 11, 31]), of(&[15]));
    let end = Instant::now() + DEADLINE;
    loop {
        let now = masks();
        // The threads for signals, children and messages leave SIGTERM to the main one.
        let without_term = now.iter().filter(|mask| *mask & term != 0).count();
        if without_term >= 3 && now.iter().all(|mask| mask & faults == 0) {
            return;
        }
        // While a thread is started, it and its starter block all signals.
        assert!(Instant::now() < end, "{now:x?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn signals_that_the_parent_blocked_are_seen() {
    let blocked: SigSet = [Signal::SIGCHLD, Signal::SIGTERM].into_iter().collect();
    blocked.thread_block().unwrap();
    let args = ["127.0.0.1:0", "--keep-open", "--at-once", "1", "--exec", "echo hello"];
    let (server, addr) = Process::listen(args, Stdio::null());
    blocked.thread_unblock().unwrap();
    // The second waits until the first command's end has been seen.
    for _ in 0..2 {
        assert_eq!(exchange_tcp(&addr, b""), b"hello\n");
    }
    server.signal("TERM");
    assert_eq!(server.finish().status.signal(), Some(Signal::SIGTERM as i32));
}

/// PID 1 of a PID namespace, as in a container, dies only of signals that it
/// handles, and all orphans are its children.
#[test]
fn as_pid_1_it_exits_on_sigterm_and_reaps_orphans() {
    let mut probe = Command::new("unshare");
    if !probe
        .args(["-pf", "--mount-proc", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|it| it.success())
    {
        common::skip("unshare -pf --mount-proc", "not permitted");
        return;
    }
    // 100 orphans, or the number of processes that run or are zombies there.
    let script = "read word; case $word in
        orphans) for i in $(seq 100); do (sleep 0.1 2>/dev/null &); done; echo made;;
        *) echo $(cat /proc/[0-9]*/status 2>/dev/null | grep -c '^State:.Z') \
            $(cat /proc/[0-9]*/comm 2>/dev/null | grep -cx sleep);; esac";
    let mut command = Command::new("unshare");
    command.args(["-pf", "--mount-proc", env!("CARGO_BIN_EXE_biosock"), "listen", "127.0.0.1:0"]);
    command.args(["--keep-open", "--exec", script]);
    let mut server = Process::start(&mut command, Stdio::null());
    let addr = server.line_with("listening on ");
    assert_eq!(exchange(&dial(&addr), || {}, b"orphans\n"), b"made\n");
    let end = std::time::Instant::now() + DEADLINE / 3;
    loop {
        let counts = String::from_utf8(exchange(&dial(&addr), || {}, b"count\n")).unwrap();
        let (zombies, running) = counts.trim().split_once(' ').unwrap();
        if (zombies, running) == ("0", "0") {
            break;
        }
        assert!(std::time::Instant::now() < end, "{zombies} zombies, {running} orphans that run");
        std::thread::sleep(Duration::from_millis(50));
    }
    let child = child_of(server.id());
    let killed = Command::new("kill").args(["-TERM", &child.to_string()]).status();
    assert!(killed.expect("kill runs").success());
    assert_eq!(server.finish().code(), Some(128 + 15));
}

/// The child of this process (proc_pid_stat(5)).
fn child_of(parent: u32) -> u32 {
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, after)| after);
        after_name.split_whitespace().nth(1) == Some(&*parent.to_string())
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let mut pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(is_child).expect("it has a child")
}
