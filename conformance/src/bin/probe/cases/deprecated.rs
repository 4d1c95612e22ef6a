//! `BIO_gethostbyname`, `BIO_get_port`, `BIO_get_host_ip`, `BIO_get_accept_socket`,
//! `BIO_accept`.

use super::sockets;
use crate::record::string_words;
use crate::run::Run;
use crate::world::{self, Kind, Place, State};
use libc::{c_char, c_int, hostent};
use std::ffi::CString;
use std::ptr;

pub(crate) fn cases(run: &Run) {
    gethostbyname(run);
    get_port(run);
    get_host_ip(run);
    get_accept_socket(run);
    accept(run);
    nulls(run);
}

fn gethostbyname(run: &Run) {
    for name in ["localhost", "127.0.0.1", "127.1", "::1", "no such name", ""] {
        run.case(&format!("gethostbyname/{name:?}"), |r| {
            let api = r.api;
            let Ok(text) = CString::new(name) else { return };
            r.call(format!("BIO_gethostbyname({name:?})"), host_words, || {
                api.BIO_gethostbyname(text.as_ptr())
            });
        });
    }
}

fn host_words(host: *mut hostent) -> String {
    if host.is_null() {
        return "NULL".to_owned();
    }
    // SAFETY: not null, so filled in by the resolver.
    let host = unsafe { host.read() };
    let name = string_words(host.h_name);
    // SAFETY: the list has at least its end.
    let first = unsafe { host.h_addr_list.read() };
    let mut bytes = [0_u8; 4];
    if !first.is_null() && host.h_length == 4 {
        // SAFETY: an address of four bytes.
        bytes = unsafe { first.cast::<[u8; 4]>().read_unaligned() };
    }
    format!("{name} family {} length {} {bytes:?}", host.h_addrtype, host.h_length)
}

fn get_port(run: &Run) {
    const TEXTS: [&str; 20] = [
        "80",
        "http",
        "https",
        "0",
        "65535",
        "65536",
        "-1",
        "",
        " 80",
        "80 ",
        "0x50",
        "080",
        "domain",
        "syslog",
        "nosuchservice",
        "*",
        "99999999999",
        "telnet",
        "socks",
        "gopher",
    ];
    for text in TEXTS {
        run.case(&format!("get_port/{text:?}"), |r| {
            let api = r.api;
            let Ok(input) = CString::new(text) else { return };
            let mut port = 0xaaaa_u16;
            let place = &raw mut port;
            r.int(format!("BIO_get_port({text:?})"), || api.BIO_get_port(input.as_ptr(), place));
            r.see("port", port);
        });
    }
}

fn get_host_ip(run: &Run) {
    const TEXTS: [&str; 12] = [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0.0.0.0",
        "255.255.255.255",
        "::1",
        "",
        "*",
        "no such name",
        "1.2.3.4",
        "256.0.0.1",
        "1.2.3",
    ];
    for text in TEXTS {
        run.case(&format!("get_host_ip/{text:?}"), |r| {
            let api = r.api;
            let Ok(input) = CString::new(text) else { return };
            let mut ip = [0xaa_u8; 4];
            let place = ip.as_mut_ptr();
            r.int(format!("BIO_get_host_ip({text:?})"), || api.BIO_get_host_ip(input.as_ptr(), place));
            r.see("ip", format!("{ip:?}"));
        });
    }
}

/// Port 0 lets the system choose; a busy one is made so.
fn get_accept_socket(run: &Run) {
    const TEXTS: [&str; 18] = [
        "127.0.0.1:0",
        "localhost:0",
        "*:0",
        ":0",
        "0",
        "[::1]:0",
        "::1:0",
        "0.0.0.0:0",
        "[::]:0",
        "*",
        "127.0.0.1",
        "127.0.0.1:",
        "a:b:c",
        "[::1",
        "no such name:0",
        "127.0.0.1:nosuch",
        "198.51.100.1:0",
        "",
    ];
    for text in TEXTS {
        for mode in [0, 1, 2, -1] {
            run.case(&format!("get_accept_socket/{text:?}/{mode}"), |r| {
                let api = r.api;
                let Ok(input) = CString::new(text) else { return };
                let pointer = input.as_ptr().cast_mut();
                let call = format!("BIO_get_accept_socket({text:?}, {mode})");
                let fd = r.descriptor(call, || api.BIO_get_accept_socket(pointer, mode));
                r.see_socket(fd);
            });
        }
    }
    for mode in [0, 1] {
        run.case(&format!("get_accept_socket/busy/{mode}"), |r| {
            let (_, place) = r.keep.listener(Kind::Tcp4);
            let port = u16::from_be_bytes([place.bytes[2], place.bytes[3]]);
            let Ok(input) = CString::new(format!("127.0.0.1:{port}")) else { return };
            let api = r.api;
            let pointer = input.as_ptr().cast_mut();
            let call = format!("BIO_get_accept_socket(busy, {mode})");
            r.descriptor(call, || api.BIO_get_accept_socket(pointer, mode));
        });
    }
}

fn accept(run: &Run) {
    for kind in [Kind::Tcp4, Kind::Tcp6, Kind::Unix] {
        for wanted in ["text", "NULL"] {
            for nonblocking in [false, true] {
                accepted(run, kind, wanted, nonblocking);
            }
        }
    }
    not_accepted(run);
}

fn accepted(run: &Run, kind: Kind, wanted: &str, nonblocking: bool) {
    let name = kind.name();
    let mode = if nonblocking { "nonblocking" } else { "blocking" };
    run.case(&format!("accept/{name}/{wanted}/{mode}"), |r| {
        let (listener, place) = r.keep.listener(kind);
        if nonblocking {
            world::set_nonblocking(listener);
        }
        let client = r.keep.make(kind, State::Fresh);
        let from = Place::v4([127, 0, 0, 1], 0);
        if kind == Kind::Tcp4 {
            let bound = world::bind(client, &from);
            world::label(&bound, "client");
        }
        world::connect(client, &place);
        world::ready(listener);
        let mut text: *mut c_char = ptr::null_mut();
        let to_text = if wanted == "text" { &raw mut text } else { ptr::null_mut() };
        let api = r.api;
        let call = format!("BIO_accept({mode} {name}, {wanted})");
        let fd = r.descriptor(call, || api.BIO_accept(listener, to_text));
        r.see_socket(fd);
        r.see("text", peer_words(text));
        r.free(text);
    });
}

/// The port of a client differs from run to run.
fn peer_words(text: *const c_char) -> String {
    let words = string_words(text);
    let Some((host, port)) = words.trim_matches('"').rsplit_once(':') else {
        return words;
    };
    match port.parse() {
        Ok(port) => format!("{host}:{}", world::port_words(port)),
        Err(_) => words,
    }
}

fn not_accepted(run: &Run) {
    for (kind, state, id, socket) in sockets() {
        run.case(&format!("accept/{id}"), |r| {
            let fd = r.keep.make(kind, state);
            if state == State::Listening {
                world::set_nonblocking(fd);
            }
            let mut text: *mut c_char = ptr::dangling_mut();
            let to_text = &raw mut text;
            let api = r.api;
            r.descriptor(format!("BIO_accept({socket}, text)"), || api.BIO_accept(fd, to_text));
            let seen = if text == ptr::dangling_mut() { "untouched".to_owned() } else { string_words(text) };
            r.see("text", seen);
        });
    }
}

fn nulls(run: &Run) {
    run.risky("get_port/NULL", |r| {
        let api = r.api;
        let mut port = 0xaaaa_u16;
        let place = &raw mut port;
        r.int("BIO_get_port(NULL)", || api.BIO_get_port(ptr::null(), place));
    });
    run.risky("get_port/NULL port", |r| {
        let api = r.api;
        r.int("BIO_get_port(\"80\", NULL)", || api.BIO_get_port(c"80".as_ptr(), ptr::null_mut()));
    });
    run.risky("get_host_ip/NULL", |r| {
        let api = r.api;
        let mut ip = [0xaa_u8; 4];
        let place = ip.as_mut_ptr();
        r.int("BIO_get_host_ip(NULL)", || api.BIO_get_host_ip(ptr::null(), place));
        r.see("ip", format!("{ip:?}"));
    });
    run.risky("get_host_ip/NULL ip", |r| {
        let api = r.api;
        r.int("BIO_get_host_ip(\"127.0.0.1\", NULL)", || {
            api.BIO_get_host_ip(c"127.0.0.1".as_ptr(), ptr::null_mut())
        });
    });
    run.risky("get_accept_socket/NULL", |r| {
        let api = r.api;
        let call = "BIO_get_accept_socket(NULL, 0)";
        r.descriptor(call, || api.BIO_get_accept_socket(ptr::null_mut(), 0 as c_int));
    });
    run.risky("gethostbyname/NULL", |r| {
        let api = r.api;
        r.call("BIO_gethostbyname(NULL)", host_words, || api.BIO_gethostbyname(ptr::null()));
    });
}
