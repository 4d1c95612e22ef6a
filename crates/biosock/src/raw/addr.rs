//! Socket addresses: IPv4, IPv6 with flow info and zone, Unix paths, Linux
//! abstract names and the unnamed address. OpenSSL's `BIO_ADDR`.

use std::fmt;
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};

use super::{Domain, SUN_PATH_LEN, UnixAddr};

/// A socket address of a family that BIO_ADDR(3) supports.
///
/// The text forms, parsed by [`FromStr`](std::str::FromStr) and written by
/// [`Display`](fmt::Display), are `127.0.0.1:80`, `[::1]:80`, `[fe80::1%2]:80`,
/// `unix:/run/x.sock`, `unix:@abstract` and `unix:` (unnamed). A zone may also be
/// given as the name of its interface (`%eth0`), which is then looked up; writing
/// makes no system call. IPv6 flow info has no text form (RFC 4291) and is 0 after
/// parsing.
///
/// ```
/// use biosock::{Domain, SocketAddr};
///
/// let addr: SocketAddr = "[::1]:443".parse()?;
/// assert_eq!((addr.family(), addr.port()), (Domain::IPV6, Some(443)));
/// assert_eq!(addr.to_string(), "[::1]:443");
/// # Ok::<(), biosock::Error>(())
/// ```
#[doc(alias = "BIO_ADDR")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SocketAddr {
    /// AF_INET
    V4(SocketAddrV4),
    /// AF_INET6
    V6(SocketAddrV6),
    /// AF_UNIX
    Unix(UnixAddr),
}

impl SocketAddr {
    /// The address family.
    ///
    /// ```
    /// # use biosock::{Domain, SocketAddr};
    /// assert_eq!("unix:@x".parse::<SocketAddr>()?.family(), Domain::UNIX);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_ADDR_family")]
    #[must_use]
    pub const fn family(&self) -> Domain {
        match self {
            Self::V4(_) => Domain::IPV4,
            Self::V6(_) => Domain::IPV6,
            Self::Unix(_) => Domain::UNIX,
        }
    }

    /// The bytes of the address without the port: 4, 16, or those of the path.
    ///
    /// ```
    /// # use biosock::SocketAddr;
    /// let addr: SocketAddr = "10.0.0.1:80".parse()?;
    /// assert_eq!(&*addr.raw_address(), &[10, 0, 0, 1]);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_ADDR_rawaddress")]
    #[must_use]
    pub fn raw_address(&self) -> RawAddress {
        match self {
            Self::V4(v4) => RawAddress::new(&v4.ip().octets()),
            Self::V6(v6) => RawAddress::new(&v6.ip().octets()),
            Self::Unix(unix) => RawAddress::new(unix.sun_path()),
        }
    }

    /// The IP address; `None` for AF_UNIX.
    ///
    /// ```
    /// # use biosock::SocketAddr;
    /// assert!("[::1]:80".parse::<SocketAddr>()?.ip().is_some_and(|ip| ip.is_loopback()));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::V4(v4) => Some(IpAddr::V4(*v4.ip())),
            Self::V6(v6) => Some(IpAddr::V6(*v6.ip())),
            Self::Unix(_) => None,
        }
    }

    /// The port in host byte order; `None` for AF_UNIX.
    ///
    /// ```
    /// # use biosock::SocketAddr;
    /// assert_eq!("127.0.0.1:80".parse::<SocketAddr>()?.port(), Some(80));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_ADDR_rawport")]
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::V4(v4) => Some(v4.port()),
            Self::V6(v6) => Some(v6.port()),
            Self::Unix(_) => None,
        }
    }

    /// The same address with another port; an AF_UNIX address is unchanged.
    ///
    /// ```
    /// # use biosock::SocketAddr;
    /// let addr: SocketAddr = "[::1]:0".parse()?;
    /// assert_eq!(addr.with_port(8443).to_string(), "[::1]:8443");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        match &mut self {
            Self::V4(v4) => v4.set_port(port),
            Self::V6(v6) => v6.set_port(port),
            Self::Unix(_) => {}
        }
        self
    }

    /// The path of an AF_UNIX address, if it has one.
    ///
    /// ```
    /// # use biosock::SocketAddr;
    /// let addr: SocketAddr = "unix:/run/x.sock".parse()?;
    /// assert_eq!(addr.path(), Some(std::path::Path::new("/run/x.sock")));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_ADDR_path_string")]
    #[must_use]
    pub fn path(&self) -> Option<&std::path::Path> {
        match self {
            Self::Unix(unix) => unix.path(),
            _ => None,
        }
    }
}

/// The bytes of an address without its port: at most as many as a Unix path has.
///
/// ```
/// # use biosock::SocketAddr;
/// let raw = "[::1]:80".parse::<SocketAddr>()?.raw_address();
/// assert_eq!(raw.len(), 16);
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct RawAddress {
    len: u8,
    bytes: [u8; SUN_PATH_LEN],
}

impl RawAddress {
    fn new(from: &[u8]) -> Self {
        let mut bytes = [0; SUN_PATH_LEN];
        bytes[..from.len()].copy_from_slice(from);
        // No address is longer than `sun_path`, so the length fits.
        Self { len: from.len() as u8, bytes }
    }
}

impl std::ops::Deref for RawAddress {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for RawAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Display for SocketAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.width() {
            Some(_) => f.pad(&Text(self).to_string()),
            None => Text(self).fmt(f),
        }
    }
}

/// The text of an address, without padding.
struct Text<'a>(&'a SocketAddr);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SocketAddr::V4(v4) => v4.fmt(f),
            SocketAddr::V6(v6) if v6.scope_id() == 0 => write!(f, "[{}]:{}", v6.ip(), v6.port()),
            SocketAddr::V6(v6) => write!(f, "[{}%{}]:{}", v6.ip(), v6.scope_id(), v6.port()),
            SocketAddr::Unix(unix) => unix.fmt(f),
        }
    }
}

impl fmt::Debug for SocketAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<std::net::SocketAddr> for SocketAddr {
    fn from(addr: std::net::SocketAddr) -> Self {
        match addr {
            std::net::SocketAddr::V4(v4) => Self::V4(v4),
            std::net::SocketAddr::V6(v6) => Self::V6(v6),
        }
    }
}

impl From<SocketAddrV4> for SocketAddr {
    fn from(addr: SocketAddrV4) -> Self {
        Self::V4(addr)
    }
}

impl From<SocketAddrV6> for SocketAddr {
    fn from(addr: SocketAddrV6) -> Self {
        Self::V6(addr)
    }
}

impl From<UnixAddr> for SocketAddr {
    fn from(addr: UnixAddr) -> Self {
        Self::Unix(addr)
    }
}

impl<I: Into<IpAddr>> From<(I, u16)> for SocketAddr {
    fn from((ip, port): (I, u16)) -> Self {
        std::net::SocketAddr::new(ip.into(), port).into()
    }
}
