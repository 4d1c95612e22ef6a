//! Which addresses are listened on.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use crate::common::{Process, biosock, has, run};
use crate::{dial, exchange_tcp, exchange_unix, socket_path};

#[test]
fn every_listener_option_listens() {
    for flag in ["--reuseaddr", "--v6only", "--nodelay", "--keepalive", "--tfo", "--backlog=3", "-6"] {
        let (server, addr) = Process::listen(["[::1]:0", "--echo", flag], Stdio::null());
        assert_eq!(exchange_tcp(&addr, b"x"), b"x", "{flag}");
        server.finish().ok();
    }
}

#[test]
fn every_address_is_listened_on_with_the_same_port() {
    let (mut server, addr) = Process::listen([":0", "--echo", "--max", "2"], Stdio::null());
    let port = addr.strip_prefix("[::]:").expect("IPv6's wildcard");
    assert_eq!(server.line_with("listening on "), format!("0.0.0.0:{port}"));
    assert_eq!(exchange_tcp(&format!("127.0.0.1:{port}"), b"four"), b"four");
    assert_eq!(exchange_tcp(&format!("[::1]:{port}"), b"six"), b"six");
    server.finish().ok();
}

#[test]
fn each_address_listened_on_is_an_event() {
    let mut command = biosock(["listen", "*:0", "--json"]);
    let mut server = Process::start(&mut command, Stdio::null());
    let addrs: Vec<_> = (0..2).map(|_| server.line_with("{\"event\":\"listening\",\"address\":")).collect();
    let port = addrs[0].strip_prefix("\"[::]:").expect("IPv6's wildcard");
    assert_eq!(addrs[1], format!("\"0.0.0.0:{port}"));
}

#[test]
fn if_one_address_is_in_use_none_is_listened_on() {
    // Another program may have the same port over IPv6: try another.
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
fn a_single_family_can_be_requested() {
    for flag in ["--v6only", "-6"] {
        let (server, addr) = Process::listen([":0", "--echo", flag], Stdio::null());
        let port = addr.strip_prefix("[::]:").expect("IPv6's wildcard");
        assert!(TcpStream::connect(format!("127.0.0.1:{port}")).is_err());
        assert_eq!(exchange_tcp(&format!("[::1]:{port}"), b"six"), b"six");
        let printed = server.finish().ok().stderr;
        assert_eq!(printed.matches("listening on").count(), 1, "{printed}");
    }
    let (server, addr) = Process::listen(["-4", "*:0", "--echo"], Stdio::null());
    let port = addr.strip_prefix("0.0.0.0:").expect("IPv4's wildcard");
    assert_eq!(exchange_tcp(&format!("127.0.0.1:{port}"), b"four"), b"four");
    server.finish().ok();
}

#[test]
fn only_the_given_device_is_listened_on() {
    // Binding to a device needs no privilege on Linux since 5.7.
    let (server, addr) = Process::listen(["127.0.0.1:0", "--echo", "--device", "lo"], Stdio::null());
    assert_eq!(exchange_tcp(&addr, b"x"), b"x");
    server.finish().ok();
    let ended = run(["listen", "127.0.0.1:0", "--device", "no-such"], b"");
    let expected = "biosock: set option SO_BINDTODEVICE to no-such: no such device (ENODEV)\n";
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), expected));
}

#[test]
fn systemd_activation_passes_the_listeners() {
    if !has("systemd-socket-activate") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (path, _) = socket_path(&directory);
    // An address that no other test has, so that its port stays free.
    let [.., high, low] = std::process::id().to_be_bytes();
    let port = format!("127.78.{high}.{low}:7778");
    let mut command = Command::new("systemd-socket-activate");
    command.args(["-l", &port, "-l"]).arg(&path);
    command.args([env!("CARGO_BIN_EXE_biosock"), "listen", "--activated", "--echo", "--max", "2"]);
    let mut manager = Process::start(&mut command, Stdio::null());
    manager.line_with("Listening on ");
    manager.line_with("Listening on ");
    // systemd-socket-activate executes biosock on the first connection.
    assert_eq!(exchange_tcp(&port, b"TCP"), b"TCP");
    assert_eq!(exchange_unix(&path, b"Unix"), b"Unix");
    let ended = manager.finish().ok();
    for addr in [&port, &format!("unix:{}", path.display())] {
        assert!(ended.stderr.contains(&format!("listening on {addr}\n")), "{}", ended.stderr);
    }
    assert!(path.exists(), "the file is the manager's");
}

#[test]
fn an_address_in_time_wait_can_be_bound_except_with_no_reuseaddr() {
    let args = ["127.0.0.1:0", "--exec", "exec true"];
    let (server, addr) = Process::listen(args, Stdio::null());
    // The server's side closes first, so that its address is in TIME_WAIT.
    let mut client = dial(&addr);
    let _ = client.read_to_end(&mut Vec::new());
    drop(client);
    server.finish().ok();
    let ended = run(["listen", "--no-reuseaddr", &addr], b"");
    assert!(ended.stderr.ends_with("choose another port, or omit --no-reuseaddr\n"), "{}", ended.stderr);
    let (server, again) = Process::listen([&*addr, "--echo"], Stdio::null());
    assert_eq!(again, addr);
    assert_eq!(exchange_tcp(&addr, b"x"), b"x");
    server.finish().ok();
}

#[test]
fn the_port_is_free_once_the_last_connection_is_accepted() {
    let (mut server, addr) = Process::listen(["127.0.0.1:0"], Stdio::piped());
    let mut client = dial(&addr);
    server.write(b"x");
    client.read_exact(&mut [0]).unwrap();
    assert!(TcpStream::connect(&addr).is_err(), "nothing listens any more");
    drop(client);
    server.give(b"");
    server.finish().ok();
    drop(TcpListener::bind("127.0.0.1:0").unwrap());
}
