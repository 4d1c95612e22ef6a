//! Whether this machine has a way out in a family, so that a dial does not wait for
//! addresses that it cannot use.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::order::source_for;
use crate::{Domain, sys};

/// The families to look up: without one that has no way out if the other has one.
///
/// This takes four system calls for a family with a default route, which the kernel
/// uses for a destination on the internet; without one, the family's routes are read
/// (proc(5)) and one destination in each is tried.
pub(super) fn with_way_out(families: &'static [Domain]) -> &'static [Domain] {
    if families.len() < 2 {
        return families;
    }
    match (has_way_out(Domain::IPV6), has_way_out(Domain::IPV4)) {
        (true, false) => &[Domain::IPV6],
        (false, true) => &[Domain::IPV4],
        _ => families,
    }
}

/// DNS root servers, whose addresses rarely change. Nothing is sent to them.
const WORLD_V4: Ipv4Addr = Ipv4Addr::new(198, 41, 0, 4);
const WORLD_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30);

fn has_way_out(family: Domain) -> bool {
    let (world, file, place): (IpAddr, _, Place) = match family {
        Domain::IPV6 => (WORLD_V6.into(), "/proc/net/ipv6_route", place_v6),
        _ => (WORLD_V4.into(), "/proc/net/route", place_v4),
    };
    if is_reached(world) {
        return true;
    }
    match routes(file) {
        Some(routes) => routes.lines().filter_map(place).take(MOST_TRIED).any(is_reached),
        // Without IPv6 there is no such file; without proc(5) nothing is known.
        None => !Path::new("/proc/net").exists(),
    }
}

/// A destination in a route of proc(5), if it may lead out.
type Place = fn(&str) -> Option<IpAddr>;

/// At most so many routes are tried, and so many bytes of the file are read: if there
/// are more, and none of those leads out, the family counts as having no way out.
const MOST_TRIED: usize = 16;
const MOST_READ: u64 = 64 << 10;

fn routes(file: &str) -> Option<String> {
    // The kernel generates the file as it is read: in one read, on most machines.
    let mut text = String::with_capacity(4 << 10);
    let (file, _) = sys::open_regular(file).ok()?;
    file.take(MOST_READ).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Whether packets to this address would have a source that is neither loopback nor
/// link-local.
fn is_reached(ip: IpAddr) -> bool {
    source_for(&SocketAddr::new(ip, 53).into()).is_some_and(|source| !is_local(source))
}

fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

/// RTF_REJECT of <linux/route.h>.
const REJECT: u32 = 0x200;

/// `one 0001010A 00000000 0001 ...`: device, destination, gateway, flags.
fn place_v4(line: &str) -> Option<IpAddr> {
    let mut words = line.split_ascii_whitespace();
    let (device, to, _, flags) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let to = Ipv4Addr::from(u32::from_str_radix(to, 16).ok()?.to_ne_bytes());
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let leads = device != "lo" && flags & REJECT == 0 && !to.is_multicast();
    // The network's own address is no host's.
    let host = IpAddr::from(Ipv4Addr::from(u32::from(to).saturating_add(1)));
    Some(host).filter(|host| leads && !is_local(*host))
}

/// Destination, its prefix length, source, its prefix length, next hop, metric, two
/// counters, flags, device.
fn place_v6(line: &str) -> Option<IpAddr> {
    let mut words = line.split_ascii_whitespace();
    let to = Ipv6Addr::from(u128::from_str_radix(words.next()?, 16).ok()?);
    let (flags, device) = (words.nth(7)?, words.next()?);
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let leads = device != "lo" && flags & REJECT == 0 && !to.is_multicast();
    let host = IpAddr::from(Ipv6Addr::from(u128::from(to).saturating_add(1)));
    Some(host).filter(|host| leads && !is_local(*host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_as_proc_5_has_them() {
        // As on a little-endian machine.
        if cfg!(target_endian = "little") {
            for (line, expected) in [
                ("Iface\tDestination\tGateway \tFlags\tRefCnt", None),
                ("eth0\t00000000\t010010AC\t0003\t0\t0\t0\t00000000", Some("0.0.0.1")),
                ("eth0\t0000010A\t00000000\t0001\t0\t0\t0\t0000FFFF", Some("10.1.0.1")),
                ("eth0\t0000FEA9\t00000000\t0001\t0\t0\t0\t0000FFFF", None),
                ("lo\t0000010A\t00000000\t0001\t0\t0\t0\t0000FFFF", None),
                ("*\t007100CB\t00000000\t0201\t0\t0\t0\t00FFFFFF", None),
                ("", None),
            ] {
                assert_eq!(place_v4(line), expected.map(|ip| ip.parse().unwrap()), "{line}");
            }
        }
        let (zeros, tail) = ("0".repeat(32), "00000400 00000001 00000000");
        let line = |to: &str, flags: &str, device: &str| {
            format!("{to} 40 {zeros} 00 {zeros} {tail} {flags} {device}")
        };
        for (line, expected) in [
            (line("20010db8000100000000000000000000", "00000001", "eth0"), Some("2001:db8:1::1")),
            (line("fd000000000000000000000000000000", "00000001", "    eth0"), Some("fd00::1")),
            (line("fe800000000000000000000000000000", "00000001", "eth0"), None),
            (line("ff000000000000000000000000000000", "00000001", "eth0"), None),
            (line("20010db8000100000000000000000000", "00000001", "lo"), None),
            (line("20010db8000100000000000000000000", "00200200", "eth0"), None),
            ("nonsense".into(), None),
        ] {
            assert_eq!(place_v6(&line), expected.map(|ip| ip.parse().unwrap()), "{line}");
        }
    }
}
