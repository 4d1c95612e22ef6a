//! Strings made at run time for the error queue.

use std::ffi::CStr;
use std::fmt::{self, Write as _};

/// A string made at run time, for C. Where memory is refused there is none: a
/// failure may be the lack of it.
#[derive(Debug)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// The text of a value, without the NULs that it may hold.
    pub(crate) fn of(value: &dyn fmt::Display) -> Self {
        let mut text = Self(Vec::new());
        match write!(text, "{value}") {
            Ok(()) => text.0.push(0),
            Err(_) => text.0.clear(),
        }
        text
    }

    pub(crate) fn as_c_str(&self) -> Option<&CStr> {
        CStr::from_bytes_with_nul(&self.0).ok()
    }
}

impl fmt::Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.try_reserve(text.len() + 1).map_err(|_| fmt::Error)?;
        self.0.extend(text.bytes().filter(|byte| *byte != 0));
        Ok(())
    }
}
