//! biosock_cancel(3): ending dials from outside.

use biosock::Cancel;
use std::ffi::c_int;

use super::handle;
use crate::errno;
use crate::host::Host;
use crate::raise::run;
use crate::sites::site;

/// What ends every dial that has it.
#[derive(Debug)]
pub struct biosock_cancel(pub(super) Cancel);

/// `biosock_cancel_new`: a new one, or NULL.
///
/// # Safety
///
/// None is needed.
pub unsafe fn biosock_cancel_new<H: Host>() -> *mut biosock_cancel {
    run::<H, _>(site!(c"biosock_cancel_new"), std::ptr::null_mut(), || {
        Ok(handle::give(biosock_cancel(Cancel::new()?)))
    })
}

/// `biosock_cancel_set`: ends the dials. It writes to a descriptor
/// and stores a flag, so a signal handler may call it. Processes share it
/// after fork(2). NULL is fine.
///
/// # Safety
///
/// `cancel` is NULL or one that is not freed yet.
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
/// `cancel` is NULL or one that is not freed yet.
pub unsafe fn biosock_cancel_is_set(cancel: *const biosock_cancel) -> c_int {
    // SAFETY: NULL or a live handle.
    let cancel = unsafe { handle::get(cancel) };
    cancel.is_some_and(|cancel| cancel.0.is_cancelled()).into()
}

/// `biosock_cancel_free`: frees it; NULL is fine. Dials that have it go on,
/// and nobody ends them any more.
///
/// # Safety
///
/// `cancel` is NULL or one that is not freed yet, and is not used again.
pub unsafe fn biosock_cancel_free(cancel: *mut biosock_cancel) {
    // SAFETY: NULL or a live handle, not used again.
    unsafe { handle::free(cancel) };
}
