//! Standard error.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::start;

/// Writes up to this length are atomic in a pipe (PIPE_BUF, pipe(7)).
pub(crate) const WHOLE: usize = 4096;

pub(crate) fn write_all(mut bytes: &[u8], progress: impl Fn()) -> io::Result<()> {
    start::check_open(start::ERROR)?;
    let stderr = io::stderr();
    while !bytes.is_empty() {
        // std treats EBADF as success.
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

/// Writes as much as standard error accepts without blocking, perhaps nothing,
/// and no more than a pipe has room for that poll(2) reports as writable.
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

/// Waits until a write would not block, even if because it would fail. Returns
/// `false` on timeout.
pub(crate) fn wait_for_room(patience: Duration) -> bool {
    let stderr = io::stderr();
    // Short enough for the conversion to succeed.
    let patience = Timespec::try_from(patience).ok();
    let ready = poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], patience.as_ref());
    !matches!(ready, Ok(0) | Err(Errno::INTR))
}
