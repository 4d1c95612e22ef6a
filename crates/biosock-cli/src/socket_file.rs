//! The files of listening Unix sockets, removed on exit and on a signal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use biosock::listeners::{Listeners, SocketFile};

/// The socket files of this process, if any.
#[derive(Clone, Debug, Default)]
pub(crate) struct SocketFiles(Arc<Mutex<Vec<SocketFile>>>);

impl SocketFiles {
    /// Records the files of what `listen` returns. Clean-up on a signal waits for
    /// this, so that no file is created without being recorded.
    pub(crate) fn note(
        &self,
        listen: impl FnOnce() -> biosock::Result<Listeners>,
    ) -> biosock::Result<Listeners> {
        let mut files = self.lock();
        let listeners = listen()?;
        *files = listeners.files().to_vec();
        Ok(listeners)
    }

    /// Removes them, unless they have been replaced.
    pub(crate) fn remove(&self) {
        for file in self.lock().drain(..) {
            // If that fails, the next listener finds a stale file.
            let _ = file.remove();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<SocketFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
