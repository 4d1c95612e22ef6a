//! `struct sockaddr` and its variants, in the OS's layout.

use std::mem::offset_of;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use libc::{sockaddr_in, sockaddr_in6, sockaddr_un};

use super::numbers::SUN_PATH;
use super::{Domain, SocketAddr, UnixAddr};

const FAMILY_END: usize = size_of::<libc::sa_family_t>();
const SIN_PORT: usize = offset_of!(sockaddr_in, sin_port);
const SIN_ADDR: usize = offset_of!(sockaddr_in, sin_addr);
const SIN6_PORT: usize = offset_of!(sockaddr_in6, sin6_port);
const SIN6_FLOWINFO: usize = offset_of!(sockaddr_in6, sin6_flowinfo);
const SIN6_ADDR: usize = offset_of!(sockaddr_in6, sin6_addr);
const SIN6_SCOPE_ID: usize = offset_of!(sockaddr_in6, sin6_scope_id);

/// A borrowed socket address as bytes in the OS's layout (`struct sockaddr`). The
/// content is not checked; the kernel validates it.
///
/// ```
/// use biosock::{Domain, SocketAddr};
///
/// let addr: SocketAddr = "127.0.0.1:80".parse()?;
/// addr.with_sockaddr(|raw| assert_eq!(raw.family(), Some(Domain::IPV4)));
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SockAddr<'a>(&'a [u8]);

impl<'a> SockAddr<'a> {
    /// Views bytes as an address.
    ///
    /// ```
    /// # use biosock::fd::SockAddr;
    /// assert_eq!(SockAddr::from_bytes(&[0]).family(), None);
    /// ```
    #[must_use]
    pub const fn from_bytes(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    ///
    /// ```
    /// # use biosock::fd::SockAddr;
    /// assert_eq!(SockAddr::from_bytes(b"x").as_bytes(), b"x");
    /// ```
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The family of the address; `None` if there are too few bytes for one.
    ///
    /// ```
    /// # use biosock::{Domain, SocketAddr};
    /// let addr: SocketAddr = "unix:@x".parse()?;
    /// assert_eq!(addr.with_sockaddr(|raw| raw.family()), Some(Domain::UNIX));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn family(&self) -> Option<Domain> {
        let family: [u8; FAMILY_END] = take(self.as_bytes(), 0)?;
        Some(Domain::from_raw(libc::sa_family_t::from_ne_bytes(family).into()))
    }

    /// The address as a value; `None` if [`SocketAddr`] lacks its family, or if
    /// there are fewer bytes than the family needs.
    ///
    /// ```
    /// # use biosock::{SocketAddr, fd::SockAddr};
    /// let addr: SocketAddr = "127.0.0.1:80".parse()?;
    /// assert_eq!(addr.with_sockaddr(|raw: SockAddr<'_>| raw.to_addr()), Some(addr));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[must_use]
    pub fn to_addr(self) -> Option<SocketAddr> {
        decode(self)
    }
}

impl SocketAddr {
    /// Calls `f` with the address in the OS's layout.
    ///
    /// ```
    /// # use biosock::SocketAddr;
    /// let addr: SocketAddr = "[::1]:80".parse()?;
    /// assert_eq!(addr.with_sockaddr(|raw| raw.to_addr()), Some(addr));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(hidden)]
    pub fn with_sockaddr<R>(&self, f: impl FnOnce(SockAddr<'_>) -> R) -> R {
        match self {
            Self::V4(v4) => f(SockAddr::from_bytes(&encode_v4(v4))),
            Self::V6(v6) => f(SockAddr::from_bytes(&encode_v6(v6))),
            Self::Unix(unix) => {
                let (bytes, len) = encode_unix(unix);
                f(SockAddr::from_bytes(&bytes[..len]))
            }
        }
    }
}

fn encode_v4(v4: &SocketAddrV4) -> [u8; size_of::<sockaddr_in>()] {
    let mut out = [0; size_of::<sockaddr_in>()];
    put(&mut out, 0, &(libc::AF_INET as libc::sa_family_t).to_ne_bytes());
    put(&mut out, SIN_PORT, &v4.port().to_be_bytes());
    put(&mut out, SIN_ADDR, &v4.ip().octets());
    out
}

fn encode_v6(v6: &SocketAddrV6) -> [u8; size_of::<sockaddr_in6>()] {
    let mut out = [0; size_of::<sockaddr_in6>()];
    put(&mut out, 0, &(libc::AF_INET6 as libc::sa_family_t).to_ne_bytes());
    put(&mut out, SIN6_PORT, &v6.port().to_be_bytes());
    // Like std, uses the flow info as the field's bytes.
    put(&mut out, SIN6_FLOWINFO, &v6.flowinfo().to_ne_bytes());
    put(&mut out, SIN6_ADDR, &v6.ip().octets());
    put(&mut out, SIN6_SCOPE_ID, &v6.scope_id().to_ne_bytes());
    out
}

/// A path keeps its terminating NUL if `sun_path` has room for it (unix(7)).
fn encode_unix(unix: &UnixAddr) -> ([u8; size_of::<sockaddr_un>()], usize) {
    let mut out = [0; size_of::<sockaddr_un>()];
    put(&mut out, 0, &(libc::AF_UNIX as libc::sa_family_t).to_ne_bytes());
    let path = unix.sun_path();
    put(&mut out, SUN_PATH, path);
    let nul = usize::from(unix.path().is_some());
    (out, (SUN_PATH + path.len() + nul).min(size_of::<sockaddr_un>()))
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    out[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Decodes an address that the kernel or a caller wrote, reading no more bytes
/// than its family has; `None` for another family or too few bytes.
fn decode(addr: SockAddr<'_>) -> Option<SocketAddr> {
    let bytes = addr.as_bytes();
    match addr.family()? {
        Domain::IPV4 => decode_v4(bytes),
        Domain::IPV6 => decode_v6(bytes),
        Domain::UNIX => decode_unix(bytes.get(SUN_PATH..)?),
        _ => None,
    }
}

/// A path ends at its NUL, whatever follows; an abstract name ends only at the
/// length.
fn decode_unix(path: &[u8]) -> Option<SocketAddr> {
    let used = match path.iter().position(|&b| b == 0) {
        None | Some(0) => path,
        Some(nul) => &path[..nul],
    };
    UnixAddr::from_bytes(used).ok().map(SocketAddr::Unix)
}

fn decode_v4(bytes: &[u8]) -> Option<SocketAddr> {
    let ip = Ipv4Addr::from(take::<4>(bytes, SIN_ADDR)?);
    Some(SocketAddr::from((ip, u16::from_be_bytes(take(bytes, SIN_PORT)?))))
}

fn decode_v6(bytes: &[u8]) -> Option<SocketAddr> {
    Some(SocketAddr::V6(SocketAddrV6::new(
        Ipv6Addr::from(take::<16>(bytes, SIN6_ADDR)?),
        u16::from_be_bytes(take(bytes, SIN6_PORT)?),
        u32::from_ne_bytes(take(bytes, SIN6_FLOWINFO)?),
        u32::from_ne_bytes(take(bytes, SIN6_SCOPE_ID)?),
    )))
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}
