//! C strings from and for the caller.

use std::ffi::{CStr, CString, c_char};
use std::marker::PhantomData;
use std::ptr;

use crate::failure::Failure;
use crate::host::Host;
use crate::sites::Site;

/// The bytes of a caller's string; `None` for NULL.
///
/// # Safety
///
/// `text` is NULL or a NUL-terminated string, which nothing changes meanwhile.
pub(crate) unsafe fn string_bytes<'a>(text: *const c_char) -> Option<&'a [u8]> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL, so a C string.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// The bytes of a caller's string, read lazily.
pub(crate) struct CBytes<'a> {
    next: *const u8,
    caller: PhantomData<&'a CStr>,
}

impl CBytes<'_> {
    /// `None` for NULL.
    ///
    /// # Safety
    ///
    /// As [`string_bytes`].
    #[inline]
    pub(crate) unsafe fn new(text: *const c_char) -> Option<Self> {
        if text.is_null() { None } else { Some(Self { next: text.cast(), caller: PhantomData }) }
    }
}

impl Iterator for CBytes<'_> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        // SAFETY: the string extends to its NUL, which is never passed.
        let byte = unsafe { self.next.read() };
        if byte == 0 {
            return None;
        }
        // SAFETY: not the NUL, so the string continues.
        self.next = unsafe { self.next.add(1) };
        Some(byte)
    }
}

/// A string for C, with any NULs removed.
pub(crate) fn without_nul(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

/// A copy of a string that the caller frees with `OPENSSL_free`.
pub(crate) fn duplicate<H: Host>(text: &[u8], site: &'static Site) -> Result<*mut c_char, Failure> {
    join::<H>(&[text], site)
}

/// The concatenated parts, as a string that the caller frees with `OPENSSL_free`.
pub(crate) fn join<H: Host>(parts: &[&[u8]], site: &'static Site) -> Result<*mut c_char, Failure> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let text = H::alloc(length + 1, site).cast::<u8>();
    if text.is_null() {
        return Err(Failure::Reported);
    }
    let mut end = text;
    for part in parts.iter().copied().chain([&b"\0"[..]]) {
        // SAFETY: the parts and the NUL together are as long as the new memory.
        unsafe { ptr::copy_nonoverlapping(part.as_ptr(), end, part.len()) };
        // SAFETY: still within that memory, or one past it at the end.
        end = unsafe { end.add(part.len()) };
    }
    Ok(text.cast())
}
