//! Tasks that a cancel wakes: the runtime watches the descriptor, so that a cancel in
//! another process is seen too.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;

use super::Cancel;
use crate::error::Refusal;
use crate::sys::Errno;
use crate::{Error, Operation, Result, Syscall};

/// A [`Cancel`] that one task watches.
#[derive(Debug)]
pub(crate) struct CancelWatch {
    cancel: Cancel,
    watched: AsyncFd<Watched>,
}

/// An epoll instance takes a descriptor only once. Another watch of the same cancel on
/// the same runtime uses a duplicate.
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
    /// Waits until [`cancel`](Self::cancel) is called, in this process or in another
    /// that shares the descriptor (feature `tokio`); returns at once if it was called
    /// before. The future is cancel-safe.
    ///
    /// # Errors
    /// Outside of a tokio runtime; epoll_ctl(2)'s and dup(2)'s. An error does not mean
    /// that it was cancelled.
    ///
    /// # Panics
    /// As tokio does, on a runtime without its I/O driver.
    ///
    /// ```
    /// use biosock::Cancel;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let cancel = Cancel::new()?;
    /// let copy = cancel.clone();
    /// let waiting = tokio::spawn(async move { copy.cancelled().await });
    /// cancel.cancel();
    /// waiting.await??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn cancelled(&self) -> Result<()> {
        if self.is_cancelled() {
            return Ok(());
        }
        if Handle::try_current().is_err() {
            return Err(Error::refused(Operation::Wait, Refusal::NoRuntime));
        }
        let watch = self.watch().map_err(|error| wait_error(&error))?;
        poll_fn(|cx| watch.poll(cx)).await.map_err(|error| wait_error(&error))
    }

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

/// The runtime refused to watch, as one does that is shutting down.
fn wait_error(error: &io::Error) -> Error {
    let errno = error.raw_os_error().unwrap_or(libc::ECANCELED);
    Error::system_call(Operation::Wait, Syscall::Epoll, errno, None)
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
