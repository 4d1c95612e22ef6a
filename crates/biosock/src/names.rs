//! Addresses to names, after BIO_ADDR_hostname_string(3).

use crate::fd::SockAddr;
use crate::sys;
use crate::{Domain, Error, Operation, Reason, Result, SocketAddr, Syscall};

/// The names of an address.
///
/// ```
/// # use biosock::SocketAddr;
/// let names = "[::1]:80".parse::<SocketAddr>()?.names(true)?;
/// assert_eq!(names.host, "::1");
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The host's name, or its address in figures.
    pub host: String,
    /// The service's name, or its port in figures.
    pub service: String,
}

impl SocketAddr {
    /// The host and service names of the address, by getnameinfo(3).
    ///
    /// With `numeric` both are numbers and nobody is asked. Without it the
    /// resolver is asked, and what it does not know comes back as a number.
    ///
    /// # Errors
    /// The resolver's, and unsupported family for AF_UNIX, which has a
    /// [path](Self::path) instead.
    ///
    /// ```
    /// # use biosock::SocketAddr;
    /// let names = "127.0.0.1:443".parse::<SocketAddr>()?.names(true)?;
    /// assert_eq!((names.host.as_str(), names.service.as_str()), ("127.0.0.1", "443"));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_ADDR_hostname_string")]
    #[doc(alias = "BIO_ADDR_service_string")]
    pub fn names(&self, numeric: bool) -> Result<Names> {
        if self.family() == Domain::UNIX {
            let reason = Reason::UnsupportedProtocolFamily;
            return Err(Error::from_reason(Operation::ReverseLookup, reason).at(self));
        }
        self.with_sockaddr(|raw| names_of(raw, numeric, || self.to_string()))
    }
}

/// The names of an address in the system's layout, by getnameinfo(3);
/// `describe` gives its text for the error.
///
/// # Errors
/// The resolver's.
///
/// ```
/// # use biosock::{SocketAddr, fd};
/// let addr: SocketAddr = "127.0.0.1:80".parse()?;
/// let names = addr.with_sockaddr(|raw| fd::names_of(raw, true, || addr.to_string()))?;
/// assert_eq!(names.service, "80");
/// # Ok::<(), biosock::Error>(())
/// ```
pub fn names_of(addr: SockAddr<'_>, numeric: bool, describe: impl FnOnce() -> String) -> Result<Names> {
    match sys::getnameinfo(addr, numeric) {
        Ok((host, service)) => Ok(Names { host, service }),
        Err(sys::EaiError { code, system }) => {
            let (operation, call) = (Operation::ReverseLookup, Syscall::GetNameInfo);
            Err(Error::resolver_call(operation, call, code, system, describe()))
        }
    }
}
