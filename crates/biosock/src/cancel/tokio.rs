//! Tasks that a cancel wakes: the runtime watches the descriptor, so that a
//! cancel in another process is seen, too.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Cancel;
use crate::sys::Errno;

/// A [`Cancel`] that one task watches.
#[derive(Debug)]
pub(crate) struct CancelWatch {
    cancel: Cancel,
    watched: AsyncFd<Watched>,
}

/// An epoll instance takes a descriptor once. Who watches the same cancel
/// on the same runtime besides has a copy.
#[derive(Debug)]
enum Watched {
    Cancel(Cancel),
    Copy(OwnedFd),
}

impl AsRawFd for Watched {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Cancel(cancel) => cancel.as_fd().as_raw_fd(),
            Self::Copy(copy) => copy.as_raw_fd(),
        }
    }
}

impl Cancel {
    /// Has the caller's runtime watch it.
    ///
    /// # Errors
    /// epoll_ctl(2)'s and dup(2)'s.
    pub(crate) fn watch(&self) -> io::Result<CancelWatch> {
        let watched = match register(Watched::Cancel(self.clone())) {
            Err(error) if error.raw_os_error() == Some(Errno::EXIST.raw_os_error()) => {
                register(Watched::Copy(self.as_fd().try_clone_to_owned()?))
            }
            done => done,
        };
        Ok(CancelWatch { cancel: self.clone(), watched: watched? })
    }
}

fn register(watched: Watched) -> io::Result<AsyncFd<Watched>> {
    #[allow(deprecated, reason = "its successor came with tokio 1.54; both kinds keep their descriptor")]
    AsyncFd::with_interest(watched, Interest::READABLE)
}

impl CancelWatch {
    /// Ready once it is cancelled, also where it was before.
    ///
    /// # Errors
    /// The runtime is shutting down.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.watched.poll_read_ready(cx))?;
            if self.cancel.is_cancelled() {
                return Poll::Ready(Ok(()));
            }
            guard.clear_ready();
        }
    }
}
