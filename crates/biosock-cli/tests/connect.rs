//! `biosock connect`.

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::thread;

use common::{Ended, Process, biosock, has, json_lines, refusing, run, skip};

/// A server for one connection: reads to the end, then answers, then closes.
fn answering(answer: &'static [u8]) -> (String, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        socket.read_to_end(&mut heard).unwrap();
        socket.write_all(answer).unwrap();
        heard
    });
    (addr, server)
}

#[test]
fn input_goes_out_its_end_is_passed_on_and_the_answer_comes() {
    let (addr, server) = answering(b"answer");
    let ended = run(["connect", &addr], b"question").ok();
    assert_eq!((server.join().unwrap(), ended.stdout), (b"question".to_vec(), b"answer".to_vec()));
    assert_eq!(ended.stderr, "");
}

#[test]
fn every_stream_option_connects() {
    let flags = ["--keepalive", "--nodelay", "--mptcp", "--tfo"].map(|flag| vec![flag]);
    let all = vec!["--keepalive", "--nodelay", "--mptcp", "-4", "--bind", "127.0.0.2", "--timeout", "20"];
    for flags in flags.into_iter().chain([all]) {
        let (addr, server) = answering(b"yes");
        let args = ["connect"].into_iter().chain(flags).chain([&*addr]);
        assert_eq!(run(args, b"x").ok().stdout, b"yes");
        assert_eq!(server.join().unwrap(), b"x");
    }
}

#[test]
fn comes_from_the_source_that_was_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let client = thread::spawn(move || run(["connect", "--bind", "127.0.0.9", &addr], b""));
    let (socket, peer) = listener.accept().unwrap();
    assert_eq!(peer.ip().to_string(), "127.0.0.9");
    drop(socket);
    client.join().unwrap().ok();
}

#[test]
fn ends_when_the_peer_closes_though_input_stays_open() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let client = Process::start(&mut biosock(["connect", &addr]), Stdio::piped());
    let (mut socket, _) = listener.accept().unwrap();
    socket.write_all(b"bye").unwrap();
    drop(socket);
    assert_eq!(client.finish().ok().stdout, b"bye");
}

#[test]
fn a_unix_peer_that_is_gone_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let target = format!("unix:{}", path.display());
    // Beyond the deadline: only the hang-up can end it.
    let client = Process::start(&mut biosock(["connect", "--linger", "1e9", &target]), Stdio::piped());
    drop(listener.accept().unwrap());
    client.finish().ok();
}

#[test]
fn input_is_sent_to_a_peer_that_has_nothing_more_to_say() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let mut client = Process::start(&mut biosock(["connect", "--linger", "1e9", &addr]), Stdio::piped());
    let (mut socket, _) = listener.accept().unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let sent = common::varied_bytes(3 << 20);
    let reader = thread::spawn(move || {
        let mut heard = Vec::new();
        socket.read_to_end(&mut heard).unwrap();
        heard
    });
    client.give(&sent);
    client.finish().ok();
    assert!(reader.join().unwrap() == sent);
}

#[test]
fn input_that_the_peer_did_not_take_is_a_failure() {
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
    assert!(stderr.contains("\n  hint: the peer closed before it had taken all that was sent\n"), "{stderr}");
}

#[test]
fn json_events_are_on_standard_error() {
    let (addr, server) = answering(b"four");
    let ended = run(["connect", "--json", "--verbose", &addr], b"sixsix").ok();
    server.join().unwrap();
    assert_eq!(ended.stdout, b"four");
    let objects = json_lines(&ended.stderr);
    let event = |name| objects.iter().find(|object| object["event"] == name).expect(name);
    assert_eq!(event("connected")["peer"], *addr);
    assert_eq!((&event("closed")["sent"], &event("closed")["received"]), (&6.into(), &4.into()));
    let calls: Vec<_> = objects.iter().filter(|object| object["event"] == "call").collect();
    let routines: Vec<_> = calls.iter().map(|call| call["routine"].as_str().unwrap()).collect();
    assert_eq!(routines, ["BIO_lookup_ex", "BIO_socket", "BIO_connect", "shutdown(2)"]);
}

#[test]
fn verbose_tells_each_call_with_its_time() {
    let (addr, server) = answering(b"");
    let ended = run(["connect", "--verbose", "--nodelay", &addr], b"").ok();
    server.join().unwrap();
    let line = ended.stderr.lines().find(|line| line.contains("BIO_connect")).expect("told");
    assert!(line.contains(&format!("Socket::connect       to {addr}, NODELAY: connected (")), "{line}");
    assert!(line.ends_with("s)"), "{line}");
}

#[test]
fn an_error_in_json_has_its_parts() {
    let addr = refusing();
    let ended = run(["connect", "--json", &addr], b"");
    assert_eq!(ended.code(), Some(1));
    let error = &json_lines(&ended.stderr)[0];
    assert_eq!(error["message"], format!("connect to {addr}: connection refused (ECONNREFUSED)"));
    assert_eq!((&error["symbol"], &error["kind"]), (&"ECONNREFUSED".into(), &"failed".into()));
    assert!(error["hint"].is_string() && error["errno"].is_number());
}

/// Runs the command where the host `two.test` has two addresses.
fn with_two_addresses(args: &[&str], stdin: Stdio) -> Option<Process> {
    let folder = tempfile::tempdir().unwrap().keep();
    let hosts = folder.join("hosts");
    std::fs::write(&hosts, "127.0.0.1 two.test\n127.0.0.2 two.test\n").unwrap();
    let script = "mount --bind \"$0\" /etc/hosts && rm -r \"$1\" && shift && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script]).arg(&hosts).arg(&folder);
    command.arg(env!("CARGO_BIN_EXE_biosock")).args(args);
    let may = Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status();
    if may.is_ok_and(|status| status.success()) {
        return Some(Process::start(&mut command, stdin));
    }
    skip("unshare -m", "not permitted");
    None
}

#[test]
fn each_address_is_tried_in_order() {
    // Only the second of the addresses listens.
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let target = format!("two.test:{}", listener.local_addr().unwrap().port());
    let Some(client) = with_two_addresses(&["connect", "--verbose", &target], Stdio::null()) else { return };
    let (mut socket, _) = listener.accept().unwrap();
    socket.write_all(b"second").unwrap();
    drop(socket);
    let ended = client.finish().ok();
    assert_eq!(ended.stdout, b"second");
    let first = ended.stderr.find("to 127.0.0.1:").expect("tried");
    assert!(first < ended.stderr.find("to 127.0.0.2:").expect("tried"), "{}", ended.stderr);
}

#[test]
fn when_all_fail_each_attempt_is_listed() {
    let addr = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    let target = format!("two.test:{}", addr.port());
    let Some(client) = with_two_addresses(&["connect", &target], Stdio::null()) else { return };
    let ended = client.finish();
    let expected = format!(
        "biosock: cannot connect to {target}: each of its 2 addresses failed
  127.0.0.1:{port}  connection refused (ECONNREFUSED)
  127.0.0.2:{port}  connection refused (ECONNREFUSED)
  hint: nothing listens there; check the port and that the server runs
",
        port = addr.port()
    );
    assert_eq!((ended.code(), ended.stderr), (Some(1), expected));
}

/// A listener whose queue is full: the system leaves who comes without an
/// answer. The sockets are to be kept.
fn silent() -> (String, Vec<biosock::Socket>) {
    let any = "127.0.0.1:0".parse().unwrap();
    let options = biosock::Options::empty();
    let listener = biosock::Socket::stream_for(&any, options).unwrap();
    listener.listen_with_backlog(&any, options, 0).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut sockets = vec![listener];
    loop {
        let socket = biosock::Socket::stream_for(&addr, options).unwrap();
        let answered = socket.connect_timeout(&addr, options, std::time::Duration::from_millis(300)).is_ok();
        sockets.push(socket);
        if !answered {
            return (addr.to_string(), sockets);
        }
    }
}

#[test]
fn a_silent_peer_is_given_up_on_in_time() {
    let (addr, _sockets) = silent();
    let ended = run(["connect", "--timeout", "0.25", &addr], b"");
    let expected = format!(
        "biosock: connect to {addr}: connection timed out (ETIMEDOUT)
  hint: the host does not answer; it may be down or behind a firewall
"
    );
    assert_eq!((ended.code(), ended.stderr), (Some(1), expected));
}

#[test]
fn a_closed_output_ends_it_quietly() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    drop(reader);
    // Input stays open, and the peer goes on sending: only the output can end it.
    let client = Process::start_with(&mut biosock(["connect", &addr]), Stdio::piped(), writer.into());
    let (mut socket, _) = listener.accept().unwrap();
    let server = thread::spawn(move || while socket.write_all(&[b'x'; 4096]).is_ok() {});
    let ended = client.finish();
    assert_eq!((ended.code(), &*ended.stderr), (Some(0), ""));
    server.join().unwrap();
}

#[test]
fn input_that_cannot_be_read_is_told() {
    let (addr, server) = answering(b"");
    let folder = std::fs::File::open("/").unwrap();
    let ended = Process::start(&mut biosock(["connect", &addr]), folder.into()).finish();
    server.join().unwrap();
    assert_eq!(ended.code(), Some(1));
    assert_eq!(ended.stderr, "biosock: read standard input: is a directory (EISDIR)\n");
}

#[test]
fn a_full_disk_is_told() {
    let (addr, server) = answering(b"answer");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = Process::start_with(&mut biosock(["connect", &addr]), Stdio::null(), full.into()).finish();
    server.join().unwrap();
    assert_eq!(ended.code(), Some(1));
    assert_eq!(ended.stderr, "biosock: write standard output: no space left on device (ENOSPC)\n");
}

#[test]
fn progress_is_drawn_on_a_terminal_only() {
    let (addr, server) = answering(b"");
    let ended = run(["connect", "--progress", &addr], b"x").ok();
    server.join().unwrap();
    assert_eq!(ended.stderr, "");

    if !has("script") {
        return;
    }
    let (addr, server) = answering(b"answer");
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input");
    std::fs::write(&input, [b'x'; 2048]).unwrap();
    let inner = format!("{} connect --progress {addr} < {}", env!("CARGO_BIN_EXE_biosock"), input.display());
    let mut command = Command::new("script");
    let shown =
        Process::start(command.args(["-qec", &inner, "/dev/null"]), Stdio::null()).finish().ok().out();
    assert_eq!(server.join().unwrap().len(), 2048);
    let expected = "\r[####################] 100%  sent 2.0 KiB  received 6 B  ";
    assert!(shown.contains(expected), "{shown:?}");
}

#[test]
fn colour_is_for_a_terminal_without_no_color() {
    if !has("script") {
        return;
    }
    let inner = format!("{} connect {}; true", env!("CARGO_BIN_EXE_biosock"), refusing());
    for (no_color, coloured) in [("", true), ("1", false)] {
        let mut command = Command::new("script");
        command.args(["-qec", &inner, "/dev/null"]).env("NO_COLOR", no_color).env("TERM", "xterm");
        let shown = Process::start(&mut command, Stdio::null()).finish().ok().out();
        assert_eq!(shown.contains("\x1b[1;31mbiosock:\x1b[0m connect to"), coloured, "{shown:?}");
        assert_eq!(shown.contains('\x1b'), coloured, "{shown:?}");
    }
}
