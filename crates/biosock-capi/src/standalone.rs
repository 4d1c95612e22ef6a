//! The host without another library: biosock's queue and malloc.

use std::ffi::{CStr, c_int, c_void};

use crate::host::{Entry, Host};
use crate::sites::Site;
use crate::{allocator, queue};

/// For programs without OpenSSL.
#[derive(Debug)]
pub enum Standalone {}

impl Host for Standalone {
    #[inline]
    fn push(entry: &Entry) {
        queue::push(entry);
    }

    fn annotate(label: &'static CStr, text: &CStr) {
        queue::annotate(label, text);
    }

    fn alloc(size: usize, site: &'static Site) -> *mut c_void {
        allocator::CRYPTO_malloc(size, site.file.as_ptr(), site.line as c_int)
    }

    unsafe fn free(memory: *mut c_void, site: &'static Site) {
        // SAFETY: NULL, or from this host's allocator and not used again.
        unsafe { allocator::CRYPTO_free(memory, site.file.as_ptr(), site.line as c_int) };
    }
}
