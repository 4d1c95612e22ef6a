//! Data and ends of both sides.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::answering;
use crate::common::{self, Ended, Process, biosock, has, json_lines, run};

#[test]
fn input_and_its_end_are_sent_and_the_answer_is_printed() {
    let (addr, server) = answering(b"answer");
    let ended = run(["connect", &addr], b"question").ok();
    assert_eq!((server.join().unwrap(), ended.stdout), (b"question".to_vec(), b"answer".to_vec()));
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_command_exits_when_the_peer_closes_even_if_a_terminal_stays_open() {
    if !has("script") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let inner = format!("{} connect {}", env!("CARGO_BIN_EXE_biosock"), listener.local_addr().unwrap());
    let mut command = Command::new("script");
    let mut client = Process::start(command.args(["-qec", &inner, "/dev/null"]), Stdio::piped());
    let (mut socket, _) = client.accepted_by(&listener);
    socket.write_all(b"bye").unwrap();
    drop(socket);
    assert_eq!(client.finish().ok().stdout, b"bye");
}

#[test]
fn input_after_the_peer_is_gone_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let mut client = Process::start(&mut biosock(["connect", "--json", &addr]), Stdio::piped());
    let (mut socket, _) = listener.accept().unwrap();
    socket.write_all(b"bye").unwrap();
    drop(socket);
    client.give(b"too late");
    let ended = client.finish();
    assert_eq!((ended.code(), &*ended.stdout), (Some(1), &b"bye"[..]), "{}", ended.stderr);
    let error = json_lines(&ended.stderr).pop().unwrap();
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("send to {addr}: ")), "{message}");
    assert_eq!(error["hint"], "the peer closed the connection before it had read everything");
}

/// Like a TCP peer: nothing is lost until input comes.
#[test]
fn a_unix_peer_that_is_gone_is_a_failure_only_if_input_comes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let target = format!("unix:{}", path.display());
    let start = |input| Process::start(&mut biosock(["connect", &target]), input);
    let mut client = start(Stdio::piped());
    drop(listener.accept().unwrap());
    client.output_to_its_end();
    client.give(b"");
    assert_eq!(client.finish().ok().stderr, "");

    let mut client = start(Stdio::piped());
    drop(listener.accept().unwrap());
    client.output_to_its_end();
    client.give(b"too late");
    let ended = client.finish();
    let expected = format!(
        "biosock: send to {target}: broken pipe (EPIPE)
  hint: the peer closed the connection before it had read everything\n"
    );
    assert_eq!((ended.code(), ended.stderr), (Some(1), expected));

    let client = start(Stdio::null());
    drop(listener.accept().unwrap());
    client.finish().ok();
}

#[test]
fn input_is_sent_to_a_peer_that_has_shut_down_writing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let mut client = Process::start(&mut biosock(["connect", &addr]), Stdio::piped());
    let (mut socket, _) = listener.accept().unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let sent = common::varied_bytes(3 << 20);
    let reader = thread::spawn(move || {
        let mut heard = Vec::new();
        socket.read_to_end(&mut heard).unwrap();
        heard
    });
    let (first, second) = sent.split_at(1 << 20);
    client.write(first);
    // Longer than any pause that was once mistaken for the end.
    thread::sleep(Duration::from_millis(1500));
    client.give(second);
    client.finish().ok();
    assert!(reader.join().unwrap() == sent);
}

/// For a program that holds both pipes and ends the input once it has read all
/// output.
#[test]
fn the_peers_end_is_passed_on_while_input_stays_open() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let mut client = Process::start(&mut biosock(["connect", &addr]), Stdio::piped());
    let (mut socket, _) = listener.accept().unwrap();
    socket.write_all(b"bye").unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.output_to_its_end(), b"bye");
    client.give(b"after the end");
    let mut heard = Vec::new();
    socket.read_to_end(&mut heard).unwrap();
    client.finish().ok();
    assert_eq!(heard, b"after the end");
}

#[test]
fn input_that_the_peer_does_not_read_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let mut command = biosock(["connect", &addr]);
    let zeros = std::fs::File::open("/dev/zero").unwrap();
    let client = Process::start(&mut command, zeros.into());
    drop(listener.accept().unwrap());
    let Ended { status, stderr, .. } = client.finish();
    assert_eq!(status.code(), Some(1));
    assert!(
        stderr.contains(&format!("{addr}: connection reset by peer (ECONNRESET)"))
            || stderr.contains(&format!("{addr}: broken pipe (EPIPE)")),
        "{stderr}"
    );
    assert!(
        stderr.contains("\n  hint: the peer closed the connection before it had read everything\n"),
        "{stderr}"
    );
}

#[test]
fn input_that_cannot_be_read_is_reported() {
    let (addr, server) = answering(b"");
    let directory = std::fs::File::open("/").unwrap();
    let ended = Process::start(&mut biosock(["connect", &addr]), directory.into()).finish();
    server.join().unwrap();
    assert_eq!(ended.code(), Some(1));
    assert_eq!(ended.stderr, "biosock: read standard input: is a directory (EISDIR)\n");
}

/// Failing output ends the command without truncating what was sent.
#[test]
fn sent_data_arrives_even_if_the_output_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = biosock(["connect", "--json", &addr]);
    let mut client = Process::start_with(&mut command, Stdio::piped(), full.into());
    let (mut socket, _) = listener.accept().unwrap();
    // More than this side's socket buffers.
    let sent = common::varied_bytes(250_000);
    client.write(&sent);
    // More than the client ever reads: closing now would reset the connection.
    let mut writer = socket.try_clone().unwrap();
    let writer = thread::spawn(move || writer.write_all(&[b'x'; 300_000]).is_ok());
    assert!(writer.join().unwrap());
    // A client that resets has done so by now.
    thread::sleep(Duration::from_millis(200));
    let mut heard = Vec::new();
    socket.read_to_end(&mut heard).unwrap();
    drop(socket);
    let ended = client.finish();
    let objects = json_lines(&ended.stderr);
    let event = |name| objects.iter().find(|object| object["event"] == name).expect(name);
    assert_eq!(ended.code(), Some(1));
    assert_eq!(event("error")["message"], "write standard output: no space left on device (ENOSPC)");
    assert!(sent.starts_with(&heard) && event("closed")["sent"] == heard.len(), "{}", heard.len());
}
