//! The data text of one entry: fixed in the program, or made at run time.

use std::cell::Cell;
use std::ffi::{CStr, c_char};
use std::ptr;

use super::owner::{self, Place};

/// One entry's data. A made text hides the fixed one.
#[derive(Debug)]
pub(crate) struct Text {
    /// A text of the program's, or NULL.
    fixed: Cell<*const c_char>,
    made: Place,
}

impl Text {
    pub(super) const fn new() -> Self {
        Self { fixed: Cell::new(ptr::null()), made: Place::new() }
    }

    /// The text, or NULL where there is none. It stays valid until the slot
    /// is used again.
    pub(crate) fn as_ptr(&self) -> *const c_char {
        let made = self.made.as_ptr();
        if made.is_null() { self.fixed.get() } else { made }
    }

    /// Replaces the text by a fixed one. Needs no memory.
    #[inline]
    pub(super) fn set(&self, fixed: Option<&'static CStr>) {
        self.fixed.set(fixed.map_or(ptr::null(), CStr::as_ptr));
        if !self.made.as_ptr().is_null() {
            self.made.replace(ptr::null_mut());
        }
    }

    /// Lengthens the text. Where memory lacks, it stays as it is.
    pub(super) fn append(&self, label: &CStr, text: &CStr) {
        let old = self.as_ptr();
        // SAFETY: a text of this thread's queue, which only this thread
        // replaces, ends with a NUL.
        let old = if old.is_null() { c"" } else { unsafe { CStr::from_ptr(old) } };
        if let Some(longer) = owner::join(&[old, label, text].map(CStr::to_bytes)) {
            self.made.replace(longer.as_ptr());
        }
    }
}
