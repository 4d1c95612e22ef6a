//! A set of listeners short of descriptors, and clients in another process.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use biosock_lab::or_skip;
use biosock_lab::shortage::server::Manner;
use biosock_lab::shortage::{Row, Trial, run};

fn trial(milliseconds: u64) -> Trial<'static> {
    Trial {
        program: Path::new(env!("CARGO_BIN_EXE_biosock-lab")),
        clients: 400,
        descriptors: 48,
        shortage: Duration::from_millis(milliseconds),
    }
}

fn tried(trial: &Trial<'_>, manner: Manner, count: bool) -> Row {
    let row = run(trial, manner, count).unwrap();
    println!("{}\n{row}", biosock_lab::shortage::heads());
    row
}

/// Whether strace(1) can count; if skipping is forbidden, it must.
fn counting(test: &str) -> bool {
    let strace = Command::new("strace").arg("-V").output();
    let strace = strace.map_err(|error| format!("system calls are not counted: strace: {error}").into());
    or_skip(test, strace).is_some()
}

#[test]
fn nobody_is_refused_and_the_loop_does_not_spin() {
    let trial = trial(1000);
    let count = counting("nobody_is_refused_and_the_loop_does_not_spin");
    for manner in [Manner::Ours, Manner::Tokio] {
        let row = tried(&trial, manner, count);
        assert!(row.faults(&trial).is_empty(), "{:?}", row.faults(&trial));
    }
}

/// biosock does not pass only because the shortage is easy.
#[test]
fn a_loop_that_never_pauses_is_found_out() {
    let trial = trial(200);
    let faults = tried(&trial, Manner::Eager, false).faults(&trial);
    assert!(faults.len() == 1 && faults[0].contains("accepts failed, more than"), "{faults:?}");
}
