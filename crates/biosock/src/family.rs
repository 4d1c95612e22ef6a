//! The address family of a lookup, a dial or a set of listeners.

use std::fmt;

use crate::addr::unsupported_family;
use crate::{Domain, Error, Operation, SocketAddr};

/// Which addresses [`Lookup`](crate::Lookup), [`Dialer`](crate::dial::Dialer) and
/// [`Listen`](crate::listeners::Listen) use.
///
/// ```
/// use biosock::{Domain, Family};
///
/// assert_eq!(Family::default(), Family::Any);
/// assert_eq!(Domain::from(Family::Ipv6), Domain::IPV6);
/// assert!(Family::try_from(Domain::UNIX).is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Family {
    /// Any family.
    #[default]
    Any,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
}

impl Family {
    pub(crate) const fn domain(self) -> Domain {
        match self {
            Self::Any => Domain::UNSPEC,
            Self::Ipv4 => Domain::IPV4,
            Self::Ipv6 => Domain::IPV6,
        }
    }

    /// Whether the address is of this family.
    pub(crate) fn has(self, addr: &SocketAddr) -> bool {
        self == Self::Any || self.domain() == addr.family()
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.domain().fmt(f)
    }
}

impl From<Family> for Domain {
    fn from(family: Family) -> Self {
        family.domain()
    }
}

impl TryFrom<Domain> for Family {
    type Error = Error;

    /// Fails with [`UnsupportedProtocolFamily`](crate::Reason) for any family but
    /// AF_UNSPEC, AF_INET and AF_INET6.
    fn try_from(domain: Domain) -> Result<Self, Error> {
        match domain {
            Domain::UNSPEC => Ok(Self::Any),
            Domain::IPV4 => Ok(Self::Ipv4),
            Domain::IPV6 => Ok(Self::Ipv6),
            other => Err(unsupported_family(Operation::Lookup, other)),
        }
    }
}
