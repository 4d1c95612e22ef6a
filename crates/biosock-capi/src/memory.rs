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
    join::<H>(&[text], site)
}

/// The parts in a row, as a text that the caller frees with `OPENSSL_free`.
pub(crate) fn join<H: Host>(parts: &[&[u8]], site: &'static Site) -> Result<*mut c_char, Failure> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let text = H::alloc(length + 1, site).cast::<u8>();
    if text.is_null() {
        return Err(Failure::Told);
    }
    let mut end = text;
    for part in parts.iter().copied().chain([&b"\0"[..]]) {
        // SAFETY: the parts and the NUL are as long together as the new memory.
        unsafe { ptr::copy_nonoverlapping(part.as_ptr(), end, part.len()) };
        // SAFETY: still within that memory, or one past it at the end.
        end = unsafe { end.add(part.len()) };
    }
    Ok(text.cast())
}
