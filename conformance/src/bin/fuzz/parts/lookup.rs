//! `BIO_lookup_ex` of literals. An input is five bytes of choices (family, type, protocol,
//! purpose, what is NULL), then the host and, after a NUL, the service.

use super::{Part, chosen, like_all, split, terminated};
use crate::api::Api;
use crate::log::Log;
use crate::rng::Rng;
use libc::{addrinfo, c_char, c_int, c_void};
use std::ptr;

pub(crate) const PART: Part = Part {
    name: "lookup",
    unlike: like_all,
    full: 200_000,
    quick: 20_000,
    seeds,
    generate,
    observe,
    show,
    break_one,
};

const FAMILIES: [c_int; 10] = [
    libc::AF_UNSPEC,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_UNIX,
    libc::AF_UNSPEC,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
    99,
    -1,
];
const TYPES: [c_int; 7] =
    [libc::SOCK_STREAM, 0, libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET, libc::SOCK_STREAM, 99];
const PROTOCOLS: [c_int; 8] = [0, 0, libc::IPPROTO_TCP, libc::IPPROTO_UDP, libc::IPPROTO_SCTP, 1, 255, -1];
const PURPOSES: [c_int; 4] = [0, 1, 0, 2];
const HEAD: usize = 5;

const HOSTS: [&str; 16] = [
    "127.0.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "127.1",
    "0x7f.0.0.1",
    "017700000001",
    "::",
    "::1",
    "fe80::1%lo",
    "fe80::1%1",
    "::ffff:127.0.0.1",
    "1:2:3:4:5:6:7:8",
    "2001:db8::a:b",
    "/path/to/socket",
    "",
    "nosuch",
];
const SERVICES: [&str; 12] =
    ["80", "443", "0", "65535", "65536", "http", "domain", "ntp", "nosuch", "", " 80", "080"];
const HOST_LETTERS: &[u8] = b"0123456789....::::abcdefxX%lo/- []";
const SERVICE_LETTERS: &[u8] = b"0123456789 +-xhtpsdomain";

fn seeds() -> Vec<Vec<u8>> {
    let pairs = HOSTS.iter().zip(SERVICES.iter().cycle());
    pairs.map(|(host, service)| encode([0; HEAD], host.as_bytes(), service.as_bytes())).collect()
}

fn encode(head: [u8; HEAD], host: &[u8], service: &[u8]) -> Vec<u8> {
    [&head[..], host, &[0], service].concat()
}

fn generate(rng: &mut Rng, seeds: &[Vec<u8>], to: &mut Vec<u8>) {
    let seed = decode(rng.pick::<Vec<u8>>(seeds));
    let mut host = match rng.below(6) {
        0 => ipv4(rng).into_bytes(),
        1 => ipv6(rng).into_bytes(),
        2 => rng.pick(&HOSTS).as_bytes().to_vec(),
        _ => seed.host,
    };
    if rng.once_in(3) {
        rng.mutate(HOST_LETTERS, &mut host);
    }
    if rng.once_in(200) {
        host = vec![b'p'; 100 + rng.below(16)];
    }
    let mut service = rng.pick(&SERVICES).as_bytes().to_vec();
    if rng.once_in(4) {
        rng.mutate(SERVICE_LETTERS, &mut service);
    }
    host.retain(|byte| *byte != 0);
    let head = [rng.byte(), rng.byte(), rng.byte(), rng.byte(), rng.byte()];
    to.extend(encode(head, &host, &service));
}

/// Two to five parts, some of them octal, hexadecimal or too large.
fn ipv4(rng: &mut Rng) -> String {
    let parts = if rng.once_in(4) { 1 + rng.below(5) } else { 4 };
    let part = |rng: &mut Rng| match rng.below(12) {
        0 => format!("0{:o}", rng.below(300)),
        1 => format!("0x{:x}", rng.below(300)),
        2 => format!("{}", rng.next() % (1 << 33)),
        3 => format!("00{}", rng.below(256)),
        _ => format!("{}", rng.below(258)),
    };
    (0..parts).map(|_| part(rng)).collect::<Vec<_>>().join(".")
}

/// Up to nine groups, with and without `::`, a dotted end or a zone.
fn ipv6(rng: &mut Rng) -> String {
    let groups = if rng.once_in(2) { 8 } else { rng.below(10) };
    let mut words: Vec<String> = Vec::new();
    for _ in 0..groups {
        words.push(if rng.once_in(4) { String::new() } else { format!("{:x}", rng.below(0x1_1000)) });
    }
    if rng.once_in(6) {
        words.push(ipv4(rng));
    }
    let zone = match rng.below(12) {
        0 => "%lo",
        1 => "%1",
        2 => "%",
        3 => "%4294967296",
        4 => "%nosuch",
        _ => "",
    };
    words.join(":") + zone
}

/// An input in words of the C function.
struct Input {
    family: c_int,
    socktype: c_int,
    protocol: c_int,
    purpose: c_int,
    host_is_null: bool,
    service_is_null: bool,
    host: Vec<u8>,
    service: Vec<u8>,
}

fn decode(input: &[u8]) -> Input {
    let ([family, socktype, protocol, purpose, null], text) = split::<HEAD>(input);
    let mut texts = text.splitn(2, |byte| *byte == 0);
    let family = chosen(&FAMILIES, family);
    Input {
        family,
        socktype: chosen(&TYPES, socktype),
        protocol: chosen(&PROTOCOLS, protocol),
        purpose: chosen(&PURPOSES, purpose),
        // A path is a must: without one OpenSSL reads from NULL.
        host_is_null: null % 16 == 1 && family != libc::AF_UNIX,
        service_is_null: null >> 4 == 1,
        host: texts.next().unwrap_or_default().to_vec(),
        service: texts.next().unwrap_or_default().to_vec(),
    }
}

/// The path that is looked up in AF_UNIX.
pub(crate) fn path(input: &[u8]) -> Option<Vec<u8>> {
    let input = decode(input);
    (input.family == libc::AF_UNIX).then_some(input.host)
}

/// What is seen of a path that was found, or of an address of no family.
pub(crate) fn found(input: &[u8], path: Option<&[u8]>) -> Vec<u8> {
    let kind = decode(input).socktype;
    let head = format!("returned: 1\nfamily: {}\ntype: {kind}\nprotocol: 0\n", libc::AF_UNIX).into_bytes();
    match path {
        Some(path) => [&head[..], b"path: 1\npath: ", path, b"\n"].concat(),
        None => [&head[..], b"unexpected family: 0\n"].concat(),
    }
}

/// Whether what was seen is the failure for a path that is too long.
pub(crate) fn is_too_long(log: &Log) -> bool {
    let entry = match log.has_parts_only() {
        true => "queued: library 32, reason 32\n",
        false => "queued: 10080020\nfunction: BIO_lookup_ex\n",
    };
    log.bytes() == format!("returned: 0\n{entry}data: \nlist: NULL\n").as_bytes()
}

fn observe(api: &Api, input: &[u8], log: &mut Log) {
    let input = decode(input);
    let (host, service) = (terminated(&input.host), terminated(&input.service));
    let pointer = |null, text: &[u8]| if null { ptr::null() } else { text.as_ptr().cast::<c_char>() };
    // Not null, so that it shows whether a result was written.
    let untouched = ptr::dangling_mut::<addrinfo>();
    let mut list = untouched;
    let result = log.call(api, "returned", || {
        let Input { family, socktype, protocol, purpose, .. } = input;
        let host = pointer(input.host_is_null, &host);
        let service = pointer(input.service_is_null, &service);
        api.BIO_lookup_ex(host, service, purpose, family, socktype, protocol, &mut list)
    });
    if list == untouched || list.is_null() {
        log.note("list", if list.is_null() { "NULL" } else { "untouched" });
    } else if result == 1 {
        tell(api, list, log);
        api.BIO_ADDRINFO_free(list);
    } else {
        log.note("list", "written although it failed");
    }
}

fn tell(api: &Api, list: *const addrinfo, log: &mut Log) {
    let mut node = list;
    while !node.is_null() {
        log.note("family", api.BIO_ADDRINFO_family(node));
        log.note("type", api.BIO_ADDRINFO_socktype(node));
        log.note("protocol", api.BIO_ADDRINFO_protocol(node));
        tell_address(api, api.BIO_ADDRINFO_address(node), log);
        node = api.BIO_ADDRINFO_next(node);
    }
}

/// The address's bytes, as many as its family has: IPv6 with flow and zone.
fn tell_address(api: &Api, addr: *const c_void, log: &mut Log) {
    let len = match api.BIO_ADDR_family(addr) {
        libc::AF_INET => 8,
        libc::AF_INET6 => 28,
        libc::AF_UNIX => return log.string(api, "path", || api.BIO_ADDR_path_string(addr)),
        other => return log.note("unexpected family", other),
    };
    // SAFETY: an address of the family has so many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(addr.cast::<u8>(), len) };
    log.note_bytes("address", bytes);
}

fn show(input: &[u8]) -> String {
    let Input { family, socktype, protocol, purpose, host_is_null, service_is_null, host, service } =
        decode(input);
    let word =
        |null, text: &[u8]| if null { "NULL".to_owned() } else { format!("\"{}\"", text.escape_ascii()) };
    let (host, service) = (word(host_is_null, &host), word(service_is_null, &service));
    format!("BIO_lookup_ex({host}, {service}, {purpose}, {family}, {socktype}, {protocol})")
}

/// Reports that no node is of another type than SOCK_STREAM.
fn break_one(api: &mut Api) {
    unsafe extern "C" fn broken(_node: *const addrinfo) -> c_int {
        libc::SOCK_STREAM
    }
    api.BIO_ADDRINFO_socktype = Some(broken);
}
