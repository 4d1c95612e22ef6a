//! What C holds by pointer: a box, given with [`give`] and ended with [`free`].
//!
//! The promise of all such pointers: each is NULL, or came from a function of
//! this library that gives one and is not freed yet. The one given to a
//! `…_free` function is not used again.

use crate::errno;

/// Gives a value to C.
pub(super) fn give<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// The value of a handle; `None` for NULL.
///
/// # Safety
///
/// The pointer is as this module promises, and is not freed while the value
/// is used.
pub(super) unsafe fn get<'a, T>(handle: *const T) -> Option<&'a T> {
    // SAFETY: NULL, or from `give` and not freed yet.
    unsafe { handle.as_ref() }
}

/// Frees a handle; NULL is fine. errno stays as it was.
///
/// # Safety
///
/// The pointer is as this module promises, and is not used again.
pub(super) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: not NULL, so from `give` and not freed yet.
        let value = unsafe { Box::from_raw(handle) };
        errno::keeping(|| drop(value));
    }
}
