//! Standard output, and the messages.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

use crate::answering;
use crate::common::{Process, biosock, has, json_lines, refusing, run};

/// A network file system reports write errors late.
#[test]
fn a_failing_close_of_standard_output_is_reported() {
    if !has("strace") {
        return;
    }
    let (addr, server) = answering(b"answer");
    let directory = tempfile::tempdir().unwrap();
    // As the kernel resolves it, since strace compares that.
    let path = directory.path().canonicalize().unwrap().join("out");
    let out = std::fs::File::create(&path).unwrap();
    let mut command = Command::new("strace");
    command.args(["-qq", "-o", "/dev/null", "-e", "inject=close:error=EIO", "-P"]).arg(&path);
    command.args([env!("CARGO_BIN_EXE_biosock"), "connect", &addr]);
    let ended = Process::start_with(&mut command, Stdio::null(), out.into()).finish();
    server.join().unwrap();
    let expected = "biosock: write standard output: input/output error (EIO)\n";
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), expected));
    assert_eq!(std::fs::read(&path).unwrap(), b"answer");
}

/// The peer's data is not discarded indefinitely.
#[test]
fn failing_output_ends_the_command_even_if_the_peer_keeps_sending() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let client = Process::start_with(&mut biosock(["connect", &addr]), Stdio::piped(), full.into());
    let (mut socket, _) = listener.accept().unwrap();
    // Far more than the buffers of both sides hold.
    let sent = (0..256).take_while(|_| socket.write_all(&[b'x'; 1 << 20]).is_ok()).count();
    assert!(sent < 256, "all was read");
    let ended = client.finish();
    let expected = "biosock: write standard output: no space left on device (ENOSPC)\n";
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), expected));
}

#[test]
fn closed_output_ends_the_command_silently() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    drop(reader);
    // Input stays open and the peer keeps sending: only the output can end it.
    let client = Process::start_with(&mut biosock(["connect", &addr]), Stdio::piped(), writer.into());
    let (mut socket, _) = listener.accept().unwrap();
    let server = thread::spawn(move || while socket.write_all(&[b'x'; 4096]).is_ok() {});
    let ended = client.finish();
    // Not everything was written, but the reader closed it and knows.
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), ""));
    server.join().unwrap();
}

#[test]
fn a_full_disk_is_reported() {
    let (addr, server) = answering(b"answer");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = Process::start_with(&mut biosock(["connect", &addr]), Stdio::null(), full.into()).finish();
    server.join().unwrap();
    assert_eq!(ended.code(), Some(1));
    assert_eq!(ended.stderr, "biosock: write standard output: no space left on device (ENOSPC)\n");
}

#[test]
fn missing_output_is_a_failure_and_missing_input_is_empty() {
    let in_shell = |script: &str, addr: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_biosock"), addr]);
        Process::start(&mut command, Stdio::null()).finish()
    };
    let (addr, server) = answering(b"answer");
    let ended = in_shell("exec \"$0\" connect \"$1\" >&-", &addr);
    server.join().unwrap();
    let expected = "biosock: write standard output: bad file descriptor (EBADF)\n";
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), expected));
    // The second is what nohup(1) makes of a terminal.
    for input in ["<&-", "0>/dev/null"] {
        let (addr, server) = answering(b"answer");
        let ended = in_shell(&format!("exec \"$0\" connect \"$1\" {input}"), &addr).ok();
        assert_eq!((ended.stdout, server.join().unwrap()), (b"answer".to_vec(), Vec::new()), "{input}");
    }
    // With nothing to write, nothing fails.
    let (addr, server) = answering(b"");
    in_shell("exec \"$0\" connect \"$1\" >&-", &addr).ok();
    server.join().unwrap();
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
    assert_eq!(routines, ["BIO_connect", "shutdown(2)"]);
}

#[test]
fn verbose_logs_each_call_with_its_time() {
    let (addr, server) = answering(b"");
    let ended = run(["connect", "--verbose", "--nodelay", &addr], b"").ok();
    server.join().unwrap();
    let line = ended.stderr.lines().find(|line| line.contains("BIO_connect")).expect("logged");
    assert!(line.contains(&format!("Dialer::dial          to {addr}, NODELAY: connected (")), "{line}");
    assert!(line.ends_with("s)"), "{line}");
}

#[test]
fn an_error_in_json_has_its_parts() {
    let addr = refusing();
    let ended = run(["connect", "--json", &addr], b"");
    assert_eq!(ended.code(), Some(1));
    let [race, error] = &json_lines(&ended.stderr)[..] else { panic!("two objects: {}", ended.stderr) };
    assert_eq!((&race["event"], &error["event"]), (&"race".into(), &"error".into()));
    assert_eq!(error["message"], format!("connect to {addr}: connection refused (ECONNREFUSED)"));
    assert_eq!((&error["symbol"], &error["kind"]), (&"ECONNREFUSED".into(), &"failed".into()));
    assert!(error["hint"].is_string() && error["errno"].is_number());
    let attempt = &error["attempts"][0];
    assert_eq!((&attempt["address"], &attempt["symbol"]), (&(*addr).into(), &"ECONNREFUSED".into()));
    assert!(attempt["started"].is_number() && attempt["seconds"].is_number());
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
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("input");
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
