//! The `BIO_ADDR_*` functions.

use crate::api::Addr;
use crate::record::Record;
use crate::run::Run;
use crate::world::{self, LOOPBACK6, Place};
use libc::{c_int, c_void};
use std::ptr;

pub(crate) fn cases(run: &Run) {
    rawmake(run);
    read(run);
    copying(run);
    nulls(run);
}

const FAMILIES: [(c_int, &str); 6] = [
    (libc::AF_INET, "AF_INET"),
    (libc::AF_INET6, "AF_INET6"),
    (libc::AF_UNIX, "AF_UNIX"),
    (libc::AF_UNSPEC, "AF_UNSPEC"),
    (libc::AF_NETLINK, "AF_NETLINK"),
    (-1, "-1"),
];

const LENGTHS: [usize; 17] = [0, 1, 3, 4, 5, 15, 16, 17, 27, 28, 100, 106, 107, 108, 109, 110, 120];

/// A port whose bytes differ, so that a swap shows.
const PORT: u16 = u16::to_be(0x1234);

fn rawmake(run: &Run) {
    for (family, name) in FAMILIES {
        for len in LENGTHS {
            run.risky(&format!("ADDR_rawmake/{name}/{len}"), |r| {
                let mut bytes = [0_u8; 160];
                for (i, byte) in bytes.iter_mut().enumerate().take(len) {
                    *byte = b'a' + (i % 26) as u8;
                }
                made(r, name, family, &bytes, len);
            });
        }
    }
    rawmake_paths(run);
}

fn rawmake_paths(run: &Run) {
    const PATHS: [(&[u8], usize, &str); 8] = [
        (b"path\0", 4, "4 of path"),
        (b"path\0", 5, "path with NUL"),
        (b"path\0more\0", 9, "NUL within"),
        (b"path\0", 2, "2 of path"),
        (b"path\0", 0, "0 of path"),
        (b"\0abstract\0", 9, "abstract"),
        (b"\0", 0, "0 of empty"),
        (b"\0", 1, "1 of empty"),
    ];
    for (bytes, len, what) in PATHS {
        run.risky(&format!("ADDR_rawmake/path/{what}"), |r| {
            made(r, what, libc::AF_UNIX, bytes, len);
        });
    }
}

fn made(r: &mut Record<'_>, what: &str, family: c_int, bytes: &[u8], len: usize) {
    let api = r.api;
    let addr = api.BIO_ADDR_new();
    let call = format!("BIO_ADDR_rawmake(new, {what}, {len} bytes, 0x1234)");
    r.int(call, || api.BIO_ADDR_rawmake(addr, family, bytes.as_ptr().cast(), len, PORT));
    r.see("addr", world::address_words(addr.cast(), world::ADDR_LEN));
    parts(r, addr);
    api.BIO_ADDR_free(addr);
}

/// Every reader of an address.
fn parts(r: &mut Record<'_>, addr: *const Addr) {
    let api = r.api;
    r.int("BIO_ADDR_family(it)", || api.BIO_ADDR_family(addr));
    r.call(
        "BIO_ADDR_rawport(it)",
        |port| format!("{:#06x}", u16::from_be(port)),
        || api.BIO_ADDR_rawport(addr),
    );
    raw_address(r, addr, usize::MAX, true);
    raw_address(r, addr, 1, true);
    raw_address(r, addr, 0, false);
    let call = "BIO_ADDR_rawaddress(it, NULL, NULL)";
    r.int(call, || api.BIO_ADDR_rawaddress(addr, ptr::null_mut(), ptr::null_mut()));
    for numeric in [0, 1, 2, -1] {
        r.string(format!("BIO_ADDR_hostname_string(it, {numeric})"), || {
            api.BIO_ADDR_hostname_string(addr, numeric)
        });
        r.string(format!("BIO_ADDR_service_string(it, {numeric})"), || {
            api.BIO_ADDR_service_string(addr, numeric)
        });
    }
    r.string("BIO_ADDR_path_string(it)", || api.BIO_ADDR_path_string(addr));
}

fn raw_address(r: &mut Record<'_>, addr: *const Addr, len: usize, buffer: bool) {
    let api = r.api;
    let mut bytes = [0xaa_u8; 160];
    let mut length = len;
    let target = if buffer { bytes.as_mut_ptr().cast::<c_void>() } else { ptr::null_mut() };
    let where_ = if buffer { "buffer" } else { "NULL" };
    let place = &raw mut length;
    r.int(format!("BIO_ADDR_rawaddress(it, {where_}, length {len:#x})"), || {
        api.BIO_ADDR_rawaddress(addr, target, place)
    });
    r.see("length", if length == len { "untouched".to_owned() } else { length.to_string() });
    let written = bytes.iter().rposition(|byte| *byte != 0xaa).map_or(0, |last| last + 1);
    r.see("bytes", format!("{:02x?}", &bytes[..written]));
}

/// Addresses laid out by other code.
fn places() -> Vec<(&'static str, Place)> {
    let mut mapped = [0; 16];
    mapped[10..].copy_from_slice(&[0xff, 0xff, 127, 0, 0, 1]);
    let mut local = [0; 16];
    local[..2].copy_from_slice(&[0xfe, 0x80]);
    local[15] = 1;
    let mut scoped = Place::v6(local, 80);
    scoped.bytes[24..28].copy_from_slice(&1_u32.to_ne_bytes());
    let mut unknown_scope = scoped;
    unknown_scope.bytes[24..28].copy_from_slice(&9999_u32.to_ne_bytes());
    let mut flow = Place::v6(LOOPBACK6, 80);
    flow.bytes[4..8].copy_from_slice(&0x12345_u32.to_be_bytes());
    vec![
        ("127.0.0.1:80", Place::v4([127, 0, 0, 1], 80)),
        ("127.0.0.1:0", Place::v4([127, 0, 0, 1], 0)),
        ("127.0.0.1:9999", Place::v4([127, 0, 0, 1], 9999)),
        ("127.0.0.2:65535", Place::v4([127, 0, 0, 2], 65535)),
        ("0.0.0.0:443", Place::v4([0; 4], 443)),
        ("255.255.255.255:53", Place::v4([255; 4], 53)),
        ("[::1]:443", Place::v6(LOOPBACK6, 443)),
        ("[::]:0", Place::v6([0; 16], 0)),
        ("[::ffff:127.0.0.1]:22", Place::v6(mapped, 22)),
        ("fe80::1 scope 1", scoped),
        ("fe80::1 scope 9999", unknown_scope),
        ("::1 flow", flow),
        ("unix:path", Place::unix("path")),
        ("unix:long", Place::unix(&"y".repeat(107))),
        ("unix:108", Place::unix(&"y".repeat(108))),
        ("unix:empty", Place::unix("")),
        ("unix:@abstract", Place::unix("\0abstract")),
        ("unspec", Place::empty()),
        ("family 999", Place::v4([127, 0, 0, 1], 80).with_family(999)),
        ("AF_NETLINK", Place::empty().with_family(libc::AF_NETLINK)),
    ]
}

fn read(run: &Run) {
    for (what, place) in places() {
        run.case(&format!("ADDR_read/{what}"), |r| parts(r, place.as_addr()));
    }
}

fn copying(run: &Run) {
    run.case("ADDR_new", |r| {
        let api = r.api;
        let addr = r.call("BIO_ADDR_new()", |a: *mut Addr| (!a.is_null()).to_string(), || api.BIO_ADDR_new());
        parts(r, addr);
        r.void("BIO_ADDR_clear(it)", || api.BIO_ADDR_clear(addr));
        r.see("addr", world::address_words(addr.cast(), world::ADDR_LEN));
        r.void("BIO_ADDR_free(it)", || api.BIO_ADDR_free(addr));
    });
    for (what, place) in places() {
        run.case(&format!("ADDR_clear/{what}"), |r| {
            let api = r.api;
            let mut cleared = place;
            let addr = cleared.as_mut_addr();
            r.void("BIO_ADDR_clear(it)", || api.BIO_ADDR_clear(addr));
            r.see("bytes", format!("{:02x?}", cleared.bytes));
        });
        if run.has("BIO_ADDR_dup") {
            copies(run, what, &place);
        }
    }
}

fn copies(run: &Run, what: &str, place: &Place) {
    run.case(&format!("ADDR_copy/{what}"), |r| {
        let api = r.api;
        let mut to = Place::v6([7; 16], 7);
        let pointer = to.as_mut_addr();
        r.int("BIO_ADDR_copy(other, it)", || api.BIO_ADDR_copy(pointer, place.as_addr()));
        r.see("bytes", format!("{:02x?}", to.bytes));
    });
    run.case(&format!("ADDR_dup/{what}"), |r| {
        let api = r.api;
        let tell = |a: *mut Addr| (!a.is_null()).to_string();
        let copy = r.call("BIO_ADDR_dup(it)", tell, || api.BIO_ADDR_dup(place.as_addr()));
        if !copy.is_null() {
            r.see("addr", world::address_words(copy.cast(), world::ADDR_LEN));
        }
        api.BIO_ADDR_free(copy);
    });
}

fn nulls(run: &Run) {
    let null: *const Addr = ptr::null();
    run.risky("ADDR/NULL/free", |r| {
        let api = r.api;
        r.void("BIO_ADDR_free(NULL)", || api.BIO_ADDR_free(ptr::null_mut()));
    });
    run.risky("ADDR/NULL/clear", |r| {
        let api = r.api;
        r.void("BIO_ADDR_clear(NULL)", || api.BIO_ADDR_clear(ptr::null_mut()));
    });
    run.risky("ADDR/NULL/family", |r| {
        let api = r.api;
        r.int("BIO_ADDR_family(NULL)", || api.BIO_ADDR_family(null));
    });
    run.risky("ADDR/NULL/rawport", |r| {
        let api = r.api;
        r.int("BIO_ADDR_rawport(NULL)", || c_int::from(api.BIO_ADDR_rawport(null)));
    });
    run.risky("ADDR/NULL/rawaddress", |r| {
        let api = r.api;
        r.int("BIO_ADDR_rawaddress(NULL, NULL, NULL)", || {
            api.BIO_ADDR_rawaddress(null, ptr::null_mut(), ptr::null_mut())
        });
    });
    run.risky("ADDR/NULL/hostname", |r| {
        let api = r.api;
        r.string("BIO_ADDR_hostname_string(NULL, 1)", || api.BIO_ADDR_hostname_string(null, 1));
    });
    run.risky("ADDR/NULL/service", |r| {
        let api = r.api;
        r.string("BIO_ADDR_service_string(NULL, 1)", || api.BIO_ADDR_service_string(null, 1));
    });
    run.risky("ADDR/NULL/path", |r| {
        let api = r.api;
        r.string("BIO_ADDR_path_string(NULL)", || api.BIO_ADDR_path_string(null));
    });
    null_makers(run);
}

fn null_makers(run: &Run) {
    for (family, name) in FAMILIES {
        run.risky(&format!("ADDR/NULL/rawmake bytes {name}"), |r| {
            let api = r.api;
            let addr = api.BIO_ADDR_new();
            r.int(format!("BIO_ADDR_rawmake(new, {name}, NULL, 4, 0)"), || {
                api.BIO_ADDR_rawmake(addr, family, ptr::null(), 4, 0)
            });
        });
        run.risky(&format!("ADDR/NULL/rawmake addr {name}"), |r| {
            let api = r.api;
            let bytes = [127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0_u8];
            let len = if family == libc::AF_INET6 { 16 } else { 4 };
            r.int(format!("BIO_ADDR_rawmake(NULL, {name}, bytes, {len}, 0)"), || {
                api.BIO_ADDR_rawmake(ptr::null_mut(), family, bytes.as_ptr().cast(), len, 0)
            });
        });
    }
    if !run.has("BIO_ADDR_dup") {
        return;
    }
    run.risky("ADDR/NULL/dup", |r| {
        let api = r.api;
        let tell = |a: *mut Addr| (!a.is_null()).to_string();
        r.call("BIO_ADDR_dup(NULL)", tell, || api.BIO_ADDR_dup(ptr::null()));
    });
    run.risky("ADDR/NULL/copy from", |r| {
        let api = r.api;
        let mut to = Place::empty();
        let pointer = to.as_mut_addr();
        r.int("BIO_ADDR_copy(it, NULL)", || api.BIO_ADDR_copy(pointer, ptr::null()));
    });
    run.risky("ADDR/NULL/copy to", |r| {
        let api = r.api;
        let from = Place::v4([127, 0, 0, 1], 1);
        r.int("BIO_ADDR_copy(NULL, it)", || api.BIO_ADDR_copy(ptr::null_mut(), from.as_addr()));
    });
}
