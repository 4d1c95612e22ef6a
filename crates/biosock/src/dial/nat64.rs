//! IPv4 destinations on IPv6-only networks, through a NAT64: RFC 7050 discovers the
//! prefix, and RFC 6052 synthesizes the addresses.

use std::net::{self, Ipv4Addr, Ipv6Addr};

use super::Question;
use crate::{Domain, SocketAddr, Type};

/// RFC 7050, section 3: the name whose only addresses are well-known IPv4 ones, so that
/// any IPv6 address of it comes from a DNS64.
const NAME: &str = "ipv4only.arpa";

/// RFC 7050, section 8.2: 192.0.0.170 and 192.0.0.171.
const WELL_KNOWN: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];

/// The most prefixes of an answer that are used, for each IPv4 address.
pub(super) const MOST_PREFIXES: usize = 16;

/// RFC 6052, section 2.2: "the prefix ... must be either 32, 40, 48, 56, 64,
/// or 96 bits long".
const LENGTHS: [usize; 6] = [96, 64, 56, 48, 40, 32];

/// RFC 6052, section 2.2: byte 8, bits 64 to 71, is zero and not part of the IPv4
/// address.
const RESERVED_BYTE: usize = 8;

/// The question for the resolver.
pub(super) fn question(socktype: Type) -> Question {
    Question { host: Some(NAME.into()), service: "0".into(), family: Domain::IPV6, socktype }
}

/// A NAT64's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    bits: Ipv6Addr,
    length: usize,
}

impl Prefix {
    /// The prefix of this address of [`NAME`]: the position of the well-known address
    /// in it gives the length.
    pub(super) fn of(addr: &SocketAddr) -> Option<Self> {
        let SocketAddr::V6(found) = addr else { return None };
        let embeds = |&length: &usize| WELL_KNOWN.contains(&extract(*found.ip(), length));
        let length = LENGTHS.into_iter().find(embeds)?;
        let mut octets = found.ip().octets();
        octets[length / 8..].fill(0);
        Some(Self { bits: octets.into(), length })
    }

    /// The address by which the NAT64 reaches an IPv4 address; `None` for other families.
    pub(super) fn reaching(self, addr: &SocketAddr) -> Option<SocketAddr> {
        let SocketAddr::V4(to) = addr else { return None };
        // The suffix stays zero.
        let mut octets = self.bits.octets();
        for (place, octet) in places(self.length).zip(to.ip().octets()) {
            octets[place] = octet;
        }
        Some(net::SocketAddr::new(Ipv6Addr::from(octets).into(), to.port()).into())
    }
}

/// The positions of the four bytes of the IPv4 address after a prefix.
fn places(length: usize) -> impl Iterator<Item = usize> {
    (length / 8..).filter(|place| *place != RESERVED_BYTE).take(4)
}

fn extract(addr: Ipv6Addr, length: usize) -> Ipv4Addr {
    let mut octets = [0; 4];
    for (octet, place) in octets.iter_mut().zip(places(length)) {
        *octet = addr.octets()[place];
    }
    Ipv4Addr::from(octets)
}

/// The mark of the lookup of a NAT64's prefix, alongside those of the families.
pub(super) const NAT64: Domain = Domain::UNSPEC;

/// IPv4 addresses that the machine has no route to, for a NAT64.
#[derive(Debug, Default)]
pub(super) struct Nat64Pending {
    pub(super) addrs: Vec<SocketAddr>,
    pub(super) discovery: Discovery,
}

/// The lookup of the NAT64's prefix.
#[derive(Debug, Default)]
pub(super) enum Discovery {
    /// No address needs it yet.
    #[default]
    Needless,
    Wanted,
    UnderWay,
    Done(Vec<Prefix>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// RFC 6052, section 2.4: 192.0.2.33 after a prefix of each length, and a
    /// well-known address after the same prefix, both written out by hand.
    const TABLE: [(&str, &str); 7] = [
        ("2001:db8:c000:221::", "2001:db8:c000:aa::"),
        ("2001:db8:1c0:2:21::", "2001:db8:1c0:0:aa::"),
        ("2001:db8:122:c000:2:2100::", "2001:db8:122:c000:0:aa00::"),
        ("2001:db8:122:3c0:0:221::", "2001:db8:122:3c0:0:aa::"),
        ("2001:db8:122:344:c0:2:2100::", "2001:db8:122:344:c0:0:aa00::"),
        ("2001:db8:122:344::192.0.2.33", "2001:db8:122:344::192.0.0.170"),
        ("64:ff9b::192.0.2.33", "64:ff9b::192.0.0.171"),
    ];

    #[test]
    fn addresses_are_made_as_rfc_6052_shows() {
        for (expected, found) in TABLE {
            let prefix = Prefix::of(&addr(&format!("[{found}]:0"))).unwrap();
            let made = prefix.reaching(&addr("192.0.2.33:443"));
            assert_eq!(made, Some(addr(&format!("[{expected}]:443"))), "by {prefix:?}");
        }
    }

    #[test]
    fn both_well_known_addresses_tell_of_one_prefix() {
        let found =
            ["[64:ff9b::192.0.0.170]:0", "[64:ff9b::192.0.0.171]:0"].map(|text| Prefix::of(&addr(text)));
        assert!(found[0].is_some() && found[0] == found[1], "{found:?}");
    }

    #[test]
    fn what_embeds_nothing_well_known_is_no_prefix() {
        for other in ["[2001:db8::1]:0", "[64:ff9b::192.0.2.1]:0", "192.0.0.170:0", "unix:/run/x"] {
            assert_eq!(Prefix::of(&addr(other)), None, "{other}");
        }
        let prefix = Prefix::of(&addr("[64:ff9b::192.0.0.170]:0")).unwrap();
        assert_eq!(prefix.reaching(&addr("[2001:db8::1]:1")), None);
    }
}
