//! When places, threads, descriptors or the reader of standard error run short.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{DEADLINE, Process, biosock, json_lines, with_threads};
use crate::{dial, exchange, exchange_tcp, socket_path};

/// Unread messages block neither peers nor threads.
#[test]
fn unread_messages_block_nothing_and_are_counted() {
    const CONNECTIONS: usize = 3000;
    let most = CONNECTIONS.to_string();
    let args = ["listen", "127.0.0.1:0", "--echo", "--json", "--max", &most, "--at-once", "10"];
    let mut command = biosock(args);
    let mut server = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = server.stderr.take().unwrap();
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        let mut byte = [0];
        stderr.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    let listening = json_lines(&String::from_utf8(line).unwrap());
    let addr = listening[0]["address"].as_str().unwrap().to_owned();
    let mut threads = 0;
    for number in 1..CONNECTIONS {
        assert_eq!(exchange_tcp(&addr, b"x"), b"x");
        if number % 100 == 0 {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", server.id())).unwrap();
            threads = threads.max(tasks.count());
        }
    }
    let last = dial(&addr);
    assert_eq!(exchange(&last, || last.shutdown(Shutdown::Write).unwrap(), b"x"), b"x");
    drop(last);
    // Ten connections, the main thread, and those for signals and messages; one
    // that has returned its slot may be about to end.
    assert!(threads <= 10 + 3 + 10, "{threads} threads");

    let mut text = String::new();
    stderr.read_to_string(&mut text).unwrap();
    let objects = json_lines(&text);
    let (counts, events): (Vec<_>, Vec<_>) = objects.iter().partition(|object| object["event"] == "dropped");
    let dropped: u64 = counts.iter().map(|object| object["count"].as_u64().unwrap()).sum();
    assert!(dropped > 0, "{} events", events.len());
    assert_eq!(events.len() + dropped as usize, 2 * CONNECTIONS);
    assert_eq!(server.wait().unwrap().code(), Some(1), "not all that was asked for was written");
}

/// Without the thread that writes messages.
#[test]
fn unread_messages_block_nothing_without_a_thread() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let (path, target) = socket_path(&directory);
    let Some(mut command) = with_threads(2, &["listen", &target, "--echo", "--keep-open"]) else { return };
    let (unread, full) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK).unwrap();
    while rustix::io::write(&full, &[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&full, false).unwrap();
    let mut server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(full).spawn().unwrap();
    drop(command);
    let end = Instant::now() + DEADLINE;
    let client = loop {
        match UnixStream::connect(&path) {
            Ok(client) => break client,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    assert_eq!((&client).read(&mut [0]).unwrap(), 0, "not served, not left waiting");
    let pid = rustix::process::Pid::from_child(&server);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = loop {
        match server.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() > end => {
                server.kill().unwrap();
                panic!("it waits for the reader of standard error");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    assert_eq!(status.signal(), Some(15));
    drop(unread);
}

#[test]
fn it_reports_when_all_places_are_taken() {
    let args = ["127.0.0.1:0", "--echo", "--max", "2", "--at-once", "1"];
    let (mut server, addr) = Process::listen(args, Stdio::null());
    let mut first = dial(&addr);
    first.write_all(b"1").unwrap();
    first.read_exact(&mut [0]).unwrap();
    let second = dial(&addr);
    server.line_with("1 connection is open and the next one waits; use --at-once to allow more");
    drop((first, second));
    server.finish().ok();
}

/// A peer that stays after the end keeps its place while the connection closes.
#[test]
fn it_reports_when_all_places_are_taken_by_connections_that_close() {
    let args = ["127.0.0.1:0", "--exec", "true", "--max", "3", "--at-once", "2"];
    let (mut server, addr) = Process::listen(args, Stdio::null());
    let mut stay: Vec<_> = (0..2).map(|_| dial(&addr)).collect();
    for client in &mut stay {
        assert_eq!(client.read(&mut [0]).unwrap(), 0, "the command has ended");
    }
    let third = dial(&addr);
    server.line_with("2 connections are open and the next one waits; use --at-once to allow more");
    drop((stay, third));
    server.finish().ok();
}

#[test]
fn out_of_threads_is_reported_and_survived() {
    let args = ["listen", "127.0.0.1:0", "--echo", "--keep-open"];
    let Some(mut command) = with_threads(2, &args) else { return };
    let mut server = Process::start(&mut command, Stdio::null());
    let addr = server.line_with("listening on ");
    for _ in 0..2 {
        let mut client = dial(&addr);
        let _ = client.read_to_end(&mut Vec::new());
        server.line_with(&format!("biosock: serve {}: start a thread: ", client.local_addr().unwrap()));
        server.line_with("  hint: too many processes and threads");
    }
    server.signal("TERM");
    assert_eq!(server.finish().status.signal(), Some(15));
}

#[test]
fn out_of_descriptors_is_reported_and_survived() {
    let mut command = Command::new("sh");
    let listen = "ulimit -n 20; exec \"$0\" listen 127.0.0.1:0 --echo --keep-open";
    command.args(["-c", listen, env!("CARGO_BIN_EXE_biosock")]);
    let mut server = Process::start(&mut command, Stdio::null());
    let addr = server.line_with("listening on ");
    let open: Vec<_> = (0..30).map(|_| dial(&addr)).collect();
    server.line_with("biosock: accept: too many open files (EMFILE)");
    drop(open);
    assert_eq!(exchange_tcp(&addr, b"still there"), b"still there");
}
