//! biosock_cancel(3): cancelling dials.

use biosock::Cancel;
use std::ffi::c_int;

use super::handle;
use crate::errno;
use crate::host::Host;
use crate::raise::run;
use crate::sites::site;

/// Cancels every dial that uses it.
#[derive(Debug)]
pub struct biosock_cancel(pub(super) Cancel);

/// `biosock_cancel_new`: a new cancel, or NULL.
///
/// # Safety
///
/// No requirements.
pub unsafe fn biosock_cancel_new<H: Host>() -> *mut biosock_cancel {
    run::<H, _>(site!(c"biosock_cancel_new"), std::ptr::null_mut(), || {
        Ok(handle::give(biosock_cancel(Cancel::new()?)))
    })
}

/// `biosock_cancel_set`: cancels the dials. It writes to a descriptor and sets a
/// flag, so a signal handler may call it. Processes share it after fork(2). NULL
/// is ignored.
///
/// # Safety
///
/// `cancel` is NULL or not yet freed.
pub unsafe fn biosock_cancel_set(cancel: *const biosock_cancel) {
    // SAFETY: NULL or a live handle.
    if let Some(cancel) = unsafe { handle::get(cancel) } {
        errno::keeping(|| cancel.0.cancel());
    }
}

/// `biosock_cancel_is_set`: 1 once it is set, else 0; 0 for NULL.
///
/// # Safety
///
/// `cancel` is NULL or not yet freed.
pub unsafe fn biosock_cancel_is_set(cancel: *const biosock_cancel) -> c_int {
    // SAFETY: NULL or a live handle.
    let cancel = unsafe { handle::get(cancel) };
    cancel.is_some_and(|cancel| cancel.0.is_cancelled()).into()
}

/// `biosock_cancel_free`: frees it; NULL is ignored. Dials that use it continue
/// and can no longer be cancelled.
///
/// # Safety
///
/// `cancel` is NULL or not yet freed, and is not used again.
pub unsafe fn biosock_cancel_free(cancel: *mut biosock_cancel) {
    // SAFETY: NULL or a live handle, not used again.
    unsafe { handle::free(cancel) };
}
