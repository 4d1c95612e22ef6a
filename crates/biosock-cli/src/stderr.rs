//! Standard error.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::start;

/// What is written at once stays whole in a pipe (PIPE_BUF, pipe(7)).
pub(crate) const WHOLE: usize = 4096;

pub(crate) fn write_all(mut bytes: &[u8], progress: impl Fn()) -> io::Result<()> {
    start::check_open(start::ERROR)?;
    let stderr = io::stderr();
    while !bytes.is_empty() {
        // std takes EBADF for success.
        match rustix::io::write(stderr.as_fd(), bytes) {
            Ok(n) => {
                bytes = &bytes[n..];
                progress();
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(&stderr, PollFlags::OUT)];
                let _ = poll(&mut fds, Some(&Timespec { tv_sec: 1, tv_nsec: 0 }));
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Writes as much as standard error takes without waiting, perhaps nothing, and
/// no more than what a pipe that poll(2) reports writable has room for.
pub(crate) fn write_some(bytes: &[u8]) -> io::Result<usize> {
    start::check_open(start::ERROR)?;
    let stderr = io::stderr();
    if !wait_for_room(Duration::ZERO) {
        return Ok(0);
    }
    match rustix::io::write(stderr.as_fd(), &bytes[..bytes.len().min(WHOLE)]) {
        Err(Errno::INTR | Errno::AGAIN) => Ok(0),
        written => Ok(written?),
    }
}

/// Waits until a write would not block, even if only because it fails. Returns
/// whether that is so.
pub(crate) fn wait_for_room(patience: Duration) -> bool {
    let stderr = io::stderr();
    // Short, so that it fits.
    let patience = Timespec::try_from(patience).ok();
    let ready = poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], patience.as_ref());
    !matches!(ready, Ok(0) | Err(Errno::INTR))
}
