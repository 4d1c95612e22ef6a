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
        assert_eq!(&*addr.raw_address(), without_closing_nuls(family, bytes));
        let read = addr.to_string().parse::<SocketAddr>();
        assert_eq!(read.ok(), Some(addr));
    }
});

/// A path may be given with the NUL that closes it; an abstract name begins with one and keeps all.
fn without_closing_nuls(family: Domain, bytes: &[u8]) -> &[u8] {
    if family != Domain::UNIX || bytes.first() == Some(&0) {
        return bytes;
    }
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}
