//! The addresses of a target.

use super::Listen;
use crate::error::Refusal;
use crate::{Domain, Error, HostServ, Lookup, Operation, Part, Priority, Result, SocketAddr, Type};

/// A name server decides how many addresses a name has, and each takes a socket.
const MOST: usize = 256;

impl Listen {
    /// The addresses of a target, without duplicates.
    pub(super) fn resolve(&self, target: &str) -> Result<Vec<SocketAddr>> {
        if target.is_empty() {
            return Err(Error::refused(Operation::Listen, Refusal::NoAddress));
        }
        if target.starts_with("unix:") {
            return Ok(vec![target.parse()?]);
        }
        let HostServ { host, service } = HostServ::parse(target, Priority::Service)?;
        // For a host without a service the system chooses the port.
        let lookup = Lookup::new().service(service.name().unwrap_or("0")).passive().every_family();
        let lookup = lookup.family(self.family).socktype(Type::STREAM);
        let lookup = host.name().map_or(lookup, |host| lookup.host(host));
        let mut addrs = distinct(lookup.run()?.iter().map(|found| unmapped(found.addr)))
            .ok_or_else(|| Error::refused(Operation::Listen, Refusal::TooManyAddresses).about(target))?;
        if !matches!(host, Part::Named(_)) {
            // The resolver returns the wildcards in no particular order.
            addrs.sort_by_key(|addr| addr.family() != Domain::IPV6);
        }
        Ok(addrs)
    }
}

/// Each address once; `None` if there are more than a set may have.
fn distinct(found: impl Iterator<Item = SocketAddr>) -> Option<Vec<SocketAddr>> {
    let mut addrs = Vec::new();
    for addr in found {
        if !addrs.contains(&addr) {
            addrs.push(addr);
        }
        if addrs.len() > MOST {
            return None;
        }
    }
    Some(addrs)
}

/// An IPv4-mapped address (RFC 4291, section 2.5.5.2) is an IPv4 address, which an
/// IPv6-only socket cannot have.
fn unmapped(addr: SocketAddr) -> SocketAddr {
    let SocketAddr::V6(v6) = addr else { return addr };
    v6.ip().to_ipv4_mapped().map_or(addr, |ip| SocketAddr::from((ip, v6.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wildcards_are_ipv6_s_then_ipv4_s() {
        for target in ["*:80", "80"] {
            let found = Listen::new().resolve(target).unwrap();
            let families: Vec<_> = found.iter().map(SocketAddr::family).collect();
            assert_eq!(families, [Domain::IPV6, Domain::IPV4], "{target}");
        }
    }

    #[test]
    fn a_set_has_so_many_addresses_at_most() {
        let addr = |n: usize| SocketAddr::from(([127, 1, (n / 256) as u8, (n % 256) as u8], 80));
        let twice = |count| (0..count).chain(0..count).map(addr);
        assert_eq!(distinct(twice(MOST)).map(|addrs| addrs.len()), Some(MOST));
        assert_eq!(distinct(twice(MOST + 1)), None);
    }
}
