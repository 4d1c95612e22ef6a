//! Names of addresses, as in BIO_ADDR_hostname_string(3).

use std::fmt;

use crate::raw::SockAddr;
use crate::sys;
use crate::{Domain, Error, Operation, Reason, Result, SocketAddr};

/// The names of an address.
///
/// ```
/// # use biosock::SocketAddr;
/// let names = "[::1]:80".parse::<SocketAddr>()?.names(true)?;
/// assert_eq!(names.host, "::1");
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Names {
    /// The host's name, or its numeric address.
    pub host: String,
    /// The service's name, or its numeric port.
    pub service: String,
}

impl SocketAddr {
    /// The host and service names of the address, by getnameinfo(3).
    ///
    /// With `numeric`, both are numbers and nothing is looked up. Otherwise the
    /// resolver is queried, and what it does not know is returned as a number.
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
        self.with_sockaddr(|raw| names_of(raw, numeric))
    }
}

/// The names of an address in the OS's layout, by getnameinfo(3).
///
/// # Errors
/// The resolver's.
///
/// ```
/// use biosock::{SocketAddr, fd};
///
/// let addr: SocketAddr = "127.0.0.1:80".parse()?;
/// let names = addr.with_sockaddr(|raw| fd::names_of(raw, true))?;
/// assert_eq!(names.service, "80");
/// # Ok::<(), biosock::Error>(())
/// ```
pub fn names_of(addr: SockAddr<'_>, numeric: bool) -> Result<Names> {
    let names = raw_names_of(addr, numeric).map_err(|error| match addr.to_addr() {
        Some(addr) => error.at(&addr),
        None => error,
    })?;
    let names = names.0;
    let text = |name| String::from_utf8_lossy(name).into_owned();
    Ok(Names { host: text(names.host()), service: text(names.service()) })
}

/// The names of an address, as bytes: a name need not be UTF-8.
///
/// ```
/// use biosock::{SocketAddr, fd};
///
/// let addr: SocketAddr = "127.0.0.1:80".parse()?;
/// let names = addr.with_sockaddr(|raw| fd::raw_names_of(raw, true))?;
/// assert_eq!((names.host(), names.service()), (&b"127.0.0.1"[..], &b"80"[..]));
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct RawNames(sys::NameBuffers);

impl RawNames {
    /// The host's name, or its numeric address; never empty, without a NUL.
    ///
    /// ```
    /// # use biosock::{SocketAddr, fd};
    /// # let addr: SocketAddr = "127.0.0.1:80".parse()?;
    /// let names = addr.with_sockaddr(|raw| fd::raw_names_of(raw, true))?;
    /// assert_eq!(names.host(), b"127.0.0.1");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn host(&self) -> &[u8] {
        self.0.host()
    }

    /// The service's name, or its numeric port, without a NUL.
    ///
    /// ```
    /// # use biosock::{SocketAddr, fd};
    /// # let addr: SocketAddr = "127.0.0.1:80".parse()?;
    /// let names = addr.with_sockaddr(|raw| fd::raw_names_of(raw, true))?;
    /// assert_eq!(names.service(), b"80");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn service(&self) -> &[u8] {
        self.0.service()
    }
}

impl fmt::Debug for RawNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, service) = (self.host().escape_ascii(), self.service().escape_ascii());
        f.debug_struct("RawNames")
            .field("host", &format_args!("{host}"))
            .field("service", &format_args!("{service}"))
            .finish()
    }
}

/// Like [`names_of`], without allocating, even for an error, which therefore names no
/// address.
///
/// # Errors
/// The resolver's.
///
/// ```
/// use biosock::{SocketAddr, fd};
///
/// let addr: SocketAddr = "[::1]:443".parse()?;
/// let names = addr.with_sockaddr(|raw| fd::raw_names_of(raw, true))?;
/// assert_eq!(names.host(), b"::1");
/// # Ok::<(), biosock::Error>(())
/// ```
pub fn raw_names_of(addr: SockAddr<'_>, numeric: bool) -> Result<RawNames> {
    sys::getnameinfo(addr, numeric).map(RawNames).map_err(|sys::EaiError { code, system, .. }| {
        let operation = Operation::ReverseLookup;
        Error::resolver_call(operation, code, system, None, String::new())
    })
}
