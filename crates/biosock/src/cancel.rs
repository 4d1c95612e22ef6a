//! Cancelling dials and accept loops.

use std::os::fd::{AsFd, BorrowedFd};

use crate::sock::waker_error;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::{Operation, Result};

#[cfg(all(test, loom))]
mod model;
#[cfg(feature = "tokio")]
mod tokio;

#[cfg(not(all(test, loom)))]
use crate::sys::Waker;
#[cfg(all(test, loom))]
use model::Waker;

#[cfg(feature = "tokio")]
pub(crate) use tokio::CancelWatch;

/// Ends every dial and accept loop that has a clone of it, from any thread, now or
/// later.
///
/// The state is the descriptor's (eventfd(2)): once cancelled, it stays readable.
/// Processes share it after fork(2), so cancelling in one of them ends the dials and
/// loops of all.
///
/// ```
/// use biosock::Cancel;
/// use biosock::dial::{DialFailure, Dialer};
///
/// let cancel = Cancel::new()?;
/// let dialer = Dialer::new().cancel(cancel.clone());
/// cancel.cancel();
/// let ended = dialer.dial("127.0.0.1:1").unwrap_err();
/// assert!(matches!(ended.failure(), DialFailure::Cancelled));
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    waker: Waker,
    /// Whether the descriptor was seen readable, which it stays: saves asking it again.
    /// `false` means nothing.
    seen: AtomicBool,
}

impl Cancel {
    /// Creates one, which holds one descriptor.
    ///
    /// # Errors
    /// eventfd(2)'s.
    ///
    /// ```
    /// let cancel = biosock::Cancel::new()?;
    /// assert!(!cancel.is_cancelled());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn new() -> Result<Self> {
        Waker::new().map(Self::with).map_err(|errno| waker_error(Operation::Wait, errno))
    }

    fn with(waker: Waker) -> Self {
        Self(Arc::new(Inner { waker, seen: AtomicBool::new(false) }))
    }

    /// Ends the dials and accept loops, in every process that shares the descriptor.
    ///
    /// This is async-signal-safe (signal-safety(7)): it writes to the descriptor and
    /// stores a flag. A signal handler that calls it has to save and restore errno, as
    /// for any system call.
    ///
    /// ```
    /// let cancel = biosock::Cancel::new()?;
    /// cancel.cancel();
    /// assert!(cancel.is_cancelled());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn cancel(&self) {
        self.0.waker.wake();
        self.0.seen.store(true, Ordering::Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) was called, in this process or in another that
    /// shares the descriptor. Until then each call is one poll(2).
    ///
    /// ```
    /// let cancel = biosock::Cancel::new()?;
    /// cancel.clone().cancel();
    /// assert!(cancel.is_cancelled());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.is_known() || self.asked()
    }

    /// Whether it was seen cancelled already, without a system call. A caller that also
    /// waits for the descriptor misses no cancel.
    pub(crate) fn is_known(&self) -> bool {
        self.0.seen.load(Ordering::Relaxed)
    }

    /// Whether one is a clone of the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn asked(&self) -> bool {
        let cancelled = self.0.waker.is_awake();
        if cancelled {
            self.0.seen.store(true, Ordering::Relaxed);
        }
        cancelled
    }
}

impl AsFd for Cancel {
    /// Readable once cancelled. Reading from it would undo the cancel.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.waker.as_fd()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Cancel;

    /// After a cancel in this process no system call is needed, and only clones are the same.
    #[test]
    fn a_cancel_is_known_where_it_was_made() {
        let (cancel, other) = (Cancel::new().unwrap(), Cancel::new().unwrap());
        assert!(!cancel.is_known());
        cancel.clone().cancel();
        assert!(cancel.is_known());
        assert!(!other.is_known());
        assert_eq!([cancel.is_same(&cancel.clone()), cancel.is_same(&other)], [true, false]);
    }
}
