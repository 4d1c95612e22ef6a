//! The expected values are those of OpenSSL 3.6 for the same numbers.

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use super::*;
use crate::Standalone;
use crate::host::{Entry, Host, What};
use crate::sites::site;

fn whole(error: c_ulong, room: usize) -> String {
    let mut buffer = [1; 300];
    // SAFETY: the buffer has more than the room.
    unsafe { ERR_error_string_n(error, buffer.as_mut_ptr(), room) };
    assert!(buffer[room..].iter().all(|byte| *byte == 1), "written beyond the room");
    // SAFETY: the function ended the string with a NUL.
    unsafe { CStr::from_ptr(buffer.as_ptr()) }.to_str().expect("ASCII").into()
}

#[test]
fn errors_have_the_strings_of_openssl() {
    for (error, text) in [
        (0, "error:00000000:lib(0)::reason(0)"),
        (0x1000_0067, "error:10000067:BIO routines::connect error"),
        (0x8000_006F, "error:8000006F:system library::Connection refused"),
        (0x1008_0002, "error:10080002:BIO routines::system lib"),
        (0x100C_0102, "error:100C0102:BIO routines::passed a null parameter"),
        (0x078C_0100, "error:078C0100:common libcrypto routines::malloc failure"),
        (0x8000_0000, "error:80000000:system library::Success"),
        (0x8000_270F, "error:8000270F:system library::reason(9999)"),
        (0x8004_006F, "error:8004006F:system library::reason(111)"),
        (0xD6CC_6F02, "error:D6CC6F02:system library::reason(1451257602)"),
        (0x6D94_011B, "error:6D94011B:lib(219)::reason(283)"),
        (0x7FFF_FFFF, "error:7FFFFFFF:lib(255)::reason(262143)"),
        (0x1000_01FF, "error:100001FF:BIO routines::reason(511)"),
        (0x1_1000_0067, "error:110000067:BIO routines::connect error"),
        (0x3188_0002, "error:31880002:lib(99)::system lib"),
        (0xFFFF_FFFF, "error:FFFFFFFF:system library::reason(2139357183)"),
    ] {
        assert_eq!(whole(error, 256), text);
    }
}

#[test]
fn if_the_words_do_not_fit_numbers_are_written() {
    assert_eq!(whole(0x1000_0067, 44), "error:10000067:BIO routines::connect error");
    for (room, text) in
        [(43, "err:10000067:20:0:67"), (20, "err:10000067:20:0:6"), (10, "err:10000"), (1, "")]
    {
        assert_eq!(whole(0x1000_0067, room), text);
    }
}

#[test]
fn without_room_nothing_is_written() {
    // SAFETY: nothing is written.
    unsafe { ERR_error_string_n(1, std::ptr::null_mut(), 0) };
    let mut byte: c_char = 7;
    // SAFETY: as above.
    unsafe { ERR_error_string_n(1, &mut byte, 0) };
    assert_eq!(byte, 7);
}

#[test]
fn without_a_buffer_a_thread_local_one_is_used() {
    // SAFETY: NULL is allowed.
    let text = unsafe { ERR_error_string(0x1000_0067, std::ptr::null_mut()) };
    // SAFETY: the function ended the string with a NUL.
    assert_eq!(unsafe { CStr::from_ptr(text) }, c"error:10000067:BIO routines::connect error");
}

#[test]
fn libraries_and_reasons_have_separate_strings() {
    let text = |text: *const c_char| {
        // SAFETY: not NULL, so a string of the tables.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
    };
    assert_eq!(text(ERR_lib_error_string(0x1000_0067)), Some(c"BIO routines"));
    assert_eq!(text(ERR_lib_error_string(0x8000_0005)), Some(c"system library"));
    assert_eq!(text(ERR_lib_error_string(0)), None);
    assert_eq!(text(ERR_reason_error_string(0x1000_0067)), Some(c"connect error"));
    assert_eq!(text(ERR_reason_error_string(0x8000_006F)), None);
    assert_eq!(text(ERR_func_error_string(0x1000_0067)), None);
}

#[test]
fn the_tables_are_sorted_for_binary_search() {
    for table in [LIBS, BIO_REASONS, COMMON_REASONS] {
        assert!(table.is_sorted_by_key(|(number, _)| *number));
    }
}

/// Collects lines; stops after the one that ends with "stop".
unsafe extern "C" fn collect(line: *const c_char, length: usize, lines: *mut c_void) -> c_int {
    // SAFETY: the line ends with a NUL.
    let line = unsafe { CStr::from_ptr(line) };
    assert_eq!(line.count_bytes(), length);
    // SAFETY: the test passes a vector.
    let lines = unsafe { &mut *lines.cast::<Vec<CString>>() };
    lines.push(line.to_owned());
    c_int::from(!line.to_bytes().ends_with(b"stop\n"))
}

fn printed() -> Vec<String> {
    let mut lines: Vec<CString> = Vec::new();
    // SAFETY: the function takes the vector.
    unsafe { ERR_print_errors_cb(Some(collect), (&raw mut lines).cast()) };
    lines.iter().map(|line| line.to_string_lossy().into_owned()).collect()
}

#[test]
fn lines_have_thread_error_source_line_and_data() {
    let site = site!(c"BIO_test", 0);
    Standalone::push(&Entry { what: What::Bio(103), site, data: Some(c"stop") });
    Standalone::push(&Entry { what: What::Bio(113), site, data: None });
    let place = format!("{}:{}:", file!(), site.line);
    let first = printed();
    let (thread, rest) = first[0].split_once(':').expect("a thread's identity");
    assert_eq!(thread.len(), 2 * size_of::<libc::pthread_t>());
    assert_eq!(rest, format!("error:10000067:BIO routines:BIO_test:connect error:{place}stop\n"));
    assert_eq!(first.len(), 1, "printing stops where the function returns 0");
    assert!(printed()[0].ends_with(&format!(":BIO_test:no port defined:{place}\n")));
    assert!(printed().is_empty());
}

#[test]
fn a_long_line_is_truncated() {
    let site = site!(c"BIO_test", 0);
    Standalone::push(&Entry { what: What::Bio(103), site, data: None });
    let long = CString::new(vec![b'x'; 9000]).expect("no NUL");
    Standalone::annotate(c"host=", &long);
    assert_eq!(printed()[0].len(), 4095);
}

#[test]
fn without_an_output_nothing_is_printed() {
    // SAFETY: NULL is allowed for both.
    unsafe { ERR_print_errors_fp(std::ptr::null_mut()) };
    // SAFETY: as above.
    unsafe { ERR_print_errors_cb(None, std::ptr::null_mut()) };
}
