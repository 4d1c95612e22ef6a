//! Sets of listeners in processes and networks of their own.

mod alone;

use std::os::unix::net::UnixListener;
use std::process::Command;

use alone::{descriptors, is_alone, run_alone};
use biosock::SocketAddr;
use biosock::listeners::{Listen, Listeners};

fn ports(listeners: &Listeners) -> Vec<u16> {
    listeners.addrs().unwrap().iter().filter_map(SocketAddr::port).collect()
}

/// Counts the descriptors of a process in which no other test runs.
#[test]
fn no_failure_leaves_a_descriptor_or_a_file() {
    run_alone("failures_alone", &[]);
}

#[test]
fn failures_alone() {
    if !is_alone("failures_alone") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let holder = Listen::new().listen("0.0.0.0:0").unwrap();
    let taken = ports(&holder)[0];
    let path = dir.path().join("socket");
    let unix = format!("unix:{}", path.display());
    let before = descriptors();
    for target in [&*format!("*:{taken}"), "localhost:no-such-service", "no such host:1", "", "a:b:c"] {
        Listen::new().listen(target).unwrap_err();
        Listen::new().shards(3, target).unwrap_err();
    }
    let addrs =
        [unix.parse().unwrap(), "127.0.0.1:0".parse().unwrap(), format!("0.0.0.0:{taken}").parse().unwrap()];
    let error = Listen::new().listen_addrs(&addrs).unwrap_err();
    assert_eq!(error.address(), Some(&addrs[2]));
    assert!(!path.exists(), "the file of a set that failed is gone");
    Listen::new().listen_addrs(&[]).unwrap_err();
    Listen::new().device("no-such").listen("*:0").unwrap_err();
    drop(Listen::new().shards(3, "*:0").unwrap());
    drop(Listen::new().shards(3, &unix).unwrap());
    assert_eq!(descriptors(), before);
}

/// Runs in a process that may change its directory.
#[test]
fn a_relative_file_is_removed_from_another_directory() {
    run_alone("moves_about", &[]);
}

#[test]
fn moves_about() {
    if !is_alone("moves_about") {
        return;
    }
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::env::set_current_dir(dir.path()).unwrap();
    let listeners = Listen::new().listen("unix:socket").unwrap();
    assert_eq!(listeners.addrs().unwrap()[0].to_string(), "unix:socket");
    std::env::set_current_dir(other.path()).unwrap();
    let of_another = UnixListener::bind("socket").unwrap();
    listeners.unlink().unwrap();
    assert!(!dir.path().join("socket").exists());
    assert!(other.path().join("socket").exists(), "it is another's");
    drop(of_another);
}

/// In its own network, whose system allows longer queues than libc's SOMAXCONN.
#[test]
fn the_longest_queue_that_the_system_allows_is_asked_for() {
    let tools = ["unshare", "ip", "ss", "sysctl"];
    let missing = tools.iter().find(|tool| Command::new(tool).arg("--version").output().is_err());
    let in_network = ["unshare", "-rn", "sh", "-c"];
    let has_networks =
        Command::new("unshare").args(["-rn", "true"]).status().is_ok_and(|done| done.success());
    if missing.is_some() || !has_networks {
        println!(
            "skipped: the_longest_queue_that_the_system_allows_is_asked_for: no {missing:?}, or no namespaces"
        );
        assert!(std::env::var_os("BIOSOCK_REQUIRE_ALL").is_none(), "they are required here");
        return;
    }
    let set_up = "ip link set lo up && sysctl -qw net.core.somaxconn=65535 && exec \"$0\" \"$@\"";
    let [unshare, how, sh, c] = in_network;
    run_alone("queues_alone", &[unshare, how, sh, c, set_up]);
}

#[test]
fn queues_alone() {
    if !is_alone("queues_alone") {
        return;
    }
    let any = "127.0.0.1:0".parse().unwrap();
    let plain = biosock::Socket::stream_for(&any).unwrap();
    plain.listen(&any).unwrap();
    assert_eq!(queue(&plain.local_addr().unwrap()), 4096, "BIO_listen's stays");
    for (listen, expected) in [(Listen::new(), 65535), (Listen::new().backlog(16), 16)] {
        let listeners = listen.listen("127.0.0.1:0").unwrap();
        assert_eq!(queue(&listeners.addrs().unwrap()[0]), expected);
    }
}

/// The queue length that ss(8) shows: Send-Q of a listening socket.
fn queue(addr: &SocketAddr) -> u32 {
    let filter = format!("sport = :{}", addr.port().unwrap());
    let told = Command::new("ss").args(["-ltnH", &filter]).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    told.split_whitespace().nth(2).and_then(|queue| queue.parse().ok()).unwrap_or_else(|| panic!("{told:?}"))
}
