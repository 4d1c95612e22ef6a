//! `BIO_parse_hostserv`. An input is a byte of choices, then the text.

use super::{Part, like_all, split, tail_of_seed, terminated};
use crate::api::Api;
use crate::log::Log;
use crate::rng::Rng;
use libc::{c_char, c_int};
use std::ptr;

pub(crate) const PART: Part = Part {
    name: "hostserv",
    unlike: like_all,
    full: 10_000_000,
    quick: 200_000,
    seeds,
    generate,
    observe,
    show,
    break_one,
};

const PRIORITIES: [c_int; 4] = [0, 1, 0, 1];
const ALPHABET: &[u8] = b"[[]]::::**.%/-@ ab1280\t\x7f\x80\xff";
const TEXTS: [&str; 16] = [
    "",
    "*",
    "host",
    "host:80",
    "host:",
    ":80",
    "*:*",
    "a:b:c",
    "::1",
    "[::1]",
    "[::1]:80",
    "[::1]:*",
    "[::1",
    "[::1]x",
    "[a]b:c",
    "127.0.0.1:https",
];

fn seeds() -> Vec<Vec<u8>> {
    TEXTS.iter().flat_map(|text| (0..2).map(|head| [&[head], text.as_bytes()].concat())).collect()
}

fn generate(rng: &mut Rng, seeds: &[Vec<u8>], to: &mut Vec<u8>) {
    let mut text = Vec::new();
    if rng.once_in(2) {
        tail_of_seed(rng, seeds, 1, &mut text);
        rng.mutate(ALPHABET, &mut text);
    } else {
        let most = if rng.once_in(100) { 600 } else { 16 };
        rng.letters(ALPHABET, most, &mut text);
    }
    to.push(rng.byte());
    to.append(&mut text);
}

/// Priority, and which results are asked for.
fn choices(input: &[u8]) -> (c_int, bool, bool) {
    let ([head], _) = split(input);
    // Both results are asked for in half of the cases.
    let (host, service) = match head >> 4 & 7 {
        0 => (false, true),
        1 => (true, false),
        2 => (false, false),
        _ => (true, true),
    };
    (PRIORITIES[usize::from(head & 3)], host, service)
}

fn observe(api: &Api, input: &[u8], log: &mut Log) {
    let (priority, want_host, want_service) = choices(input);
    let text = terminated(split::<1>(input).1);
    // Not null, so that it shows whether a result was written.
    let untouched = ptr::dangling_mut::<c_char>();
    let (mut host, mut service) = (untouched, untouched);
    let to_host = if want_host { &raw mut host } else { ptr::null_mut() };
    let to_service = if want_service { &raw mut service } else { ptr::null_mut() };
    log.call(api, "returned", || api.BIO_parse_hostserv(text.as_ptr().cast(), to_host, to_service, priority));
    for (what, value) in [("host", host), ("service", service)] {
        if value == untouched {
            log.note(what, "untouched");
        } else {
            log.note_text(what, value);
            api.free(value);
        }
    }
}

fn show(input: &[u8]) -> String {
    let (priority, host, service) = choices(input);
    let text = split::<1>(input).1.escape_ascii().to_string();
    let word = |wanted, name| if wanted { name } else { "NULL" };
    format!(
        "BIO_parse_hostserv(\"{text}\", {}, {}, {priority})",
        word(host, "&host"),
        word(service, "&service")
    )
}

/// Takes no text that begins with a bracket.
fn break_one(api: &mut Api) {
    unsafe extern "C" fn broken(
        text: *const c_char,
        _host: *mut *mut c_char,
        service: *mut *mut c_char,
        _priority: c_int,
    ) -> c_int {
        // SAFETY: the text ends with a NUL, so it has a first byte.
        let bracketed = unsafe { text.cast::<u8>().read() } == b'[';
        if !service.is_null() {
            // SAFETY: the place is the caller's, for writing.
            unsafe { service.write(ptr::null_mut()) };
        }
        c_int::from(!bracketed)
    }
    api.BIO_parse_hostserv = Some(broken);
}
