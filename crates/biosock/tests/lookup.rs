//! Lookups through the system's resolver, as far as they need no network.

use std::process::Command;

use biosock::{ErrorKind, Family, Lookup, Protocol, QueueEntry, Reason, SocketAddr, Type};

fn addrs(question: Lookup<'_>) -> Vec<String> {
    let mut found: Vec<_> = question.run().unwrap().iter().map(|found| found.addr.to_string()).collect();
    found.sort();
    found
}

#[test]
fn nothing_but_a_service_is_loopback_or_every_address() {
    let question = Lookup::new().service("80").socktype(Type::STREAM);
    assert_eq!(addrs(question), ["127.0.0.1:80", "[::1]:80"]);
    assert_eq!(addrs(question.passive()), ["0.0.0.0:80", "[::]:80"]);
}

#[test]
fn services_by_name_need_their_type() {
    let question = Lookup::new().host("127.0.0.1").service("https");
    assert_eq!(addrs(question.socktype(Type::STREAM)), ["127.0.0.1:443"]);
    let tcp_only = Lookup::new().host("127.0.0.1").service("telnet").socktype(Type::DGRAM);
    assert_eq!(tcp_only.run().unwrap_err().resolver().and_then(|it| it.name()), Some("EAI_SERVICE"));
}

#[test]
fn other_texts_of_an_address_are_the_resolver_s() {
    let of = |host| addrs(Lookup::new().host(host).service("1").socktype(Type::STREAM));
    assert_eq!(of("127.1"), ["127.0.0.1:1"]);
    assert_eq!(of("0x7f.0.0.010"), ["127.0.0.8:1"]);
    assert_eq!(of("fe80::1%lo"), ["[fe80::1%1]:1"]);
}

#[test]
fn a_numeric_host_is_an_address_in_any_form_and_never_a_name() {
    let of = |host| Lookup::new().host(host).service("1").socktype(Type::STREAM).numeric_host();
    for (host, found) in [("127.1", "127.0.0.1:1"), ("fe80::1%lo", "[fe80::1%1]:1"), ("::1", "[::1]:1")] {
        assert_eq!(addrs(of(host)), [found]);
    }
    for name in ["localhost", "name.example"] {
        assert_eq!(of(name).run().unwrap_err().resolver().and_then(|it| it.name()), Some("EAI_NONAME"));
    }
    let zone = of("fe80::1%no-such").run().unwrap_err();
    assert!(zone.resolver().is_none() && zone.to_string().ends_with("no such interface: no-such"), "{zone}");
}

#[test]
fn refusals_name_the_question_and_the_answer() {
    let cases: &[(Lookup<'_>, &str)] = &[
        (
            Lookup::new().host("127.0.0.1").service("no-such"),
            "look up 127.0.0.1:no-such: servname not supported for ai_socktype (EAI_SERVICE)",
        ),
        (
            Lookup::new().host("127.0.0.1").service("80").family(Family::Ipv6),
            "look up 127.0.0.1:80: address family for hostname not supported (EAI_ADDRFAMILY)",
        ),
        (Lookup::new(), "look up any host: missing port or service; write *:80"),
        (
            Lookup::new().host("fe80::1%no-such").service("1"),
            "look up fe80::1%no-such: no such interface: no-such",
        ),
        (
            Lookup::new().host("::1").service("1").socktype(Type::from_raw(99)),
            "look up [::1]:1: ai_socktype not supported (EAI_SOCKTYPE)",
        ),
        (Lookup::new().host("a\0b").service("1"), "parse \"a\\u{0}b\": NUL byte in the host (at byte 1)"),
        (Lookup::new().host("a").service("1\0"), "parse \"1\\u{0}\": NUL byte in the service (at byte 1)"),
        (Lookup::new().host("a").service("65536"), "parse \"65536\": the port is above 65535 (at byte 0)"),
    ];
    for (question, message) in cases {
        assert_eq!(question.run().unwrap_err().to_string(), *message);
    }
}

#[test]
fn a_resolver_s_failure_has_the_page_s_reason() {
    let error = Lookup::new().host("127.0.0.1").service("no-such").run().unwrap_err();
    assert_eq!(error.reason(), Some(Reason::SystemLibrary));
    let resolver = error.resolver().unwrap();
    assert_eq!(resolver.text(), "Servname not supported for ai_socktype");
    assert!(error.entries().eq([QueueEntry::Resolver(resolver)]));
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn unix_paths_are_looked_up_too() {
    let question = |path| Lookup::new().host(path).service("ignored").unix();
    let longest = "x".repeat(108);
    let found = question(&longest).run().unwrap();
    assert_eq!(found[0].addr, format!("unix:{longest}").parse::<SocketAddr>().unwrap());
    assert_eq!((found[0].socktype, found[0].protocol), (Type::STREAM, Protocol::DEFAULT));
    let error = question(&"x".repeat(109)).run().unwrap_err();
    assert!(error.to_string().ends_with("a Unix path has at most 108 bytes (at byte 108)"), "{error}");
}

#[test]
fn addresses_have_names() {
    let names = |text: &str, numeric| text.parse::<SocketAddr>().unwrap().names(numeric);
    let looked_up = names("127.0.0.1:443", false).unwrap();
    assert_eq!((&*looked_up.host, &*looked_up.service), ("localhost", "https"));
    let numeric = names("[::1]:443", true).unwrap();
    assert_eq!((&*numeric.host, &*numeric.service), ("::1", "443"));
    let error = names("unix:/x", true).unwrap_err();
    assert_eq!(error.to_string(), "name unix:/x: unsupported protocol family");
}

const STARVED: &str = "BIOSOCK_TEST_STARVED";

/// Not a test itself: the program that has no descriptor left.
#[test]
fn starved() {
    if std::env::var_os(STARVED).is_none() {
        return;
    }
    let hoard: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    let failed = |host| Lookup::new().host(host).service("1").run().unwrap_err();
    let errors = [failed("localhost"), failed("no-such.invalid"), failed("fe80::1%lo")];
    let zone = "[fe80::1%lo]:80".parse::<SocketAddr>().unwrap_err();
    let shown = SocketAddr::V6("[fe80::1%1]:80".parse().unwrap()).to_string();
    drop(hoard);
    for error in errors {
        let told = (error.kind(), error.raw_os_error(), error.hint());
        let hint = Some("the process has too many open files; raise it with ulimit -n");
        assert_eq!(told, (ErrorKind::OutOfResources, Some(libc::EMFILE), hint), "{error}");
        assert!(error.to_string().ends_with(": too many open files (EMFILE)"), "{error}");
    }
    assert_eq!(zone.to_string(), "parse [fe80::1%lo]:80: socket: too many open files (EMFILE)");
    assert_eq!(shown, "[fe80::1%1]:80");
}

/// glibc reports that there is no such name if it cannot open /etc/hosts.
#[test]
fn a_shortage_is_not_taken_for_a_wrong_name() {
    let mut copy = Command::new("sh");
    copy.args(["-c", "ulimit -n 40; exec \"$0\" --exact starved --test-threads=1"]);
    let copy = copy.arg(std::env::current_exe().unwrap()).env(STARVED, "1").output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&copy.stdout), String::from_utf8_lossy(&copy.stderr));
    assert!(copy.status.success() && out.contains("1 passed"), "{out}{err}");
}
