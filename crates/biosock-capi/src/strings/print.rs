//! Printing the queue: ERR_print_errors(3).

use std::ffi::{c_char, c_int, c_ulong, c_void};

use super::bounded::Bounded;
use super::write_error;
use crate::queue;
use crate::uncancelled::uncancelled;

/// The function that `ERR_print_errors_cb` calls with each line: the line, its
/// length, the caller's pointer. Printing stops if it returns 0 or less.
pub type PrintLine = unsafe extern "C" fn(*const c_char, usize, *mut c_void) -> c_int;

/// The longest line, with its NUL.
const LINE: usize = 4096;

/// `ERR_print_errors_cb`: removes each entry from the queue, oldest first, and
/// passes it to a function.
///
/// # Safety
///
/// `print` may be called with `user`; it does not unwind.
pub unsafe fn ERR_print_errors_cb(print: Option<PrintLine>, user: *mut c_void) {
    let Some(print) = print else { return };
    uncancelled(|| {
        let mut line = [0; LINE];
        while let Some(length) = next_line(&mut line) {
            // SAFETY: the function may be called with `user`; the line ends with a NUL.
            if unsafe { print(line.as_ptr(), length, user) } <= 0 {
                break;
            }
        }
    });
}

/// `ERR_print_errors_fp`: removes each entry from the queue, oldest first, and
/// writes it to a stream as one line.
///
/// # Safety
///
/// `file` is NULL or an open stream.
pub unsafe fn ERR_print_errors_fp(file: *mut libc::FILE) {
    if !file.is_null() {
        // SAFETY: the function expects a stream, which `file` is.
        unsafe { ERR_print_errors_cb(Some(print_to_file), file.cast()) };
    }
}

/// # Safety
///
/// `line` has `length` bytes and `file` is an open stream.
unsafe extern "C" fn print_to_file(line: *const c_char, length: usize, file: *mut c_void) -> c_int {
    // SAFETY: the line has these bytes, and the stream is open.
    let written = unsafe { libc::fwrite(line.cast(), 1, length, file.cast()) };
    c_int::from(written == length)
}

/// Removes the oldest entry and writes its line to the buffer; returns its length.
fn next_line(line: &mut [c_char; LINE]) -> Option<usize> {
    queue::with(|queue| {
        let slot = queue.take()?;
        // SAFETY: the buffer is the array, and outlives the string.
        let mut out = unsafe { Bounded::new(line.as_mut_ptr(), line.len()) };
        let site = slot.site.get();
        write_thread(&mut out);
        write_error(&mut out, c_ulong::from(slot.code.get()), site.map_or(c"", |site| site.function));
        out.bytes(b":");
        out.bytes(site.map_or(c"", |site| site.file).to_bytes());
        out.text(format_args!(":{}:", site.map_or(0, |site| site.line)));
        // SAFETY: only this thread uses the slot, and nothing below reuses it.
        out.bytes(unsafe { slot.data.as_c_str() }.to_bytes());
        out.bytes(b"\n");
        Some(out.len())
    })
}

/// The thread's identity as OpenSSL prints it: the bytes of its handle.
fn write_thread(out: &mut Bounded<'_>) {
    // SAFETY: takes no arguments.
    let thread = unsafe { libc::pthread_self() };
    for byte in thread.to_ne_bytes() {
        out.text(format_args!("{byte:02X}"));
    }
    out.bytes(b":");
}
