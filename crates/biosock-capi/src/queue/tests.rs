//! The expected values are those of OpenSSL 3 in the same cases.

use std::ffi::{CStr, c_char, c_int, c_ulong};
use std::ptr;

use super::*;
use crate::Standalone;
use crate::host::{Common, Entry, Host, What};
use crate::sites::site;

const NONE: Option<&CStr> = None;

fn push(reason: u16, data: Option<&'static CStr>) {
    let site = site!(c"BIO_test", 0);
    Standalone::push(&Entry { what: What::Bio(reason), site, data });
}

fn drain() -> Vec<c_ulong> {
    std::iter::repeat_with(ERR_get_error).take_while(|code| *code != 0).collect()
}

/// The data of the oldest entry and its flags.
fn data() -> (Vec<u8>, c_int) {
    let (mut text, mut flags) = (ptr::null::<c_char>(), -1);
    // SAFETY: both places are valid.
    unsafe { ERR_peek_error_data(&mut text, &mut flags) };
    // SAFETY: the string was just returned, and ends with a NUL.
    (unsafe { CStr::from_ptr(text) }.to_bytes().to_vec(), flags)
}

fn in_new_thread(test: impl FnOnce() + Send + 'static) {
    std::thread::spawn(test).join().expect("the test in its own thread");
}

#[test]
fn entries_are_oldest_first_and_packed_as_in_openssl_3() {
    in_new_thread(|| {
        push(103, NONE);
        push(118, NONE);
        assert_eq!(ERR_peek_error(), 0x1000_0067);
        assert_eq!(ERR_peek_last_error(), 0x1000_0076);
        assert_eq!(drain(), [0x1000_0067, 0x1000_0076]);
        let site = site!(c"BIO_test", 0);
        static CALL: crate::Call = crate::Call { calling: c"calling it()", code: 0 };
        Standalone::push(&Entry { what: What::System { errno: 111, call: &CALL }, site, data: NONE });
        Standalone::push(&Entry { what: What::Common(Common::Null), site, data: NONE });
        Standalone::push(&Entry { what: What::Memory, site, data: NONE });
        assert_eq!(drain(), [0x8000_006F, 0x100C_0102, 0x078C_0100]);
        assert_eq!((ERR_get_error(), ERR_peek_error(), ERR_peek_last_error()), (0, 0, 0));
    });
}

#[test]
fn the_latest_fifteen_entries_are_kept() {
    in_new_thread(|| {
        (1..=20).for_each(|reason| push(reason, NONE));
        let reasons: Vec<_> = drain().iter().map(|code| code & 0xFF).collect();
        assert_eq!(reasons, (6..=20).collect::<Vec<_>>());
    });
}

#[test]
fn every_detail_can_be_read() {
    in_new_thread(|| {
        push(103, Some(c"words"));
        let (mut file, mut func, mut text) = (ptr::null(), ptr::null(), ptr::null());
        let (mut line, mut flags) = (0, 0);
        // SAFETY: all places are valid.
        let code = unsafe { ERR_get_error_all(&mut file, &mut line, &mut func, &mut text, &mut flags) };
        assert_eq!((code, flags), (0x1000_0067, 3));
        assert!(line > 0);
        let [file, func, text] = [file, func, text].map(|text: *const c_char| {
            // SAFETY: the queue's strings end with a NUL, and the slot is not used again.
            unsafe { CStr::from_ptr(text) }.to_str().expect("ASCII")
        });
        assert!(file.ends_with("tests.rs"), "{file}");
        assert_eq!((func, text), ("BIO_test", "words"));
    });
}

#[test]
fn an_empty_queue_writes_nothing() {
    in_new_thread(|| {
        let (mut text, mut flags) = (c"untouched".as_ptr(), 77);
        // SAFETY: both places are valid.
        assert_eq!(unsafe { ERR_peek_error_data(&mut text, &mut flags) }, 0);
        // SAFETY: the string is the one from above.
        assert_eq!((unsafe { CStr::from_ptr(text) }, flags), (c"untouched", 77));
    });
}

#[test]
fn an_entry_without_data_has_an_empty_string() {
    in_new_thread(|| {
        push(103, NONE);
        assert_eq!(data(), (Vec::new(), 0));
    });
}

#[test]
fn annotations_are_appended_and_freed() {
    in_new_thread(|| {
        Standalone::annotate(c"host=", c"lost");
        push(103, Some(c"fixed"));
        Standalone::annotate(c"host=", c"a");
        assert_eq!(data(), (b"fixedhost=a".to_vec(), 3));
        Standalone::annotate(c"/", c"b");
        assert_eq!(data().0, b"fixedhost=a/b");
        push(104, NONE);
        Standalone::annotate(c"", c"");
        ERR_clear_error();
        push(105, NONE);
        assert_eq!(data(), (Vec::new(), 0));
        Standalone::annotate(c"left to the ", c"end of the thread");
    });
}

#[test]
fn reusing_a_slot_frees_its_allocated_string() {
    in_new_thread(|| {
        push(1, NONE);
        Standalone::annotate(c"old", c"");
        (0..16).for_each(|_| push(2, Some(c"new")));
        assert_eq!(data().0, b"new");
    });
}

#[test]
fn marks_work_as_in_openssl_3() {
    in_new_thread(|| {
        assert_eq!((ERR_set_mark(), ERR_pop_to_mark(), ERR_clear_last_mark()), (0, 0, 0));
        push(1, NONE);
        assert_eq!((ERR_set_mark(), ERR_set_mark()), (1, 1));
        push(2, NONE);
        push(3, NONE);
        assert_eq!((ERR_pop_to_mark(), ERR_peek_last_error() & 0xFF), (1, 1));
        assert_eq!((ERR_pop_to_mark(), ERR_peek_last_error() & 0xFF), (1, 1));
        assert_eq!((ERR_pop_to_mark(), ERR_peek_last_error()), (0, 0));
    });
}

#[test]
fn clearing_a_mark_keeps_the_entries() {
    in_new_thread(|| {
        push(1, NONE);
        ERR_set_mark();
        push(2, NONE);
        assert_eq!((ERR_clear_last_mark(), ERR_clear_last_mark()), (1, 0));
        assert_eq!(drain(), [0x1000_0001, 0x1000_0002]);
    });
}

#[test]
fn a_mark_is_removed_with_its_entry() {
    in_new_thread(|| {
        push(1, NONE);
        ERR_set_mark();
        ERR_get_error();
        push(2, NONE);
        assert_eq!((ERR_pop_to_mark(), ERR_peek_error()), (0, 0));
        push(1, NONE);
        ERR_set_mark();
        (1..=20).for_each(|reason| push(reason, NONE));
        assert_eq!(ERR_pop_to_mark(), 0);
    });
}

#[test]
fn each_thread_has_its_own_queue() {
    in_new_thread(|| {
        push(1, NONE);
        in_new_thread(|| assert_eq!(ERR_peek_error(), 0));
        assert_eq!(drain(), [0x1000_0001]);
    });
}

#[test]
fn many_threads_allocate_and_free_strings_at_once() {
    let threads: Vec<_> = (0..16)
        .map(|_| {
            std::thread::spawn(|| {
                for round in 0..200 {
                    push(round, Some(c"round"));
                    Standalone::annotate(c" of ", c"many");
                }
                assert_eq!(data().0, b"round of many");
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a thread of the test"));
}
