//! Where C functions write their results.

/// A caller's place for a value, or NULL where the caller has no use for it.
#[derive(Debug)]
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Takes a pointer that C passed.
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

    /// Writes the value, which may be done again; does nothing for NULL.
    pub(crate) fn set(&self, value: T) {
        if !self.is_null() {
            // SAFETY: not NULL, so valid for writing, as `new` was promised.
            unsafe { self.0.write(value) };
        }
    }
}
