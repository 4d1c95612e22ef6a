//! The data string of one entry: static, or allocated at run time.

use std::cell::Cell;
use std::ffi::{CStr, c_char};
use std::ptr::{self, NonNull};

/// One entry's data. An allocated string hides the static one.
#[derive(Debug)]
pub(crate) struct Data {
    /// A static string, or NULL.
    fixed: Cell<*const c_char>,
    made: Place,
}

impl Data {
    pub(super) const fn new() -> Self {
        Self { fixed: Cell::new(ptr::null()), made: Place::new() }
    }

    /// The string, or NULL if there is none. It stays valid until the slot is
    /// reused.
    pub(crate) fn as_ptr(&self) -> *const c_char {
        let made = self.made.as_ptr();
        if made.is_null() { self.fixed.get() } else { made }
    }

    /// The string; empty if there is none.
    ///
    /// # Safety
    ///
    /// The slot is not reused while the string is used.
    pub(crate) unsafe fn as_c_str(&self) -> &CStr {
        let text = self.as_ptr();
        // SAFETY: the queue's strings are NUL-terminated, and this one stays valid.
        if text.is_null() { c"" } else { unsafe { CStr::from_ptr(text) } }
    }

    /// Replaces the string by a static one, without allocating.
    #[inline]
    pub(super) fn set(&self, fixed: Option<&'static CStr>) {
        self.fixed.set(fixed.map_or(ptr::null(), CStr::as_ptr));
        if !self.made.as_ptr().is_null() {
            // SAFETY: NULL is allowed.
            unsafe { self.made.replace(ptr::null_mut()) };
        }
    }

    /// Appends to the string. If out of memory, it stays unchanged.
    pub(super) fn append(&self, label: &CStr, text: &CStr) {
        // SAFETY: only this thread uses the slot, below.
        let old = unsafe { self.as_c_str() };
        if let Some(longer) = join(&[old, label, text].map(CStr::to_bytes)) {
            // SAFETY: `join` gave it.
            unsafe { self.made.replace(longer.as_ptr()) };
        }
    }
}

/// An allocated string in its slot: NULL, or memory from malloc. Only its thread
/// uses it. Dropping it does not free the string, since a thread's queue must have
/// no destructor.
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
    /// `made` is NULL, or came from [`join`] and has no other owner.
    unsafe fn replace(&self, made: *mut c_char) {
        let old = self.0.replace(made);
        // SAFETY: `join` took it from malloc, or it is NULL, and nothing points
        // to it any more.
        unsafe { libc::free(old.cast()) };
    }
}

/// The concatenated parts. `None` if out of memory.
fn join(parts: &[&[u8]]) -> Option<NonNull<c_char>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // SAFETY: malloc accepts any size.
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
