//! Many connections, served by an echo.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use crate::common::{DEADLINE, Process, biosock, json_lines, varied_bytes};
use crate::{dial, exchange_tcp};

#[test]
fn an_echo_serves_many_connections_at_once() {
    let (server, addr) = Process::listen(["127.0.0.1:0", "--echo", "--keep-open"], Stdio::null());
    let mut open: Vec<_> = (0..20).map(|_| dial(&addr)).collect();
    // The last one first: none waits for another to end.
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
fn connections_beyond_at_once_wait() {
    let args = ["127.0.0.1:0", "--echo", "--max", "2", "--at-once", "1"];
    let (server, addr) = Process::listen(args, Stdio::null());
    let mut first = dial(&addr);
    first.write_all(b"1").unwrap();
    first.read_exact(&mut [0]).unwrap();
    let mut second = dial(&addr);
    second.write_all(b"2").unwrap();
    second.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(second.read(&mut [0]).is_err(), "not served yet");
    drop(first);
    second.set_read_timeout(Some(DEADLINE)).unwrap();
    second.read_exact(&mut [0]).unwrap();
    drop(second);
    server.finish().ok();
}

#[test]
fn max_limits_the_total_number_of_connections() {
    let (server, addr) = Process::listen(["127.0.0.1:0", "--echo", "--max", "3"], Stdio::null());
    for _ in 0..3 {
        assert_eq!(exchange_tcp(&addr, b"x"), b"x");
    }
    server.finish().ok();
    assert!(TcpStream::connect(&addr).is_err());
}

#[test]
fn an_echo_that_the_peer_does_not_read_is_a_failure() {
    let (server, addr) = Process::listen(["127.0.0.1:0", "--echo"], Stdio::null());
    let mut client = dial(&addr);
    // More than the client's socket buffers, so that some of it is still in the
    // server; closing with unread input resets the connection.
    client.write_all(&varied_bytes(300_000)).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    // A server that treats written bytes as delivered has exited by now.
    std::thread::sleep(Duration::from_millis(300));
    drop(client);
    let ended = server.finish();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("biosock: send to 127.0.0.1:"), "{ended:?}");
}

#[test]
fn a_reset_does_not_end_a_listener_that_is_kept_open() {
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
fn json_has_an_object_for_each_event() {
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
