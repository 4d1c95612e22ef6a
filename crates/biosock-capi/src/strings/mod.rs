//! Strings for packed errors: ERR_error_string(3).
//!
//! The strings are those that OpenSSL's functions return, for the BIO library, the
//! OS, and the reasons that all of OpenSSL's libraries share.

mod bounded;
mod print;
mod tables;

pub use print::*;

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_int, c_ulong};
use std::ptr;

use crate::errno;
use crate::host::LIB_BIO;
use crate::queue::{SYSTEM_FLAG, lib_of, reason_of};
use bounded::Bounded;
use tables::{BIO_REASONS, COMMON_REASONS, LIBS, Strings};

/// `ERR_lib_error_string`: the name of an error's library, or NULL.
pub fn ERR_lib_error_string(error: c_ulong) -> *const c_char {
    as_ptr_or_null(lib_text(packed(error)))
}

/// `ERR_func_error_string`: NULL, as always since OpenSSL 3.
pub fn ERR_func_error_string(_error: c_ulong) -> *const c_char {
    ptr::null()
}

/// `ERR_reason_error_string`: the string of an error's reason, or NULL; NULL for
/// OS errors, whose strings are strerror(3)'s.
pub fn ERR_reason_error_string(error: c_ulong) -> *const c_char {
    as_ptr_or_null(reason_text(packed(error)))
}

/// `ERR_error_string`: the whole string, in `buffer` or, if that is NULL, in a
/// thread-local buffer that the next call overwrites.
///
/// # Safety
///
/// `buffer` is NULL or has room for 256 bytes.
pub unsafe fn ERR_error_string(error: c_ulong, buffer: *mut c_char) -> *mut c_char {
    thread_local! {
        static OWN: UnsafeCell<[c_char; ROOM]> = const { UnsafeCell::new([0; ROOM]) };
    }
    let buffer = if buffer.is_null() { OWN.with(UnsafeCell::get).cast() } else { buffer };
    // SAFETY: either buffer has room for 256 bytes.
    unsafe { ERR_error_string_n(error, buffer, ROOM) };
    buffer
}

/// The room that ERR_error_string(3) requires.
const ROOM: usize = 256;

/// `ERR_error_string_n`: the whole string, truncated to `room` bytes, NUL included.
///
/// # Safety
///
/// `buffer` has room for `room` bytes.
pub unsafe fn ERR_error_string_n(error: c_ulong, buffer: *mut c_char, room: usize) {
    if buffer.is_null() || room == 0 {
        return;
    }
    // SAFETY: the caller's buffer has this room.
    let mut out = unsafe { Bounded::new(buffer, room) };
    write_error(&mut out, error, c"");
}

/// Writes `error:CODE:LIBRARY:FUNCTION:REASON`, or only numbers if the words do
/// not fit.
pub(crate) fn write_error(out: &mut Bounded<'_>, error: c_ulong, function: &CStr) {
    let begin = out.len();
    write_words(out, error, function);
    // Like the original, treats a string that exactly fits as truncated.
    if out.is_full() {
        out.truncate(begin);
        let code = packed(error);
        out.text(format_args!("err:{error:x}:{:x}:0:{:x}", lib_of(code), reason_of(code)));
    }
}

fn write_words(out: &mut Bounded<'_>, error: c_ulong, function: &CStr) {
    let code = packed(error);
    out.text(format_args!("error:{error:08X}:"));
    match lib_text(code) {
        Some(lib) => out.bytes(lib.to_bytes()),
        None => out.text(format_args!("lib({})", lib_of(code))),
    }
    out.bytes(b":");
    out.bytes(function.to_bytes());
    out.bytes(b":");
    write_reason(out, code);
}

fn write_reason(out: &mut Bounded<'_>, code: u32) {
    let mut buffer = [0; ROOM];
    let reason = if code & SYSTEM_FLAG != 0 { system_text(code, &mut buffer) } else { reason_text(code) };
    match reason {
        Some(reason) => out.bytes(reason.to_bytes()),
        None => out.text(format_args!("reason({})", reason_of(code) & !FLAGS)),
    }
}

/// The bits of a reason that specify its kind.
const FLAGS: u32 = 0x7C_0000;

/// The OS's string for a known error number.
fn system_text(code: u32, buffer: &mut [c_char; ROOM]) -> Option<&CStr> {
    let number = reason_of(code) as c_int;
    // SAFETY: the buffer has the room that goes with it.
    let failed = errno::keeping(|| unsafe { libc::strerror_r(number, buffer.as_mut_ptr(), buffer.len()) });
    // SAFETY: strerror_r wrote a string with its NUL.
    (failed == 0).then(|| unsafe { CStr::from_ptr(buffer.as_ptr()) })
}

fn lib_text(code: u32) -> Option<&'static CStr> {
    find(LIBS, lib_of(code))
}

fn reason_text(code: u32) -> Option<&'static CStr> {
    let reason = reason_of(code);
    match lib_of(code) {
        _ if code & SYSTEM_FLAG != 0 => None,
        LIB_BIO => find(BIO_REASONS, reason).or_else(|| find(COMMON_REASONS, reason)),
        _ => find(COMMON_REASONS, reason),
    }
}

/// The string of a reason of the BIO library.
pub(crate) fn bio_reason(reason: u16) -> Option<&'static CStr> {
    find(BIO_REASONS, reason.into())
}

fn find(strings: &Strings, number: u32) -> Option<&'static CStr> {
    let at = strings.binary_search_by_key(&number, |(known, _)| *known).ok()?;
    strings.get(at).map(|(_, text)| *text)
}

/// The low half of an error, which contains all of it.
fn packed(error: c_ulong) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "OpenSSL packs errors in 32 bits")]
    let code = error as u32;
    code
}

fn as_ptr_or_null(text: Option<&'static CStr>) -> *const c_char {
    text.map_or(ptr::null(), CStr::as_ptr)
}

#[cfg(test)]
mod tests;
