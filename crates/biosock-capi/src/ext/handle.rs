//! Objects that C holds by pointer: a box, created by [`give`] and freed by
//! [`free`].
//!
//! The requirement for all such pointers: each is NULL, or came from a function
//! of this library and is not yet freed. One passed to a `…_free` function is not
//! used again.

use crate::errno;

/// Passes a value to C.
pub(super) fn give<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// The value of a handle; `None` for NULL.
///
/// # Safety
///
/// The pointer meets this module's requirement, and is not freed while the value
/// is used.
pub(super) unsafe fn get<'a, T>(handle: *const T) -> Option<&'a T> {
    // SAFETY: NULL, or from `give` and not yet freed.
    unsafe { handle.as_ref() }
}

/// Frees a handle; NULL is ignored. errno is preserved.
///
/// # Safety
///
/// The pointer meets this module's requirement, and is not used again.
pub(super) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: not NULL, so from `give` and not yet freed.
        let value = unsafe { Box::from_raw(handle) };
        errno::keeping(|| drop(value));
    }
}
