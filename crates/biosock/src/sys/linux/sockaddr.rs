//! `struct sockaddr` and its kinds, as Linux lays them out.

use std::mem::{MaybeUninit, offset_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use libc::{sockaddr_in, sockaddr_in6, sockaddr_un};
use rustix::net::addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque};

use crate::fd::SockAddr;
use crate::unix::UnixAddr;
use crate::{Domain, SocketAddr};

/// Bytes in `sun_path`.
pub(crate) const SUN_PATH_LEN: usize = size_of::<sockaddr_un>() - SUN_PATH;

const FAMILY_END: usize = size_of::<libc::sa_family_t>();
const SIN_PORT: usize = offset_of!(sockaddr_in, sin_port);
const SIN_ADDR: usize = offset_of!(sockaddr_in, sin_addr);
const SIN6_PORT: usize = offset_of!(sockaddr_in6, sin6_port);
const SIN6_FLOWINFO: usize = offset_of!(sockaddr_in6, sin6_flowinfo);
const SIN6_ADDR: usize = offset_of!(sockaddr_in6, sin6_addr);
const SIN6_SCOPE_ID: usize = offset_of!(sockaddr_in6, sin6_scope_id);
const SUN_PATH: usize = offset_of!(sockaddr_un, sun_path);

// SAFETY: `f` gets a pointer readable for the length that goes with it, for
// as long as it runs. The kernel reads exactly those bytes, at any alignment,
// and rejects what is no address.
unsafe impl SocketAddrArg for SockAddr<'_> {
    unsafe fn with_sockaddr<R>(&self, f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R) -> R {
        let bytes = self.as_bytes();
        // More than the largest address is refused by the kernel all the same.
        let len = SocketAddrLen::try_from(bytes.len()).unwrap_or(SocketAddrLen::MAX);
        f(bytes.as_ptr().cast(), len)
    }
}

/// Room for an address that the system writes.
#[derive(Clone, Copy)]
pub(crate) struct SockAddrBuf {
    len: usize,
    bytes: [MaybeUninit<u8>; size_of::<libc::sockaddr_storage>()],
}

impl SockAddrBuf {
    /// Room for any address, empty so far.
    pub(super) const fn new() -> Self {
        Self { len: 0, bytes: [MaybeUninit::uninit(); size_of::<libc::sockaddr_storage>()] }
    }

    /// Lets `write` fill the room and say how many bytes it wrote.
    ///
    /// # Safety
    ///
    /// As many bytes as `write` says are initialized then, or as there is room for.
    pub(super) unsafe fn fill<T, E>(
        mut self,
        write: impl FnOnce(&mut [MaybeUninit<u8>]) -> Result<(T, usize), E>,
    ) -> Result<(T, Self), E> {
        let (made, len) = write(&mut self.bytes)?;
        self.len = len.min(self.bytes.len());
        Ok((made, self))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        let bytes: *const [MaybeUninit<u8>] = &self.bytes[..self.len];
        // SAFETY: `fill` promised that the first `len` bytes are initialized.
        unsafe { &*(bytes as *const [u8]) }
    }
}

/// The bytes of an address in the system's layout, handed to `f`.
pub(crate) fn encode<R>(addr: &SocketAddr, f: impl FnOnce(SockAddr<'_>) -> R) -> R {
    match addr {
        SocketAddr::V4(v4) => f(SockAddr::from_bytes(&encode_v4(v4))),
        SocketAddr::V6(v6) => f(SockAddr::from_bytes(&encode_v6(v6))),
        SocketAddr::Unix(unix) => {
            let (bytes, len) = encode_unix(unix);
            f(SockAddr::from_bytes(&bytes[..len]))
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
    // As std does, the flow info is taken for the field's own bytes.
    put(&mut out, SIN6_FLOWINFO, &v6.flowinfo().to_ne_bytes());
    put(&mut out, SIN6_ADDR, &v6.ip().octets());
    put(&mut out, SIN6_SCOPE_ID, &v6.scope_id().to_ne_bytes());
    out
}

/// A path keeps its closing NUL where the field has room for one (unix(7)).
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

/// Reads an address that the system or a caller wrote, and no more bytes than
/// its family has; `None` for another family or too few bytes.
pub(crate) fn decode(addr: SockAddr<'_>) -> Option<SocketAddr> {
    let bytes = addr.as_bytes();
    match addr.family()? {
        Domain::IPV4 => decode_v4(bytes),
        Domain::IPV6 => decode_v6(bytes),
        Domain::UNIX => decode_unix(bytes.get(SUN_PATH..)?),
        _ => None,
    }
}

/// A path ends at its NUL, whatever follows; an abstract name has no end but
/// the length's.
fn decode_unix(path: &[u8]) -> Option<SocketAddr> {
    let used = match path.iter().position(|&b| b == 0) {
        None | Some(0) => path,
        Some(nul) => &path[..nul],
    };
    UnixAddr::from_sun_path(used).ok().map(SocketAddr::Unix)
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

impl SockAddr<'_> {
    /// The family of the address; `None` where there are too few bytes for one.
    ///
    /// ```
    /// # use biosock::{Domain, SocketAddr};
    /// let addr: SocketAddr = "unix:@x".parse()?;
    /// assert_eq!(addr.with_sockaddr(|raw| raw.family()), Some(Domain::UNIX));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn family(&self) -> Option<Domain> {
        let family: [u8; FAMILY_END] = take(self.as_bytes(), 0)?;
        Some(Domain::from_raw(libc::sa_family_t::from_ne_bytes(family).into()))
    }
}
