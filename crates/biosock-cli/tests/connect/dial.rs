//! How a connection is made.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::answering;
use crate::common::{
    Process, biosock, has, json_lines, run, silent, silent_at, skip, with_threads, with_two_addresses,
};

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
fn the_connection_comes_from_the_given_source() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let client = thread::spawn(move || run(["connect", "--bind", "127.0.0.9", &addr], b""));
    let (socket, peer) = listener.accept().unwrap();
    assert_eq!(peer.ip().to_string(), "127.0.0.9");
    drop(socket);
    client.join().unwrap().ok();
}

#[test]
fn each_family_can_have_a_source_and_a_source_can_be_a_name() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    for (binds, from) in [(&["127.0.0.9", "::1"][..], "127.0.0.9"), (&["127.0.0.8", "[::1]:0"], "127.0.0.8")]
    {
        let args = binds.iter().flat_map(|bind| ["--bind", bind]);
        let args: Vec<_> = ["connect"].into_iter().chain(args).chain([&*addr]).collect();
        let mut client = Process::start(&mut biosock(args), Stdio::null());
        let (socket, peer) = client.accepted_by(&listener);
        assert_eq!(peer.ip().to_string(), from);
        drop(socket);
        client.finish().ok();
    }
    // IPv6 has one loopback address, so the port identifies the source.
    let listener_v6 = TcpListener::bind("[::1]:0").unwrap();
    let addr_v6 = listener_v6.local_addr().unwrap().to_string();
    let from = TcpListener::bind("[::1]:0").unwrap().local_addr().unwrap();
    let args = ["connect", "--bind", "127.0.0.9", "--bind", &from.to_string(), &addr_v6];
    let mut client = Process::start(&mut biosock(args), Stdio::null());
    let (socket, peer) = client.accepted_by(&listener_v6);
    assert_eq!(peer, from);
    drop(socket);
    client.finish().ok();

    let args = ["connect", "--bind", "localhost", "-4", "--verbose", &addr];
    let mut client = Process::start(&mut biosock(args), Stdio::null());
    drop(client.accepted_by(&listener));
    let logged = client.finish().ok().stderr;
    assert!(logged.contains("BIO_lookup_ex    Lookup::run           localhost:0, IPv4 family"), "{logged}");
}

#[test]
fn the_connection_uses_the_given_interface() {
    let (addr, server) = answering(b"");
    run(["connect", "--device", "lo", &addr], b"").ok();
    server.join().unwrap();
    // An ignored option would connect here too.
    let ended = run(["connect", "--device", "no-such-if", &addr], b"");
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("no-such-if: no such device (ENODEV)"), "{}", ended.stderr);
}

#[test]
fn a_port_may_begin_with_zeros() {
    let (addr, server) = answering(b"yes");
    let (host, port) = addr.rsplit_once(':').unwrap();
    assert_eq!(run(["connect", &format!("{host}:{port:0>9}")], b"").ok().stdout, b"yes");
    server.join().unwrap();
}

#[test]
fn each_address_is_tried_in_order() {
    // Only the second of the addresses listens.
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let target = format!("two.test:{}", listener.local_addr().unwrap().port());
    let Some(mut client) = with_two_addresses(&["connect", "--verbose", &target], Stdio::null()) else {
        return;
    };
    let (mut socket, _) = client.accepted_by(&listener);
    socket.write_all(b"second").unwrap();
    drop(socket);
    let ended = client.finish().ok();
    assert_eq!(ended.stdout, b"second");
    let first = ended.stderr.find("to 127.0.0.1:").expect("tried");
    assert!(first < ended.stderr.find("to 127.0.0.2:").expect("tried"), "{}", ended.stderr);
}

#[test]
fn if_all_attempts_fail_each_is_listed() {
    let addr = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    let target = format!("two.test:{}", addr.port());
    let Some(client) = with_two_addresses(&["connect", "-4", &target], Stdio::null()) else { return };
    let ended = client.finish();
    let port = addr.port();
    let expected = format!(
        "biosock: connect to {target}: all 2 attempts failed
  #.### +  #.### s  127.0.0.1:{port}  connection refused (ECONNREFUSED)
  #.### +  #.### s  127.0.0.2:{port}  connection refused (ECONNREFUSED)
  hint: nothing listens there; check the port and that the server runs
"
    );
    assert_eq!((ended.code(), without_times(&ended.stderr)), (Some(1), expected));
}

/// The first address is silent, the second answers.
#[test]
fn a_silent_address_is_overtaken() {
    let (silent, _sockets) = silent();
    let port = silent.rsplit_once(':').unwrap().1;
    let listener = TcpListener::bind(format!("127.0.0.2:{port}")).unwrap();
    let source = free_port("127.0.0.9");
    // The attempts share the source port.
    let args = ["connect", "--json", "--bind", &source, &format!("two.test:{port}")];
    let Some(mut client) = with_two_addresses(&args, Stdio::null()) else { return };
    let (socket, peer) = client.accepted_by(&listener);
    drop(socket);
    let race = json_lines(&client.finish().ok().stderr).remove(0);
    assert_eq!(peer.to_string(), source);
    assert_eq!(race["winner"], format!("127.0.0.2:{port}"));
    let attempts = race["attempts"].as_array().unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["no answer", "connected"]);
    assert!(between_starts(attempts) >= 0.25, "{race}");
}

fn between_starts(attempts: &[serde_json::Value]) -> f64 {
    attempts[1]["started"].as_f64().unwrap() - attempts[0]["started"].as_f64().unwrap()
}

/// A free port at this address.
fn free_port(ip: &str) -> String {
    TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap().to_string()
}

#[test]
fn the_attempt_delay_and_the_maximum_are_obeyed() {
    let (silent, _sockets) = silent();
    let port = silent.rsplit_once(':').unwrap().1;
    let (_, _others) = silent_at(&format!("127.0.0.2:{port}"));
    let target = format!("two.test:{port}");
    let args = ["connect", "--json", "--timeout", "0.7", "--attempt-delay", "0.5", &target];
    let Some(client) = with_two_addresses(&args, Stdio::null()) else { return };
    let race = json_lines(&client.finish().stderr).remove(0);
    let attempts = race["attempts"].as_array().unwrap();
    assert!(attempts.len() == 2 && between_starts(attempts) >= 0.5, "{race}");

    let args = ["connect", "--json", "--timeout", "0.7", "--max-attempts", "1", &target];
    let Some(client) = with_two_addresses(&args, Stdio::null()) else { return };
    let [race, error] = &json_lines(&client.finish().stderr)[..] else { panic!("two objects") };
    assert_eq!(race["attempts"].as_array().unwrap().len(), 1, "{race}");
    assert_eq!(error["message"], format!("connect to {target}: no answer within 0.7 s"));
    assert_eq!(error["symbol"], "ETIMEDOUT");
}

/// In a network namespace whose only DNS server receives queries and never answers.
#[test]
fn the_timeout_includes_the_lookups() {
    if !has("socat") || !has("ip") {
        return;
    }
    let may = Command::new("unshare").args(["-n", "-m", "true"]).stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        skip("unshare -n -m", "not permitted");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("resolv.conf");
    std::fs::write(&config, "nameserver 127.0.0.1\n").unwrap();
    // 35 is port 53 in hexadecimal.
    let script = "ip link set lo up && mount --bind \"$0\" /etc/resolv.conf || exit 9
        socat -u UDP4-RECV:53,bind=127.0.0.1 OPEN:/dev/null & server=$!
        until grep -q ':0035 ' /proc/net/udp; do sleep 0.05; done
        \"$@\"; status=$?; kill $server; exit $status";
    let mut command = Command::new("unshare");
    command.args(["-n", "-m", "sh", "-c", script]).arg(&config).arg(env!("CARGO_BIN_EXE_biosock"));
    command.args(["connect", "--timeout", "0.5", "dead.test:80"]);
    let ended = Process::start(&mut command, Stdio::null()).finish();
    let expected = "biosock: connect to dead.test:80: no answer within 0.5 s
  #.### +  #.### s  lookup IPv6  no answer
  #.### +  #.### s  lookup IPv4  no answer
  hint: the resolver does not answer; check the name servers in /etc/resolv.conf
";
    assert_eq!((ended.code(), &*without_times(&ended.stderr)), (Some(1), expected));
}

/// Removes the times from the beginning of lines, which vary.
fn without_times(text: &str) -> String {
    let plain = |line: &str| match line.split_once(" s  ") {
        Some((times, rest)) if line.starts_with("  ") => {
            format!("{} s  {rest}\n", times.replace(|c: char| c.is_ascii_digit(), "#"))
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(plain).collect()
}

#[test]
fn a_silent_peer_is_given_up_on_within_the_timeout() {
    let (addr, _sockets) = silent();
    let start = Instant::now();
    let ended = run(["connect", "--timeout", "0.25", &addr], b"");
    // Enough for a busy machine, far less than the OS's two minutes.
    let took = start.elapsed();
    assert!((Duration::from_millis(250)..Duration::from_secs(10)).contains(&took), "{took:?}");
    let expected = format!(
        "biosock: connect to {addr}: no answer within 0.25 s
  hint: the host does not answer; it may be down or behind a firewall
"
    );
    assert_eq!((ended.code(), ended.stderr), (Some(1), expected));
}

#[test]
fn a_name_in_the_hosts_file_needs_no_thread() {
    if !has("strace") {
        return;
    }
    // The thread names that are set (PR_SET_NAME).
    let named = |target: &str| {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=prctl", env!("CARGO_BIN_EXE_biosock"), "connect", target]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&output.stderr).matches("biosock look").count()
    };
    assert_eq!(named("localhost:1"), 0);
    assert!(named("no-such-name.invalid:1") > 0, "a lookup's thread is seen");
}

#[test]
fn threads_that_cannot_be_started_are_an_error_with_a_hint() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    // The first thread handles signals, the second sends.
    for (most, what) in [(1, "handle signals"), (2, &*format!("serve {addr}: start a thread"))] {
        let Some(mut command) = with_threads(most, &["connect", &addr]) else { return };
        // The listener neither accepts nor closes, and nothing waits for it.
        let ended = Process::start(&mut command, Stdio::null()).finish();
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        assert_eq!(
            ended.stderr,
            format!(
                "biosock: {what}: resource temporarily unavailable (EAGAIN)\n  hint: too many processes and \
                 threads; raise ulimit -u or the cgroup's pids.max\n"
            )
        );
    }
    let Some(mut command) = with_threads(2, &["connect", "name.invalid:9"]) else { return };
    let ended = Process::start(&mut command, Stdio::null()).finish();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("EAGAIN") && ended.stderr.contains("raise ulimit -u"), "{ended:?}");
}
