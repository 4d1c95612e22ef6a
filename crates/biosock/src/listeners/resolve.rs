//! What a target means: every address that it gives.

use super::Listen;
use crate::addr::check_family;
use crate::cause::Refusal;
use crate::{Domain, Error, HostServ, Lookup, Operation, Part, Priority, Result, SocketAddr, Type};

impl Listen {
    /// The addresses of a target, duplicates dropped.
    pub(super) fn resolve(&self, target: &str) -> Result<Vec<SocketAddr>> {
        if target.is_empty() {
            return Err(Error::refused(Operation::Listen, Refusal::NoAddress));
        }
        if target.starts_with("unix:") {
            return Ok(vec![target.parse()?]);
        }
        check_family(Operation::Listen, self.family)?;
        let HostServ { host, service } = HostServ::parse(target, Priority::Service)?;
        // A host without a service leaves the port to the system.
        let lookup = Lookup::new().service(service.name().unwrap_or("0")).passive().every_family();
        let lookup = lookup.family(self.family).socktype(Type::STREAM);
        let lookup = host.name().map_or(lookup, |host| lookup.host(host));
        let mut addrs: Vec<SocketAddr> = Vec::new();
        for addr in lookup.run()?.iter().map(|found| unmapped(found.addr)) {
            if !addrs.contains(&addr) {
                addrs.push(addr);
            }
        }
        if !matches!(host, Part::Named(_)) {
            // The resolver's order of the wildcards is an accident.
            addrs.sort_by_key(|addr| addr.family() != Domain::IPV6);
        }
        Ok(addrs)
    }
}

/// An IPv4-mapped address (RFC 4291, section 2.5.5.2) is IPv4's, which a
/// socket for IPv6 alone cannot have.
fn unmapped(addr: SocketAddr) -> SocketAddr {
    let SocketAddr::V6(v6) = addr else { return addr };
    v6.ip().to_ipv4_mapped().map_or(addr, |ip| SocketAddr::from((ip, v6.port())))
}
