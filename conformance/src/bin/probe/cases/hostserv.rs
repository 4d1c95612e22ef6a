//! `BIO_parse_hostserv`.

use crate::record::string_words;
use crate::run::Run;
use libc::c_char;
use std::ffi::CString;
use std::ptr;

const TEXTS: &[&str] = &[
    "",
    " ",
    ":",
    "::",
    ":::",
    "::::",
    "*",
    "**",
    "*:",
    ":*",
    "*:*",
    "*:80",
    "localhost:*",
    "[*]",
    "[*]:*",
    "host",
    "host:",
    ":80",
    "80",
    "host:80",
    "host:http",
    "host:80:",
    ":80:",
    "::1",
    "::1:80",
    "a:b:c",
    "a::b",
    "a:b:",
    "[::1]",
    "[::1]:",
    "[::1]:80",
    "[::1]:*",
    "[]",
    "[]:",
    "[]:80",
    "[",
    "]",
    "[::1",
    "::1]",
    "[::1]x",
    "[::1]80",
    "[::1]::",
    "[::1]:80:",
    "[::1]:8:0",
    "[a]b:c",
    "[[::1]]:80",
    "[[::1]",
    "x[::1]:80",
    "x[::1]",
    "[host]",
    "[host]:80",
    "[1.2.3.4]:5",
    "host :80",
    " host:80",
    "host: 80",
    "host:80 ",
    "127.0.0.1",
    "127.0.0.1:443",
    "fe80::1%lo",
    "[fe80::1%lo]:80",
    "[::1%]:1",
    "h\u{e4}:\u{df}",
    "host\n:80",
    "a]:b",
    "a[:b",
    "[a:b",
    "[a]:b]",
    "[a]]:b",
    "*x",
    "x*",
    "**:80",
    "*:80:90",
    "unix:/path",
    "/path",
    "[/path]:x",
    "-1",
    "-:-",
    "host:65536",
    "host:-1",
    "host:0x50",
    "%",
    "%lo:80",
    "[%lo]:80",
    ":[",
    ":]",
    "[:]:",
    "[:]",
    "[::]",
    "[::]:0",
    "[*",
    "*]",
    "[*x]:1",
    "*[]:1",
    "[]x",
    "[]]",
    "[]:[]",
    ":[]",
    "http:",
    "a b:c d",
];

const PRIORITIES: [(i32, &str); 4] = [(0, "HOST"), (1, "SERV"), (2, "2"), (-1, "-1")];

pub(crate) fn cases(run: &Run) {
    for text in TEXTS {
        for (priority, name) in PRIORITIES {
            for wanted in ["both", "host", "service", "neither"] {
                one(run, text, priority, name, wanted);
            }
        }
    }
    long(run);
    null(run);
}

fn one(run: &Run, text: &str, priority: i32, name: &str, wanted: &str) {
    let Ok(input) = CString::new(text) else {
        return;
    };
    run.case(&format!("hostserv/{name}/{wanted}/{text:?}"), |r| {
        let api = r.api;
        // Not null, so that it shows whether a result was written.
        let untouched = ptr::dangling_mut::<c_char>();
        let (mut host, mut service) = (untouched, untouched);
        let to_host = if matches!(wanted, "both" | "host") { &raw mut host } else { ptr::null_mut() };
        let to_service =
            if matches!(wanted, "both" | "service") { &raw mut service } else { ptr::null_mut() };
        let call = format!("BIO_parse_hostserv({text:?}, {wanted}, {name})");
        r.int(call, || api.BIO_parse_hostserv(input.as_ptr(), to_host, to_service, priority));
        for (what, value) in [("host", host), ("service", service)] {
            if value == untouched {
                r.see(what, "untouched");
            } else {
                r.see(what, string_words(value));
                r.free(value);
            }
        }
    });
}

fn long(run: &Run) {
    for len in [255, 256, 1024, 100_000] {
        run.case(&format!("hostserv/long/{len}"), |r| {
            let api = r.api;
            let text = format!("{}:{}\0", "h".repeat(len), "s".repeat(len));
            let (mut host, mut service) = (ptr::null_mut::<c_char>(), ptr::null_mut::<c_char>());
            let (to_host, to_service) = (&raw mut host, &raw mut service);
            r.int(format!("BIO_parse_hostserv({len} and {len} letters)"), || {
                api.BIO_parse_hostserv(text.as_ptr().cast(), to_host, to_service, 0)
            });
            r.see("host length", string_words(host).len());
            r.see("service length", string_words(service).len());
            r.free(host);
            r.free(service);
        });
    }
}

fn null(run: &Run) {
    run.risky("hostserv/NULL", |r| {
        let api = r.api;
        let (mut host, mut service) = (ptr::null_mut::<c_char>(), ptr::null_mut::<c_char>());
        let (to_host, to_service) = (&raw mut host, &raw mut service);
        r.int("BIO_parse_hostserv(NULL, both, HOST)", || {
            api.BIO_parse_hostserv(ptr::null(), to_host, to_service, 0)
        });
    });
}
