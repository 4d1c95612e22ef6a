//! The worlds are as bad as described, and leave nothing on the machine.

mod common;

use std::fs;
use std::time::Duration;

use biosock_lab::client::Kind;
use biosock_lab::scenario::{self, Scenario};
use common::{dialed, world};

/// biosock does not pass only because the network is easy.
#[test]
fn a_loop_is_stuck_where_the_first_is_silent() {
    let deadline = Some(Duration::from_millis(500));
    let scenario = Scenario { v4: vec![], deadline, ..scenario::first_silent() };
    let Some(world) = world("a_loop_is_stuck_where_the_first_is_silent", scenario) else { return };
    let said = dialed(&world, Kind::Std);
    assert_eq!(said.0["connected"], false, "{said:?}");
    assert_eq!(said.0["message"], "connection timed out", "{said:?}");
}

#[test]
fn round_trips_take_their_time() {
    let Some(world) = world("round_trips_take_their_time", scenario::first_far()) else { return };
    let said = dialed(&world, Kind::Std);
    assert_eq!(said.0["addr"], "[2001:db8::8000]:8443");
    // No faster than the wire; how much slower depends on the machine.
    assert!(said.0["seconds"].as_f64().is_some_and(|took| took >= 0.150), "{said:?}");
}

#[test]
fn the_machine_is_as_before() {
    let (mounts, resolver) = (mounts(), fs::read("/etc/resolv.conf").ok());
    let Some(world) = world("the_machine_is_as_before", scenario::all_good()) else { return };
    let inside = world.run_job(|| fs::read_to_string("/etc/resolv.conf").unwrap_or_default());
    assert!(inside.starts_with("nameserver 127.0.0.1\n"), "{inside}");
    assert_eq!(fs::read("/etc/resolv.conf").ok(), resolver);
    assert!(!devices().contains(" near:"), "{}", devices());
    drop(world);
    assert_eq!(self::mounts(), mounts);
    assert!(!devices().contains(" near:"), "{}", devices());
}

/// The mounts of this thread; the rooms are other threads'.
fn mounts() -> String {
    fs::read_to_string("/proc/thread-self/mounts").unwrap_or_default()
}

fn devices() -> String {
    fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default()
}
