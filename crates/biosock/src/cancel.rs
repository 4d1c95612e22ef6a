//! Ending dials and accept loops from outside.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Result;
use crate::sys::Waker;

/// Ends every dial and accept loop that has a copy of it, from any thread,
/// now or later.
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
    cancelled: AtomicBool,
    // Stays readable once woken, so that everybody sees it.
    waker: Waker,
    // Tasks are not woken by descriptors but by the runtime.
    #[cfg(feature = "tokio")]
    tasks: tokio::sync::Notify,
}

impl Cancel {
    /// A new one, which has one descriptor.
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
        Ok(Self(Arc::new(Inner {
            cancelled: AtomicBool::new(false),
            waker: Waker::new()?,
            #[cfg(feature = "tokio")]
            tasks: tokio::sync::Notify::new(),
        })))
    }

    /// Ends them.
    ///
    /// ```
    /// let cancel = biosock::Cancel::new()?;
    /// cancel.cancel();
    /// assert!(cancel.is_cancelled());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        self.0.waker.wake();
        #[cfg(feature = "tokio")]
        self.0.tasks.notify_waiters();
    }

    /// Ends when [`cancel`](Self::cancel) is called after this.
    #[cfg(feature = "tokio")]
    pub(crate) fn cancelled(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.tasks.notified()
    }

    /// Whether [`cancel`](Self::cancel) was called.
    ///
    /// ```
    /// let cancel = biosock::Cancel::new()?;
    /// cancel.clone().cancel();
    /// assert!(cancel.is_cancelled());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }
}

impl AsFd for Cancel {
    /// Readable once cancelled.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.waker.as_fd()
    }
}
