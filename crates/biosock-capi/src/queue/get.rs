//! Reading the queue: ERR_get_error(3).

use std::ffi::{c_char, c_int, c_ulong};
use std::ptr;

use super::ring::{End, Queue, Slot};
use super::thread::with;
use crate::out::Out;

/// `ERR_TXT_MALLOCED | ERR_TXT_STRING`, which OpenSSL 3 returns for every string.
const STRING: c_int = 0x03;

/// The output arguments of a function of ERR_get_error(3); NULL for what the
/// caller does not want.
struct Wanted {
    file: *mut *const c_char,
    line: *mut c_int,
    function: *mut *const c_char,
    data: *mut *const c_char,
    flags: *mut c_int,
}

impl Wanted {
    const NOTHING: Self = Self {
        file: ptr::null_mut(),
        line: ptr::null_mut(),
        function: ptr::null_mut(),
        data: ptr::null_mut(),
        flags: ptr::null_mut(),
    };

    /// Writes what the caller wants of `slot` and returns its code. For an empty
    /// queue, returns 0 and writes nothing.
    ///
    /// # Safety
    ///
    /// Each pointer is NULL or valid for writing.
    unsafe fn read(&self, slot: Option<&Slot>) -> c_ulong {
        let Some(slot) = slot else { return 0 };
        let site = slot.site.get();
        let text = slot.data.as_ptr();
        let (text, flags) = if text.is_null() { (c"".as_ptr(), 0) } else { (text, STRING) };
        // SAFETY: NULL or valid for writing; so below.
        unsafe { Out::new(self.file) }.set(site.map_or(c"".as_ptr(), |site| site.file.as_ptr()));
        // SAFETY: as above.
        unsafe { Out::new(self.line) }.set(site.map_or(0, |site| site.line as c_int));
        // SAFETY: as above.
        unsafe { Out::new(self.function) }.set(site.map_or(c"".as_ptr(), |site| site.function.as_ptr()));
        // SAFETY: as above.
        unsafe { Out::new(self.data) }.set(text);
        // SAFETY: as above.
        unsafe { Out::new(self.flags) }.set(flags);
        c_ulong::from(slot.code.get())
    }
}

/// `ERR_get_error`: removes the oldest entry and returns its code, or 0.
pub fn ERR_get_error() -> c_ulong {
    with(|queue| queue.take().map_or(0, |slot| c_ulong::from(slot.code.get())))
}

/// `ERR_peek_error`: the oldest entry's code, or 0.
pub fn ERR_peek_error() -> c_ulong {
    with(|queue| code_at(queue, End::Oldest))
}

/// `ERR_peek_last_error`: the newest entry's code, or 0.
pub fn ERR_peek_last_error() -> c_ulong {
    with(|queue| code_at(queue, End::Newest))
}

fn code_at(queue: &Queue, end: End) -> c_ulong {
    queue.peek(end).map_or(0, |slot| c_ulong::from(slot.code.get()))
}

/// `ERR_get_error_all`: removes the oldest entry, and returns all its details.
///
/// # Safety
///
/// Each pointer is NULL or valid for writing.
pub unsafe fn ERR_get_error_all(
    file: *mut *const c_char,
    line: *mut c_int,
    func: *mut *const c_char,
    data: *mut *const c_char,
    flags: *mut c_int,
) -> c_ulong {
    let wanted = Wanted { file, line, function: func, data, flags };
    // SAFETY: each pointer is NULL or valid for writing.
    with(|queue| unsafe { wanted.read(queue.take()) })
}

/// `ERR_get_error_line_data`: removes the oldest entry, and returns its source line and data.
///
/// # Safety
///
/// Each pointer is NULL or valid for writing.
pub unsafe fn ERR_get_error_line_data(
    file: *mut *const c_char,
    line: *mut c_int,
    data: *mut *const c_char,
    flags: *mut c_int,
) -> c_ulong {
    let wanted = Wanted { file, line, data, flags, ..Wanted::NOTHING };
    // SAFETY: each pointer is NULL or valid for writing.
    with(|queue| unsafe { wanted.read(queue.take()) })
}

/// `ERR_peek_error_line`: the oldest entry and its source line.
///
/// # Safety
///
/// Each pointer is NULL or valid for writing.
pub unsafe fn ERR_peek_error_line(file: *mut *const c_char, line: *mut c_int) -> c_ulong {
    let wanted = Wanted { file, line, ..Wanted::NOTHING };
    // SAFETY: each pointer is NULL or valid for writing.
    with(|queue| unsafe { wanted.read(queue.peek(End::Oldest)) })
}

/// `ERR_peek_error_func`: the oldest entry and its function.
///
/// # Safety
///
/// Each pointer is NULL or valid for writing.
pub unsafe fn ERR_peek_error_func(func: *mut *const c_char) -> c_ulong {
    let wanted = Wanted { function: func, ..Wanted::NOTHING };
    // SAFETY: each pointer is NULL or valid for writing.
    with(|queue| unsafe { wanted.read(queue.peek(End::Oldest)) })
}

/// `ERR_peek_error_data`: the oldest entry and its data.
///
/// # Safety
///
/// Each pointer is NULL or valid for writing.
pub unsafe fn ERR_peek_error_data(data: *mut *const c_char, flags: *mut c_int) -> c_ulong {
    let wanted = Wanted { data, flags, ..Wanted::NOTHING };
    // SAFETY: each pointer is NULL or valid for writing.
    with(|queue| unsafe { wanted.read(queue.peek(End::Oldest)) })
}

/// `ERR_peek_error_all`: the oldest entry and all its details.
///
/// # Safety
///
/// Each pointer is NULL or valid for writing.
pub unsafe fn ERR_peek_error_all(
    file: *mut *const c_char,
    line: *mut c_int,
    func: *mut *const c_char,
    data: *mut *const c_char,
    flags: *mut c_int,
) -> c_ulong {
    let wanted = Wanted { file, line, function: func, data, flags };
    // SAFETY: each pointer is NULL or valid for writing.
    with(|queue| unsafe { wanted.read(queue.peek(End::Oldest)) })
}

/// `ERR_peek_error_line_data`: the oldest entry, its source line and data.
///
/// # Safety
///
/// Each pointer is NULL or valid for writing.
pub unsafe fn ERR_peek_error_line_data(
    file: *mut *const c_char,
    line: *mut c_int,
    data: *mut *const c_char,
    flags: *mut c_int,
) -> c_ulong {
    let wanted = Wanted { file, line, data, flags, ..Wanted::NOTHING };
    // SAFETY: each pointer is NULL or valid for writing.
    with(|queue| unsafe { wanted.read(queue.peek(End::Oldest)) })
}

/// `ERR_peek_last_error_line`: the newest entry and its source line.
///
/// # Safety
///
/// Each pointer is NULL or valid for writing.
pub unsafe fn ERR_peek_last_error_line(file: *mut *const c_char, line: *mut c_int) -> c_ulong {
    let wanted = Wanted { file, line, ..Wanted::NOTHING };
    // SAFETY: each pointer is NULL or valid for writing.
    with(|queue| unsafe { wanted.read(queue.peek(End::Newest)) })
}

/// `ERR_peek_last_error_func`: the newest entry and its function.
///
/// # Safety
///
/// Each pointer is NULL or valid for writing.
pub unsafe fn ERR_peek_last_error_func(func: *mut *const c_char) -> c_ulong {
    let wanted = Wanted { function: func, ..Wanted::NOTHING };
    // SAFETY: each pointer is NULL or valid for writing.
    with(|queue| unsafe { wanted.read(queue.peek(End::Newest)) })
}

/// `ERR_peek_last_error_data`: the newest entry and its data.
///
/// # Safety
///
/// Each pointer is NULL or valid for writing.
pub unsafe fn ERR_peek_last_error_data(data: *mut *const c_char, flags: *mut c_int) -> c_ulong {
    let wanted = Wanted { data, flags, ..Wanted::NOTHING };
    // SAFETY: each pointer is NULL or valid for writing.
    with(|queue| unsafe { wanted.read(queue.peek(End::Newest)) })
}

/// `ERR_peek_last_error_all`: the newest entry and all its details.
///
/// # Safety
///
/// Each pointer is NULL or valid for writing.
pub unsafe fn ERR_peek_last_error_all(
    file: *mut *const c_char,
    line: *mut c_int,
    func: *mut *const c_char,
    data: *mut *const c_char,
    flags: *mut c_int,
) -> c_ulong {
    let wanted = Wanted { file, line, function: func, data, flags };
    // SAFETY: each pointer is NULL or valid for writing.
    with(|queue| unsafe { wanted.read(queue.peek(End::Newest)) })
}

/// `ERR_peek_last_error_line_data`: the newest entry, its source line and data.
///
/// # Safety
///
/// Each pointer is NULL or valid for writing.
pub unsafe fn ERR_peek_last_error_line_data(
    file: *mut *const c_char,
    line: *mut c_int,
    data: *mut *const c_char,
    flags: *mut c_int,
) -> c_ulong {
    let wanted = Wanted { file, line, data, flags, ..Wanted::NOTHING };
    // SAFETY: each pointer is NULL or valid for writing.
    with(|queue| unsafe { wanted.read(queue.peek(End::Newest)) })
}
