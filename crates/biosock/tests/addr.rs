//! Addresses: strings, raw bytes, std's types.

use std::net::{Ipv6Addr, SocketAddrV6};

use biosock::{Domain, Error, SocketAddr, UnixAddr, fd};
use proptest::prelude::*;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|error: Error| panic!("{error}"))
}

#[test]
fn text_comes_back_as_it_was() {
    let texts = [
        "127.0.0.1:80",
        "0.0.0.0:0",
        "255.255.255.255:65535",
        "[::1]:80",
        "[::]:0",
        "[2001:db8::1]:443",
        "[::ffff:1.2.3.4]:1",
        "[fe80::1%1]:80",
        "[fe80::1%4294967295]:80",
        "unix:/run/x.sock",
        "unix:relative",
        r"unix:\x40not-abstract",
        r"unix:/tmp/a\x0ab",
        r"unix:/tmp/back\x5cslash",
        r"unix:/tmp/\xff",
        "unix:/tmp/größe",
        "unix:@name",
        r"unix:@a\x00b",
        "unix:@",
        "unix:",
    ];
    for text in texts {
        assert_eq!(addr(text).to_string(), text);
    }
}

#[test]
fn text_is_padded_as_a_column_wants_it() {
    assert_eq!(format!("{:>14}|", addr("1.2.3.4:5")), "     1.2.3.4:5|");
}

#[test]
fn bad_text_is_told_with_its_place() {
    let cases = [
        ("", 0, "missing port; write 127.0.0.1:80"),
        ("127.0.0.1", 9, "missing port; write 127.0.0.1:80"),
        ("127.0.0.1:", 10, "missing port"),
        ("127.0.0.1:http", 10, "the port is not a number"),
        ("127.0.0.1:-1", 10, "the port is not a number"),
        ("127.0.0.1:65536", 10, "the port is above 65535"),
        ("localhost:80", 0, "not an address; look names up with Lookup, write IPv6 as [::1]:80"),
        ("::1:80", 0, "not an address; look names up with Lookup, write IPv6 as [::1]:80"),
        ("[::1", 4, "missing closing ]"),
        ("[::1]", 5, "missing port; write [::1]:80"),
        ("[::1]80", 5, "missing port; write [::1]:80"),
        ("[::1]:x", 6, "the port is not a number"),
        ("[::g]:80", 1, "not an IPv6 address"),
        ("[127.0.0.1]:80", 1, "not an IPv6 address"),
        ("[fe80::1%no-such]:80", 9, "no such interface"),
        ("[fe80::1%]:80", 9, "no such interface"),
        ("[fe80::1%4294967296]:80", 9, "the zone is above 4294967295"),
        (r"unix:\x4", 5, r"an escape is \x and two hexadecimal digits"),
        (r"unix:@a\n", 7, r"an escape is \x and two hexadecimal digits"),
        (r"unix:a\x00b", 1, "NUL byte in the path"),
    ];
    for (text, at, problem) in cases {
        let error = text.parse::<SocketAddr>().unwrap_err();
        assert_eq!(error.input().map(|(_, at)| at), Some(at), "{text}: {error}");
        assert!(error.to_string().contains(problem), "{text}: {error}");
    }
}

#[test]
fn messages_carry_no_control_characters_and_end() {
    let error = "\x1b[31mred\r\n:80".parse::<SocketAddr>().unwrap_err().to_string();
    assert!(!error.contains(char::is_control), "{error:?}");
    let error = format!("{}:80", "é".repeat(100_000)).parse::<SocketAddr>().unwrap_err().to_string();
    assert!(error.len() < 400, "{}", error.len());
}

#[test]
fn raw_bytes_are_checked_for_length() {
    let wrong = [
        (Domain::IPV4, 0),
        (Domain::IPV4, 3),
        (Domain::IPV4, 5),
        (Domain::IPV6, 4),
        (Domain::IPV6, 15),
        (Domain::IPV6, 17),
        (Domain::UNIX, 109),
        (Domain::UNSPEC, 4),
        (Domain::from_raw(77), 4),
    ];
    for (family, len) in wrong {
        assert!(SocketAddr::from_raw(family, &vec![1; len], 80).is_err(), "{family} {len}");
    }
    assert_eq!(SocketAddr::from_raw(Domain::IPV6, &[0; 16], 80).unwrap(), addr("[::]:80"));
    assert_eq!(SocketAddr::from_raw(Domain::UNIX, b"/x\0\0", 80).unwrap(), addr("unix:/x"));
    assert!(SocketAddr::from_raw(Domain::UNIX, b"/x\0y", 80).is_err());
}

#[test]
fn flow_info_and_zone_survive_the_system_s_layout() {
    let v6 = SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 7, 0x1234_5678, 9));
    assert_eq!(v6.with_sockaddr(|raw| raw.to_addr()), Some(v6));
}

#[test]
fn only_ip_addresses_are_std_s() {
    assert!(std::net::SocketAddr::try_from(addr("[::1]:80")).is_ok());
    let error = std::net::SocketAddr::try_from(addr("unix:x")).unwrap_err();
    assert_eq!(error.to_string(), "convert into std::net::SocketAddr: unsupported protocol family");
}

#[test]
fn unix_addresses_are_std_s_as_well() {
    use std::os::unix::net;
    for text in ["unix:/run/x", "unix:@name", "unix:"] {
        let addr: UnixAddr = text.parse().unwrap();
        let std = net::SocketAddr::try_from(addr).unwrap();
        assert_eq!(UnixAddr::try_from(std).unwrap(), addr, "{text}");
    }
    let longest = UnixAddr::from_path("x".repeat(108)).unwrap();
    let error = net::SocketAddr::try_from(longest).unwrap_err();
    assert_eq!(
        error.to_string(),
        "convert into std's SocketAddr: a path of 108 bytes, which std does not take"
    );
}

proptest! {
    #[test]
    fn any_ip_address_round_trips(ip: std::net::IpAddr, port: u16) {
        let addr = SocketAddr::from((ip, port));
        prop_assert_eq!(addr.to_string().parse::<SocketAddr>().unwrap(), addr);
        prop_assert_eq!(addr.with_sockaddr(|raw| raw.to_addr()), Some(addr));
        prop_assert_eq!(SocketAddr::from_raw(addr.family(), &addr.raw_address(), port).unwrap(), addr);
        // std formats an address without a zone the same way.
        prop_assert_eq!(addr.to_string(), std::net::SocketAddr::new(ip, port).to_string());
    }

    #[test]
    fn any_abstract_name_round_trips(name in prop::collection::vec(any::<u8>(), 0..108)) {
        let addr = SocketAddr::from(UnixAddr::from_abstract_name(&name).unwrap());
        prop_assert_eq!(addr.to_string().parse::<SocketAddr>().unwrap(), addr);
        prop_assert_eq!(addr.with_sockaddr(|raw| raw.to_addr()), Some(addr));
    }

    #[test]
    fn any_path_round_trips(path in prop::collection::vec(1u8.., 1..=108)) {
        let addr = SocketAddr::from_raw(Domain::UNIX, &path, 0).unwrap();
        prop_assert_eq!(addr.to_string().parse::<SocketAddr>().unwrap(), addr);
        prop_assert_eq!(addr.with_sockaddr(|raw| raw.to_addr()), Some(addr));
        prop_assert_eq!(&*addr.raw_address(), &path[..]);
        prop_assert!(!addr.to_string().contains(|c: char| c.is_ascii_control()));
    }

    #[test]
    fn no_text_panics(text in "\\PC*", prefix in prop::sample::select(vec!["", "unix:", "unix:@", "[", "[::1]:", "[fe80::1%"])) {
        let text = prefix.to_owned() + &text;
        match text.parse::<SocketAddr>() {
            Ok(addr) => prop_assert_eq!(addr.to_string().parse::<SocketAddr>().unwrap(), addr),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn no_bytes_in_the_system_s_layout_panic(bytes in prop::collection::vec(any::<u8>(), 0..140), family in prop::option::of(0u16..12)) {
        let mut bytes = bytes;
        if let (Some(family), true) = (family, bytes.len() >= 2) {
            bytes[..2].copy_from_slice(&family.to_ne_bytes());
        }
        let raw = biosock::fd::SockAddr::from_bytes(&bytes);
        if let Some(addr) = raw.to_addr() {
            prop_assert_eq!(Some(addr.family()), raw.family());
            prop_assert_eq!(addr.with_sockaddr(|raw| raw.to_addr()), Some(addr));
        }
    }
}

#[test]
fn numeric_names_as_bytes() {
    let addr: SocketAddr = "[2001:db8::1]:443".parse().unwrap();
    let names = addr.with_sockaddr(|raw| fd::raw_names_of(raw, true)).unwrap();
    assert_eq!((names.host(), names.service()), (&b"2001:db8::1"[..], &b"443"[..]));
    assert_eq!(format!("{names:?}"), "RawNames { host: 2001:db8::1, service: 443 }");
}

/// Safe code must not read beyond an address.
#[test]
fn the_names_of_a_path_are_of_its_own_bytes() {
    let heap = b"\x01\x00/sock|SECRET-OF-OTHERS\0".to_vec();
    let names = fd::raw_names_of(fd::SockAddr::from_bytes(&heap[..7]), true).unwrap();
    assert_eq!(names.service(), b"/sock");
    let names = |len| fd::raw_names_of(fd::SockAddr::from_bytes(&heap[..len]), true);
    assert_eq!(names(2).unwrap().service(), b"", "a family alone");
    assert!(names(0).is_err() && names(1).is_err(), "less than a family");
}
