//! `biosock listen`.

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};

use common::{DEADLINE, Process, biosock, has, json_lines, run, varied_bytes, with_threads};

fn dial(addr: &str) -> TcpStream {
    let socket = TcpStream::connect(addr).expect("listens");
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

/// Sends, ends, and reads what comes back.
fn exchange(mut socket: impl Read + Write, end: impl FnOnce(), bytes: &[u8]) -> Vec<u8> {
    socket.write_all(bytes).unwrap();
    end();
    let mut heard = Vec::new();
    socket.read_to_end(&mut heard).unwrap();
    heard
}

fn exchange_tcp(addr: &str, bytes: &[u8]) -> Vec<u8> {
    let socket = dial(addr);
    exchange(&socket, || socket.shutdown(Shutdown::Write).unwrap(), bytes)
}

fn exchange_unix(path: &Path, bytes: &[u8]) -> Vec<u8> {
    let socket = UnixStream::connect(path).expect("listens");
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    exchange(&socket, || socket.shutdown(Shutdown::Write).unwrap(), bytes)
}

#[test]
fn one_connection_is_standard_input_and_output() {
    let (mut server, addr) = Process::listen(["127.0.0.1:0"], Stdio::piped());
    assert!(!addr.ends_with(":0"), "the port is the one the system chose: {addr}");
    server.give(b"from the server");
    assert_eq!(exchange_tcp(&addr, b"from the client"), b"from the server");
    assert_eq!(server.finish().ok().stdout, b"from the client");
}

#[test]
fn every_listener_option_listens() {
    for flag in ["--reuseaddr", "--v6only", "--nodelay", "--keepalive", "--tfo", "--backlog=3", "-6"] {
        let (server, addr) = Process::listen(["[::1]:0", "--echo", flag], Stdio::null());
        assert_eq!(exchange_tcp(&addr, b"x"), b"x", "{flag}");
        server.finish().ok();
    }
}

#[test]
fn every_address_is_listened_on_with_one_port() {
    let (mut server, addr) = Process::listen([":0", "--echo", "--max", "2"], Stdio::null());
    let port = addr.strip_prefix("[::]:").expect("IPv6's wildcard");
    assert_eq!(server.line_with("listening on "), format!("0.0.0.0:{port}"));
    assert_eq!(exchange_tcp(&format!("127.0.0.1:{port}"), b"four"), b"four");
    assert_eq!(exchange_tcp(&format!("[::1]:{port}"), b"six"), b"six");
    server.finish().ok();
}

#[test]
fn the_addresses_that_are_listened_on_are_events() {
    let mut command = biosock(["listen", "*:0", "--json"]);
    let mut server = Process::start(&mut command, Stdio::null());
    let addrs: Vec<_> = (0..2).map(|_| server.line_with("{\"event\":\"listening\",\"address\":")).collect();
    let port = addrs[0].strip_prefix("\"[::]:").expect("IPv6's wildcard");
    assert_eq!(addrs[1], format!("\"0.0.0.0:{port}"));
}

#[test]
fn if_one_address_is_in_use_none_is_listened_on() {
    // Some other program may have IPv6's port of the same number: another, then.
    let found = (0..20).any(|_| {
        let holder = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = holder.local_addr().unwrap().port();
        let ended = run(["listen", &format!(":{port}")], b"");
        assert_eq!(ended.code(), Some(1));
        assert!(!ended.stderr.contains("listening on"), "{}", ended.stderr);
        let expected = format!("biosock: bind to 0.0.0.0:{port}: address already in use (EADDRINUSE)\n");
        ended.stderr.starts_with(&expected)
    });
    assert!(found);
}

#[test]
fn one_family_alone_where_asked_for() {
    for flag in ["--v6only", "-6"] {
        let (server, addr) = Process::listen([":0", "--echo", flag], Stdio::null());
        let port = addr.strip_prefix("[::]:").expect("IPv6's wildcard");
        assert!(TcpStream::connect(format!("127.0.0.1:{port}")).is_err());
        assert_eq!(exchange_tcp(&format!("[::1]:{port}"), b"six"), b"six");
        let told = server.finish().ok().stderr;
        assert_eq!(told.matches("listening on").count(), 1, "{told}");
    }
    let (server, addr) = Process::listen(["-4", "*:0", "--echo"], Stdio::null());
    let port = addr.strip_prefix("0.0.0.0:").expect("IPv4's wildcard");
    assert_eq!(exchange_tcp(&format!("127.0.0.1:{port}"), b"four"), b"four");
    server.finish().ok();
}

#[test]
fn a_device_is_listened_on_alone() {
    // Binding to a device needs no privilege on Linux since 5.7.
    let (server, addr) = Process::listen(["127.0.0.1:0", "--echo", "--device", "lo"], Stdio::null());
    assert_eq!(exchange_tcp(&addr, b"x"), b"x");
    server.finish().ok();
    let ended = run(["listen", "127.0.0.1:0", "--device", "no-such"], b"");
    let expected = "biosock: set option SO_BINDTODEVICE to no-such: no such device (ENODEV)\n";
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), expected));
}

#[test]
fn systemd_s_activation_starts_it_with_the_listeners() {
    if !has("systemd-socket-activate") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = socket_path(&folder);
    // An address that no other test has, so that its port stays free.
    let [.., high, low] = std::process::id().to_be_bytes();
    let port = format!("127.78.{high}.{low}:7778");
    let mut command = Command::new("systemd-socket-activate");
    command.args(["-l", &port, "-l"]).arg(&path);
    command.args([env!("CARGO_BIN_EXE_biosock"), "listen", "--activated", "--echo", "--max", "2"]);
    let mut manager = Process::start(&mut command, Stdio::null());
    manager.line_with("Listening on ");
    manager.line_with("Listening on ");
    // It starts biosock, by exec, when someone comes.
    assert_eq!(exchange_tcp(&port, b"TCP"), b"TCP");
    assert_eq!(exchange_unix(&path, b"Unix"), b"Unix");
    let ended = manager.finish().ok();
    for addr in [&port, &format!("unix:{}", path.display())] {
        assert!(ended.stderr.contains(&format!("listening on {addr}\n")), "{}", ended.stderr);
    }
    assert!(path.exists(), "the file is the manager's");
}

#[test]
fn an_echo_serves_many_at_once() {
    let (server, addr) = Process::listen(["127.0.0.1:0", "--echo", "--keep-open"], Stdio::null());
    let mut open: Vec<_> = (0..20).map(|_| dial(&addr)).collect();
    // The last first: nobody waits for another's end.
    for (number, socket) in open.iter_mut().enumerate().rev() {
        let text = format!("connection {number}");
        socket.write_all(text.as_bytes()).unwrap();
        let mut heard = vec![0; text.len()];
        socket.read_exact(&mut heard).unwrap();
        assert_eq!(heard, text.as_bytes());
    }
    drop(open);
    let sent = varied_bytes(1 << 20);
    let socket = dial(&addr);
    let heard = std::thread::scope(|scope| {
        scope.spawn(|| {
            (&socket).write_all(&sent).unwrap();
            socket.shutdown(Shutdown::Write).unwrap();
        });
        let mut heard = Vec::new();
        (&socket).read_to_end(&mut heard).unwrap();
        heard
    });
    assert!(heard == sent);
    server.signal("TERM");
    assert_eq!(server.finish().status.signal(), Some(15));
}

#[test]
fn at_once_makes_the_others_wait() {
    let args = ["127.0.0.1:0", "--echo", "--max", "2", "--at-once", "1"];
    let (server, addr) = Process::listen(args, Stdio::null());
    let mut first = dial(&addr);
    first.write_all(b"1").unwrap();
    first.read_exact(&mut [0]).unwrap();
    let mut second = dial(&addr);
    second.write_all(b"2").unwrap();
    second.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(second.read(&mut [0]).is_err(), "nobody serves it yet");
    drop(first);
    second.set_read_timeout(Some(DEADLINE)).unwrap();
    second.read_exact(&mut [0]).unwrap();
    drop(second);
    server.finish().ok();
}

#[test]
fn max_counts_the_connections_in_all() {
    let (server, addr) = Process::listen(["127.0.0.1:0", "--echo", "--max", "3"], Stdio::null());
    for _ in 0..3 {
        assert_eq!(exchange_tcp(&addr, b"x"), b"x");
    }
    server.finish().ok();
    assert!(TcpStream::connect(&addr).is_err());
}

#[test]
fn kept_open_one_after_the_other_comes_to_standard_output() {
    let (server, addr) = Process::listen(["127.0.0.1:0", "--max", "3"], Stdio::null());
    for text in ["one ", "two ", "three"] {
        assert_eq!(exchange_tcp(&addr, text.as_bytes()), b"");
    }
    assert_eq!(server.finish().ok().out(), "one two three");
}

#[test]
fn a_command_has_the_connection_and_the_addresses() {
    let script = "read line; echo \"$line from $BIOSOCK_PEER to $BIOSOCK_LOCAL\"";
    let (server, addr) = Process::listen(["127.0.0.1:0", "--exec", script], Stdio::null());
    let socket = dial(&addr);
    let me = socket.local_addr().unwrap();
    let heard = exchange(socket, || {}, b"hello\n");
    assert_eq!(String::from_utf8(heard).unwrap(), format!("hello from {me} to {addr}\n"));
    server.finish().ok();
}

#[test]
fn an_answer_is_whole_though_the_command_left_input_unread() {
    let args = ["127.0.0.1:0", "--exec", "head -c 5000000 /dev/zero"];
    let (server, addr) = Process::listen(args, Stdio::null());
    let mut client = dial(&addr);
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).unwrap();
    assert_eq!(heard.len(), 5_000_000);
    drop(client);
    server.finish().ok();
}

/// As socat and ncat have it: the command's children may hold the connection.
#[test]
fn the_connection_ends_with_the_command() {
    let (server, addr) =
        Process::listen(["127.0.0.1:0", "--exec", "sleep 1000 2>/dev/null & echo $!"], Stdio::null());
    let heard = exchange(&dial(&addr), || {}, b"unread");
    server.finish().ok();
    let child = String::from_utf8(heard).unwrap();
    assert!(Command::new("kill").arg(child.trim()).status().unwrap().success());
}

#[test]
fn input_that_pauses_is_sent_though_the_peer_has_ended() {
    let (mut server, addr) = Process::listen(["127.0.0.1:0"], Stdio::piped());
    server.write(b"part one, ");
    let mut client = dial(&addr);
    client.shutdown(Shutdown::Write).unwrap();
    client.read_exact(&mut [0; 10]).unwrap();
    // Longer than any pause that was once taken for the end.
    std::thread::sleep(Duration::from_millis(1500));
    server.give(b"part two");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"part two");
    server.finish().ok();
}

/// As a program has it that holds both pipes, and only after the last connection.
#[test]
fn the_last_peer_s_end_is_passed_on_while_input_stays_open() {
    let (mut server, addr) = Process::listen(["127.0.0.1:0"], Stdio::piped());
    let mut client = dial(&addr);
    client.write_all(b"from the client").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.output_to_its_end(), b"from the client");
    server.give(b"after the end");
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).unwrap();
    drop(client);
    server.finish().ok();
    assert_eq!(heard, b"after the end");
}

/// A peer that is gone takes nothing from the next one.
#[test]
fn input_that_a_peer_cannot_take_any_more_is_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&folder);
    let args = ["listen", &target, "--max", "2", "--json"];
    let mut server = Process::start(&mut biosock(args), Stdio::piped());
    server.line_with("{\"event\":\"listening\"");
    drop(UnixStream::connect(&path).unwrap());
    server.line_with("{\"event\":\"closed\"");
    let mut second = UnixStream::connect(&path).unwrap();
    server.give(b"for the second");
    let mut heard = String::new();
    second.read_to_string(&mut heard).unwrap();
    drop(second);
    assert_eq!(heard, "for the second");
    server.finish().ok();
}

/// The first peer ends while input is open and silent.
#[test]
fn input_that_pauses_holds_no_peer_that_has_ended_where_others_follow() {
    for args in [&["--keep-open"][..], &["--max", "3"]] {
        let args = ["127.0.0.1:0"].iter().chain(args);
        let (mut server, addr) = Process::listen(args, Stdio::piped());
        server.write(b"for the first");
        let mut first = dial(&addr);
        first.read_exact(&mut [0; 13]).unwrap();
        assert_eq!(exchange(&first, || first.shutdown(Shutdown::Write).unwrap(), b"one "), b"");
        let mut second = dial(&addr);
        server.write(b"for the second");
        let mut heard = [0; 14];
        second.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"for the second");
        assert_eq!(exchange(&second, || second.shutdown(Shutdown::Write).unwrap(), b"two "), b"");
        server.signal("TERM");
        assert_eq!(server.finish().stdout, b"one two ");
    }
}

#[test]
fn an_echo_that_the_peer_did_not_take_is_a_failure() {
    let (server, addr) = Process::listen(["127.0.0.1:0", "--echo"], Stdio::null());
    let mut client = dial(&addr);
    // More than the client's system takes while nobody reads, so that some of
    // it is with the server still; closing with input unread resets.
    client.write_all(&varied_bytes(300_000)).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    // A server that takes what it wrote for sent has ended by now.
    std::thread::sleep(Duration::from_millis(300));
    drop(client);
    let ended = server.finish();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("biosock: send to 127.0.0.1:"), "{ended:?}");
}

#[test]
fn commands_run_at_the_same_time_and_a_failing_one_is_told() {
    let args = ["127.0.0.1:0", "--max", "2", "--exec", "cat; exit 3"];
    let (server, addr) = Process::listen(args, Stdio::null());
    let (mut first, second) = (dial(&addr), exchange_tcp(&addr, b"second"));
    assert_eq!(second, b"second");
    let peer = first.local_addr().unwrap();
    first.write_all(b"first").unwrap();
    first.shutdown(Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    first.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"first");
    let ended = server.finish();
    assert_eq!(ended.code(), Some(1));
    let line = format!("biosock: the command 'cat; exit 3' for {peer} failed: exit status: 3\n");
    assert!(ended.stderr.contains(&line), "{}", ended.stderr);
}

#[test]
fn json_events() {
    let mut command = biosock(["listen", "127.0.0.1:0", "--echo", "--json"]);
    let mut server = Process::start(&mut command, Stdio::null());
    let line = server.line_with("{\"event\":\"listening\",");
    let addr = line.strip_prefix("\"address\":\"").and_then(|rest| rest.strip_suffix("\"}")).unwrap();
    exchange_tcp(addr, b"12345");
    let ended = server.finish().ok();
    let objects = json_lines(&ended.stderr);
    let events: Vec<_> = objects.iter().map(|object| object["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["listening", "accepted", "closed"]);
    assert_eq!((&objects[2]["sent"], &objects[2]["received"]), (&5.into(), &5.into()));
}

fn socket_path(folder: &tempfile::TempDir) -> (PathBuf, String) {
    let path = folder.path().join("s.sock");
    let target = format!("unix:{}", path.display());
    (path, target)
}

#[test]
fn a_unix_socket_file_is_made_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&folder);
    let (server, addr) = Process::listen([&*target, "--echo"], Stdio::null());
    assert_eq!(addr, target);
    assert_eq!(exchange_unix(&path, b"x"), b"x");
    server.finish().ok();
    assert!(!path.exists());
}

#[test]
fn signals_end_it_and_remove_the_file() {
    for (name, number) in [("HUP", 1), ("INT", 2), ("QUIT", 3), ("TERM", 15)] {
        if [1, 3].contains(&number) && is_ignored(number as u32) {
            println!("skipped: SIG{name}: this process has it ignored");
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = socket_path(&folder);
        let (server, _) = Process::listen([&*target, "--keep-open", "--echo"], Stdio::null());
        // One that is being served does not keep it.
        let _client = UnixStream::connect(&path).unwrap();
        server.signal(name);
        let ended = server.finish();
        assert_eq!(ended.status.signal(), Some(number));
        assert!(!path.exists(), "{name}");
    }
}

/// Whenever the signal comes, it ends the listener and leaves no file.
#[test]
fn no_signal_is_lost_while_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&folder);
    // A shell's background jobs ignore SIGINT until they say otherwise.
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

/// Whether this process, and so what it starts, ignores a signal: proc_pid_status(5).
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
            println!("skipped: SIG{name}: this process has it ignored");
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

/// As nohup(1) starts it.
#[test]
fn a_hangup_that_is_ignored_ends_nothing() {
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

/// The kernel ends a process whose thread blocks the signal of its own fault,
/// whatever handler there is (a sandbox's for SIGSYS).
#[test]
fn no_thread_blocks_the_signals_of_faults() {
    let (server, _) = Process::listen(["127.0.0.1:0", "--exec", "cat", "--keep-open"], Stdio::null());
    let mut threads_without = 0;
    for task in std::fs::read_dir(format!("/proc/{}/task", server.id())).unwrap() {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        let blocked = u64::from_str_radix(blocked.trim(), 16).unwrap();
        // SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV and SIGSYS (signal(7)).
        for fault in [4, 5, 7, 8, 11, 31] {
            assert_eq!(blocked >> (fault - 1) & 1, 0, "signal {fault}: {status}");
        }
        threads_without += blocked >> (15 - 1) & 1;
    }
    // Those of signals, of children and of messages; one that starts them does so for a moment.
    assert!(threads_without >= 3, "{threads_without} threads leave SIGTERM to the others");
}

/// What a command that is run has of this process.
#[test]
fn a_command_has_its_own_signals_descriptors_and_environment() {
    let folder = tempfile::tempdir().unwrap();
    let fake = folder.path().join("sh");
    std::fs::write(&fake, "#!/bin/sh\necho the sh of PATH\n").unwrap();
    std::fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let script = "PATH=/usr/bin:/bin; echo group $(cut -d' ' -f5 /proc/$$/stat) of $$;
        grep -E '^Sig(Ign|Blk)' /proc/self/status; env; readlink /proc/$$/fd/*; :";
    let mut command = biosock(["listen", "127.0.0.1:0", "--exec", script]);
    command.env("PATH", folder.path());
    for name in ["LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES", "BIOSOCK_LISTEN_FDS"] {
        command.env(name, "1");
    }
    let mut server = Process::start(&mut command, Stdio::null());
    let addr = server.line_with("listening on ");
    let heard = String::from_utf8(exchange(&dial(&addr), || {}, b"")).unwrap();
    server.finish().ok();
    assert!(!heard.contains("LISTEN_"), "{heard}");
    let mask = |name: &str| {
        let mask = heard.lines().find_map(|line| line.strip_prefix(name)).expect("a mask");
        u64::from_str_radix(mask.trim(), 16).unwrap()
    };
    assert_eq!(mask("SigIgn:") >> 12 & 1, 0, "SIGPIPE ends it: {heard}");
    assert_eq!(mask("SigBlk:"), 0, "{heard}");
    let group = heard.strip_prefix("group ").expect("/bin/sh was taken").lines().next().unwrap();
    let (group, pid) = group.split_once(" of ").unwrap();
    assert_eq!(group, pid);
    assert_eq!(heard.matches("socket:[").count(), 2, "{heard}");
    assert_eq!(heard.matches("anon_inode").count(), 0, "{heard}");
}

/// The example of the manual, for a peer whose address is made for it.
#[test]
fn signals_that_its_parent_blocked_are_seen() {
    let blocked: SigSet = [Signal::SIGCHLD, Signal::SIGTERM].into_iter().collect();
    blocked.thread_block().unwrap();
    let args = ["127.0.0.1:0", "--keep-open", "--at-once", "1", "--exec", "echo hello"];
    let (server, addr) = Process::listen(args, Stdio::null());
    blocked.thread_unblock().unwrap();
    // The second has to wait until the first command's end was seen.
    for _ in 0..2 {
        assert_eq!(exchange_tcp(&addr, b""), b"hello\n");
    }
    server.signal("TERM");
    assert_eq!(server.finish().status.signal(), Some(Signal::SIGTERM as i32));
}

#[test]
fn the_manual_s_command_takes_no_peer_for_a_pattern() {
    let help = run(["listen", "--help"], b"").ok().out();
    let (_, example) = help.split_once("--exec 'echo ").expect("an example");
    let script = format!("cd /; echo {}", example.split('\'').next().unwrap());
    assert!(script.contains("$BIOSOCK_PEER"), "{script}");
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&folder);
    let (server, _) = Process::listen([&*target, "--exec", &script], Stdio::null());
    let peer: biosock::SocketAddr = format!("unix:@{} x * y", std::process::id()).parse().unwrap();
    let none = biosock::Options::empty();
    let mut client = biosock::Socket::stream_for(&peer, none).unwrap();
    client.bind(&peer, none).unwrap();
    let server_addr = format!("unix:{}", path.display()).parse().unwrap();
    client.connect_timeout(&server_addr, none, DEADLINE).unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    drop(client);
    assert_eq!(heard, format!("hello {peer}\n"));
    server.finish().ok();
}

/// Messages that nobody reads hold up neither peers nor threads.
#[test]
fn messages_that_are_not_read_hold_up_nothing_and_are_counted() {
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
    // Ten connections, and the main thread, that of signals and that of messages;
    // one that has given its slot back may be about to end.
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

#[test]
fn it_says_when_all_places_are_taken() {
    let args = ["127.0.0.1:0", "--echo", "--max", "2", "--at-once", "1"];
    let (mut server, addr) = Process::listen(args, Stdio::null());
    let mut first = dial(&addr);
    first.write_all(b"1").unwrap();
    first.read_exact(&mut [0]).unwrap();
    let second = dial(&addr);
    server
        .line_with("1 connection is served or closes, the next one waits; --at-once N serves more at a time");
    drop((first, second));
    server.finish().ok();
}

/// A peer that stays after the end keeps its place while the connection closes.
#[test]
fn it_says_when_all_places_are_taken_by_connections_that_close() {
    let args = ["127.0.0.1:0", "--exec", "true", "--max", "3", "--at-once", "2"];
    let (mut server, addr) = Process::listen(args, Stdio::null());
    let mut stay: Vec<_> = (0..2).map(|_| dial(&addr)).collect();
    for client in &mut stay {
        assert_eq!(client.read(&mut [0]).unwrap(), 0, "the command has ended");
    }
    let third = dial(&addr);
    server.line_with(
        "2 connections are served or close, the next one waits; --at-once N serves more at a time",
    );
    drop((stay, third));
    server.finish().ok();
}

/// The first process of a PID namespace, as in a container. Nothing there is
/// ended by a signal that it does not handle, and all orphans are its children.
#[test]
fn as_pid_1_it_ends_by_sigterm_and_reaps_orphans() {
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

/// The process whose parent this is (proc_pid_stat(5)).
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

/// A socket file that nothing stands behind: its server was killed. Made by this
/// process it would also be a child's that another test starts, until its execve(2).
fn stale(path: &Path) -> u64 {
    drop(Process::listen([format!("unix:{}", path.display())], Stdio::null()));
    path.symlink_metadata().unwrap().ino()
}

#[test]
fn a_stale_socket_file_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&folder);
    stale(&path);
    let (server, _) = Process::listen([&*target, "--echo"], Stdio::null());
    assert_eq!(exchange_unix(&path, b"x"), b"x");
    server.finish().ok();
    assert!(!path.exists());
}

#[test]
fn of_many_that_find_a_stale_file_one_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&folder);
    stale(&path);
    let start = || Process::start(&mut biosock(["listen", &target, "--echo"]), Stdio::null());
    let mut servers: Vec<_> = (0..8).map(|_| start()).collect();
    // The losers end by themselves.
    let mut losers = 0;
    while losers < 7 {
        let ended = servers.iter_mut().position(|server| !server.is_running());
        let Some(ended) = ended else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        let ended = servers.swap_remove(ended).finish();
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains("address already in use (EADDRINUSE)"), "{ended:?}");
        losers += 1;
    }
    assert_eq!(exchange_unix(&path, b"x"), b"x");
    servers.remove(0).finish().ok();
}

#[test]
fn a_socket_that_is_in_use_is_not_touched_nor_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&folder);
    let listener = UnixListener::bind(&path).unwrap();
    let expected = format!(
        "biosock: bind to {target}: address already in use (EADDRINUSE)
  hint: end the process that has the file open, or remove it if none has, or choose another path
"
    );
    let ended = run(["listen", &target], b"");
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), &*expected));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "asking whether it is stale made no connection");

    drop(listener);
    std::fs::remove_file(&path).unwrap();
    let _datagrams = UnixDatagram::bind(&path).unwrap();
    let ended = run(["listen", &target], b"");
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), &*expected));
    assert!(path.symlink_metadata().unwrap().file_type().is_socket());
}

#[test]
fn what_is_no_socket_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&folder);
    let elsewhere = folder.path().join("elsewhere");
    stale(&elsewhere);
    let make: [&dyn Fn(); 3] = [
        &|| std::fs::write(&path, "precious").unwrap(),
        &|| std::os::unix::fs::symlink(&elsewhere, &path).unwrap(),
        &|| std::os::unix::fs::symlink("nowhere", &path).unwrap(),
    ];
    for make in make {
        make();
        let id = path.symlink_metadata().unwrap().ino();
        let ended = run(["listen", &target], b"");
        assert_eq!(ended.code(), Some(1));
        let head = format!("biosock: listen on {target}: the file exists and is no socket\n  hint: ");
        assert!(ended.stderr.starts_with(&head), "{}", ended.stderr);
        assert_eq!(path.symlink_metadata().unwrap().ino(), id);
        std::fs::remove_file(&path).unwrap();
    }
    assert!(elsewhere.exists());
}

#[test]
fn a_file_that_another_put_in_place_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&folder);
    let (server, _) = Process::listen([&*target, "--echo"], Stdio::null());
    std::fs::rename(&path, folder.path().join("moved")).unwrap();
    std::fs::write(&path, "another's").unwrap();
    server.signal("TERM");
    server.finish();
    assert_eq!(std::fs::read(&path).unwrap(), b"another's");
}

#[test]
fn an_abstract_name_needs_no_file() {
    let target = format!("unix:@biosock-test-{}", std::process::id());
    let (server, addr) = Process::listen([&*target, "--echo"], Stdio::null());
    assert_eq!(addr, target);
    assert_eq!(run(["connect", &target], b"abstract").ok().stdout, b"abstract");
    server.finish().ok();
}

#[test]
fn an_address_that_lingers_is_taken_unless_without_reuseaddr() {
    let args = ["127.0.0.1:0", "--exec", "exec true"];
    let (server, addr) = Process::listen(args, Stdio::null());
    // The server's side closes first, so that its address is in TIME_WAIT.
    let mut client = dial(&addr);
    let _ = client.read_to_end(&mut Vec::new());
    drop(client);
    server.finish().ok();
    let ended = run(["listen", "--no-reuseaddr", &addr], b"");
    assert!(ended.stderr.ends_with("choose another port, or leave out --no-reuseaddr\n"), "{}", ended.stderr);
    let (server, again) = Process::listen([&*addr, "--echo"], Stdio::null());
    assert_eq!(again, addr);
    assert_eq!(exchange_tcp(&addr, b"x"), b"x");
    server.finish().ok();
}

#[test]
fn a_peer_that_resets_does_not_end_a_listener_that_is_kept_open() {
    let (server, addr) = Process::listen(["127.0.0.1:0", "--max", "2", "--echo"], Stdio::null());
    let mut rude = dial(&addr);
    rude.write_all(b"12").unwrap();
    rude.read_exact(&mut [0]).unwrap();
    // Closing with something unread resets the connection.
    while rude.peek(&mut [0]).unwrap() == 0 {}
    drop(rude);
    assert_eq!(exchange_tcp(&addr, b"next"), b"next");
    let ended = server.finish();
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("connection reset by peer (ECONNRESET)"), "{}", ended.stderr);
}

#[test]
fn out_of_threads_is_told_and_outlived() {
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

/// Without the thread that waits for standard error's reader.
#[test]
fn messages_that_are_not_read_hold_up_nothing_without_a_thread() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let (path, target) = socket_path(&folder);
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
fn out_of_descriptors_is_told_and_outlived() {
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

#[test]
fn the_port_is_free_once_the_last_connection_was_accepted() {
    let (mut server, addr) = Process::listen(["127.0.0.1:0"], Stdio::piped());
    let mut client = dial(&addr);
    server.write(b"x");
    client.read_exact(&mut [0]).unwrap();
    assert!(TcpStream::connect(&addr).is_err(), "nobody listens any more");
    drop(client);
    server.give(b"");
    server.finish().ok();
    drop(TcpListener::bind("127.0.0.1:0").unwrap());
}
