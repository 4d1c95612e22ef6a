//! `BIO_ADDR_rawmake` and what an address then reports; also of bytes that no call made
//! an address of. An input is a byte of choices, the family's, two of the port, then the bytes.

use super::{Part, chosen, like_all, split};
use crate::api::Api;
use crate::log::Log;
use crate::rng::Rng;
use libc::{c_int, c_void};
use std::ptr;

pub(crate) const PART: Part = Part {
    name: "addr",
    unlike: like_all,
    full: 2_000_000,
    quick: 60_000,
    seeds,
    generate,
    observe,
    show,
    break_one,
};

const FAMILIES: [c_int; 8] =
    [libc::AF_INET, libc::AF_INET6, libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_UNSPEC, 16, -1];
const UNIX: u8 = 2;
const MAKE: u8 = 0;
const LARGEST: usize = 112;

fn seeds() -> Vec<Vec<u8>> {
    let bytes: [(u8, &[u8]); 8] = [
        (0, &[127, 0, 0, 1]),
        (0, &[127, 0, 0]),
        (1, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (1, &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (UNIX, b"/path/to/socket"),
        (UNIX, b""),
        (UNIX, &[b'p'; 107]),
        (UNIX, &[b'p'; 108]),
    ];
    bytes.iter().map(|(family, bytes)| [&[MAKE, *family, 0x01, 0xbb], *bytes].concat()).collect()
}

fn generate(rng: &mut Rng, seeds: &[Vec<u8>], to: &mut Vec<u8>) {
    if rng.once_in(4) {
        to.extend_from_slice(rng.pick::<Vec<u8>>(seeds));
        let at = rng.below(to.len());
        to[at] = rng.byte();
        return;
    }
    let family = rng.byte();
    to.extend([u8::from(rng.once_in(3)) | (rng.byte() << 1), family, rng.byte(), rng.byte()]);
    let len = match rng.below(6) {
        0 => rng.below(LARGEST + 1),
        1 => 4,
        2 => 16,
        _ => rng.below(24),
    };
    let printable = family % 8 == UNIX && !rng.once_in(8);
    to.extend((0..len).map(|_| if printable { b'!' + rng.byte() % 90 } else { rng.byte() }));
}

/// An input in words of the C function.
struct Input<'a> {
    make: bool,
    /// Whether names are asked for too, not only numbers.
    names: bool,
    family: c_int,
    port: u16,
    bytes: &'a [u8],
}

fn decode(input: &[u8]) -> Input<'_> {
    let ([how, family, high, low], bytes) = split(input);
    Input {
        make: how & 1 == MAKE,
        names: how & 6 == 0,
        family: chosen(&FAMILIES, family),
        port: u16::from_ne_bytes([high, low]),
        bytes: &bytes[..bytes.len().min(LARGEST)],
    }
}

fn observe(api: &Api, input: &[u8], log: &mut Log) {
    let input = decode(input);
    if input.make {
        made(api, &input, log);
    } else {
        found(api, &input, log);
    }
}

fn made(api: &Api, input: &Input<'_>, log: &mut Log) {
    let addr = api.BIO_ADDR_new();
    // OpenSSL reads a path to its NUL.
    let bytes = [input.bytes, &[0]].concat();
    log.call(api, "made", || {
        api.BIO_ADDR_rawmake(addr, input.family, bytes.as_ptr().cast(), input.bytes.len(), input.port)
    });
    ask(api, addr, input.names, log);
    api.BIO_ADDR_clear(addr);
    log.note("cleared", api.BIO_ADDR_family(addr));
    api.BIO_ADDR_free(addr);
}

/// The layout of an address, with room behind it for those who read on to a NUL.
#[repr(C, align(8))]
struct Layout([u8; 256]);

fn found(api: &Api, input: &Input<'_>, log: &mut Log) {
    let mut layout = Layout([0; 256]);
    let Ok(family) = u16::try_from(input.family & 0xffff) else {
        return;
    };
    layout.0[..2].copy_from_slice(&family.to_ne_bytes());
    layout.0[2..4].copy_from_slice(&input.port.to_ne_bytes());
    let end = 4 + input.bytes.len().min(LARGEST - 6);
    layout.0[4..end].copy_from_slice(&input.bytes[..end - 4]);
    ask(api, (&raw mut layout).cast(), input.names, log);
}

fn ask(api: &Api, addr: *mut c_void, names: bool, log: &mut Log) {
    log.note("family", api.BIO_ADDR_family(addr));
    log.note("port", api.BIO_ADDR_rawport(addr));
    let (mut bytes, mut len) = ([0xaa_u8; 256], 777_usize);
    log.call(api, "length asked", || api.BIO_ADDR_rawaddress(addr, ptr::null_mut(), &mut len));
    log.note("length", len);
    len = 0;
    log.call(api, "bytes asked", || api.BIO_ADDR_rawaddress(addr, bytes.as_mut_ptr().cast(), &mut len));
    log.note("length", len);
    let end = bytes.iter().rposition(|byte| *byte != 0xaa).map_or(0, |last| last + 1);
    log.note_bytes("bytes", &bytes[..end]);
    // Names take long: they are read from files each time.
    let ways: &[c_int] = if names { &[1, 0] } else { &[1] };
    for numeric in ways.iter().copied() {
        log.string(api, "host", || api.BIO_ADDR_hostname_string(addr, numeric));
        log.string(api, "service", || api.BIO_ADDR_service_string(addr, numeric));
    }
    log.string(api, "path", || api.BIO_ADDR_path_string(addr));
}

fn show(input: &[u8]) -> String {
    let Input { make, family, port, bytes, .. } = decode(input);
    let (len, bytes) = (bytes.len(), bytes.escape_ascii());
    let how = if make { "BIO_ADDR_rawmake" } else { "bytes of an address" };
    format!("{how}({family}, \"{bytes}\", {len}, {port:#x} as it lies)")
}

/// Returns half of the ports wrong.
fn break_one(api: &mut Api) {
    unsafe extern "C" fn broken(addr: *const c_void) -> u16 {
        // SAFETY: an address has at least the bytes of an IPv4 one.
        let place = unsafe { addr.cast::<u16>().add(1) };
        // SAFETY: likewise.
        unsafe { place.read() & 0x7fff }
    }
    api.BIO_ADDR_rawport = Some(broken);
}
