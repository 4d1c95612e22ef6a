//! The data string of one entry: fixed in the program, or made at run time.

use std::cell::Cell;
use std::ffi::{CStr, c_char};
use std::ptr::{self, NonNull};

/// One entry's data. A string made at run time hides the fixed one.
#[derive(Debug)]
pub(crate) struct Data {
    /// A string of the program's, or NULL.
    fixed: Cell<*const c_char>,
    made: Place,
}

impl Data {
    pub(super) const fn new() -> Self {
        Self { fixed: Cell::new(ptr::null()), made: Place::new() }
    }

    /// The string, or NULL where there is none. It stays valid until the slot
    /// is used again.
    pub(crate) fn as_ptr(&self) -> *const c_char {
        let made = self.made.as_ptr();
        if made.is_null() { self.fixed.get() } else { made }
    }

    /// The string; empty where there is none.
    ///
    /// # Safety
    ///
    /// The slot is not used again while the string is used.
    pub(crate) unsafe fn as_c_str(&self) -> &CStr {
        let text = self.as_ptr();
        // SAFETY: strings of the queue end with a NUL, and this one stays.
        if text.is_null() { c"" } else { unsafe { CStr::from_ptr(text) } }
    }

    /// Replaces the string by a fixed one. Needs no memory.
    #[inline]
    pub(super) fn set(&self, fixed: Option<&'static CStr>) {
        self.fixed.set(fixed.map_or(ptr::null(), CStr::as_ptr));
        if !self.made.as_ptr().is_null() {
            // SAFETY: NULL is fine.
            unsafe { self.made.replace(ptr::null_mut()) };
        }
    }

    /// Lengthens the string. Where memory lacks, it stays as it is.
    pub(super) fn append(&self, label: &CStr, text: &CStr) {
        // SAFETY: only this thread uses the slot, below.
        let old = unsafe { self.as_c_str() };
        if let Some(longer) = join(&[old, label, text].map(CStr::to_bytes)) {
            // SAFETY: `join` gave it.
            unsafe { self.made.replace(longer.as_ptr()) };
        }
    }
}

/// The place of a string made at run time in its slot: NULL, or memory from malloc. Only its
/// thread comes here. It does not free what it holds when it is dropped, for a
/// thread's queue is to have no destructor.
#[derive(Debug)]
struct Place(Cell<*mut c_char>);

impl Place {
    const fn new() -> Self {
        Self(Cell::new(ptr::null_mut()))
    }

    /// The string, or NULL.
    fn as_ptr(&self) -> *const c_char {
        self.0.get()
    }

    /// Puts a string into the slot, or NULL, and frees what the slot held.
    ///
    /// # Safety
    ///
    /// `made` is NULL, or came from [`join`] and belongs to nobody else.
    unsafe fn replace(&self, made: *mut c_char) {
        let old = self.0.replace(made);
        // SAFETY: `join` took it from malloc, or it is NULL, and nothing points
        // to it any more.
        unsafe { libc::free(old.cast()) };
    }
}

/// A string of these parts in a row. `None` where there is no memory.
fn join(parts: &[&[u8]]) -> Option<NonNull<c_char>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // SAFETY: malloc takes any size.
    let memory = NonNull::new(unsafe { libc::malloc(length + 1) }.cast::<u8>())?;
    let mut end = memory.as_ptr();
    for part in parts.iter().copied().chain([&b"\0"[..]]) {
        // SAFETY: the parts and the NUL are `length + 1` bytes together, as
        // many as there are; new memory overlaps nothing.
        unsafe { ptr::copy_nonoverlapping(part.as_ptr(), end, part.len()) };
        // SAFETY: still within that memory, or one past it at the end.
        end = unsafe { end.add(part.len()) };
    }
    Some(memory.cast())
}
