//! What ERR_print_errors_cb and ERR_print_errors_fp print.

use crate::api::Api;
use crate::queue::text;
use crate::run::Run;
use crate::world::{Kind, Place};
use libc::{c_char, c_int, c_void};
use std::ffi::CStr;

pub(super) fn cases(run: &Run) {
    run.case("print/cb", |r| {
        let api = r.api;
        for stop in [false, true] {
            let mut lines: Vec<String> = Vec::new();
            let mut user = Lines { lines: &mut lines, stop };
            let pointer = (&raw mut user).cast::<c_void>();
            r.void(format!("ERR_print_errors_cb(), stop: {stop}"), || {
                fail_with_data(api);
                api.ERR_print_errors_cb(collect, pointer);
            });
            let lines: Vec<String> = lines.iter().map(|line| without_place(line)).collect();
            r.see("lines", lines.join("|"));
        }
    });
    run.case("print/fp", |r| {
        let api = r.api;
        let mut buffer = [0 as c_char; 2000];
        // SAFETY: the buffer has the length given and outlives the file.
        let file = unsafe { libc::fmemopen(buffer.as_mut_ptr().cast(), 2000, c"w".as_ptr()) };
        r.void("ERR_print_errors_fp()", || {
            fail_with_data(api);
            api.ERR_print_errors_fp(file);
        });
        // SAFETY: opened above and not used again.
        unsafe { libc::fclose(file) };
        let text = text(buffer.as_ptr()).unwrap_or_default();
        let lines: Vec<String> = text.split_inclusive('\n').map(without_place).collect();
        r.see("lines", lines.join("|").escape_debug());
    });
}

fn fail_with_data(api: &Api) {
    let place = Place::v4([127, 0, 0, 1], 0);
    let mut port = 0;
    api.BIO_bind(60, place.as_addr(), 0);
    api.BIO_get_port(c"nosuchservice".as_ptr(), &raw mut port);
    let fd = Kind::Unix.socket();
    api.BIO_connect(fd, Place::unix("missing").as_addr(), 0);
    crate::world::close(fd);
}

struct Lines<'a> {
    lines: &'a mut Vec<String>,
    stop: bool,
}

extern "C" fn collect(line: *const c_char, len: usize, user: *mut c_void) -> c_int {
    // SAFETY: the pointer that was given to ERR_print_errors_cb, borrowed by nothing else.
    let user = unsafe { &mut *user.cast::<Lines<'_>>() };
    // SAFETY: the library gives a C string.
    let text = unsafe { CStr::from_ptr(line) }.to_string_lossy().into_owned();
    let exact = if text.len() == len { "" } else { " (length differs)" };
    user.lines.push(format!("{}{exact}", text.escape_debug()));
    c_int::from(!user.stop)
}

/// Leaves out the thread's number (first), the file and the line (after the texts).
fn without_place(line: &str) -> String {
    let mut parts: Vec<&str> = line.split(':').collect();
    let file = parts.iter().position(|part| part.ends_with(".c") || part.ends_with(".rs"));
    if let Some(file) = file {
        parts.drain(file..parts.len().min(file + 2));
    }
    parts.remove(0);
    parts.join(":")
}
