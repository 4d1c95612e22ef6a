//! `biosock demo`.

mod common;

use std::process::{Command, Stdio};

use common::{Process, biosock, run, skip};

/// The routines of BIO_connect(3) and related pages that each family must show.
const ROUTINES: [&str; 6] =
    ["BIO_socket", "BIO_bind", "BIO_connect", "BIO_listen", "BIO_accept_ex", "BIO_closesocket"];

#[test]
fn shows_every_routine_on_every_family() {
    let ended = run(["demo"], b"").ok();
    let text = ended.out();
    let tables: Vec<_> = text.trim_end().split("\n\n").collect();
    assert_eq!(tables.len(), 4, "{text}");
    for (table, family) in tables.iter().zip(["IPv4", "IPv6", "Unix"]) {
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], family);
        let end = format!("{family}: ok: 1048576 bytes each way, received as sent");
        assert_eq!(lines.last(), Some(&&*end));
        aligned(&lines[1..lines.len() - 1]);
        for routine in ROUTINES {
            assert!(lines.iter().any(|line| line.starts_with(&format!("{routine} "))), "{routine}:\n{table}");
        }
    }
}

#[test]
fn the_race_gets_past_a_refusing_and_a_silent_address() {
    let text = run(["demo"], b"").ok().out();
    let (_, race) = text.split_once("Race of three addresses: ").expect("shown");
    let lines: Vec<_> = race.trim_end().lines().collect();
    assert_eq!(lines.len(), 6, "{race}");
    for (line, note) in lines[1..4].iter().zip(["ECONNREFUSED", "no answer", "connected"]) {
        assert!(line.starts_with("127.0.0.1:") && line.contains(note), "{race}");
    }
    assert!(lines[5].starts_with("Race: ok: connected to 127.0.0.1:"), "{race}");
}

/// The column of results begins at the same place in each line.
fn aligned(lines: &[&str]) {
    let at = lines[0].find("RESULT").expect("a header");
    for line in &lines[1..] {
        let chars: Vec<_> = line.chars().collect();
        assert!(chars[at - 1] == ' ' && chars[at] != ' ', "{line}");
    }
}

#[test]
fn json_has_an_object_for_each_call_and_an_outcome_for_each_family() {
    let objects = run(["demo", "--json"], b"").ok().json();
    let (outcomes, calls): (Vec<_>, Vec<_>) = objects.iter().partition(|object| object["event"] == "outcome");
    assert_eq!(outcomes.len(), 4);
    assert!(outcomes.iter().all(|object| object["outcome"] == "ok"), "{outcomes:?}");
    let (races, calls): (Vec<_>, Vec<_>) = calls.into_iter().partition(|object| object["event"] == "race");
    assert_eq!(races.len(), 1);
    assert_eq!(races[0]["attempts"].as_array().map(Vec::len), Some(3));
    for call in &calls {
        assert!(call["ok"] == true && call["seconds"].as_f64().is_some_and(|time| time >= 0.0), "{call}");
    }
    let moved: Vec<_> = calls.iter().filter(|call| call["rust"] == "Write, Read").collect();
    assert_eq!(moved.len(), 6);
    assert!(moved.iter().all(|call| call["result"] == "the same bytes"));
}

#[test]
fn leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = biosock(["demo"]);
    command.env("TMPDIR", directory.path());
    Process::start(&mut command, Stdio::null()).finish().ok();
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn without_ipv6_the_demo_reports_that_and_shows_the_rest() {
    let off = "ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6";
    let mut probe = Command::new("unshare");
    probe.args(["-n", "sh", "-c", off]).stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        skip("unshare -n", "not permitted, or without IPv6");
        return;
    }
    let mut command = Command::new("unshare");
    let script = format!("{off} && exec \"$0\" demo");
    command.args(["-n", "sh", "-c", &script, env!("CARGO_BIN_EXE_biosock")]);
    let ended = Process::start(&mut command, Stdio::null()).finish().ok();
    let text = ended.out();
    assert!(text.contains("\nIPv6: skipped: this system has no IPv6 ("), "{text}");
    assert!(text.contains("\nUnix: ok: "), "{text}");
}

#[test]
fn output_without_a_reader_fails_silently() {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    drop(reader);
    let ended = Process::start_with(&mut biosock(["demo"]), Stdio::null(), writer.into()).finish();
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), ""));
}
