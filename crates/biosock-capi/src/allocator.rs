//! Memory for the stand-alone form: OPENSSL_malloc(3) over malloc(3).

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use crate::host::{Entry, What};
use crate::queue;

/// `CRYPTO_malloc`: memory, or NULL if out of memory or the size is 0.
pub fn CRYPTO_malloc(size: usize, _file: *const c_char, _line: c_int) -> *mut c_void {
    // SAFETY: malloc accepts any size.
    allocate(size, || unsafe { libc::malloc(size) })
}

/// `CRYPTO_zalloc`: zeroed memory, or NULL if out of memory or the size is 0.
pub fn CRYPTO_zalloc(size: usize, _file: *const c_char, _line: c_int) -> *mut c_void {
    // SAFETY: calloc accepts any size.
    allocate(size, || unsafe { libc::calloc(1, size) })
}

fn allocate(size: usize, take: impl FnOnce() -> *mut c_void) -> *mut c_void {
    if size == 0 {
        return ptr::null_mut();
    }
    let memory = take();
    if memory.is_null() {
        let site = crate::sites::site!(c"", 0);
        queue::push(&Entry { what: What::Memory, site, data: None });
    }
    memory
}

/// `CRYPTO_free`: frees memory; NULL is ignored.
///
/// # Safety
///
/// `memory` is NULL or came from this library's allocator, and is not used again.
pub unsafe fn CRYPTO_free(memory: *mut c_void, _file: *const c_char, _line: c_int) {
    // SAFETY: the allocator is malloc.
    unsafe { libc::free(memory) };
}

/// `CRYPTO_strdup`: a copy of a string; NULL for NULL.
///
/// # Safety
///
/// `text` is NULL or a NUL-terminated string.
pub unsafe fn CRYPTO_strdup(text: *const c_char, file: *const c_char, line: c_int) -> *mut c_char {
    // SAFETY: NULL or a C string.
    unsafe { CRYPTO_strndup(text, usize::MAX, file, line) }
}

/// `CRYPTO_strndup`: a copy of at most `most` bytes of a string; NULL for NULL.
///
/// # Safety
///
/// `text` is NULL, or NUL-terminated or at least `most` bytes long.
pub unsafe fn CRYPTO_strndup(
    text: *const c_char,
    most: usize,
    file: *const c_char,
    line: c_int,
) -> *mut c_char {
    if text.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: not NULL, and NUL-terminated or `most` bytes long.
    let length = unsafe { libc::strnlen(text, most) };
    let copy = CRYPTO_malloc(length + 1, file, line).cast::<c_char>();
    if !copy.is_null() {
        // SAFETY: the string has `length` bytes, the copy one more.
        unsafe { copy.copy_from_nonoverlapping(text, length) };
        // SAFETY: within the copy.
        let last = unsafe { copy.add(length) };
        // SAFETY: the copy's last byte.
        unsafe { last.write(0) };
    }
    copy
}
