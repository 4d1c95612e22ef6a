//! Handing memory and values to C callers.

use std::ffi::c_char;
use std::ptr;

use crate::host::{Host, Site};
use crate::raise::Failure;

/// Writes through a pointer that the caller may have left out.
///
/// # Safety
///
/// `place` is NULL or valid for writing.
pub(crate) unsafe fn put<T>(place: *mut T, value: T) {
    if !place.is_null() {
        // SAFETY: not NULL, so valid.
        unsafe { place.write(value) };
    }
}

/// A copy of a text that the caller frees with `OPENSSL_free`.
pub(crate) fn duplicate<H: Host>(text: &[u8], site: &'static Site) -> Result<*mut c_char, Failure> {
    let copy = H::alloc(text.len() + 1, site).cast::<u8>();
    if copy.is_null() {
        return Err(Failure::Told);
    }
    // SAFETY: the copy has room for the text and one byte more.
    unsafe { ptr::copy_nonoverlapping(text.as_ptr(), copy, text.len()) };
    // SAFETY: within the copy.
    let last = unsafe { copy.add(text.len()) };
    // SAFETY: the byte after the text.
    unsafe { last.write(0) };
    Ok(copy.cast())
}
