//! `BIO_ADDR_*`: an address made of any bytes, and any bytes taken for an address.
#![no_main]

use biosock_capi as c;
use biosock_capi::{BIO_ADDR, Standalone};
use biosock_fuzz::{drain, must_queue_if, take};
use libfuzzer_sys::fuzz_target;
use std::mem::size_of;
use std::ptr;

fuzz_target!(|input: (bool, i8, u16, &[u8])| {
    let (make, family, port, bytes) = input;
    let family = [libc::AF_INET, libc::AF_INET6, libc::AF_UNIX][..]
        .get(usize::from(family.unsigned_abs() % 4))
        .copied()
        .unwrap_or(family.into());
    if make { made(family, port, bytes) } else { found(family, bytes) }
});

fn made(family: i32, port: u16, bytes: &[u8]) {
    // SAFETY: it has no preconditions.
    let addr = unsafe { c::BIO_ADDR_new::<Standalone>() };
    let len = bytes.len();
    // SAFETY: the address is ours, and the bytes are as many as told.
    let result = unsafe { c::BIO_ADDR_rawmake::<Standalone>(addr, family, bytes.as_ptr().cast(), len, port) };
    drain();
    if result == 1 {
        // SAFETY: the address is ours.
        assert_eq!(unsafe { c::BIO_ADDR_family::<Standalone>(addr) }, family);
        assert_eq!(raw(addr).as_deref(), Some(until_nul_if_path(family, bytes)));
    }
    ask(addr);
    // SAFETY: the address is ours, and not used afterwards.
    unsafe { c::BIO_ADDR_free::<Standalone>(addr) };
}

/// A path ends at its NUL, as in the system's calls.
fn until_nul_if_path(family: i32, bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == 0 && family == libc::AF_UNIX);
    &bytes[..end.unwrap_or(bytes.len())]
}

/// No more bytes than the family has are behind the pointer.
fn found(family: i32, bytes: &[u8]) {
    let size = match family {
        libc::AF_INET => size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
        _ => size_of::<BIO_ADDR>(),
    };
    // Allocated apart, so that reading beyond it is seen; as words, so that it is aligned.
    let mut layout = vec![0_u64; size.div_ceil(8)].into_boxed_slice();
    let place = layout.as_mut_ptr().cast::<u8>();
    let family = family as u16;
    let start = family.to_ne_bytes().into_iter().chain(bytes.iter().copied()).take(size);
    for (at, byte) in start.enumerate() {
        // SAFETY: the box has at least so many bytes.
        let to = unsafe { place.add(at) };
        // SAFETY: likewise.
        unsafe { to.write(byte) };
    }
    ask(place.cast::<BIO_ADDR>());
}

fn raw(addr: *const BIO_ADDR) -> Option<Vec<u8>> {
    let (mut bytes, mut len) = ([0xaa_u8; 256], 0_usize);
    // SAFETY: the address is valid, and the buffer larger than any.
    let known =
        unsafe { c::BIO_ADDR_rawaddress::<Standalone>(addr, bytes.as_mut_ptr().cast(), &raw mut len) };
    // SAFETY: the address is valid; only the length is asked.
    let same = unsafe { c::BIO_ADDR_rawaddress::<Standalone>(addr, ptr::null_mut(), ptr::null_mut()) };
    assert_eq!(known, same);
    (known == 1).then(|| bytes[..len].to_vec())
}

fn ask(addr: *const BIO_ADDR) {
    raw(addr);
    // SAFETY: the address is valid.
    unsafe { c::BIO_ADDR_rawport::<Standalone>(addr) };
    drain();
    // SAFETY: the address is valid.
    let host = unsafe { c::BIO_ADDR_hostname_string::<Standalone>(addr, 1) };
    must_queue_if(host.is_null());
    // SAFETY: the address is valid.
    let service = unsafe { c::BIO_ADDR_service_string::<Standalone>(addr, 1) };
    must_queue_if(service.is_null());
    // SAFETY: the address is valid.
    let path = unsafe { c::BIO_ADDR_path_string::<Standalone>(addr) };
    drain();
    for text in [host, service, path] {
        // SAFETY: the C layer made it.
        unsafe { take(text) };
    }
}
