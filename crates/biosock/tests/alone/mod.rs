//! Parts that copies of a test program run, in processes of their own.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::process::Command;

/// Names the part that a copy of this test program runs.
pub(crate) const PART: &str = "BIOSOCK_TEST_PART";

/// A copy of this test program that runs one part, and nothing else.
pub(crate) fn part(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--test-threads=1", "--nocapture"]).env(PART, name);
    command
}

pub(crate) fn is_alone(name: &str) -> bool {
    std::env::var_os(PART).is_some_and(|part| part == name)
}

pub(crate) fn run_alone(name: &str, prefix: &[&str]) {
    let part = part(name);
    let mut command = Command::new(prefix.first().map_or(part.get_program(), |program| program.as_ref()));
    if let [_, args @ ..] = prefix {
        command.args(args).arg(part.get_program());
    }
    let output = command.args(part.get_args()).env(PART, name).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
}

pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
