//! `SocketAddr::from_raw`: the bytes that made an address are those that it gives.
#![no_main]

use biosock::{Domain, SocketAddr};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (i8, u16, &[u8])| {
    let (family, port, bytes) = input;
    let family = match family {
        0 => Domain::IPV4,
        1 => Domain::IPV6,
        2 => Domain::UNIX,
        other => Domain::from_raw(other.into()),
    };
    if let Ok(addr) = SocketAddr::from_raw(family, bytes, port) {
        assert_eq!(addr.family(), family);
        assert_eq!(&*addr.raw_address(), bytes);
        let read = addr.to_string().parse::<SocketAddr>();
        assert_eq!(read.ok(), Some(addr));
    }
});
