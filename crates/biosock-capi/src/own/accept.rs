//! Waiting for a connection on a set, or for its stop.

use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use biosock::listeners::AcceptAdvice;
use biosock::{Options, Socket, SocketAddr};

use super::listen::biosock_listeners;
use super::raise::Trouble;
use crate::errno;

/// Accepts from the set, passing over connections that are gone already.
pub(super) fn accept(
    set: &biosock_listeners,
    options: Options,
    timeout: Option<Duration>,
) -> Result<(Socket, SocketAddr), Trouble> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    while !set.stop.is_cancelled() {
        let error = match set.set.accept(options, Some(Duration::ZERO)) {
            Err(error) if AcceptAdvice::after(&error) == AcceptAdvice::TryAgain => error,
            done => return Ok(done?),
        };
        if error.raw_os_error() != Some(libc::EAGAIN) {
            continue;
        }
        let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(Trouble::Quiet(libc::EAGAIN));
        }
        wait(set, left)?;
    }
    Err(Trouble::Quiet(libc::ECANCELED))
}

/// Waits until a socket of the set has something, or it is stopped.
fn wait(set: &biosock_listeners, left: Option<Duration>) -> Result<(), Trouble> {
    let sockets = set.set.sockets().iter().map(AsFd::as_fd);
    let readable = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut asked: Vec<_> = sockets.chain([set.stop.as_fd()]).map(|fd| readable(fd.as_raw_fd())).collect();
    // A part of a millisecond is waited for too; more than poll can count is
    // as good as no end.
    let almost_one = Duration::from_nanos(999_999);
    let up = |left: Duration| i32::try_from(left.saturating_add(almost_one).as_millis()).unwrap_or(-1);
    // SAFETY: as many entries as said, of descriptors that the set keeps open.
    match unsafe { libc::poll(asked.as_mut_ptr(), asked.len() as libc::nfds_t, left.map_or(-1, up)) } {
        -1 if errno::get() != libc::EINTR => {
            Err(Trouble::Io("calling poll()", std::io::Error::last_os_error()))
        }
        _ => Ok(()),
    }
}
