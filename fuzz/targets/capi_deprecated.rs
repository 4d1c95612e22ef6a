//! `BIO_get_port` of numbers and `BIO_get_host_ip` of literals.
#![no_main]

use biosock::{Family, Lookup, Type};
use biosock_capi as c;
use biosock_capi::Standalone;
use biosock_fuzz::{c_text, must_queue_if};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let text = c_text(text);
    let mut port = 0xaaaa_u16;
    // SAFETY: the text ends with a NUL, and the place is valid for writing.
    let result = unsafe { c::BIO_get_port::<Standalone>(text.as_ptr(), &raw mut port) };
    must_queue_if(result != 1);
    if let Ok(number) = text.to_string_lossy().parse::<u16>() {
        assert!(result != 1 || port == number, "{text:?} is not {port}");
    }

    let question = Lookup::new().host(text.to_bytes()).family(Family::Ipv4).socktype(Type::STREAM);
    if question.literal().is_none() {
        return;
    }
    let mut ip = [0_u8; 4];
    // SAFETY: the text ends with a NUL, and the place has room for four bytes.
    let result = unsafe { c::BIO_get_host_ip::<Standalone>(text.as_ptr(), ip.as_mut_ptr()) };
    must_queue_if(result != 1);
    let read = text.to_string_lossy().parse::<std::net::Ipv4Addr>();
    assert!(result == 1 && read.is_ok_and(|read| read.octets() == ip), "{text:?} is not {ip:?}");
});
