//! The parts of addresses, strings and errors.

use std::collections::HashSet;
use std::error::Error as _;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::path::Path;

use biosock::{
    Domain, Error, ErrorKind, HostServ, Lookup, Operation, Part, Priority, QueueEntry, Reason, SocketAddr,
    UnixAddr,
};

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|error: Error| panic!("{error}"))
}

fn unix(text: &str) -> UnixAddr {
    text.parse().unwrap_or_else(|error: Error| panic!("{error}"))
}

#[test]
fn addresses_have_the_parts_of_their_family() {
    let (v4, v6, path) = (addr("127.0.0.1:80"), addr("[::1]:443"), addr("unix:/x"));
    assert_eq!([v4.family(), v6.family(), path.family()], [Domain::IPV4, Domain::IPV6, Domain::UNIX]);
    assert_eq!([v4.port(), v6.port(), path.port()], [Some(80), Some(443), None]);
    let ips = [Some(Ipv4Addr::LOCALHOST.into()), Some(Ipv6Addr::LOCALHOST.into()), None];
    assert_eq!([v4.ip(), v6.ip(), path.ip()], ips);
    assert_eq!([v4.path(), v6.path(), path.path()], [None, None, Some(Path::new("/x"))]);
    assert_eq!([addr("unix:@x").path(), addr("unix:").path()], [None, None]);
}

#[test]
fn another_port_changes_nothing_else() {
    assert_eq!(addr("127.0.0.1:80").with_port(81), addr("127.0.0.1:81"));
    assert_eq!(addr("[fe80::1%7]:80").with_port(81), addr("[fe80::1%7]:81"));
    assert_eq!(addr("unix:/x").with_port(81), addr("unix:/x"));
}

#[test]
fn addresses_come_from_std_s() {
    let (v4, v6) =
        (SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80), SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 0, 0));
    assert_eq!(SocketAddr::from(v4), addr("127.0.0.1:80"));
    assert_eq!(SocketAddr::from(v6), addr("[::1]:80"));
    assert_eq!(SocketAddr::from(std::net::SocketAddr::from(v6)), addr("[::1]:80"));
    assert_eq!(std::net::SocketAddr::try_from(addr("127.0.0.1:80")).unwrap(), v4.into());
    assert_eq!(std::net::SocketAddr::try_from(addr("[::1]:80")).unwrap(), v6.into());
}

#[test]
fn debug_shows_what_display_does() {
    assert_eq!(format!("{:?}", addr("[::1]:80")), "[::1]:80");
    assert_eq!(format!("{:?}", unix("unix:@x")), "unix:@x");
    assert_eq!(format!("{:?}", addr("10.0.0.1:80").raw_address()), "[10, 0, 0, 1]");
}

#[test]
fn bytes_of_a_wrong_length_are_told_with_the_right_one() {
    let cases = [
        (Domain::IPV4, 3, 3, "an IPv4 address is 4 bytes"),
        (Domain::IPV4, 6, 4, "an IPv4 address is 4 bytes"),
        (Domain::IPV6, 4, 4, "an IPv6 address is 16 bytes"),
        (Domain::IPV6, 20, 16, "an IPv6 address is 16 bytes"),
        (Domain::UNIX, 109, 108, "a Unix path has at most 108 bytes"),
    ];
    for (family, len, at, problem) in cases {
        let error = SocketAddr::from_raw(family, &vec![b'x'; len], 80).unwrap_err();
        assert_eq!(error.input().map(|(_, at)| at), Some(at), "{error}");
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[test]
fn unix_addresses_are_one_of_three_kinds() {
    let (path, name, nothing) = (unix("unix:/x"), unix("unix:@x"), unix("unix:"));
    assert_eq!([path.path(), name.path(), nothing.path()], [Some(Path::new("/x")), None, None]);
    assert_eq!([path.abstract_name(), nothing.abstract_name()], [None, None]);
    assert_eq!(name.abstract_name(), Some(&b"x"[..]));
    assert_eq!([path.is_unnamed(), name.is_unnamed(), nothing.is_unnamed()], [false, false, true]);
    assert!(!unix("unix:@").is_unnamed(), "an empty name is a name");
}

#[test]
fn unix_addresses_are_compared_by_the_bytes_in_use() {
    let ordered = ["unix:", "unix:@", "unix:@a", "unix:@b", "unix:/a", "unix:/a/b", "unix:/b"].map(unix);
    assert!(ordered.is_sorted_by(|a, b| a < b), "{ordered:?}");
    assert!(ordered.iter().all(|one| one.partial_cmp(one).is_some_and(|order| order.is_eq())));
    assert_eq!(ordered.iter().chain(&ordered).collect::<HashSet<_>>().len(), ordered.len());
    assert_ne!(unix("unix:@"), unix("unix:"));
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let hashes = ordered.iter().map(|one| hasher.hash_one(one)).collect::<HashSet<_>>();
    assert_eq!(hashes.len(), ordered.len(), "the bytes are hashed");
}

#[test]
fn unix_names_have_their_limits() {
    assert!(UnixAddr::from_path("x".repeat(108)).is_ok());
    assert!(UnixAddr::from_path("x".repeat(109)).is_err());
    let error = UnixAddr::from_path("").unwrap_err();
    assert_eq!(error.to_string(), "parse \"\": the path is empty (at byte 0)");
    assert!(UnixAddr::from_abstract_name(&[b'x'; 107]).is_ok());
    let error = UnixAddr::from_abstract_name(&[b'x'; 108]).unwrap_err();
    assert_eq!(error.input().map(|(_, at)| at), Some(107));
    assert!(error.to_string().ends_with("an abstract name has at most 107 bytes (at byte 107)"), "{error}");
}

#[test]
fn escapes_are_read_in_either_case_and_written_where_needed() {
    assert_eq!(unix(r"unix:\x4A\x4a").to_string(), "unix:JJ");
    assert_eq!(UnixAddr::from_path("a\u{202e}b").unwrap().to_string(), r"unix:a\xe2\x80\xaeb");
    for bad in [r"unix:\", r"unix:\y41", r"unix:\x4", r"unix:\xg1", r"unix:\x1g"] {
        assert!(bad.parse::<UnixAddr>().is_err(), "{bad}");
    }
    let error = "/x".parse::<UnixAddr>().unwrap_err();
    assert_eq!(error.to_string(), "parse \"/x\": a Unix address begins with unix: (at byte 0)");
}

#[test]
fn only_a_named_part_has_a_name() {
    assert_eq!(
        [Part::Named("x").name(), Part::Any.name(), Part::Unmentioned.name()],
        [Some("x"), None, None]
    );
    let parsed = HostServ::parse("é:ü", Priority::Host).unwrap();
    assert_eq!((parsed.host, parsed.service), (Part::Named("é"), Part::Named("ü")));
}

#[test]
fn errors_keep_what_they_are_about() {
    let bad = "x".parse::<SocketAddr>().unwrap_err();
    assert_eq!(
        (bad.kind(), bad.operation(), bad.reason()),
        (ErrorKind::InvalidInput, Operation::Parse, None)
    );
    assert_eq!((bad.raw_os_error(), bad.address(), bad.input()), (None, None, Some(("x", 1))));
    assert!(bad.system().is_none() && bad.resolver().is_none() && bad.source().is_none());
    assert!(!bad.is_retryable() && bad.hint().is_none());
    assert_eq!(bad.why().to_string(), "missing port; write 127.0.0.1:80 (at byte 1)");

    let unknown = Lookup::new().host("127.0.0.1").service("no-such").run().unwrap_err();
    assert_eq!((unknown.kind(), unknown.operation()), (ErrorKind::ServiceNotFound, Operation::Lookup));
    assert_eq!((unknown.reason(), unknown.input()), (Some(Reason::SystemLibrary), None));
    let resolver = unknown.resolver().expect("the resolver refused");
    assert_eq!((resolver.code(), resolver.name()), (libc::EAI_SERVICE, Some("EAI_SERVICE")));
    let entries: Vec<_> = unknown.entries().map(|entry| entry.to_string()).collect();
    assert_eq!(entries, [format!("system lib: {resolver}")]);
    assert!(unknown.source().is_none(), "the message has it");
    assert!(unknown.to_string().ends_with("(EAI_SERVICE)"), "{unknown}");
    assert_eq!(unknown.hint(), Some("give the port as a number, or a service from /etc/services"));

    let reason = Error::from_reason(Operation::Connect, Reason::InvalidSocket);
    assert!(reason.entries().eq([QueueEntry::Reason(Reason::InvalidSocket)]));
    assert_eq!(
        (reason.to_string(), reason.kind()),
        ("connect: invalid socket".into(), ErrorKind::InvalidInput)
    );
    assert_eq!(reason.why().to_string(), "invalid socket");
}

#[test]
fn advice_on_brackets_is_for_texts_without_them() {
    let hint = |text: &str| text.parse::<SocketAddr>().unwrap_err().hint();
    assert_eq!(hint("::1:80"), Some("write an IPv6 address in brackets: [::1]:80"));
    assert_eq!([hint("[::1]:x"), hint("host:80"), hint("host")], [None, None, None]);
}

#[test]
fn long_input_is_cut_between_characters() {
    let shown = |text: &str| {
        let error = text.parse::<SocketAddr>().unwrap_err().to_string();
        error.split('"').nth(1).unwrap_or_default().to_owned()
    };
    // The port is missing at the end: half of what is shown precedes that.
    assert_eq!(shown(&"a".repeat(256)), "a".repeat(256));
    assert_eq!(shown(&"a".repeat(257)), "…".to_owned() + &"a".repeat(128));
    // The character that ends at byte 128 from the end starts before it.
    assert_eq!(shown(&("éé".repeat(99) + &"a".repeat(127))), "…".to_owned() + &"a".repeat(127));
    // The mistake is at the start.
    assert_eq!(shown(&("a".repeat(257) + ":80")), "a".repeat(256) + "…");
    assert_eq!(shown(&("a".repeat(255) + "é:80")), "a".repeat(255) + "…");
}

#[test]
fn messages_turn_no_direction() {
    for mark in
        ['\u{200e}', '\u{200f}', '\u{2028}', '\u{202e}', '\u{2066}', '\u{2069}', '\u{85}', '\x07', '\u{200d}']
    {
        let error = format!("a{mark}b").parse::<SocketAddr>().unwrap_err().to_string();
        assert!(!error.contains(mark), "{error:?}");
        assert!(error.contains(r"\u{"), "{error:?}");
    }
    for plain in
        ['\u{ac}', '\u{ae}', '\u{2010}', '\u{2027}', '\u{202f}', '\u{205f}', '\u{2070}', '\u{fffc}', 'é']
    {
        let error = format!("a{plain}b").parse::<SocketAddr>().unwrap_err().to_string();
        assert!(error.contains(plain), "{error:?}");
    }
}

#[test]
fn reasons_have_the_page_s_numbers_and_texts() {
    let all = [
        (Reason::SystemLibrary, 2, "system lib"),
        (Reason::Accept, 100, "accept error"),
        (Reason::Connect, 103, "connect error"),
        (Reason::UnableToTfo, 109, "unable to tfo"),
        (Reason::NoPortDefined, 113, "no port defined"),
        (Reason::UnableToBind, 117, "unable to bind socket"),
        (Reason::UnableToCreate, 118, "unable to create socket"),
        (Reason::UnableToListen, 119, "unable to listen socket"),
        (Reason::AmbiguousHostOrService, 129, "ambiguous host or service"),
        (Reason::MalformedHostOrService, 130, "malformed host or service"),
        (Reason::UnsupportedProtocolFamily, 131, "unsupported protocol family"),
        (Reason::GetSockName, 132, "getsockname error"),
        (Reason::GettingSockType, 134, "getting socktype"),
        (Reason::InvalidSocket, 135, "invalid socket"),
        (Reason::ListenV6Only, 136, "listen v6 only"),
        (Reason::UnableToKeepalive, 137, "unable to keepalive"),
        (Reason::UnableToNodelay, 138, "unable to nodelay"),
        (Reason::UnableToReuseaddr, 139, "unable to reuseaddr"),
    ];
    for (reason, code, text) in all {
        assert_eq!((reason.code(), reason.text(), reason.to_string().as_str()), (code, text, text));
    }
}
