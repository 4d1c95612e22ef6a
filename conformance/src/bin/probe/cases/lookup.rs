//! `BIO_lookup`, `BIO_lookup_ex` and the `BIO_ADDRINFO_*` readers.

use crate::interpose::Fault;
use crate::record::Record;
use crate::run::Run;
use crate::world;
use libc::{addrinfo, c_char, c_int};
use std::ffi::CString;
use std::ptr;

const FAMILIES: [(c_int, &str); 6] = [
    (libc::AF_UNSPEC, "UNSPEC"),
    (libc::AF_INET, "INET"),
    (libc::AF_INET6, "INET6"),
    (libc::AF_UNIX, "UNIX"),
    (9999, "9999"),
    (-1, "-1"),
];

const TYPES: [(c_int, &str); 5] = [
    (0, "0"),
    (libc::SOCK_STREAM, "STREAM"),
    (libc::SOCK_DGRAM, "DGRAM"),
    (libc::SOCK_RAW, "RAW"),
    (99, "99"),
];

const PROTOCOLS: [(c_int, &str); 4] =
    [(0, "0"), (libc::IPPROTO_TCP, "TCP"), (libc::IPPROTO_UDP, "UDP"), (libc::IPPROTO_SCTP, "SCTP")];

const KINDS: [(c_int, &str); 4] = [(0, "CLIENT"), (1, "SERVER"), (2, "2"), (-1, "-1")];

const HOSTS: &[Option<&str>] = &[
    None,
    Some(""),
    Some("127.0.0.1"),
    Some("127.1"),
    Some("0x7f.1"),
    Some("0177.0.0.1"),
    Some("2130706433"),
    Some("127.0.0.01"),
    Some("127.0.0.256"),
    Some("1.2.3.4.5"),
    Some("0.0.0.0"),
    Some("255.255.255.255"),
    Some("::1"),
    Some("::"),
    Some("::ffff:127.0.0.1"),
    Some("2001:db8::1"),
    Some("fe80::1%lo"),
    Some("fe80::1%1"),
    Some("fe80::1%nosuch"),
    Some("::1%lo"),
    Some(":::"),
    Some("[::1]"),
    Some("localhost"),
    Some("*"),
    Some("no such name"),
    Some(" 127.0.0.1"),
    Some("127.0.0.1 "),
];

const SERVICES: &[Option<&str>] = &[
    None,
    Some(""),
    Some("0"),
    Some("80"),
    Some("443"),
    Some("65535"),
    Some("65536"),
    Some("99999999999"),
    Some("-1"),
    Some("+80"),
    Some(" 80"),
    Some("080"),
    Some("0x50"),
    Some("http"),
    Some("domain"),
    Some("syslog"),
    Some("nosuchservice"),
    Some("*"),
];

pub(crate) fn cases(run: &Run) {
    broad(run);
    deep(run);
    unix(run);
    short(run);
    faults(run);
    readers(run);
}

/// Every host with every service, for the socket that most ask for.
fn broad(run: &Run) {
    for host in HOSTS {
        for service in SERVICES {
            for family in &FAMILIES[..3] {
                for kind in &KINDS[..2] {
                    one(run, *host, *service, *kind, *family, TYPES[1], PROTOCOLS[0]);
                }
            }
        }
    }
}

/// A few hosts and services, for every socket.
fn deep(run: &Run) {
    for host in [None, Some("127.0.0.1"), Some("::1"), Some("localhost"), Some("no such name")] {
        for service in [None, Some("443"), Some("http"), Some("domain")] {
            for family in FAMILIES {
                if family.0 == libc::AF_UNIX && host.is_none() {
                    continue;
                }
                for socktype in TYPES {
                    for protocol in PROTOCOLS {
                        for kind in KINDS {
                            one(run, host, service, kind, family, socktype, protocol);
                        }
                    }
                }
            }
        }
    }
}

type Named = (c_int, &'static str);

fn one(
    run: &Run,
    host: Option<&str>,
    service: Option<&str>,
    kind: Named,
    family: Named,
    socktype: Named,
    protocol: Named,
) {
    let words = [kind.1, family.1, socktype.1, protocol.1].join("/");
    run.case(&format!("lookup_ex/{}/{}/{words}", name(host), name(service)), |r| {
        let call = format!("BIO_lookup_ex({}, {}, {words})", name(host), name(service));
        let ask = Ask { host, service, kind, family, socktype, protocol };
        lookup(r, &call, &ask);
    });
}

fn name(text: Option<&str>) -> String {
    match text {
        None => "NULL".to_owned(),
        Some(text) if text.len() > 100 => format!("{} letters", text.len()),
        Some(text) => format!("{text:?}"),
    }
}

struct Ask<'a> {
    host: Option<&'a str>,
    service: Option<&'a str>,
    kind: Named,
    family: Named,
    socktype: Named,
    protocol: Named,
}

fn lookup(r: &mut Record<'_>, call: &str, ask: &Ask<'_>) {
    let (host, service) = (Text::new(ask.host), Text::new(ask.service));
    let mut list: *mut addrinfo = ptr::null_mut();
    let to_list = &raw mut list;
    let api = r.api;
    r.int(call, || {
        api.BIO_lookup_ex(
            host.pointer(),
            service.pointer(),
            ask.kind.0,
            ask.family.0,
            ask.socktype.0,
            ask.protocol.0,
            to_list,
        )
    });
    see_list(r, list);
    r.void("BIO_ADDRINFO_free(it)", || api.BIO_ADDRINFO_free(list));
}

fn see_list(r: &mut Record<'_>, list: *const addrinfo) {
    let api = r.api;
    let mut entries = Vec::new();
    let mut next = list;
    while !next.is_null() {
        let addr = api.BIO_ADDRINFO_address(next);
        let len = address_len(api.BIO_ADDRINFO_family(next));
        entries.push(format!(
            "{} {} {} {}",
            api.BIO_ADDRINFO_family(next),
            api.BIO_ADDRINFO_socktype(next),
            api.BIO_ADDRINFO_protocol(next),
            world::address_words(addr.cast(), len),
        ));
        next = api.BIO_ADDRINFO_next(next);
    }
    r.see("list", entries.join("; "));
}

/// The originals leave the length of a Unix address at zero, so the family gives it.
fn address_len(family: c_int) -> usize {
    match family {
        libc::AF_INET => 16,
        libc::AF_INET6 => 28,
        libc::AF_UNIX => 110,
        _ => 2,
    }
}

/// A C string or a null pointer.
struct Text(Option<CString>);

impl Text {
    fn new(text: Option<&str>) -> Self {
        Self(text.and_then(|text| CString::new(text).ok()))
    }

    fn pointer(&self) -> *const c_char {
        self.0.as_ref().map_or(ptr::null(), |text| text.as_ptr())
    }
}

fn unix(run: &Run) {
    let longest = "p".repeat(107);
    let exact = "p".repeat(108);
    let longer = "p".repeat(109);
    let paths = ["", "path", "/run/x", &longest, &exact, &longer];
    for path in paths {
        for service in [None, Some("80"), Some("http")] {
            for socktype in TYPES {
                for protocol in PROTOCOLS {
                    let family = FAMILIES[3];
                    one(run, Some(path), service, KINDS[0], family, socktype, protocol);
                }
            }
        }
    }
    run.risky("lookup_ex/NULL/unix", |r| {
        let ask = Ask {
            host: None,
            service: None,
            kind: KINDS[0],
            family: FAMILIES[3],
            socktype: TYPES[1],
            protocol: PROTOCOLS[0],
        };
        lookup(r, "BIO_lookup_ex(NULL, NULL, CLIENT/UNIX/STREAM/0)", &ask);
    });
}

/// `BIO_lookup`, which has no protocol.
fn short(run: &Run) {
    for host in [None, Some("127.0.0.1"), Some("::1"), Some("no such name")] {
        for (family, family_name) in FAMILIES {
            for (socktype, type_name) in TYPES {
                if family == libc::AF_UNIX && host.is_none() {
                    continue;
                }
                let words = format!("{}/80/{family_name}/{type_name}", name(host));
                run.case(&format!("lookup/{words}"), |r| {
                    let api = r.api;
                    let (host, service) = (Text::new(host), Text::new(Some("80")));
                    let mut list: *mut addrinfo = ptr::null_mut();
                    let to_list = &raw mut list;
                    r.int(format!("BIO_lookup({words})"), || {
                        let (host, service) = (host.pointer(), service.pointer());
                        api.BIO_lookup(host, service, 0, family, socktype, to_list)
                    });
                    see_list(r, list);
                    api.BIO_ADDRINFO_free(list);
                });
            }
        }
    }
    run.risky("lookup_ex/NULL/result", |r| {
        let api = r.api;
        let (host, service) = (Text::new(Some("127.0.0.1")), Text::new(Some("80")));
        r.int("BIO_lookup_ex(\"127.0.0.1\", \"80\", NULL result)", || {
            let (host, service) = (host.pointer(), service.pointer());
            api.BIO_lookup_ex(host, service, 0, libc::AF_INET, 1, 0, ptr::null_mut())
        });
    });
}

/// The resolver fails, at the first or at a second try.
fn faults(run: &Run) {
    const CODES: [(c_int, &str); 12] = [
        (libc::EAI_BADFLAGS, "BADFLAGS"),
        (libc::EAI_NONAME, "NONAME"),
        (libc::EAI_AGAIN, "AGAIN"),
        (libc::EAI_FAIL, "FAIL"),
        (-5, "NODATA"),
        (libc::EAI_FAMILY, "FAMILY"),
        (libc::EAI_SOCKTYPE, "SOCKTYPE"),
        (libc::EAI_SERVICE, "SERVICE"),
        (-9, "ADDRFAMILY"),
        (libc::EAI_MEMORY, "MEMORY"),
        (libc::EAI_SYSTEM, "SYSTEM"),
        (77, "77"),
    ];
    for host in [None, Some("localhost")] {
        for family in &FAMILIES[..3] {
            for kind in &KINDS[..2] {
                for (code, code_name) in CODES {
                    let words = [name(host).as_str(), family.1, kind.1, code_name].join("/");
                    run.case(&format!("lookup_ex/fault/{words}"), |r| {
                        let ask = Ask {
                            host,
                            service: Some("http"),
                            kind: *kind,
                            family: *family,
                            socktype: TYPES[1],
                            protocol: PROTOCOLS[0],
                        };
                        r.faults(&[Fault { call: "getaddrinfo", error: code, after: 0 }]);
                        lookup(r, &format!("BIO_lookup_ex({words}) with a fault"), &ask);
                    });
                }
            }
        }
    }
}

fn readers(run: &Run) {
    run.risky("ADDRINFO/NULL", |r| {
        let api = r.api;
        let null: *const addrinfo = ptr::null();
        r.int("BIO_ADDRINFO_family(NULL)", || api.BIO_ADDRINFO_family(null));
        r.int("BIO_ADDRINFO_socktype(NULL)", || api.BIO_ADDRINFO_socktype(null));
        r.int("BIO_ADDRINFO_protocol(NULL)", || api.BIO_ADDRINFO_protocol(null));
        r.call(
            "BIO_ADDRINFO_next(NULL)",
            |p: *const addrinfo| p.is_null().to_string(),
            || api.BIO_ADDRINFO_next(null),
        );
        r.call(
            "BIO_ADDRINFO_address(NULL)",
            |p: *const crate::api::Addr| p.is_null().to_string(),
            || api.BIO_ADDRINFO_address(null),
        );
        r.void("BIO_ADDRINFO_free(NULL)", || api.BIO_ADDRINFO_free(ptr::null_mut()));
    });
    const PAIRS: [(c_int, c_int); 6] = [
        (libc::SOCK_STREAM, 0),
        (libc::SOCK_DGRAM, 0),
        (libc::SOCK_RAW, 0),
        (libc::SOCK_STREAM, libc::IPPROTO_SCTP),
        (libc::SOCK_SEQPACKET, 0),
        (0, 0),
    ];
    for family in [libc::AF_INET, libc::AF_INET6, libc::AF_UNIX, libc::AF_UNSPEC, 999] {
        for (socktype, protocol) in PAIRS {
            run.case(&format!("ADDRINFO/protocol/{family}/{socktype}/{protocol}"), |r| {
                let api = r.api;
                // SAFETY: all fields of an addrinfo may be zero.
                let mut info: addrinfo = unsafe { std::mem::zeroed() };
                info.ai_family = family;
                info.ai_socktype = socktype;
                info.ai_protocol = protocol;
                let it = &raw const info;
                r.int("BIO_ADDRINFO_protocol(it)", || api.BIO_ADDRINFO_protocol(it));
            });
        }
    }
}
