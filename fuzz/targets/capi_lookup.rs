//! `BIO_lookup_ex` of what needs no resolver: literals and paths; the list is walked and freed.
#![no_main]

use biosock::{Domain, Family, Lookup, Protocol, Type};
use biosock_capi as c;
use biosock_capi::Standalone;
use biosock_fuzz::{c_text, must_queue_if, take};
use libfuzzer_sys::fuzz_target;
use std::ptr;

fuzz_target!(|input: (u8, u8, u8, &[u8], u16)| {
    let (family, socktype, protocol, host, port) = input;
    let family = [libc::AF_UNSPEC, libc::AF_INET, libc::AF_INET6, libc::AF_UNIX][usize::from(family % 4)];
    let (socktype, protocol) =
        (i32::from(socktype % 8), [0, 6, 17, i32::from(protocol)][usize::from(protocol % 4)]);
    let (host, service) = (c_text(host), c_text(port.to_string().as_bytes()));
    let question = Lookup::new()
        .host(host.to_bytes())
        .service(service.to_bytes())
        .socktype(Type::from_raw(socktype))
        .protocol(Protocol::from_raw(protocol));
    let question = match Family::try_from(Domain::from_raw(family)) {
        Ok(family) => question.family(family),
        Err(_) => question.unix(),
    };
    if family != libc::AF_UNIX && question.literal().is_none() {
        return;
    }
    let mut list = ptr::null_mut();
    // SAFETY: the texts end with a NUL, and the place is valid for writing.
    let result = unsafe {
        c::BIO_lookup_ex::<Standalone>(
            host.as_ptr(),
            service.as_ptr(),
            0,
            family,
            socktype,
            protocol,
            &raw mut list,
        )
    };
    must_queue_if(result != 1);
    assert_eq!(result == 1, !list.is_null());
    walk(list);
    // SAFETY: the list is the C layer's or NULL, and not used afterwards.
    unsafe { c::BIO_ADDRINFO_free::<Standalone>(list) };
});

fn walk(mut node: *const c::BIO_ADDRINFO) {
    while !node.is_null() {
        // SAFETY: the node is of a list that lives.
        let addr = unsafe { c::BIO_ADDRINFO_address(node) };
        // SAFETY: likewise.
        let family = unsafe { c::BIO_ADDRINFO_family(node) };
        // SAFETY: the address lives with its node.
        assert_eq!(unsafe { c::BIO_ADDR_family::<Standalone>(addr) }, family);
        // SAFETY: likewise.
        let text = unsafe { c::BIO_ADDR_hostname_string::<Standalone>(addr, 1) };
        must_queue_if(text.is_null());
        // SAFETY: the C layer made it.
        unsafe { take(text) };
        // SAFETY: the node is of a list that lives.
        node = unsafe { c::BIO_ADDRINFO_next(node) };
    }
}
