//! Standard input and output serve one connection after another.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use crate::common::{Process, biosock};
use crate::{dial, exchange, exchange_tcp, socket_path};

#[test]
fn standard_input_and_output_serve_one_connection() {
    let (mut server, addr) = Process::listen(["127.0.0.1:0"], Stdio::piped());
    assert!(!addr.ends_with(":0"), "the port is the one the system chose: {addr}");
    server.give(b"from the server");
    assert_eq!(exchange_tcp(&addr, b"from the client"), b"from the server");
    assert_eq!(server.finish().ok().stdout, b"from the client");
}

#[test]
fn with_keep_open_connections_are_served_one_after_another() {
    let (server, addr) = Process::listen(["127.0.0.1:0", "--max", "3"], Stdio::null());
    for text in ["one ", "two ", "three"] {
        assert_eq!(exchange_tcp(&addr, text.as_bytes()), b"");
    }
    assert_eq!(server.finish().ok().out(), "one two three");
}

#[test]
fn input_that_pauses_is_sent_even_if_the_peer_has_ended() {
    let (mut server, addr) = Process::listen(["127.0.0.1:0"], Stdio::piped());
    server.write(b"part one, ");
    let mut client = dial(&addr);
    client.shutdown(Shutdown::Write).unwrap();
    client.read_exact(&mut [0; 10]).unwrap();
    // Longer than any pause that was once mistaken for the end.
    std::thread::sleep(Duration::from_millis(1500));
    server.give(b"part two");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"part two");
    server.finish().ok();
}

/// For a program that holds both pipes, and only after the last connection.
#[test]
fn the_last_peers_end_is_passed_on_while_input_stays_open() {
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

/// A peer that is gone consumes no input meant for the next one.
#[test]
fn input_that_a_peer_can_no_longer_receive_goes_to_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&directory);
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
fn paused_input_does_not_delay_the_next_peer() {
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
