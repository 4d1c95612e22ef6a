//! What this machine's files have for a name.

#[cfg(feature = "tokio")]
use std::io;
use std::net::{self, IpAddr};

use super::answer::{MOST_OF_ANSWER, keep_first};
use super::files::files;
use super::order::sort_destinations;
use crate::{Domain, SocketAddr};

/// The destinations of one family, or of both ([`Domain::UNSPEC`]), that /etc/hosts has
/// for a name, if that is quick to find out; `None` if the file does not have the name,
/// cannot be read, or is large and has changed, until [`has`] has read it.
///
/// DNS is not queried for a name in the file, in either family: a name with one IPv4
/// address there is not meant to have DNS's IPv6 address. getaddrinfo(3) follows that
/// if it is called for both families at once, but not if it is called for one.
pub(super) fn destinations(name: &str, port: u16, family: Domain) -> Option<Vec<SocketAddr>> {
    sorted(&files().hosts.get_quickly()?.every_address(name), port, family)
}

fn sorted(found: &[IpAddr], port: u16, family: Domain) -> Option<Vec<SocketAddr>> {
    if found.is_empty() {
        return None;
    }
    let addrs = found.iter().map(|ip| SocketAddr::from(net::SocketAddr::new(*ip, port)));
    let mut addrs: Vec<_> =
        addrs.filter(|addr| family == Domain::UNSPEC || addr.family() == family).collect();
    keep_first(&mut addrs, MOST_OF_ANSWER);
    sort_destinations(&mut addrs);
    // The dial decides which family goes first.
    addrs.sort_by_key(|addr| addr.family() != Domain::IPV6);
    Some(addrs)
}

/// Whether a name may be of other hosts: not an address in any form, this machine, or a
/// name that the file is known to have.
pub(super) fn may_be_elsewhere(name: &str) -> bool {
    let numeric = name.contains(':') || name.starts_with(|first: char| first.is_ascii_digit());
    let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    // RFC 6761, section 6.3: these resolve to loopback.
    let here = last.eq_ignore_ascii_case("localhost");
    !numeric && !here && destinations(name, 0, Domain::UNSPEC).is_none()
}

/// Whether the file has a name. This may read the whole file.
pub(super) fn has(name: &str) -> bool {
    files().hosts.get().is_some_and(|hosts| !hosts.every_address(name).is_empty())
}

/// As [`destinations`], but distinguishes the reasons: `None` is a file that takes long
/// to read, which only a quick look does not read.
///
/// # Errors
/// A shortage prevented reading the file.
#[cfg(feature = "tokio")]
pub(super) fn look(name: &str, port: u16, family: Domain, quickly: bool) -> io::Result<Option<Found>> {
    let hosts = files().hosts.look(quickly)?;
    Ok(hosts.map(|hosts| sorted(&hosts.every_address(name), port, family)))
}

/// What the file has for a name: `None` if it does not have the name.
#[cfg(feature = "tokio")]
pub(super) type Found = Option<Vec<SocketAddr>>;

/// Whether nsswitch.conf(5) has the file go first, so that its addresses are the answer.
pub(super) fn go_first() -> bool {
    files().nsswitch.get_quickly().is_some_and(|sources| sources.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::cached::FromText;
    use crate::dial::hosts::Hosts;

    #[test]
    fn a_name_of_many_addresses_gives_no_more_than_a_dial_uses() {
        let lines = (0..200_000_u32).map(|number| format!("{} many\n", std::net::Ipv4Addr::from(number)));
        let text = format!("{}::1 many\n", lines.clone().take(300).collect::<String>());
        let hosts = Hosts::from_text((text + &lines.collect::<String>()).into_bytes());
        let found = sorted(&hosts.every_address("many"), 1, Domain::UNSPEC).unwrap();
        let of_family = |family| found.iter().filter(|addr| addr.family() == family).count();
        assert_eq!([Domain::IPV6, Domain::IPV4].map(of_family), [1, MOST_OF_ANSWER]);
    }
}
