//! What several targets need.

use biosock_capi as c;
use libc::{c_char, c_int, c_ulong};
use std::ffi::{CStr, CString};
use std::ptr;

/// A text as C has it: it ends at the first NUL.
pub fn c_text(data: &[u8]) -> CString {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    CString::new(&data[..end]).unwrap_or_default()
}

/// The bytes of a string that the C layer made, which is freed; `None` for NULL.
///
/// # Safety
///
/// `text` is NULL or a string of the C layer's that nobody uses afterwards.
pub unsafe fn take(text: *mut c_char) -> Option<Vec<u8>> {
    if text.is_null() {
        return None;
    }
    // SAFETY: as the caller promised, and the C layer's strings end with a NUL.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes().to_vec();
    // SAFETY: as the caller promised.
    unsafe { c::CRYPTO_free(text.cast(), c"fuzz".as_ptr(), 0) };
    Some(bytes)
}

/// Empties the calling thread's queue, reading each entry's text on the way, and tells how
/// many there were.
pub fn drain() -> usize {
    std::iter::from_fn(next).count()
}

fn next() -> Option<c_ulong> {
    let (mut file, mut function, mut data) = (ptr::null(), ptr::null(), ptr::null());
    let (mut line, mut flags): (c_int, c_int) = (0, 0);
    // SAFETY: all the places are valid for writing.
    let code = unsafe {
        c::ERR_get_error_all(&raw mut file, &raw mut line, &raw mut function, &raw mut data, &raw mut flags)
    };
    if code == 0 {
        return None;
    }
    for text in [file, function, data] {
        assert!(!text.is_null(), "an entry's texts are never NULL");
        // SAFETY: texts of an entry live until the thread's next one, and end with a NUL.
        std::hint::black_box(unsafe { CStr::from_ptr(text) }.to_bytes().len());
    }
    Some(code)
}

/// A call failed and told so, or did not fail and left the queue alone.
pub fn must_queue_if(failed: bool) {
    assert_eq!(drain() > 0, failed, "the queue holds entries only of a failure");
}
