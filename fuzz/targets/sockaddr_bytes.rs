//! `fd::SockAddr::to_addr` of any bytes, as the system or a C caller may hand them.
#![no_main]

use biosock::fd::SockAddr;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let raw = SockAddr::from_bytes(bytes);
    assert_eq!(raw.as_bytes(), bytes);
    let _any = raw.family();
    if let Some(addr) = raw.to_addr() {
        assert_eq!(Some(addr.family()), raw.family());
        assert_eq!(addr.with_sockaddr(|again| again.to_addr()), Some(addr));
        let _any = addr.to_string();
    }
});
