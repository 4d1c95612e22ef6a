//! Socket addresses from raw bytes and strings.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV6};
use std::str::FromStr;

use crate::sys;
use crate::{Domain, Error, Operation, Reason, Result, SocketAddr, Syscall, UnixAddr};

impl SocketAddr {
    /// Creates an address from the raw bytes of a family, whose length is checked:
    /// 4 bytes in network byte order for IPv4, 16 for IPv6, a path (or an abstract
    /// name with its leading NUL, or nothing) for AF_UNIX. The port is in host byte
    /// order, and ignored for AF_UNIX.
    ///
    /// # Errors
    /// A wrong length, a path that is too long or contains a NUL, or another family.
    ///
    /// ```
    /// use biosock::{Domain, SocketAddr};
    ///
    /// let addr = SocketAddr::from_raw(Domain::IPV4, &[127, 0, 0, 1], 80)?;
    /// assert_eq!(addr.to_string(), "127.0.0.1:80");
    /// assert!(SocketAddr::from_raw(Domain::IPV4, &[127, 0, 0], 80).is_err());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_ADDR_rawmake")]
    pub fn from_raw(family: Domain, bytes: &[u8], port: u16) -> Result<Self> {
        match family {
            Domain::IPV4 => ip_bytes::<4>(bytes).map(|ip| Self::from((Ipv4Addr::from(ip), port))),
            Domain::IPV6 => ip_bytes::<16>(bytes).map(|ip| Self::from((Ipv6Addr::from(ip), port))),
            Domain::UNIX => UnixAddr::from_sun_path(bytes).map(Self::Unix),
            _ => Err(unsupported_family(Operation::Parse, family)),
        }
    }

    /// The name of the interface that is an IPv6 address's zone (RFC 4007), by
    /// if_indextoname(3): three system calls. `None` without a zone, or if the
    /// interface is gone or its name could not be parsed again.
    /// [`Display`](std::fmt::Display) writes the zone's number, which needs no system call.
    ///
    /// ```
    /// # use biosock::SocketAddr;
    /// let addr: SocketAddr = "[fe80::1%lo]:80".parse()?;
    /// assert_eq!(addr.to_string(), "[fe80::1%1]:80");
    /// assert_eq!(addr.zone_name().as_deref(), Some("lo"));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn zone_name(&self) -> Option<String> {
        match self {
            Self::V6(v6) if v6.scope_id() != 0 => {
                sys::interface_name(v6.scope_id()).filter(|name| is_zone_name(name))
            }
            _ => None,
        }
    }
}

/// The error of a family that is not IPv4, IPv6 or Unix.
pub(crate) fn unsupported_family(operation: Operation, family: Domain) -> Error {
    Error::unsupported_family(operation, family)
}

fn ip_bytes<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| {
        let problem = if N == 4 { "an IPv4 address is 4 bytes" } else { "an IPv6 address is 16 bytes" };
        Error::bad_text(None, bytes, bytes.len().min(N), problem)
    })
}

fn is_zone_name(name: &str) -> bool {
    !name.bytes().all(|b| b.is_ascii_digit())
        && !name.contains([']', '%'])
        && !name.contains(char::is_control)
}

impl FromStr for SocketAddr {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with("unix:") {
            return text.parse().map(Self::Unix);
        }
        if let Some(rest) = text.strip_prefix('[') {
            return parse_v6(text, rest);
        }
        match text.rsplit_once(':') {
            Some((host, port)) => parse_v4(text, host, port),
            None => Err(bad(text, text.len(), "missing port; write 127.0.0.1:80")),
        }
    }
}

fn bad(text: &str, at: usize, problem: &'static str) -> Error {
    Error::bad_text(None, text.as_bytes(), at, problem)
}

fn parse_v4(text: &str, host: &str, port: &str) -> Result<SocketAddr> {
    let ip: Ipv4Addr = host
        .parse()
        .map_err(|_| bad(text, 0, "not an address; look names up with Lookup, write IPv6 as [::1]:80"))?;
    Ok(SocketAddr::from((ip, parse_port(text, host.len() + 1, port)?)))
}

fn parse_v6(text: &str, rest: &str) -> Result<SocketAddr> {
    let (inside, after) = rest.split_once(']').ok_or_else(|| bad(text, text.len(), "missing closing ]"))?;
    let port_at = inside.len() + 3;
    let port =
        after.strip_prefix(':').ok_or_else(|| bad(text, port_at - 1, "missing port; write [::1]:80"))?;
    let (host, zone) = inside.split_once('%').map_or((inside, None), |(host, zone)| (host, Some(zone)));
    let ip: Ipv6Addr = host.parse().map_err(|_| bad(text, 1, "not an IPv6 address"))?;
    let port = parse_port(text, port_at, port)?;
    let scope = zone.map_or(Ok(0), |zone| parse_zone(text, host.len() + 2, zone))?;
    Ok(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope)))
}

fn parse_port(text: &str, at: usize, port: &str) -> Result<u16> {
    if port.is_empty() {
        return Err(bad(text, at, "missing port"));
    }
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad(text, at, "the port is not a number"));
    }
    port.parse().map_err(|_| bad(text, at, "the port is above 65535"))
}

fn parse_zone(text: &str, at: usize, zone: &str) -> Result<u32> {
    if !zone.is_empty() && zone.bytes().all(|b| b.is_ascii_digit()) {
        return zone.parse().map_err(|_| bad(text, at, "the zone is above 4294967295"));
    }
    match sys::interface_index(zone) {
        Ok(index) => index.ok_or_else(|| bad(text, at, "no such interface")),
        // Usually because there is no descriptor for the query.
        Err(errno) => {
            let errno = errno.raw_os_error();
            Err(Error::system_call(Operation::Parse, Syscall::Socket, errno, None).about(text))
        }
    }
}

impl TryFrom<SocketAddr> for std::net::SocketAddr {
    type Error = Error;

    /// # Errors
    /// An AF_UNIX address is not one of `std::net`'s.
    fn try_from(addr: SocketAddr) -> Result<Self> {
        match addr {
            SocketAddr::V4(v4) => Ok(Self::V4(v4)),
            SocketAddr::V6(v6) => Ok(Self::V6(v6)),
            SocketAddr::Unix(_) => {
                let reason = Reason::UnsupportedProtocolFamily;
                Err(Error::from_reason(Operation::Convert, reason).about("std::net::SocketAddr"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_zone_name;

    #[test]
    fn a_zone_has_a_name_only_if_it_can_be_parsed_again() {
        for good in ["eth0", "lo", "0a", "wlp-s 1"] {
            assert!(is_zone_name(good), "{good:?}");
        }
        for bad in ["", "12", "a]", "a%b", "a\tb"] {
            assert!(!is_zone_name(bad), "{bad:?}");
        }
    }
}
