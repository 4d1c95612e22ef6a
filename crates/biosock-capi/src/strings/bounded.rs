//! Writing strings into a C buffer of fixed size.

use std::ffi::c_char;
use std::fmt::{self, Write};
use std::marker::PhantomData;

/// A string in a C buffer, always NUL-terminated and truncated if it does not fit.
pub(crate) struct Bounded<'a> {
    start: *mut c_char,
    room: usize,
    length: usize,
    buffer: PhantomData<&'a mut [c_char]>,
}

impl Bounded<'_> {
    /// An empty string.
    ///
    /// # Safety
    ///
    /// `start` is valid for writing `room` bytes, at least one, for as long as
    /// the string is used.
    pub(crate) unsafe fn new(start: *mut c_char, room: usize) -> Self {
        let mut text = Self { start, room, length: 0, buffer: PhantomData };
        text.truncate(0);
        text
    }

    /// The bytes written, without the NUL.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Whether the buffer is full, so that something may have been truncated.
    pub(crate) fn is_full(&self) -> bool {
        self.length + 1 == self.room
    }

    /// Truncates to an earlier length.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = length.min(self.length);
        // SAFETY: `length` stays below `room`, so the NUL is within the buffer.
        unsafe { self.end().write(0) };
    }

    /// The end of the string.
    fn end(&self) -> *mut c_char {
        // SAFETY: `length` is below `room`, so this is within the buffer.
        unsafe { self.start.add(self.length) }
    }

    /// Adds bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let fits = bytes.len().min(self.room - 1 - self.length);
        // SAFETY: `fits` bytes and the NUL after them are within the buffer, which
        // belongs to the caller and overlaps no Rust value.
        unsafe { self.end().copy_from_nonoverlapping(bytes.as_ptr().cast(), fits) };
        self.length += fits;
        // SAFETY: `length` is at most `room - 1`.
        unsafe { self.end().write(0) };
    }

    /// Adds formatted text.
    pub(crate) fn text(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a buffer never fails: what does not fit is truncated.
        let _ = self.write_fmt(text);
    }
}

impl Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}
