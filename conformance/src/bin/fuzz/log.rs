//! What was seen of one call: text, so that two sides compare as bytes and a person can read it.

use crate::api::Api;
use libc::{c_char, c_int, c_ulong};
use std::ffi::CStr;
use std::fmt::Display;
use std::io::Write;
use std::ptr;

/// What errno holds before each call; no system call gives it.
const UNTOUCHED: c_int = 3999;

/// `ERR_TXT_STRING`: the entry's data is a text.
const TEXT: c_int = 2;

#[derive(Clone)]
pub(crate) struct Log {
    text: Vec<u8>,
    /// Whether the original packs its codes as 1.1.1 does, so that only their parts compare.
    parts_only: bool,
}

impl Log {
    pub(crate) fn new(parts_only: bool) -> Self {
        Self { text: Vec::new(), parts_only }
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The same with another text.
    pub(crate) fn with(&self, text: Vec<u8>) -> Self {
        Self { text, ..*self }
    }

    pub(crate) fn has_parts_only(&self) -> bool {
        self.parts_only
    }

    pub(crate) fn note(&mut self, what: &str, value: impl Display) {
        // Writing to a vector cannot fail.
        let _infallible = writeln!(self.text, "{what}: {value}");
    }

    pub(crate) fn note_bytes(&mut self, what: &str, value: &[u8]) {
        let _infallible = write!(self.text, "{what}: ");
        self.text.extend_from_slice(value);
        self.text.push(b'\n');
    }

    /// A C string, or NULL.
    pub(crate) fn note_text(&mut self, what: &str, value: *const c_char) {
        if value.is_null() {
            return self.note(what, "NULL");
        }
        // SAFETY: every library gives strings that end with a NUL.
        self.note_bytes(what, unsafe { CStr::from_ptr(value) }.to_bytes());
    }

    /// Makes one call, and notes its result, errno and what it left on the queue.
    pub(crate) fn call(&mut self, api: &Api, what: &str, body: impl FnOnce() -> c_int) -> c_int {
        set_errno(UNTOUCHED);
        let result = body();
        self.after(api, what, result);
        result
    }

    /// The same for a call that gives a string, which is freed.
    pub(crate) fn string(&mut self, api: &Api, what: &str, body: impl FnOnce() -> *mut c_char) {
        set_errno(UNTOUCHED);
        let text = body();
        self.after(api, what, c_int::from(!text.is_null()));
        self.note_text(what, text);
        api.free(text);
    }

    fn after(&mut self, api: &Api, what: &str, result: c_int) {
        let errno = errno();
        self.note(what, result);
        if errno != UNTOUCHED {
            self.note("errno", errno);
        }
        while api.ERR_peek_error() != 0 {
            self.entry(api);
        }
    }

    /// Takes the oldest entry off the queue; files and lines are left out.
    fn entry(&mut self, api: &Api) {
        let (mut file, mut line, mut function) = (ptr::null(), 0, ptr::null());
        let (mut data, mut flags) = (ptr::null(), 0);
        let code = if api.is_old() {
            api.ERR_get_error_line_data(&mut file, &mut line, &mut data, &mut flags)
        } else {
            api.ERR_get_error_all(&mut file, &mut line, &mut function, &mut data, &mut flags)
        };
        if self.parts_only {
            let (lib, reason) = if api.is_old() { old_parts(code) } else { parts(code) };
            self.note("queued", format_args!("library {lib}, reason {reason}"));
        } else {
            self.note("queued", format_args!("{code:08X}"));
            self.note_text("function", function);
        }
        self.note_text("data", if flags & TEXT == 0 { c"".as_ptr() } else { data });
    }
}

/// Library and reason as 1.1.1 packs them.
fn old_parts(code: c_ulong) -> (c_ulong, c_ulong) {
    (code >> 24 & 0xff, code & 0xfff)
}

/// Library and reason as OpenSSL packs them since 3.0, without the flags of the reasons.
fn parts(code: c_ulong) -> (c_ulong, c_ulong) {
    const SYSTEM_FLAG: c_ulong = 0x8000_0000;
    if code & SYSTEM_FLAG != 0 {
        return (2, code & !SYSTEM_FLAG);
    }
    (code >> 23 & 0xff, code & 0xfff)
}

fn set_errno(value: c_int) {
    // SAFETY: the C library gives each thread its own.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the place is valid as long as the thread.
    unsafe { place.write(value) };
}

fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}
