//! A command for each connection.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::{Command, Stdio};

use crate::common::{DEADLINE, Process, biosock, run};
use crate::{dial, exchange, exchange_tcp, socket_path};

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
fn an_answer_is_complete_even_if_the_command_leaves_input_unread() {
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

/// As in socat and ncat, even if the command's children hold the connection.
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
fn commands_run_concurrently_and_a_failing_one_is_reported() {
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
    let line = format!("biosock: command 'cat; exit 3' for {peer} failed: exit status: 3\n");
    assert!(ended.stderr.contains(&line), "{}", ended.stderr);
}

/// What a command inherits from this process.
#[test]
fn a_command_has_its_own_signals_descriptors_and_environment() {
    let directory = tempfile::tempdir().unwrap();
    let fake = directory.path().join("sh");
    std::fs::write(&fake, "#!/bin/sh\necho the sh of PATH\n").unwrap();
    std::fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let script = "PATH=/usr/bin:/bin; echo group $(cut -d' ' -f5 /proc/$$/stat) of $$;
        grep -E '^Sig(Ign|Blk)' /proc/self/status; env; readlink /proc/$$/fd/*; :";
    let mut command = biosock(["listen", "127.0.0.1:0", "--exec", script]);
    command.env("PATH", directory.path());
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

/// The manual page's example, with a peer whose address is a shell pattern.
#[test]
fn the_manual_pages_command_does_not_expand_a_peers_address() {
    let help = run(["listen", "--help"], b"").ok().out();
    let (_, example) = help.split_once("--exec 'echo ").expect("an example");
    let script = format!("cd /; echo {}", example.split('\'').next().unwrap());
    assert!(script.contains("$BIOSOCK_PEER"), "{script}");
    let directory = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&directory);
    let (server, _) = Process::listen([&*target, "--exec", &script], Stdio::null());
    let peer: biosock::SocketAddr = format!("unix:@{} x * y", std::process::id()).parse().unwrap();
    let mut client = biosock::Socket::stream_for(&peer).unwrap();
    client.bind(&peer).unwrap();
    let server_addr = format!("unix:{}", path.display()).parse().unwrap();
    client.connect_with(&server_addr, &biosock::ConnectOptions::new().timeout(DEADLINE)).unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    drop(client);
    assert_eq!(heard, format!("hello {peer}\n"));
    server.finish().ok();
}
