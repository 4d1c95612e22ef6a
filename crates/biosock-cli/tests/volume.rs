//! Large transfers, both ways at once, arrive unchanged.

mod common;

use std::fs::{self, File};
use std::process::Command;

use common::{Process, biosock, varied_bytes};

const SIZE: usize = 64 << 20;

#[test]
fn large_transfers_over_ipv4_arrive() {
    both_ways("127.0.0.1:0");
}

#[test]
fn large_transfers_over_ipv6_arrive() {
    both_ways("[::1]:0");
}

#[test]
fn large_transfers_over_unix_arrive() {
    let directory = tempfile::tempdir().unwrap();
    both_ways(&format!("unix:{}", directory.path().join("s").display()));
}

fn both_ways(target: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mut bytes = varied_bytes(SIZE);
    fs::write(path("up"), &bytes).unwrap();
    bytes.reverse();
    fs::write(path("down"), &bytes).unwrap();
    drop(bytes);

    let open = |name| File::open(path(name)).unwrap().into();
    let create = |name| File::create(path(name)).unwrap().into();
    let mut server = Process::start_with(&mut biosock(["listen", target]), open("down"), create("up.got"));
    let addr = server.line_with("listening on ");
    let client = Process::start_with(&mut biosock(["connect", &addr]), open("up"), create("down.got"));
    client.finish().ok();
    server.finish().ok();
    for name in ["up", "down"] {
        let (sent, got) = (sha256(&path(name)), sha256(&path(&format!("{name}.got"))));
        println!("{target} {name}: {SIZE} bytes, SHA-256 {got}");
        assert_eq!(sent, got);
    }
    assert_ne!(sha256(&path("up")), sha256(&path("down")));
}

/// Uses coreutils.
fn sha256(path: &std::path::Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().expect("sha256sum runs");
    let text = String::from_utf8(output.stdout).expect("is text");
    let hash = text.split_whitespace().next().unwrap_or_default().to_owned();
    assert_eq!(hash.len(), 64, "{text}");
    hash
}
