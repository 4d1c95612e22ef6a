//! `Lookup::literal`: where it answers, getaddrinfo gives the same first address.
#![no_main]

use biosock::{Domain, Family, Lookup, SocketAddr, Type};
use biosock_fuzz::c_text;
use libc::addrinfo;
use libfuzzer_sys::fuzz_target;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr;

fuzz_target!(|input: (u8, &[u8], u16)| {
    let (family, host, port) = input;
    let family = [Family::Any, Family::Ipv4, Family::Ipv6][usize::from(family % 3)];
    let (host, service) = (c_text(host), port.to_string());
    let question =
        Lookup::new().host(host.to_bytes()).service(&service).family(family).socktype(Type::STREAM);
    if let Some(literal) = question.literal() {
        let first = literal.iter().next().expect("a literal has an address");
        assert_eq!(Some(first.addr), asked(&host, &c_text(service.as_bytes()), family.into()));
    }
});

/// The first address that the C library gives, asking nobody.
fn asked(host: &CStr, service: &CStr, family: Domain) -> Option<SocketAddr> {
    // SAFETY: all fields of hints may be zero.
    let mut hints: addrinfo = unsafe { MaybeUninit::zeroed().assume_init() };
    hints.ai_flags = libc::AI_NUMERICHOST | libc::AI_NUMERICSERV;
    hints.ai_family = family.as_raw();
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut list = ptr::null_mut();
    // SAFETY: texts and hints are valid, and so is the place for the list.
    let code = unsafe { libc::getaddrinfo(host.as_ptr(), service.as_ptr(), &raw const hints, &raw mut list) };
    if code != 0 {
        return None;
    }
    // SAFETY: a list that was given has a first node.
    let node = unsafe { &*list };
    // SAFETY: a node's address has as many bytes as it says.
    let bytes = unsafe { std::slice::from_raw_parts(node.ai_addr.cast::<u8>(), node.ai_addrlen as usize) };
    let addr = biosock::fd::SockAddr::from_bytes(bytes).to_addr();
    // SAFETY: the list is getaddrinfo's, and nothing of it is used any more.
    unsafe { libc::freeaddrinfo(list) };
    addr
}
