//! Output arguments of C functions.

/// An output argument, or NULL if the caller does not want the value.
#[derive(Debug)]
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// From a pointer that C passed.
    ///
    /// # Safety
    ///
    /// `place` is NULL, or valid for writing and used by nothing else until
    /// the C function returns.
    pub(crate) unsafe fn new(place: *mut T) -> Self {
        Self(place)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// Writes the value, possibly again; does nothing for NULL.
    pub(crate) fn set(&self, value: T) {
        if !self.is_null() {
            // SAFETY: not NULL, so valid for writing, as `new` requires.
            unsafe { self.0.write(value) };
        }
    }
}
