//! `host:service` parsing. The expectations were observed with OpenSSL 3.0.

use biosock::Part::{Any, Named, Unmentioned};
use biosock::{HostServ, Part, Priority, Reason};
use proptest::prelude::*;

type Parts = (Part<&'static str>, Part<&'static str>);

/// Strings with a colon or brackets mean the same under both priorities.
const CLEAR: &[(&str, Parts)] = &[
    ("a:b", (Named("a"), Named("b"))),
    ("a:*", (Named("a"), Any)),
    ("a:", (Named("a"), Any)),
    (":b", (Any, Named("b"))),
    ("*:b", (Any, Named("b"))),
    (":", (Any, Any)),
    ("*:*", (Any, Any)),
    ("[::1]", (Named("::1"), Unmentioned)),
    ("[::1]:80", (Named("::1"), Named("80"))),
    ("[::1]:*", (Named("::1"), Any)),
    ("[::1]:", (Named("::1"), Any)),
    ("[]:80", (Any, Named("80"))),
    ("[]", (Any, Unmentioned)),
    ("[*]", (Any, Unmentioned)),
    ("[*]:80", (Any, Named("80"))),
    ("[a:b:c]", (Named("a:b:c"), Unmentioned)),
    ("[a:b]:[c]", (Named("a:b"), Named("[c]"))),
    ("a[b]:c", (Named("a[b]"), Named("c"))),
    ("a]:c", (Named("a]"), Named("c"))),
    ("*x:80", (Named("*x"), Named("80"))),
    ("a:*x", (Named("a"), Named("*x"))),
];

/// Strings without a colon mean what the priority says.
const BARE: &[(&str, Part<&'static str>)] =
    &[("a", Named("a")), ("80", Named("80")), ("", Any), ("*", Any), ("**", Named("**"))];

#[test]
fn clear_texts() {
    for (text, (host, service)) in CLEAR.iter().copied() {
        for priority in [Priority::Host, Priority::Service] {
            assert_eq!(HostServ::parse(text, priority).unwrap(), HostServ { host, service }, "{text}");
        }
    }
}

#[test]
fn bare_texts() {
    for (text, part) in BARE.iter().copied() {
        let host = HostServ::parse(text, Priority::Host).unwrap();
        assert_eq!(host, HostServ { host: part, service: Unmentioned }, "{text}");
        let service = HostServ::parse(text, Priority::Service).unwrap();
        assert_eq!(service, HostServ { host: Unmentioned, service: part }, "{text}");
    }
}

#[test]
fn refusals_point_at_the_place() {
    use Reason::{AmbiguousHostOrService as Ambiguous, MalformedHostOrService as Malformed};
    let cases = [
        ("a:b:c", Ambiguous, 3),
        ("::1", Ambiguous, 1),
        ("::", Ambiguous, 1),
        ("[::1", Malformed, 4),
        ("[::1]x", Malformed, 5),
        ("[a]b:c", Malformed, 3),
        ("[[a]]:c", Malformed, 4),
        ("[::1]:80:90", Malformed, 8),
        ("[a]:*b:", Malformed, 6),
    ];
    for (text, reason, at) in cases {
        for priority in [Priority::Host, Priority::Service] {
            let error = HostServ::parse(text, priority).unwrap_err();
            assert_eq!((error.reason(), error.input()), (Some(reason), Some((text, at))));
        }
    }
}

#[test]
fn a_refusal_reads_well() {
    let error = HostServ::parse("::1:80", Priority::Host).unwrap_err();
    assert_eq!(error.to_string(), "parse \"::1:80\": ambiguous host or service: a second colon (at byte 1)");
    assert_eq!(error.hint(), Some("write an IPv6 address in brackets: [::1]:80"));
}

proptest! {
    #[test]
    fn nothing_panics_and_parts_are_of_the_text(text in "[a-z\\[\\]:*é\\PC]{0,12}") {
        for priority in [Priority::Host, Priority::Service] {
            let bytes = HostServ::parse_bytes(text.as_bytes(), priority);
            let Ok(parsed) = HostServ::parse(&text, priority) else {
                prop_assert!(bytes.is_err());
                continue;
            };
            let bytes = bytes.unwrap();
            prop_assert_eq!(parsed.host.name().map(str::as_bytes), bytes.host.name());
            prop_assert_eq!(parsed.service.name().map(str::as_bytes), bytes.service.name());
            for part in [parsed.host, parsed.service].into_iter().filter_map(Part::name) {
                prop_assert!(!part.is_empty() && part != "*" && text.contains(part));
            }
        }
    }

    #[test]
    fn any_host_and_service_come_back(host in "[^\\[\\]:*]{1,20}", service in "[^:*]{1,20}") {
        let parsed = format!("[{host}]:{service}");
        let parsed = HostServ::parse(&parsed, Priority::Host).unwrap();
        prop_assert_eq!((parsed.host.name(), parsed.service.name()), (Some(&host[..]), Some(&service[..])));
    }
}
