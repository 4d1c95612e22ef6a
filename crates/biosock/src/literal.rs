//! Numeric addresses with a decimal port, which need no resolver: dotted quads, and
//! the text form of RFC 4291.

use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddrV4};

use crate::{AddrInfo, Protocol, Type};

/// A numeric address, with the kinds of socket that it applies to.
///
/// ```
/// # use biosock::{Lookup, fd::Answer};
/// if let Answer::Literal(literal) = Lookup::new().host("::1").service("1").answer()? {
///     assert_eq!(literal.iter().count(), 3);
/// }
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Literal {
    addr: net::SocketAddr,
    kinds: &'static [(Type, Protocol)],
}

impl Literal {
    pub(crate) fn new(addr: net::SocketAddr, kinds: &'static [(Type, Protocol)]) -> Self {
        Self { addr, kinds }
    }

    /// The address.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let literal = Lookup::new().host("::1").service("80").literal().expect("a numeric address");
    /// assert_eq!(literal.addr().to_string(), "[::1]:80");
    /// ```
    #[must_use]
    pub const fn addr(&self) -> net::SocketAddr {
        self.addr
    }

    /// The kinds of socket that it applies to, in the resolver's order.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let literal = Lookup::new().host("::1").service("80").literal().expect("a numeric address");
    /// assert_eq!(literal.kinds().len(), 3);
    /// ```
    #[must_use]
    pub const fn kinds(&self) -> &'static [(Type, Protocol)] {
        self.kinds
    }

    /// The results, in order.
    ///
    /// ```
    /// # use biosock::Lookup;
    /// let literal = Lookup::new().host("::1").service("80").literal().expect("a numeric address");
    /// assert_eq!(literal.iter().len(), 3);
    /// ```
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = AddrInfo> + '_ {
        let addr = self.addr.into();
        self.kinds.iter().map(move |&(socktype, protocol)| AddrInfo { addr, socktype, protocol })
    }
}

/// A decimal port, 0 to 65535, with any number of leading zeros.
#[inline]
pub(crate) fn parse_port(text: impl IntoIterator<Item = u8>) -> Option<u16> {
    let mut text = text.into_iter();
    let mut port = digit(text.next()?)?;
    for byte in text {
        port = port * 10 + digit(byte)?;
        if port > u32::from(u16::MAX) {
            return None;
        }
    }
    u16::try_from(port).ok()
}

#[inline]
fn digit(byte: u8) -> Option<u32> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(digit.into())
}

/// A dotted quad: four numbers up to 255 without leading zeros, which other parsers
/// treat as octal.
#[inline]
pub(crate) fn parse_ipv4(text: impl IntoIterator<Item = u8>) -> Option<Ipv4Addr> {
    let mut text = text.into_iter();
    let first = octet(&mut text, Some(b'.'))?;
    let second = octet(&mut text, Some(b'.'))?;
    let third = octet(&mut text, Some(b'.'))?;
    let fourth = octet(&mut text, None)?;
    Some(Ipv4Addr::from_bits(first << 24 | second << 16 | third << 8 | fourth))
}

/// One number of a dotted quad and what must follow it: a dot, or the end.
#[inline]
fn octet(text: &mut impl Iterator<Item = u8>, end: Option<u8>) -> Option<u32> {
    let first = digit(text.next()?)?;
    let next = text.next();
    let Some(second) = next.and_then(digit) else {
        return if next == end { Some(first) } else { None };
    };
    if first == 0 {
        return None;
    }
    let next = text.next();
    let Some(third) = next.and_then(digit) else {
        return if next == end { Some(first * 10 + second) } else { None };
    };
    let number = first * 100 + second * 10 + third;
    if number < 256 && text.next() == end { Some(number) } else { None }
}

/// Like [`Lookup::literal`](crate::Lookup::literal) for IPv4 only, from byte iterators, since the
/// lengths of a C caller's strings are not known beforehand. A `service` of `None`
/// is port 0.
///
/// ```
/// use biosock::{Protocol, Type, fd};
///
/// let host = "127.0.0.1".bytes();
/// let found = fd::literal_v4(host, Some("80".bytes()), Type::STREAM, Protocol::DEFAULT);
/// assert_eq!(found.map(|(addr, _)| addr.to_string()).as_deref(), Some("127.0.0.1:80"));
/// ```
#[inline]
pub fn literal_v4(
    host: impl IntoIterator<Item = u8>,
    service: Option<impl IntoIterator<Item = u8>>,
    socktype: Type,
    protocol: Protocol,
) -> Option<(SocketAddrV4, &'static [(Type, Protocol)])> {
    let ip = parse_ipv4(host)?;
    let port = service.map_or(Some(0), parse_port)?;
    Some((SocketAddrV4::new(ip, port), kinds(socktype, protocol)?))
}

pub(crate) fn parse_ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

const STREAM: (Type, Protocol) = (Type::STREAM, Protocol::TCP);
const DGRAM: (Type, Protocol) = (Type::DGRAM, Protocol::UDP);
const RAW: (Type, Protocol) = (Type::RAW, Protocol::DEFAULT);

/// The kinds of socket that an address applies to, in the resolver's order; `None`
/// for what only the resolver knows.
pub(crate) fn kinds(socktype: Type, protocol: Protocol) -> Option<&'static [(Type, Protocol)]> {
    Some(match (socktype, protocol) {
        (Type::ANY, Protocol::DEFAULT) => &[STREAM, DGRAM, RAW],
        (Type::STREAM, Protocol::DEFAULT | Protocol::TCP) | (Type::ANY, Protocol::TCP) => &[STREAM],
        (Type::DGRAM, Protocol::DEFAULT | Protocol::UDP) | (Type::ANY, Protocol::UDP) => &[DGRAM],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lookup;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn dotted_quads_are_parsed_like_std(text in prop_oneof!["[0-9.]{0,16}", "[0-9]{1,3}(\\.[0-9]{1,3}){3}"]) {
            prop_assert_eq!(parse_ipv4(text.bytes()), text.parse().ok());
        }
    }

    #[test]
    fn ports_are_decimal_and_fit() {
        let cases: &[(&str, Option<u16>)] = &[
            ("0", Some(0)),
            ("65535", Some(65535)),
            ("00080", Some(80)),
            ("65536", None),
            ("000080", Some(80)),
            ("0065536", None),
            ("99999999999999999999", None),
            ("0000000000000000000065535", Some(65535)),
            ("0000000000000000000065536", None),
            ("4294967376", None),
            ("", None),
            ("+80", None),
            ("8o", None),
            // The characters before and after the digits.
            ("8/", None),
            ("8:", None),
        ];
        for (text, port) in cases {
            assert_eq!(parse_port(text.bytes()), *port, "{text}");
        }
    }

    #[test]
    fn numbers_of_a_quad_are_at_most_255() {
        for text in
            ["255.255.255.255", "256.0.0.0", "0.256.0.0", "0.0.0.256", "0.0.0.260", "0.0.0.:", "1:.0.0.0"]
        {
            assert_eq!(parse_ipv4(text.bytes()), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn numeric_hosts_and_ports_need_no_resolver() {
        let (tcp, udp) = (Protocol::TCP, Protocol::UDP);
        for (socktype, protocol, expected) in [
            (Type::ANY, Protocol::DEFAULT, Some(&[STREAM, DGRAM, RAW][..])),
            (Type::STREAM, Protocol::DEFAULT, Some(&[STREAM])),
            (Type::STREAM, tcp, Some(&[STREAM])),
            (Type::ANY, tcp, Some(&[STREAM])),
            (Type::DGRAM, Protocol::DEFAULT, Some(&[DGRAM])),
            (Type::DGRAM, udp, Some(&[DGRAM])),
            (Type::ANY, udp, Some(&[DGRAM])),
            (Type::STREAM, udp, None),
            (Type::RAW, Protocol::DEFAULT, None),
        ] {
            let v4 = literal_v4("192.0.2.1".bytes(), Some("80".bytes()), socktype, protocol);
            let expected_v4 = expected.map(|kinds| (SocketAddrV4::new([192, 0, 2, 1].into(), 80), kinds));
            assert_eq!(v4, expected_v4, "{socktype} {protocol}");
            let v6 = Lookup::new()
                .host("2001:db8::1")
                .service("80")
                .socktype(socktype)
                .protocol(protocol)
                .literal();
            let addr = "[2001:db8::1]:80".parse().unwrap();
            assert_eq!(v6.map(|found| (found.addr(), found.kinds())), expected.map(|kinds| (addr, kinds)));
        }
    }
}
