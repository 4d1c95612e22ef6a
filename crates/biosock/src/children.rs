//! Child processes of tests. Until its execve(2) a child holds every descriptor, so
//! what another test closes meanwhile is still open.

use std::io;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

static STARTING: RwLock<()> = RwLock::new(());

/// Runs a command to completion.
pub(crate) fn output(command: &mut Command) -> io::Result<Output> {
    spawn(command)?.wait_with_output()
}

/// Starts a command without input; the caller reads its output.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let _starting = STARTING.write().unwrap_or_else(PoisonError::into_inner);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// While this is held no child starts: for a test that relies on a descriptor being
/// closed.
pub(crate) fn none_starts() -> RwLockReadGuard<'static, ()> {
    STARTING.read().unwrap_or_else(PoisonError::into_inner)
}
