//! The error queue itself: texts, limits, marks.

use crate::api::Api;
use crate::queue::{is_old, text};
use crate::record::Record;
use crate::run::Run;
use crate::world::Place;
use libc::{c_char, c_int, c_ulong, c_void};
use std::ptr;

pub(crate) fn cases(run: &Run) {
    first_text(run);
    texts(run);
    truncation(run);
    ring(run);
    peeking(run);
    peeking_at_parts(run);
    marks(run);
    super::printing::cases(run);
    memory(run);
}

/// The texts of every code that the family raises, in the library's own packing.
fn texts(run: &Run) {
    let old = is_old(&run.api);
    for reason in 0..160 {
        let code = if old { 32 << 24 | reason } else { 32 << 23 | reason };
        one_text(run, &format!("BIO reason {reason}"), code);
    }
    for reason in [0x0008_0002, 0x000c_0100, 0x000c_0102, 0x000c_0103, 0x0000_0001, 0x000c_0000] {
        if !old {
            one_text(run, &format!("BIO global reason {reason:#x}"), 32 << 23 | reason);
        }
    }
    for error in 0..140 {
        let code = if old { 2 << 24 | error } else { 0x8000_0000 | error };
        one_text(run, &format!("system {error}"), code);
    }
    for code in [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        one_text(run, &format!("code {code:#x}"), code);
    }
    // "bad decrypt", of the library EVP.
    one_text(run, "reason of another library", if old { 6 << 24 | 100 } else { 6 << 23 | 100 });
    for lib in 0..80 {
        let code = if old { lib << 24 | 1 } else { lib << 23 | 1 };
        one_text(run, &format!("library {lib}"), code);
    }
}

fn one_text(run: &Run, what: &str, code: c_ulong) {
    run.case(&format!("texts/{what}"), |r| {
        let api = r.api;
        let tell = |t: *const c_char| text(t).unwrap_or_else(|| "NULL".to_owned());
        r.call(format!("ERR_reason_error_string({what})"), tell, || api.ERR_reason_error_string(code));
        r.call(format!("ERR_lib_error_string({what})"), tell, || api.ERR_lib_error_string(code));
        if api.ERR_func_error_string.is_some() {
            r.call(format!("ERR_func_error_string({what})"), tell, || api.ERR_func_error_string(code));
        }
        let mut buffer = [0 as c_char; 300];
        let start = buffer.as_mut_ptr();
        r.void(format!("ERR_error_string_n({what}, 300)"), || {
            api.ERR_error_string_n(code, start, 300);
        });
        r.see("text", tell(start));
    });
}

/// Asks before anything else does, where the library was loaded cold.
fn first_text(run: &Run) {
    run.case("texts/before any call", |r| {
        let api = r.api;
        let code = if is_old(api) { 0x2008_A067 } else { 0x1000_0067 };
        let tell = |t: *const c_char| text(t).unwrap_or_else(|| "NULL".to_owned());
        r.call_on("ERR_reason_error_string(it)", tell, || api.ERR_reason_error_string(code));
    });
}

fn truncation(run: &Run) {
    for old_code in [0x2008_A067, 0x0200_206F] {
        for len in 0..90 {
            run.case(&format!("truncation/{old_code:#x}/{len}"), |r| {
                let api = r.api;
                let new_code = if old_code == 0x2008_A067 { 0x1000_0067 } else { 0x8000_006F };
                let code = if is_old(api) { old_code } else { new_code };
                let mut buffer = [0x7f as c_char; 100];
                let start = buffer.as_mut_ptr();
                r.void(format!("ERR_error_string_n(it, {len})"), || {
                    api.ERR_error_string_n(code, start, len);
                });
                let end = buffer.iter().rposition(|c| *c != 0x7f).map_or(0, |last| last + 1);
                let bytes: Vec<u8> = buffer[..end].iter().map(|c| *c as u8).collect();
                r.see("bytes", String::from_utf8_lossy(&bytes).escape_debug());
            });
        }
    }
    run.case("truncation/ERR_error_string", |r| {
        let api = r.api;
        let code = if is_old(api) { 0x2008_A067 } else { 0x1000_0067 };
        let tell = |t: *mut c_char| text(t).unwrap_or_else(|| "NULL".to_owned());
        r.call("ERR_error_string(it, NULL)", tell, || api.ERR_error_string(code, ptr::null_mut()));
        let mut buffer = [0x7f as c_char; 300];
        let start = buffer.as_mut_ptr();
        r.call("ERR_error_string(it, buffer)", tell, || api.ERR_error_string(code, start));
    });
}

/// Fails `count` times, each leaving an entry of its own: `BIO_get_port` of unknown names.
fn fail(api: &Api, count: usize) {
    let place = Place::v4([127, 0, 0, 1], 0);
    for _ in 0..count {
        api.BIO_bind(-1, place.as_addr(), 0);
    }
}

fn ring(run: &Run) {
    for count in [1, 2, 14, 15, 16, 17, 31, 32, 40] {
        run.case(&format!("ring/single/{count}"), |r| {
            let api = r.api;
            r.void(format!("{count} failures of one entry"), || fail(api, count));
        });
    }
    for count in [7, 8, 9, 20] {
        run.case(&format!("ring/double/{count}"), |r| {
            let api = r.api;
            let place = Place::v4([127, 0, 0, 1], 0);
            r.void(format!("{count} failures of two entries"), || {
                for _ in 0..count {
                    api.BIO_bind(60, place.as_addr(), 0);
                }
            });
        });
    }
}

fn peeking(run: &Run) {
    run.case("peek", |r| {
        let api = r.api;
        let place = Place::v4([127, 0, 0, 1], 0);
        let tell = |code: c_ulong| format!("{code:08X}");
        api.BIO_bind(60, place.as_addr(), 0);
        let (first, last) = (api.ERR_peek_error(), api.ERR_peek_last_error());
        r.call_on("ERR_peek_error()", tell, || first);
        r.see("last", tell(last));
        r.call("ERR_peek_error(), empty", tell, || api.ERR_peek_error());
        r.call("ERR_peek_last_error(), empty", tell, || api.ERR_peek_last_error());
        r.call("ERR_get_error(), empty", tell, || api.ERR_get_error());
        r.call("ERR_clear_error(), then peek", tell, || {
            api.BIO_bind(60, place.as_addr(), 0);
            api.ERR_clear_error();
            api.ERR_peek_error()
        });
        data(r);
    });
}

/// One part of an entry without taking it. Places differ, so that of a file only its presence
/// is recorded.
fn peeking_at_parts(run: &Run) {
    let tell = |code: c_ulong| format!("{code:08X}");
    run.case("peek/line", |r| {
        let api = r.api;
        let (mut file, mut line) = (ptr::null(), 0);
        let (to_file, to_line) = (&raw mut file, &raw mut line);
        r.call("ERR_peek_error_line(), empty", tell, || api.ERR_peek_error_line(to_file, to_line));
        r.call("ERR_peek_error_line()", tell, || {
            refuse(api);
            api.ERR_peek_error_line(to_file, to_line)
        });
        r.see("file", !file.is_null());
        r.call("ERR_peek_last_error_line()", tell, || {
            refuse(api);
            api.ERR_peek_last_error_line(to_file, to_line)
        });
        r.see("line", line > 0);
        r.call("ERR_peek_error_line(NULL, NULL)", tell, || {
            refuse(api);
            api.ERR_peek_error_line(ptr::null_mut(), ptr::null_mut())
        });
    });
    if !run.has("ERR_peek_error_all") {
        return;
    }
    run.case("peek/function", |r| {
        let api = r.api;
        let mut function = ptr::null();
        let to_function = &raw mut function;
        r.call("ERR_peek_error_func()", tell, || {
            refuse(api);
            api.ERR_peek_error_func(to_function)
        });
        r.see("function", text(function).unwrap_or_default());
        r.call("ERR_peek_last_error_func()", tell, || {
            refuse(api);
            api.ERR_peek_last_error_func(to_function)
        });
        r.see("function", text(function).unwrap_or_default());
    });
    run.case("peek/data", |r| {
        let api = r.api;
        let (mut data, mut flags) = (ptr::null(), -1);
        let (to_data, to_flags) = (&raw mut data, &raw mut flags);
        r.call("ERR_peek_error_data()", tell, || {
            refuse(api);
            api.ERR_peek_error_data(to_data, to_flags)
        });
        r.see("data", format!("{:?} {flags}", text(data)));
        r.call("ERR_peek_last_error_data()", tell, || {
            refuse(api);
            api.ERR_peek_last_error_data(to_data, to_flags)
        });
        r.see("data", format!("{:?} {flags}", text(data)));
    });
    run.case("peek/all", |r| {
        let api = r.api;
        let (mut file, mut line) = (ptr::null(), 0);
        let (mut function, mut data, mut flags) = (ptr::null(), ptr::null(), -1);
        let (to_file, to_line, to_function) = (&raw mut file, &raw mut line, &raw mut function);
        let (to_data, to_flags) = (&raw mut data, &raw mut flags);
        r.call("ERR_peek_error_all(), empty", tell, || {
            api.ERR_peek_error_all(to_file, to_line, to_function, to_data, to_flags)
        });
        r.call("ERR_peek_error_all()", tell, || {
            refuse(api);
            api.ERR_peek_error_all(to_file, to_line, to_function, to_data, to_flags)
        });
        r.see("parts", format!("{:?} {:?} {flags}", text(function), text(data)));
        r.call("ERR_peek_last_error_all()", tell, || {
            refuse(api);
            api.ERR_peek_last_error_all(to_file, to_line, to_function, to_data, to_flags)
        });
        r.see("parts", format!("{:?} {:?} {flags}", text(function), text(data)));
    });
}

/// Leaves two entries: the OS error, and the reason.
fn refuse(api: &Api) {
    api.BIO_bind(60, Place::v4([127, 0, 0, 1], 0).as_addr(), 0);
}

/// The data of an entry that has a text, and of one that has none.
fn data(r: &mut Record<'_>) {
    let api = r.api;
    let tell = |code: c_ulong| format!("{code:08X}");
    for (what, text_port) in [("no such service", true), ("invalid socket", false)] {
        let mut file = ptr::null();
        let mut line = 0;
        let mut data = ptr::null();
        let mut flags = -1;
        let (to_file, to_line) = (&raw mut file, &raw mut line);
        let (to_data, to_flags) = (&raw mut data, &raw mut flags);
        r.call(format!("ERR_get_error_line_data() of {what}"), tell, || {
            if text_port {
                let mut port = 0;
                api.BIO_get_port(c"nosuchservice".as_ptr(), &raw mut port);
            } else {
                fail(api, 1);
            }
            api.ERR_get_error_line_data(to_file, to_line, to_data, to_flags)
        });
        r.see("data", text(data).unwrap_or_else(|| "NULL".to_owned()));
        r.see("flags", flags);
    }
}

/// What is done to the queue, a case a line; the last word's result is compared.
const MARKS: [&str; 5] = [
    "one, mark, two, pop",
    "one, mark, two, clear mark, pop",
    "one, mark, mark, two, pop, two, pop",
    "one, mark, twenty, pop",
    "one, mark, get, two, pop",
];

fn marks(run: &Run) {
    run.case("marks/none", |r| {
        let api = r.api;
        r.int("ERR_set_mark(), empty", || api.ERR_set_mark());
        r.int("ERR_pop_to_mark(), empty", || api.ERR_pop_to_mark());
        r.int("ERR_clear_last_mark(), empty", || api.ERR_clear_last_mark());
        r.int("ERR_pop_to_mark() with entries and no mark", || {
            fail(api, 3);
            api.ERR_pop_to_mark()
        });
        r.int("ERR_clear_last_mark() with entries and no mark", || {
            fail(api, 3);
            api.ERR_clear_last_mark()
        });
    });
    run.case("marks/one", |r| {
        let api = r.api;
        for words in MARKS {
            r.int(words, || words.split(", ").fold(0, |_, word| step(api, word)));
        }
    });
}

fn step(api: &Api, word: &str) -> c_int {
    match word {
        "one" => fail(api, 1),
        "two" => fail(api, 2),
        "twenty" => fail(api, 20),
        "get" => _ = api.ERR_get_error(),
        "mark" => return api.ERR_set_mark(),
        "clear mark" => return api.ERR_clear_last_mark(),
        "pop" => return api.ERR_pop_to_mark(),
        _ => unreachable!("no step of a mark's case is {word:?}"),
    }
    0
}

fn memory(run: &Run) {
    run.case("memory", |r| {
        let api = r.api;
        let file = c"probe".as_ptr();
        let tell = |p: *mut c_void| (!p.is_null()).to_string();
        for len in [0, 1, 100] {
            let call = format!("CRYPTO_malloc({len})");
            let bytes = r.call(call, tell, || api.CRYPTO_malloc(len, file, 0));
            api.CRYPTO_free(bytes, file, 0);
            let call = format!("CRYPTO_zalloc({len})");
            let bytes = r.call(call, tell, || api.CRYPTO_zalloc(len, file, 0));
            api.CRYPTO_free(bytes, file, 0);
        }
        r.string("CRYPTO_strdup(\"text\")", || api.CRYPTO_strdup(c"text".as_ptr(), file, 0));
        r.string("CRYPTO_strdup(NULL)", || api.CRYPTO_strdup(ptr::null(), file, 0));
        for len in [0, 2, 4, 9] {
            r.string(format!("CRYPTO_strndup(\"text\", {len})"), || {
                api.CRYPTO_strndup(c"text".as_ptr(), len, file, 0)
            });
        }
        r.string("CRYPTO_strndup(NULL, 4)", || api.CRYPTO_strndup(ptr::null(), 4, file, 0));
        r.void("CRYPTO_free(NULL)", || api.CRYPTO_free(ptr::null_mut(), file, 0));
    });
    run.risky("memory/huge", |r| {
        let api = r.api;
        let tell = |p: *mut c_void| (!p.is_null()).to_string();
        r.call("CRYPTO_malloc(SIZE_MAX / 2)", tell, || {
            api.CRYPTO_malloc(usize::MAX / 2, c"probe".as_ptr(), 0)
        });
    });
}
