//! The C functions, called as from C, with the stand-alone form's queue. The
//! expected values are those of the originals, except for NULL.
#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block,
    reason = "each call below passes what its function asks for"
)]

mod common;

use std::ffi::{CStr, c_char, c_int, c_ulong};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::ptr;

use biosock_capi::*;
use common::{Addr, CONNECT, NULL_ENTRY, S, close, codes, errno, set_errno, system};

const INVALID_SOCKET_ENTRY: c_ulong = 0x1000_0087;

/// Frees a string that the library returned.
fn text(given: *mut c_char) -> Option<String> {
    if given.is_null() {
        return None;
    }
    let text = unsafe { CStr::from_ptr(given) }.to_string_lossy().into_owned();
    unsafe { CRYPTO_free(given.cast(), ptr::null(), 0) };
    Some(text)
}

fn stream() -> c_int {
    unsafe { BIO_socket::<S>(libc::AF_INET, libc::SOCK_STREAM, 0, 0) }
}

/// A listening socket and its address.
fn listener() -> (c_int, Addr) {
    let sock = stream();
    assert_eq!(unsafe { BIO_listen::<S>(sock, Addr::v4(0).0, 1) }, 1);
    let addr = Addr::new();
    let info = BIO_sock_info_u { addr: addr.0 };
    assert_eq!(unsafe { BIO_sock_info::<S>(sock, 0, &info) }, 1);
    (sock, addr)
}

#[test]
fn connections_carry_data_end_to_end() {
    let (server, addr) = listener();
    let client = stream();
    assert_eq!(unsafe { BIO_connect::<S>(client, addr.0, 0x04 | 0x10) }, 1);
    let peer = Addr::new();
    let accepted = unsafe { BIO_accept_ex::<S>(server, peer.0, 0) };
    assert!(accepted >= 0);
    assert_eq!(text(unsafe { BIO_ADDR_hostname_string::<S>(peer.0, 1) }).as_deref(), Some("127.0.0.1"));
    [accepted, client, server].into_iter().for_each(close);
    assert_eq!(codes(), []);
}

#[test]
fn a_refused_connection_leaves_two_entries_and_errno() {
    let (server, addr) = listener();
    close(server);
    let client = stream();
    set_errno(0);
    assert_eq!(unsafe { BIO_connect::<S>(client, addr.0, 0) }, 0);
    assert_eq!(errno(), libc::ECONNREFUSED);
    assert_eq!(codes(), [system(libc::ECONNREFUSED), CONNECT]);
    close(client);
}

#[test]
fn minus_one_is_an_invalid_socket_and_errno_is_preserved() {
    let addr = Addr::v4(1);
    for call in [BIO_bind::<S>, BIO_connect::<S>, BIO_listen::<S>] {
        set_errno(libc::EPIPE);
        assert_eq!(unsafe { call(-1, addr.0, 0) }, 0);
        assert_eq!((codes(), errno()), (vec![INVALID_SOCKET_ENTRY], libc::EPIPE));
    }
}

#[test]
fn the_error_for_a_closed_descriptor_names_the_first_call() {
    let addr = Addr::v4(1);
    let closed = stream();
    close(closed);
    let high = closed + 1000;
    assert_eq!(unsafe { BIO_connect::<S>(high, addr.0, 0) }, 0);
    let mut function = ptr::null();
    unsafe { ERR_peek_error_func(&mut function) };
    assert_eq!(unsafe { CStr::from_ptr(function) }, c"BIO_socket_ioctl");
    assert_eq!((codes(), errno()), (vec![system(libc::EBADF)], libc::EBADF));
    assert_eq!(unsafe { BIO_listen::<S>(high, addr.0, 0) }, 0);
    assert_eq!(codes(), [system(libc::EBADF), 0x1000_0086]);
    assert_eq!(unsafe { BIO_accept_ex::<S>(high, ptr::null_mut(), 0) }, -1);
    assert_eq!(codes(), [system(libc::EBADF), 0x1000_0064]);
    assert_eq!(unsafe { BIO_closesocket::<S>(high) }, 0);
    assert_eq!((codes(), errno()), (vec![], libc::EBADF));
}

#[test]
fn a_failed_bind_within_listen_is_reported_as_bind() {
    let (first, addr) = listener();
    let second = stream();
    assert_eq!(unsafe { BIO_listen::<S>(second, addr.0, 0) }, 0);
    let mut func = ptr::null();
    unsafe { ERR_peek_error_func(&mut func) };
    assert_eq!(unsafe { CStr::from_ptr(func) }, c"BIO_bind");
    assert_eq!((codes(), errno()), (vec![system(libc::EADDRINUSE), 0x1000_0075], libc::EADDRINUSE));
    close(first);
    close(second);
}

#[test]
fn would_block_is_only_in_errno() {
    let (server, _addr) = listener();
    assert_eq!(unsafe { BIO_socket_nbio::<S>(server, 1) }, 1);
    assert_eq!(unsafe { BIO_accept_ex::<S>(server, ptr::null_mut(), 0) }, -1);
    assert_eq!((codes(), errno()), (vec![], libc::EAGAIN));
    assert_eq!(BIO_sock_should_retry(-1), 1);
    let mut untouched = c"untouched".as_ptr().cast_mut();
    assert_eq!(unsafe { BIO_accept::<S>(server, &mut untouched) }, -2);
    assert_eq!(unsafe { CStr::from_ptr(untouched) }, c"untouched");
    close(server);
}

#[test]
fn the_deprecated_accept_functions_work() {
    let server = unsafe { BIO_get_accept_socket::<S>(c"127.0.0.1:0".as_ptr(), 1) };
    assert!(server >= 0, "{:?}", codes());
    let addr = Addr::new();
    let info = BIO_sock_info_u { addr: addr.0 };
    assert_eq!(unsafe { BIO_sock_info::<S>(server, 0, &info) }, 1);
    let client = stream();
    assert_eq!(unsafe { BIO_connect::<S>(client, addr.0, 0) }, 1);
    let mut peer = ptr::null_mut();
    let accepted = unsafe { BIO_accept::<S>(server, &mut peer) };
    assert!(text(peer).is_some_and(|peer| peer.starts_with("127.0.0.1:")));
    [accepted, client, server].into_iter().for_each(close);
    assert_eq!(unsafe { BIO_accept::<S>(server + 1000, ptr::null_mut()) }, -1);
    let pair = [system(libc::EBADF), 0x1000_0064];
    assert_eq!(codes(), [pair, pair].concat());
    let mut port = 0;
    assert_eq!(unsafe { BIO_get_port::<S>(c"8080".as_ptr(), &mut port) }, 1);
    assert_eq!(port, 8080);
    let mut ip = [0u8; 4];
    assert_eq!(unsafe { BIO_get_host_ip::<S>(c"127.0.0.2".as_ptr(), ip.as_mut_ptr()) }, 1);
    assert_eq!(ip, [127, 0, 0, 2]);
}

#[test]
fn failed_deprecated_lookups_name_the_host_or_service() {
    let mut ip = [0u8; 4];
    assert_eq!(unsafe { BIO_get_host_ip::<S>(c"::1".as_ptr(), ip.as_mut_ptr()) }, 0);
    let (mut data, mut flags) = (ptr::null(), 0);
    let code = unsafe { ERR_peek_error_data(&mut data, &mut flags) };
    let data = unsafe { CStr::from_ptr(data) }.to_str().expect("ASCII");
    assert_eq!((code, flags), (0x1008_0002, 3));
    assert!(data.ends_with("host=::1") && data.len() > 8, "{data}");
    ERR_clear_error();
    assert_eq!(unsafe { BIO_get_port::<S>(ptr::null(), ptr::null_mut()) }, 0);
    assert_eq!(codes(), [0x1000_0071]);
}

#[test]
fn null_is_refused_with_an_entry() {
    let sock = stream();
    let null = ptr::null_mut::<BIO_ADDR>();
    let no_text = ptr::null::<c_char>();
    let calls: [(&str, &dyn Fn() -> bool); 13] = unsafe {
        [
            ("bind", &|| BIO_bind::<S>(sock, null, 0) == 0),
            ("connect", &|| BIO_connect::<S>(sock, null, 0) == 0),
            ("listen", &|| BIO_listen::<S>(sock, null, 0) == 0),
            ("rawmake", &|| BIO_ADDR_rawmake::<S>(null, libc::AF_UNIX, no_text.cast(), 1, 0) == 0),
            ("rawaddress", &|| BIO_ADDR_rawaddress::<S>(null, ptr::null_mut(), ptr::null_mut()) == 0),
            ("rawport", &|| BIO_ADDR_rawport::<S>(null) == 0),
            ("family", &|| BIO_ADDR_family::<S>(null) == libc::AF_UNSPEC),
            ("hostname", &|| BIO_ADDR_hostname_string::<S>(null, 1).is_null()),
            ("path", &|| BIO_ADDR_path_string::<S>(null).is_null()),
            ("lookup", &|| BIO_lookup::<S>(no_text, no_text, 0, 0, 0, ptr::null_mut()) == 0),
            ("hostserv", &|| BIO_parse_hostserv::<S>(no_text, ptr::null_mut(), ptr::null_mut(), 0) == 0),
            ("accept socket", &|| BIO_get_accept_socket::<S>(no_text, 0) == -1),
            ("sock_info", &|| BIO_sock_info::<S>(sock, 0, ptr::null()) == 0),
        ]
    };
    for (name, refused) in calls {
        assert!(refused(), "{name}");
        assert_eq!(codes(), [NULL_ENTRY], "{name}");
    }
    unsafe { BIO_ADDR_free::<S>(null) };
    unsafe { BIO_ADDRINFO_free::<S>(ptr::null_mut()) };
    assert_eq!(codes(), []);
    close(sock);
}

#[test]
fn addresses_are_read_only_up_to_the_size_of_their_family() {
    // A separate page, followed by an unreadable one.
    let page = 4096;
    let both = unsafe {
        libc::mmap(ptr::null_mut(), 2 * page, libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    };
    assert_ne!(both, libc::MAP_FAILED);
    assert_eq!(unsafe { libc::mprotect(both, page, libc::PROT_READ | libc::PROT_WRITE) }, 0);
    let mut bare: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    bare.sin_family = libc::AF_INET as libc::sa_family_t;
    bare.sin_port = 7u16.to_be();
    let size = size_of_val(&bare);
    let place = unsafe { both.cast::<u8>().add(page - size) };
    unsafe { ptr::copy_nonoverlapping((&raw const bare).cast(), place, size) };
    let addr = place.cast::<BIO_ADDR>();
    assert_eq!(unsafe { BIO_ADDR_rawport::<S>(addr) }, 7u16.to_be());
    assert_eq!(text(unsafe { BIO_ADDR_service_string::<S>(addr, 1) }).as_deref(), Some("7"));
    let copy = unsafe { BIO_ADDR_dup::<S>(addr) };
    assert_eq!(unsafe { BIO_ADDR_rawport::<S>(copy) }, 7u16.to_be());
    unsafe { BIO_ADDR_free::<S>(copy) };
    assert_eq!(unsafe { libc::munmap(both, 2 * page) }, 0);
}

#[test]
fn raw_addresses_have_the_bytes_of_their_family() {
    let addr = Addr::new();
    let bytes: Vec<u8> = (1..=16).collect();
    let make = |family, length| unsafe {
        BIO_ADDR_rawmake::<S>(addr.0, family, bytes.as_ptr().cast(), length, 0x1234)
    };
    for (family, fits) in [(libc::AF_INET, 4), (libc::AF_INET6, 16)] {
        let done: Vec<_> = (0..=16).filter(|length| make(family, *length) == 1).collect();
        assert_eq!(done, [fits], "{family}");
        let (mut part, mut length) = ([0u8; 16], 0);
        assert_eq!(unsafe { BIO_ADDR_rawaddress::<S>(addr.0, part.as_mut_ptr().cast(), &mut length) }, 1);
        assert_eq!(&part[..length], &bytes[..fits]);
        assert_eq!(
            unsafe { (BIO_ADDR_family::<S>(addr.0), BIO_ADDR_rawport::<S>(addr.0)) },
            (family, 0x1234)
        );
    }
    assert_eq!(make(libc::AF_UNSPEC, 4), 0);
    assert_eq!(codes(), []);
}

/// For OpenSSL's internal calls: the address is the OS's structure.
#[test]
fn addresses_have_the_layout_of_the_os() {
    let addr = Addr::v4(80);
    assert_eq!(BIO_ADDR_sockaddr(addr.0), addr.0.cast_const().cast());
    assert_eq!(BIO_ADDR_sockaddr_noconst(addr.0), addr.0.cast());
    let size = unsafe { BIO_ADDR_sockaddr_size::<S>(addr.0) };
    assert_eq!(size as usize, size_of::<libc::sockaddr_in>());
}

#[test]
fn unix_addresses_have_exactly_the_given_bytes() {
    let addr = Addr::new();
    let make = |path: &[u8]| unsafe {
        BIO_ADDR_rawmake::<S>(addr.0, libc::AF_UNIX, path.as_ptr().cast(), path.len(), 9)
    };
    assert_eq!(make(b"/run/x and more"[..6].as_ref()), 1);
    assert_eq!(text(unsafe { BIO_ADDR_path_string::<S>(addr.0) }).as_deref(), Some("/run/x"));
    assert_eq!(unsafe { BIO_ADDR_rawport::<S>(addr.0) }, 0);
    let (mut part, mut length) = ([0u8; 128], 0);
    assert_eq!(unsafe { BIO_ADDR_rawaddress::<S>(addr.0, part.as_mut_ptr().cast(), &mut length) }, 1);
    assert_eq!(&part[..length], b"/run/x");
    assert_eq!((make(&[b'x'; 107]), make(&[b'x'; 108])), (1, 0));
    assert_eq!(text(unsafe { BIO_ADDR_path_string::<S>(addr.0) }).map(|path| path.len()), Some(107));
}

/// The results of a lookup, freed.
fn found(host: &CStr, service: &CStr, family: c_int, socktype: c_int) -> Vec<(c_int, c_int, String)> {
    let mut list = ptr::null_mut();
    let done = unsafe { BIO_lookup::<S>(host.as_ptr(), service.as_ptr(), 0, family, socktype, &mut list) };
    let mut all = Vec::new();
    let mut node = list.cast_const();
    while done == 1 && !node.is_null() {
        let addr = unsafe { BIO_ADDRINFO_address(node) };
        let host = text(unsafe { BIO_ADDR_hostname_string::<S>(addr, 1) }).expect("a host");
        let protocol = unsafe { BIO_ADDRINFO_protocol(node) };
        all.push((unsafe { BIO_ADDRINFO_socktype(node) }, protocol, host));
        node = unsafe { BIO_ADDRINFO_next(node) };
    }
    unsafe { BIO_ADDRINFO_free::<S>(list) };
    all
}

#[test]
fn numeric_addresses_are_looked_up_for_every_type() {
    let one = |host: &str| vec![(libc::SOCK_STREAM, libc::IPPROTO_TCP, String::from(host))];
    for family in [libc::AF_UNSPEC, libc::AF_INET] {
        assert_eq!(found(c"127.0.0.1", c"80", family, libc::SOCK_STREAM), one("127.0.0.1"));
        assert_eq!(found(c"127.0.0.1", c"80", family, 0).len(), 3);
    }
    assert_eq!(found(c"::1", c"80", libc::AF_INET6, libc::SOCK_STREAM), one("::1"));
    assert_eq!(codes(), []);
}

#[test]
fn unknown_families_and_services_have_specific_codes() {
    assert_eq!(found(c"127.0.0.1", c"80", 99, 0), []);
    assert_eq!(codes(), [0x1000_0083]);
    assert_eq!(found(c"127.0.0.1", c"no-such-service", libc::AF_INET, libc::SOCK_STREAM), []);
    assert_eq!(codes(), [0x1008_0002]);
    let long = std::ffi::CString::new(vec![b'x'; 200]).expect("no NUL");
    assert_eq!(found(&long, c"", libc::AF_UNIX, 0), []);
    assert_eq!(codes(), [0x1008_0020]);
}

#[test]
fn host_and_service_are_split() {
    let parse = |all: &CStr, priority| {
        let (mut host, mut service) = (ptr::null_mut(), ptr::null_mut());
        let done = unsafe { BIO_parse_hostserv::<S>(all.as_ptr(), &mut host, &mut service, priority) };
        (done, text(host), text(service))
    };
    let some = |text: &str| Some(String::from(text));
    assert_eq!(parse(c"[::1]:80", 0), (1, some("::1"), some("80")));
    assert_eq!(parse(c"*:80", 0), (1, None, some("80")));
    assert_eq!(parse(c"http", 0), (1, some("http"), None));
    assert_eq!(parse(c"http", 1), (1, None, some("http")));
    assert_eq!(parse(c"a:b:c", 0), (0, None, None));
    assert_eq!(parse(c"[::1]x", 0), (0, None, None));
    assert_eq!(codes(), [0x1000_0081, 0x1000_0082]);

    // NULL for an unwanted part.
    let null = ptr::null_mut();
    let (mut host, mut service) = (ptr::null_mut(), ptr::null_mut());
    assert_eq!(unsafe { BIO_parse_hostserv::<S>(c"a:b".as_ptr(), &mut host, null, 0) }, 1);
    assert_eq!(unsafe { BIO_parse_hostserv::<S>(c"a:b".as_ptr(), null, &mut service, 0) }, 1);
    assert_eq!((text(host), text(service)), (some("a"), some("b")));
}

#[test]
fn waiting_returns_ready_timed_out_or_failed() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let wait = |sock, for_read, until| unsafe { BIO_socket_wait::<S>(sock, for_read, until) };
    let now = unsafe { libc::time(ptr::null_mut()) };
    let sock = ours.as_raw_fd();
    assert_eq!((wait(sock, 0, now + 5), wait(sock, 1, 0), wait(sock, 1, now - 5)), (1, 1, 0));
    assert_eq!(wait(sock, 1, now), 0);
    assert_eq!(wait(-1, 1, now + 5), -1);
    close(theirs.into_raw_fd());
    assert_eq!(wait(sock, 1, now + 5), 1);
    assert_eq!(codes(), []);
}

#[test]
fn the_helpers_report_by_errno_or_by_entry() {
    let sock = stream();
    assert_eq!(unsafe { BIO_set_tcp_ndelay::<S>(sock, 1) }, 1);
    assert_eq!(unsafe { BIO_sock_error::<S>(sock) }, 0);
    assert_eq!(unsafe { BIO_sock_info::<S>(sock, 7, ptr::null()) }, 0);
    assert_eq!(codes(), [0x1000_008C]);
    close(sock);
    let high = sock + 1000;
    assert_eq!(unsafe { BIO_sock_error::<S>(high) }, libc::EBADF);
    assert_eq!(unsafe { BIO_set_tcp_ndelay::<S>(high, 1) }, 0);
    assert_eq!(codes(), []);
    assert_eq!(unsafe { BIO_socket_ioctl::<S>(high, 0x5421, ptr::null_mut()) }, -1);
    assert_eq!(unsafe { BIO_socket_nbio::<S>(high, 1) }, 0);
    assert_eq!(codes(), [system(libc::EBADF); 2]);
    assert_eq!(BIO_sock_init(), 1);
}
