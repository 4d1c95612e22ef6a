//! Signals during a dial.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{DEADLINE, Process, biosock, silent};

#[test]
fn a_signal_ends_a_dial_and_the_attempts_are_reported() {
    let (addr, _sockets) = silent();
    let mut client = Process::start(&mut biosock(["connect", "--verbose", &addr]), Stdio::null());
    wait_for_attempt(&addr);
    client.signal("TERM");
    let head = format!("biosock: connect to {addr}: interrupted after ");
    client.line_with(&head);
    client.line_with("  hint: the host does not answer");
    assert_eq!(client.finish().status.signal(), Some(15));
}

#[test]
fn an_interrupted_dial_is_reported_as_cancelled() {
    let (addr, _sockets) = silent();
    let mut client = Process::start(&mut biosock(["connect", "--json", &addr]), Stdio::null());
    wait_for_attempt(&addr);
    client.signal("TERM");
    let error = client.line_with(r#"{"event":"error","#);
    assert!(error.contains(r#""symbol":"ECANCELED""#), "{error}");
    client.finish();
}

/// Waits until two sockets are connecting to this address: the one that filled
/// its queue, and the client's.
fn wait_for_attempt(addr: &str) {
    let port: u16 = addr.rsplit_once(':').unwrap().1.parse().unwrap();
    // Address and port in hexadecimal, and the state SYN_SENT (proc_net_tcp).
    let waiting = format!("0100007F:{port:04X} 02 ");
    let end = Instant::now() + DEADLINE;
    while std::fs::read_to_string("/proc/net/tcp").unwrap().matches(&waiting).count() < 2 {
        assert!(Instant::now() < end, "no attempt is under way");
        thread::sleep(Duration::from_millis(5));
    }
}

/// As for a shell script's background jobs.
#[test]
fn an_ignored_signal_stays_ignored() {
    let (addr, _sockets) = silent();
    let script = "trap '' INT; exec \"$0\" connect \"$1\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_biosock"), &addr]);
    let client = Process::start(&mut command, Stdio::null());
    wait_for_signal_handlers(&client);
    assert_eq!(caught(&client) & signal_bit(2), 0, "SIGINT has no handler");
    client.signal("INT");
    client.signal("TERM");
    assert_eq!(client.finish().status.signal(), Some(15));
}

/// Before there is a handler for SIGTERM, it would just end the process.
fn wait_for_signal_handlers(client: &Process) {
    let end = Instant::now() + DEADLINE;
    while caught(client) & signal_bit(15) == 0 {
        assert!(Instant::now() < end, "SIGTERM is not caught");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The signals that the process handles (proc(5)).
fn caught(client: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", client.id())).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap();
    u64::from_str_radix(mask, 16).unwrap()
}

fn signal_bit(number: u32) -> u64 {
    1 << (number - 1)
}
