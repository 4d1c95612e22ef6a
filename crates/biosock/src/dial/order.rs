//! The order of destinations: RFC 6724, section 6, as a pure function, and the source
//! addresses that it needs.

use std::cmp::{Ordering, Reverse};
use std::net::{IpAddr, Ipv6Addr};

use super::files::files;
use super::gai::Policy;
use super::history::Rank;
use crate::{Domain, Protocol, Socket, SocketAddr, Type};

/// Sorts destinations according to RFC 6724, section 6, for resolvers that return them
/// in any order, as DNS does. getaddrinfo(3) sorts its results itself.
///
/// Of the section's rules it applies 1 (destinations without a route go last), 2 (a
/// source of the same scope), 5 (a source of the same label), 6 (the higher
/// precedence), 8 (the smaller scope), 9 (the longest prefix in common with the source,
/// only for IPv6 addresses: among IPv4 addresses it would undo the server's rotation)
/// and 10 (otherwise unchanged). Rules 3, 4 and 7 need to know deprecated, home and
/// tunnelled addresses, which no portable call reports.
///
/// Labels, precedences and the scopes of IPv4 addresses are those of gai.conf(5), read
/// like getaddrinfo(3) does: any line of a table replaces the whole table, and the file
/// is read once unless it has `reload yes`. A table without a line has the C library's
/// defaults: glibc's are RFC 3484's with a few more labels, others' those of RFC 6724,
/// section 2.1.
///
/// The source address of each is the one that the OS assigns to a UDP socket connected
/// to it; nothing is sent. That takes four system calls per destination, without a
/// limit: truncate answers from outside first.
///
/// ```
/// use biosock::SocketAddr;
/// use biosock::dial::sort_destinations;
///
/// // Loopback has a route everywhere, this broadcast address nowhere.
/// let mut addrs = vec!["255.255.255.255:80".parse()?, "127.0.0.1:80".parse::<SocketAddr>()?];
/// sort_destinations(&mut addrs);
/// assert_eq!(addrs[0].to_string(), "127.0.0.1:80");
/// # Ok::<(), biosock::Error>(())
/// ```
pub fn sort_destinations(addrs: &mut [SocketAddr]) {
    if addrs.len() > 1 {
        // Once for each, since a key costs a socket.
        let keyed: Vec<_> = addrs.iter().map(|addr| (key(addr, source_for(addr)), *addr)).collect();
        let sorted = merge_sorted(keyed);
        addrs.iter_mut().zip(sorted).for_each(|(place, (_, addr))| *place = addr);
    }
}

/// Applies the rules one after another. Rule 9 is for two addresses of the same family,
/// so this is not a total order, which a usual sort needs: a may go before b, and b be
/// equal to c, which goes before a.
fn compare((one, of_one): &(Key, SocketAddr), (two, of_two): &(Key, SocketAddr)) -> Ordering {
    let same_family = of_one.family() == of_two.family();
    one.0.cmp(&two.0).then_with(|| if same_family { one.1.cmp(&two.1) } else { Ordering::Equal })
}

/// A merge sort, stable: since the rules are not a total order, the algorithm matters,
/// and glibc uses this one.
fn merge_sorted(mut first: Vec<(Key, SocketAddr)>) -> Vec<(Key, SocketAddr)> {
    if first.len() < 2 {
        return first;
    }
    let second = merge_sorted(first.split_off(first.len() / 2));
    let mut merged = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (merge_sorted(first).into_iter().peekable(), second.into_iter().peekable());
    while let (Some(one), Some(two)) = (first.peek(), second.peek()) {
        let next = if compare(one, two).is_le() { first.next() } else { second.next() };
        merged.extend(next);
    }
    merged.extend(first.chain(second));
    merged
}

/// Whether the first destination goes before the second, by section 6 and by their
/// ranks in the history (RFC 8305, section 4).
pub(super) fn goes_before(one: &SocketAddr, two: &SocketAddr, rank: impl Fn(&SocketAddr) -> Rank) -> bool {
    let place = |addr| place(key(addr, source_for(addr)), rank(addr));
    place(one) < place(two)
}

/// Whether an IPv6 destination goes before any possible IPv4 one.
pub(super) fn goes_before_any_v4(addr: &SocketAddr) -> bool {
    let policy = files().gai.policy();
    is_before_any_v4(key_by(&policy, addr, source_for(addr)), &policy)
}

fn is_before_any_v4((class, _): Key, policy: &Policy) -> bool {
    let (unusable, other_scope, other_label, Reverse(precedence), _) = class;
    !unusable && !other_scope && !other_label && precedence > policy.highest_of_v4()
}

/// Whether there is a route to a destination.
pub(super) fn has_route(addr: &SocketAddr) -> bool {
    source_for(addr).is_some()
}

/// Moves sorted destinations that are in the history before others of their family that
/// rules 1 to 8 rank equally (RFC 8305, section 4), the fastest first.
pub(super) fn prefer_known(addrs: &mut [(SocketAddr, Rank)]) {
    // Each key costs a socket, so only if it is needed.
    if addrs.len() > 1 && addrs.iter().any(|(_, rank)| matches!(rank, Rank::Used(_))) {
        prefer(addrs, |addr| key(addr, source_for(addr)).0);
    }
}

fn prefer(addrs: &mut [(SocketAddr, Rank)], class: impl Fn(&SocketAddr) -> Class) {
    for family in [Domain::IPV6, Domain::IPV4] {
        let of_family = |(addr, _): &(SocketAddr, Rank)| addr.family() == family;
        let mut known: Vec<_> = addrs
            .iter()
            .filter(|ranked| of_family(ranked))
            .map(|ranked| (class(&ranked.0), *ranked))
            .collect();
        for equal in known.chunk_by_mut(|(one, _), (two, _)| one == two) {
            equal.sort_by_key(|(_, (_, rank))| *rank);
        }
        let places = addrs.iter_mut().filter(|ranked| of_family(ranked));
        places.zip(known).for_each(|(place, (_, ranked))| *place = ranked);
    }
}

/// The source address of packets to a destination, if there is a route to it.
pub(super) fn source_for(addr: &SocketAddr) -> Option<IpAddr> {
    let socket = Socket::new(addr.family(), Type::DGRAM, Protocol::DEFAULT).ok()?;
    socket.connect(addr).ok()?;
    socket.local_addr().ok()?.ip()
}

/// What RFC 6724, section 6, compares, rule by rule; the smallest goes first.
type Key = (Class, Reverse<u32>);

/// The part for rules 1 to 8.
type Class = (bool, bool, bool, Reverse<i32>, i32);

/// A key that includes history: what did not work is unusable (rule 1), what worked is
/// preferred after rule 8.
fn place(
    ((unusable, scope, label, precedence, size), shared): Key,
    rank: Rank,
) -> (Class, Rank, Reverse<u32>) {
    ((unusable || rank == Rank::Unusable, scope, label, precedence, size), rank, shared)
}

fn key(addr: &SocketAddr, source: Option<IpAddr>) -> Key {
    key_by(&files().gai.policy(), addr, source)
}

fn key_by(policy: &Policy, addr: &SocketAddr, source: Option<IpAddr>) -> Key {
    let Some(ip) = addr.ip() else { return Key::default() };
    let to = Traits::of(ip, policy);
    let Some(source) = source else {
        return ((true, false, false, Reverse(to.precedence), to.scope), Reverse(0));
    };
    let from = Traits::of(source, policy);
    let shared = if addr.family() == Domain::IPV6 { common_prefix(ip, source) } else { 0 };
    let class = (false, to.scope != from.scope, to.label != from.label, Reverse(to.precedence), to.scope);
    (class, Reverse(shared))
}

/// The properties of an address in RFC 6724.
struct Traits {
    scope: i32,
    precedence: i32,
    label: i32,
}

impl Traits {
    fn of(ip: IpAddr, policy: &Policy) -> Self {
        let v6 = as_v6(ip);
        let scope = match v6.to_ipv4_mapped() {
            Some(v4) => policy.scope_of_v4(v4),
            None => scope(v6),
        };
        Self { scope, precedence: policy.precedence(v6), label: policy.label(v6) }
    }
}

/// RFC 6724, section 3.2: IPv4 addresses are looked up as IPv4-mapped ones.
fn as_v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

// RFC 6724, section 3.1: the scopes of RFC 4291, section 2.7.
const LINK_LOCAL: i32 = 0x2;
const SITE_LOCAL: i32 = 0x5;
const GLOBAL: i32 = 0xe;

fn scope(ip: Ipv6Addr) -> i32 {
    let first = ip.segments()[0];
    match ip {
        _ if ip.is_multicast() => i32::from(first & 0xf),
        // Section 3.1: loopback is treated "as having link-local scope".
        _ if ip.is_loopback() || ip.is_unicast_link_local() => LINK_LOCAL,
        _ if first & 0xffc0 == 0xfec0 => SITE_LOCAL,
        _ => GLOBAL,
    }
}

/// RFC 6724, section 2.2: how many leading bits two addresses share.
fn common_prefix(one: IpAddr, two: IpAddr) -> u32 {
    let differing = as_v6(one).to_bits() ^ as_v6(two).to_bits();
    differing.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Destinations with their sources, in the expected order.
    type Row = (&'static str, &'static [(&'static str, Option<&'static str>)]);

    /// Those of RFC 6724, section 10.2, that depend on the rules applied here, and one
    /// for each other rule.
    const ROWS: &[Row] = &[
        (
            "10.2: prefer matching scope",
            &[("2001:db8:1::1", Some("2001:db8:1::2")), ("198.51.100.121", Some("169.254.13.78"))],
        ),
        (
            "10.2: prefer matching scope, the other way",
            &[("198.51.100.121", Some("198.51.100.117")), ("2001:db8:1::1", Some("fe80::1"))],
        ),
        (
            "10.2: prefer higher precedence",
            &[("2001:db8:1::1", Some("2001:db8:1::2")), ("10.1.2.3", Some("10.1.2.4"))],
        ),
        (
            "10.2: prefer smaller scope",
            &[("fe80::1", Some("fe80::2")), ("2001:db8:1::1", Some("2001:db8:1::2"))],
        ),
        (
            "10.2: prefer matching label",
            &[("2002:c633:6401::1", Some("2002:c633:6401::2")), ("2001:db8:1::1", Some("2002:c633:6401::2"))],
        ),
        (
            "10.2: prefer higher precedence, native over 6to4",
            &[("2001:db8:1::1", Some("2001:db8:1::2")), ("2002:c633:6401::1", Some("2002:c633:6401::2"))],
        ),
        ("rule 1: avoid unusable destinations", &[("10.1.2.3", Some("10.1.2.4")), ("2001:db8:1::1", None)]),
        (
            "rule 5: a ULA source does not lead to a global destination first",
            &[("198.51.100.121", Some("10.1.2.4")), ("2001:db8:1::1", Some("fd00::2"))],
        ),
        (
            "rule 9: longest matching prefix",
            &[("2001:db8:1::1", Some("2001:db8:1::2")), ("2001:db8:8000::1", Some("2001:db8:1::2"))],
        ),
        (
            "rule 10: IPv4 addresses stay as they came, whatever they share",
            &[("198.51.100.1", Some("10.1.2.4")), ("10.1.2.3", Some("10.1.2.4"))],
        ),
        (
            "2.1: loopback before anything, Teredo after IPv4, ULA after that",
            &[
                ("::1", Some("::1")),
                ("2001:db8::1", Some("2001:db8::2")),
                ("10.1.2.3", Some("10.1.2.4")),
                ("2002::1", Some("2002::2")),
                ("2001::1", Some("2001::2")),
                ("fd00::1", Some("fd00::2")),
            ],
        ),
    ];

    fn addr(ip: &str) -> SocketAddr {
        std::net::SocketAddr::new(ip.parse().unwrap(), 443).into()
    }

    fn sorted(pairs: Vec<(&str, Option<&str>)>) -> Vec<String> {
        let policy = Policy::rfc_6724();
        let keyed = pairs.into_iter().map(|(to, from)| {
            let to = addr(to);
            (key_by(&policy, &to, from.map(|from| from.parse().unwrap())), to)
        });
        let sorted = merge_sorted(keyed.collect()).into_iter();
        sorted.map(|(_, addr)| addr.ip().unwrap().to_string()).collect()
    }

    #[test]
    fn rfc_6724_by_tables() {
        for (rule, expected) in ROWS {
            let names: Vec<_> = expected.iter().map(|(to, _)| (*to).to_owned()).collect();
            assert_eq!(sorted(expected.to_vec()), names, "{rule}");
            // The same reversed, except for the rule that keeps the order.
            if !rule.starts_with("rule 10") {
                assert_eq!(sorted(expected.iter().rev().copied().collect()), names, "{rule}, reversed");
            }
        }
    }

    #[test]
    fn rule_9_applies_within_a_family() {
        let key = (Class::default(), Reverse(64));
        let shares_less = (Class::default(), Reverse(32));
        let of = |key, ip| (key, addr(ip));
        assert_eq!(compare(&of(shares_less, "2001:db8::1"), &of(key, "2001:db8::2")), Ordering::Greater);
        assert_eq!(compare(&of(shares_less, "2001:db8::1"), &of(key, "192.0.2.1")), Ordering::Equal);
    }

    #[test]
    fn scopes_are_those_of_rfc_4291() {
        for (ip, expected) in [
            ("ff01::1", 0x1),
            ("ff02::1", LINK_LOCAL),
            ("ff05::2", SITE_LOCAL),
            ("ff0e::1", GLOBAL),
            ("ff18::1", 0x8),
            ("::1", LINK_LOCAL),
            ("fe80::1", LINK_LOCAL),
            ("febf::1", LINK_LOCAL),
            ("fec0::1", SITE_LOCAL),
            ("feff::1", SITE_LOCAL),
            ("fd00::1", GLOBAL),
            ("2001:db8::1", GLOBAL),
        ] {
            assert_eq!(scope(ip.parse().unwrap()), expected, "{ip}");
        }
    }

    #[test]
    fn the_first_of_two_destinations_goes_before_only_if_it_is_better() {
        let (one, two) = (addr("127.0.0.1"), addr("127.0.0.2"));
        let worked = |of: SocketAddr| {
            move |addr: &SocketAddr| if *addr == of { Rank::Used(Duration::ZERO) } else { Rank::Unknown }
        };
        assert!(goes_before(&one, &two, worked(one)));
        assert!(!goes_before(&one, &two, worked(two)));
        assert!(!goes_before(&one, &two, |_| Rank::Unknown));
    }

    #[test]
    fn history_ranks_below_the_rules() {
        let class = |ip: &str| key(&addr(ip), Some(ip.parse().unwrap())).0;
        let rank = |ip: &str| match ip {
            "2001:db8::b" => Rank::Used(Duration::from_millis(20)),
            "2001:db8::c" => Rank::Used(Duration::from_millis(10)),
            "2002::b" => Rank::Used(Duration::from_millis(1)),
            "192.0.2.2" => Rank::Used(Duration::from_millis(1)),
            "192.0.2.1" => Rank::Unusable,
            _ => Rank::Unknown,
        };
        let order = |ips: &str| {
            let mut addrs: Vec<_> = ips.split(' ').map(|ip| (addr(ip), rank(ip))).collect();
            prefer(&mut addrs, |addr| class(&addr.ip().unwrap().to_string()));
            addrs.iter().map(|(addr, _)| addr.ip().unwrap().to_string()).collect::<Vec<_>>().join(" ")
        };
        for (rule, given, expected) in [
            ("the lower RTT first", "2001:db8::b 2001:db8::c", "2001:db8::c 2001:db8::b"),
            ("then the one used before", "2001:db8::a 2001:db8::b", "2001:db8::b 2001:db8::a"),
            ("no lower precedence goes before", "2001:db8::a 2002::b", "2001:db8::a 2002::b"),
            ("what was unusable is the last of its equals", "192.0.2.1 192.0.2.3", "192.0.2.3 192.0.2.1"),
            (
                "each family in its own places",
                "2001:db8::a 192.0.2.3 2001:db8::b 192.0.2.2",
                "2001:db8::b 192.0.2.2 2001:db8::a 192.0.2.3",
            ),
        ] {
            assert_eq!(order(given), expected, "{rule}");
        }
    }

    #[test]
    fn between_families_history_counts_only_as_rule_1() {
        let keyed = |ip: &str, rank| place(key(&addr(ip), Some(ip.parse().unwrap())), rank);
        let fast = Rank::Used(Duration::ZERO);
        let (v6, v4) = ("2001:db8::1", "192.0.2.1");
        assert!(keyed(v6, Rank::Unknown) < keyed(v4, fast));
        assert!(keyed(v6, Rank::Unusable) > keyed(v4, Rank::Unknown));
        assert!(keyed(v6, Rank::Unusable) < keyed(v4, Rank::Unusable));
    }

    #[test]
    fn ipv6_is_sure_to_lead_only_if_no_rule_is_against_it() {
        assert!(goes_before_any_v4(&addr("::1")));
        assert!(!goes_before_any_v4(&addr("::ffff:127.0.0.1")));
        // Link-local without a zone, so without a route.
        assert!(!goes_before_any_v4(&addr("fe80::1")));
        for policy in [Policy::default(), Policy::rfc_6724()] {
            let leads = |to: &str, from: &str| {
                is_before_any_v4(key_by(&policy, &addr(to), Some(from.parse().unwrap())), &policy)
            };
            assert!(leads("2001:db8::1", "2001:db8::2"), "the usual case");
            assert!(!leads("2001:db8::1", "fd00::2"), "IPv4 may have a matching label");
            assert!(!leads("::ffff:192.0.2.1", "::ffff:192.0.2.2"), "one of IPv4 may be as good");
        }
    }

    #[test]
    fn a_destination_without_a_route_goes_last_with_real_routes() {
        // A broadcast address has no route on any host by chance; loopback has.
        let mut addrs = ["255.255.255.255", "127.0.0.1"].map(addr);
        sort_destinations(&mut addrs);
        assert_eq!(addrs[0], addr("127.0.0.1"));
    }
}
