//! `biosock connect`.

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{
    DEADLINE, Ended, Process, biosock, has, json_lines, refusing, run, silent, silent_at, skip, with_threads,
    with_two_addresses,
};

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
fn ends_when_the_peer_closes_though_a_terminal_stays_open() {
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
fn input_that_comes_after_the_peer_is_gone_is_a_failure() {
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
    assert_eq!(error["hint"], "the peer closed before it had taken all that was sent");
}

/// As a TCP peer is: nothing is lost until input comes.
#[test]
fn a_unix_peer_that_is_gone_is_a_failure_only_if_input_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
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
  hint: the peer closed before it had taken all that was sent\n"
    );
    assert_eq!((ended.code(), ended.stderr), (Some(1), expected));

    let client = start(Stdio::null());
    drop(listener.accept().unwrap());
    client.finish().ok();
}

#[test]
fn input_is_sent_to_a_peer_that_has_nothing_more_to_say() {
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
    // Longer than any pause that was once taken for the end.
    thread::sleep(Duration::from_millis(1500));
    client.give(second);
    client.finish().ok();
    assert!(reader.join().unwrap() == sent);
}

/// As a program has it that holds both pipes: it ends the input once it has
/// read all output.
#[test]
fn the_peer_s_end_is_passed_on_while_input_stays_open() {
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

/// A network file system reports late what it could not write.
#[test]
fn an_output_whose_close_fails_is_reported() {
    if !has("strace") {
        return;
    }
    let (addr, server) = answering(b"answer");
    let folder = tempfile::tempdir().unwrap();
    // As the kernel has it, for what strace compares.
    let path = folder.path().canonicalize().unwrap().join("out");
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

/// An output that fails ends it, but does not cut short what was sent.
#[test]
fn what_was_sent_arrives_though_the_output_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = biosock(["connect", "--json", &addr]);
    let mut client = Process::start_with(&mut command, Stdio::piped(), full.into());
    let (mut socket, _) = listener.accept().unwrap();
    // More than this side's system takes while nobody reads.
    let sent = common::varied_bytes(250_000);
    client.write(&sent);
    // More than the client ever reads: closing so would reset the connection.
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

/// It does not read away what a peer sends on and on.
#[test]
fn an_output_that_fails_ends_it_though_the_peer_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let client = Process::start_with(&mut biosock(["connect", &addr]), Stdio::piped(), full.into());
    let (mut socket, _) = listener.accept().unwrap();
    // Far more than both systems' buffers hold.
    let sent = (0..256).take_while(|_| socket.write_all(&[b'x'; 1 << 20]).is_ok()).count();
    assert!(sent < 256, "all was read");
    let ended = client.finish();
    let expected = "biosock: write standard output: no space left on device (ENOSPC)\n";
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), expected));
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
    assert_eq!(routines, ["BIO_connect", "shutdown(2)"]);
}

#[test]
fn verbose_tells_each_call_with_its_time() {
    let (addr, server) = answering(b"");
    let ended = run(["connect", "--verbose", "--nodelay", &addr], b"").ok();
    server.join().unwrap();
    let line = ended.stderr.lines().find(|line| line.contains("BIO_connect")).expect("told");
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
fn when_all_fail_each_attempt_is_listed() {
    let addr = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    let target = format!("two.test:{}", addr.port());
    let Some(client) = with_two_addresses(&["connect", "-4", &target], Stdio::null()) else { return };
    let ended = client.finish();
    let port = addr.port();
    let expected = format!(
        "biosock: connect to {target}: each of 2 attempts failed
  #.### +  #.### s  127.0.0.1:{port}  connection refused (ECONNREFUSED)
  #.### +  #.### s  127.0.0.2:{port}  connection refused (ECONNREFUSED)
  hint: nothing listens there; check the port and that the server runs
"
    );
    assert_eq!((ended.code(), without_times(&ended.stderr)), (Some(1), expected));
}

/// The numbers at the beginning of a list's lines are as they happen.
fn without_times(text: &str) -> String {
    let plain = |line: &str| match line.split_once(" s  ") {
        Some((times, rest)) if line.starts_with("  ") => {
            format!("{} s  {rest}\n", times.replace(|c: char| c.is_ascii_digit(), "#"))
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(plain).collect()
}

/// The first address is silent, the second answers.
#[test]
fn a_silent_address_is_outrun() {
    let (silent, _sockets) = silent();
    let port = silent.rsplit_once(':').unwrap().1;
    let listener = TcpListener::bind(format!("127.0.0.2:{port}")).unwrap();
    let source = free_port("127.0.0.9");
    // The attempts share the port that they come from.
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
fn attempts_start_as_far_apart_and_are_as_many_as_asked_for() {
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

/// In a network of its own, whose one DNS server takes questions and never answers.
#[test]
fn the_time_limit_is_for_the_look_ups_too() {
    if !has("socat") || !has("ip") {
        return;
    }
    let may = Command::new("unshare").args(["-n", "-m", "true"]).stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        skip("unshare -n -m", "not permitted");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("resolv.conf");
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
  #.### +  #.### s  look-up IPv6  no answer
  #.### +  #.### s  look-up IPv4  no answer
  hint: the resolver does not answer; check the name servers in /etc/resolv.conf
";
    assert_eq!((ended.code(), &*without_times(&ended.stderr)), (Some(1), expected));
}

#[test]
fn a_source_for_each_family_and_a_source_by_name() {
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
    // IPv6 has one loopback address, so the port tells which source it is.
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
    let told = client.finish().ok().stderr;
    assert!(told.contains("BIO_lookup_ex    Lookup::run           localhost:0, IPv4 family"), "{told}");
}

#[test]
fn a_name_of_the_hosts_file_takes_no_thread() {
    if !has("strace") {
        return;
    }
    // The names of threads, as they are set (PR_SET_NAME).
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
fn goes_through_the_interface_that_was_asked_for() {
    let (addr, server) = answering(b"");
    run(["connect", "--device", "lo", &addr], b"").ok();
    server.join().unwrap();
    // An option that nobody read would connect here too.
    let ended = run(["connect", "--device", "no-such-if", &addr], b"");
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("no-such-if: no such device (ENODEV)"), "{}", ended.stderr);
}

#[test]
fn a_signal_ends_a_dial_but_what_was_tried_is_told() {
    let (addr, _sockets) = silent();
    let mut client = Process::start(&mut biosock(["connect", "--verbose", &addr]), Stdio::null());
    wait_for_attempt(&addr);
    client.signal("TERM");
    let head = format!("biosock: connect to {addr}: interrupted after ");
    client.line_with(&head);
    client.line_with("  hint: the host does not answer");
    assert_eq!(client.finish().status.signal(), Some(15));
}

#[test]
fn an_interrupted_dial_is_no_call_to_try_again() {
    let (addr, _sockets) = silent();
    let mut client = Process::start(&mut biosock(["connect", "--json", &addr]), Stdio::null());
    wait_for_attempt(&addr);
    client.signal("TERM");
    let error = client.line_with(r#"{"event":"error","#);
    assert!(error.contains(r#""symbol":"ECANCELED""#), "{error}");
    client.finish();
}

/// Until two sockets wait for this address' answer: the one that filled its
/// queue, and the client's.
fn wait_for_attempt(addr: &str) {
    let port: u16 = addr.rsplit_once(':').unwrap().1.parse().unwrap();
    // Address and port in hexadecimal, and the state SYN_SENT (proc_net_tcp).
    let waiting = format!("0100007F:{port:04X} 02 ");
    let end = Instant::now() + DEADLINE;
    while std::fs::read_to_string("/proc/net/tcp").unwrap().matches(&waiting).count() < 2 {
        assert!(Instant::now() < end, "no attempt is under way");
        thread::sleep(Duration::from_millis(5));
    }
}

/// As the shell has it for a script's background jobs.
#[test]
fn an_ignored_signal_stays_ignored() {
    let (addr, _sockets) = silent();
    let script = "trap '' INT; exec \"$0\" connect \"$1\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_biosock"), &addr]);
    let client = Process::start(&mut command, Stdio::null());
    wait_for_signal_handlers(&client);
    assert_eq!(caught(&client) & signal_bit(2), 0, "SIGINT has no handler");
    client.signal("INT");
    client.signal("TERM");
    assert_eq!(client.finish().status.signal(), Some(15));
}

/// Until there is a handler for SIGTERM, it would just end the process.
fn wait_for_signal_handlers(client: &Process) {
    let end = Instant::now() + DEADLINE;
    while caught(client) & signal_bit(15) == 0 {
        assert!(Instant::now() < end, "SIGTERM is not caught");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The signals that a process has handlers for (proc(5)).
fn caught(client: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", client.id())).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap();
    u64::from_str_radix(mask, 16).unwrap()
}

fn signal_bit(number: u32) -> u64 {
    1 << (number - 1)
}

#[test]
fn a_silent_peer_is_given_up_on_in_time() {
    let (addr, _sockets) = silent();
    let start = Instant::now();
    let ended = run(["connect", "--timeout", "0.25", &addr], b"");
    // As late as a busy machine may be, far from the OS's two minutes.
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
    // Not all was written, but its reader knows.
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), ""));
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

#[test]
fn an_output_that_is_closed_is_a_failure_and_an_input_is_empty() {
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
    // With nothing to write there is nothing to fail.
    let (addr, server) = answering(b"");
    in_shell("exec \"$0\" connect \"$1\" >&-", &addr).ok();
    server.join().unwrap();
}

#[test]
fn a_port_may_begin_with_zeros() {
    let (addr, server) = answering(b"yes");
    let (host, port) = addr.rsplit_once(':').unwrap();
    assert_eq!(run(["connect", &format!("{host}:{port:0>9}")], b"").ok().stdout, b"yes");
    server.join().unwrap();
}

#[test]
fn threads_that_cannot_be_had_are_an_error_with_a_hint() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    // The first is for signals, the second for what is sent.
    for (most, what) in [(1, "handle signals"), (2, &*format!("serve {addr}: start a thread"))] {
        let Some(mut command) = with_threads(most, &["connect", &addr]) else { return };
        // The listener neither accepts nor ends: nothing waits for that.
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
