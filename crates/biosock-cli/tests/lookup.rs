//! `biosock lookup`.

mod common;

use std::process::Stdio;

use common::{Process, run, with_threads};
use serde_json::json;

#[test]
fn addresses_are_printed_as_a_table() {
    let ended = run(["lookup", "127.0.0.1:443"], b"").ok();
    let expected = "\
FAMILY  TYPE    PROTOCOL  ADDRESS
IPv4    stream  TCP       127.0.0.1:443
IPv4    dgram   UDP       127.0.0.1:443
IPv4    raw     default   127.0.0.1:443
";
    assert_eq!(ended.out(), expected);
}

#[test]
fn without_a_service_there_is_no_port() {
    let ended = run(["lookup", "--type", "stream", "[2001:db8::1]"], b"").ok();
    assert_eq!(ended.out(), "FAMILY  TYPE    PROTOCOL  ADDRESS\nIPv6    stream  TCP       2001:db8::1\n");
}

#[test]
fn json_has_stable_fields() {
    let objects = run(["lookup", "--json", "--type", "dgram", "[::1]:53"], b"").ok().json();
    let expected = json!({
        "family": "IPv6", "type": "dgram", "protocol": "UDP", "address": "[::1]:53",
        "ip": "::1", "port": 53, "host": null, "service": null,
    });
    assert_eq!(objects, [expected]);
}

#[test]
fn names_of_an_address_are_printed() {
    let objects = run(["lookup", "--json", "--names", "--type", "stream", "127.0.0.1:80"], b"").ok().json();
    assert_eq!(objects[0]["host"], "localhost");
    let table = run(["lookup", "--names", "--type", "stream", "127.0.0.1:80"], b"").ok().out();
    assert!(table.lines().next().unwrap().ends_with("HOST       SERVICE"), "{table}");
    assert!(table.lines().nth(1).unwrap().contains("localhost"), "{table}");
}

#[test]
fn passive_lookup_returns_the_wildcard() {
    let objects = run(["lookup", "--json", "--passive", "-4", "--type", "stream", ":8080"], b"").ok().json();
    assert_eq!(objects[0]["address"], "0.0.0.0:8080");
    let objects = run(["lookup", "--json", "-4", "--type", "stream", ":8080"], b"").ok().json();
    assert_eq!(objects[0]["address"], "127.0.0.1:8080");
}

#[test]
fn a_single_family_is_looked_up() {
    for (flag, family) in [("-4", "IPv4"), ("-6", "IPv6")] {
        let host = if flag == "-4" { "127.0.0.1" } else { "[::1]" };
        let objects = run(["lookup", "--json", flag, host], b"").ok().json();
        assert!(!objects.is_empty() && objects.iter().all(|object| object["family"] == family));
    }
}

#[test]
fn unix_paths_are_addresses() {
    let objects = run(["lookup", "--json", "unix:@name"], b"").ok().json();
    assert_eq!((&objects[0]["address"], &objects[0]["ip"]), (&json!("unix:@name"), &json!(null)));
    // Paths are escaped for the terminal.
    let table = run(["lookup", "unix:/\x1b[2J"], b"").ok().out();
    assert!(table.ends_with("unix:/\\x1b[2J\n"), "{table}");
}

/// Tries every character of Unicode's category Cf, according to Python's table.
#[test]
fn no_invisible_character_reaches_the_terminal() {
    if !common::has("python3") {
        return;
    }
    let script = "import sys, unicodedata as u; print(*(c for c in range(sys.maxunicode + 1) \
                  if u.category(chr(c)) in ('Cf', 'Zl', 'Zp', 'Cc') and c))";
    let mut python = std::process::Command::new("python3");
    let listed = common::Process::start(python.args(["-c", script]), std::process::Stdio::null());
    let listed = listed.finish().ok().out();
    let invisible: Vec<char> =
        listed.split_whitespace().filter_map(|c| char::from_u32(c.parse().unwrap())).collect();
    assert!(invisible.len() > 200);
    let is_raw = |text: &str| text.chars().find(|c| *c != '\n' && invisible.contains(c));
    for some in invisible.chunks(12) {
        let target = format!("unix:/{}", String::from_iter(some));
        for args in [
            &["lookup", &target][..],
            &["lookup", "--json", &target],
            &["connect", &target],
            &["connect", "--json", "--trace-svg", "/dev/stdout", &target],
            &["connect", "--trace", &target],
        ] {
            let ended = run(args, b"");
            let text = ended.out() + &ended.stderr;
            assert!(!text.is_empty());
            assert_eq!(is_raw(&text), None, "{args:?}");
        }
    }
    // JSON has them, with two escapes outside the Basic Multilingual Plane.
    let objects = run(["connect", "--json", "x:\u{e0041}"], b"").stderr;
    assert!(objects.contains(r"\udb40\udc41") && is_raw(&objects).is_none(), "{objects}");
}

#[test]
fn verbose_logs_the_call() {
    let ended = run(["lookup", "--verbose", "127.0.0.1:1"], b"").ok();
    assert!(ended.stderr.contains("BIO_lookup_ex    Lookup::run"), "{}", ended.stderr);
    let ended = run(["lookup", "--verbose", "--json", "127.0.0.1:1"], b"").ok();
    let trace = common::json_lines(&ended.stderr);
    assert_eq!((&trace[0]["event"], &trace[0]["routine"]), (&json!("call"), &json!("BIO_lookup_ex")));
}

/// For a user at the process limit.
#[test]
fn an_error_is_printed_without_a_thread() {
    let Some(mut command) = with_threads(1, &["lookup", "[::1"]) else { return };
    let ended = Process::start(&mut command, Stdio::null()).finish();
    assert_eq!(ended.code(), Some(2));
    assert_eq!(ended.stderr, run(["lookup", "[::1"], b"").stderr);
}
