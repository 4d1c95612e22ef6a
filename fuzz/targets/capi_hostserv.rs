//! `BIO_parse_hostserv` against the parser beneath it.
#![no_main]

use biosock::{HostServ, Part, Priority};
use biosock_capi::{BIO_parse_hostserv, Standalone};
use biosock_fuzz::{c_text, must_queue_if, take};
use libc::c_char;
use libfuzzer_sys::fuzz_target;
use std::ptr;

fuzz_target!(|input: (u8, &[u8])| {
    let (choices, text) = input;
    let text = c_text(text);
    let untouched = ptr::dangling_mut::<c_char>();
    let (mut host, mut service) = (untouched, untouched);
    let to_host = if choices & 2 == 0 { &raw mut host } else { ptr::null_mut() };
    let to_service = if choices & 4 == 0 { &raw mut service } else { ptr::null_mut() };
    let priority = i32::from(choices & 1);
    // SAFETY: the text ends with a NUL, and the places are NULL or valid for writing.
    let result = unsafe { BIO_parse_hostserv::<Standalone>(text.as_ptr(), to_host, to_service, priority) };
    must_queue_if(result != 1);

    let priority = if priority == 0 { Priority::Host } else { Priority::Service };
    let parsed = HostServ::parse_bytes(text.to_bytes(), priority);
    assert_eq!(parsed.is_ok(), result == 1);
    let unmentioned = HostServ { host: Part::Unmentioned, service: Part::Unmentioned };
    let HostServ { host: host_part, service: service_part } = parsed.unwrap_or(unmentioned);
    for (given, asked, part) in
        [(host, !to_host.is_null(), host_part), (service, !to_service.is_null(), service_part)]
    {
        if !asked || part == Part::Unmentioned {
            assert_eq!(given, untouched);
        } else {
            // SAFETY: the C layer wrote the place.
            assert_eq!(unsafe { take(given) }.as_deref(), part.name());
        }
    }
});
