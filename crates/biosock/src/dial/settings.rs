//! The settings of a dial's sockets.

use std::fmt;
use std::net::{SocketAddrV4, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use super::race::Pace;
use crate::sys::Errno;
use crate::{ConnectOptions, Domain, Error, Family, Protocol, Result, Socket, SocketAddr, Type};

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) pace: Pace,
    pub(super) family: Family,
    pub(super) socktype: Type,
    /// For each attempt; those of TCP do not apply to a Unix path.
    pub(super) connect: ConnectOptions,
    /// The connected socket's mode.
    pub(super) nonblocking: bool,
    /// SO_REUSEADDR, if there is a source.
    pub(super) reuseaddr: bool,
    pub(super) mptcp: bool,
    pub(super) source_v4: Option<SocketAddrV4>,
    pub(super) source_v6: Option<SocketAddrV6>,
    pub(super) device_v4: Option<String>,
    pub(super) device_v6: Option<String>,
    pub(super) first_family_count: usize,
    pub(super) nat64: bool,
    pub(super) on_lookup: Option<OnLookup>,
}

/// Called when a lookup has ended.
#[derive(Clone)]
pub(super) struct OnLookup(pub(super) Arc<LookupHook>);

type LookupHook = dyn Fn(Domain, Duration, Result<&[SocketAddr], &Error>) + Send + Sync;

impl fmt::Debug for OnLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnLookup")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            family: Family::Any,
            socktype: Type::STREAM,
            connect: ConnectOptions::new(),
            nonblocking: false,
            reuseaddr: false,
            mptcp: false,
            source_v4: None,
            source_v6: None,
            device_v4: None,
            device_v6: None,
            // RFC 8305, section 8: "First Address Family Count ... 1".
            first_family_count: 1,
            nat64: false,
            on_lookup: None,
        }
    }
}

impl Settings {
    /// The families to look up, the preferred one first.
    pub(super) fn families(&self) -> &'static [Domain] {
        match self.family {
            Family::Ipv4 => &[Domain::IPV4],
            Family::Ipv6 => &[Domain::IPV6],
            Family::Any => &[Domain::IPV6, Domain::IPV4],
        }
    }

    /// Whether the caller chose a source or a device for the sockets.
    pub(super) fn has_source_or_device(&self) -> bool {
        let (sources, devices) = ((&self.source_v4, &self.source_v6), (&self.device_v4, &self.device_v6));
        sources != (&None, &None) || devices != (&None, &None)
    }

    pub(super) fn serves(&self, addr: &SocketAddr) -> bool {
        self.family.has(addr)
    }

    /// Whether an attempt at this address uses TCP or MPTCP.
    pub(super) fn is_tcp(&self, addr: &SocketAddr) -> bool {
        self.socktype == Type::STREAM && addr.family() != Domain::UNIX
    }

    pub(super) fn socket_for(&self, addr: &SocketAddr, nonblocking: bool) -> Result<Socket> {
        let domain = addr.family();
        if self.mptcp && self.is_tcp(addr) {
            return Socket::mptcp_in_mode(domain, nonblocking).map_err(|error| error.at(addr));
        }
        let socket = Socket::in_mode(domain, self.socktype, Protocol::DEFAULT, nonblocking);
        socket.map_err(|error| error.at(addr))
    }

    /// Sets what precedes the connect: device, source.
    pub(super) fn prepare(&self, socket: &Socket, addr: &SocketAddr) -> Result<()> {
        if addr.family() == Domain::UNIX {
            return Ok(());
        }
        let device = if addr.family() == Domain::IPV6 { &self.device_v6 } else { &self.device_v4 };
        if let Some(device) = device {
            socket.bind_device(device)?;
        }
        if let Some(source) = self.source_for(addr) {
            if self.reuseaddr {
                socket.set_reuseaddr(true)?;
            }
            socket.bind(&source)?;
        }
        Ok(())
    }

    /// Whether an attempt failed because there is no route for IPv4 at all, and the
    /// caller wants to use a NAT64.
    pub(super) fn strands(&self, addr: &SocketAddr, error: &Error) -> bool {
        let no_route = error.raw_os_error() == Some(Errno::NETUNREACH.raw_os_error());
        self.nat64 && self.family == Family::Any && addr.family() == Domain::IPV4 && no_route
    }

    fn source_for(&self, addr: &SocketAddr) -> Option<SocketAddr> {
        match addr {
            SocketAddr::V4(_) => self.source_v4.map(SocketAddr::from),
            // A link-local source without a zone is on the peer's link.
            SocketAddr::V6(to) => self.source_v6.map(|mut source| {
                if source.scope_id() == 0 && source.ip().is_unicast_link_local() {
                    source.set_scope_id(to.scope_id());
                }
                source.into()
            }),
            SocketAddr::Unix(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_source_without_a_zone_is_of_the_peer_s_link() {
        for (source, to, expected) in [
            ("[fe80::1]:0", "[fe80::2%3]:443", "[fe80::1%3]:0"),
            ("[fe80::1%5]:0", "[fe80::2%3]:443", "[fe80::1%5]:0"),
            ("[2001:db8::1]:0", "[fe80::2%3]:443", "[2001:db8::1]:0"),
        ] {
            let settings = Settings { source_v6: Some(source.parse().unwrap()), ..Settings::default() };
            let chosen = settings.source_for(&to.parse().unwrap());
            assert_eq!(chosen, Some(expected.parse().unwrap()), "{source} to {to}");
        }
    }
}
