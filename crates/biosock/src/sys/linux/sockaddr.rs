//! Addresses passed to and from the kernel.

use std::fmt;
use std::mem::MaybeUninit;

use rustix::net::addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque};

use crate::raw::SockAddr;

// SAFETY: `f` gets a pointer readable for the accompanying length, for as long as
// it runs. The kernel reads exactly those bytes, at any alignment, and rejects what
// is not an address.
unsafe impl SocketAddrArg for SockAddr<'_> {
    unsafe fn with_sockaddr<R>(&self, f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R) -> R {
        let bytes = self.as_bytes();
        // The kernel refuses anything longer than the largest address anyway.
        let len = SocketAddrLen::try_from(bytes.len()).unwrap_or(SocketAddrLen::MAX);
        f(bytes.as_ptr().cast(), len)
    }
}

/// An address that the kernel wrote. It is empty if the kernel wrote none, as for
/// the peer of an unnamed AF_UNIX socket on some systems.
///
/// ```
/// use std::os::fd::AsFd;
/// use biosock::fd;
///
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let bound = fd::local_addr(listener.as_fd())?;
/// assert_eq!(bound.as_sockaddr().to_addr().and_then(|addr| addr.ip()), Some(listener.local_addr()?.ip()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct SockAddrBuf {
    len: usize,
    bytes: [MaybeUninit<u8>; size_of::<libc::sockaddr_storage>()],
}

impl SockAddrBuf {
    /// Room for any address, empty so far.
    pub(super) const fn new() -> Self {
        Self { len: 0, bytes: [MaybeUninit::uninit(); size_of::<libc::sockaddr_storage>()] }
    }

    /// Lets `write` fill the room and return how many bytes it wrote.
    ///
    /// # Safety
    ///
    /// `write` initializes as many bytes as it returns, or as there is room for.
    pub(super) unsafe fn fill<T, E>(
        mut self,
        write: impl FnOnce(&mut [MaybeUninit<u8>]) -> Result<(T, usize), E>,
    ) -> Result<(T, Self), E> {
        let (made, len) = write(&mut self.bytes)?;
        self.len = len.min(self.bytes.len());
        Ok((made, self))
    }

    /// The address, in the OS's layout.
    ///
    /// ```
    /// # use std::os::fd::AsFd;
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let bound = biosock::fd::local_addr(listener.as_fd())?;
    /// assert_eq!(bound.as_sockaddr().family(), Some(biosock::Domain::IPV4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn as_sockaddr(&self) -> SockAddr<'_> {
        let bytes: *const [MaybeUninit<u8>] = &self.bytes[..self.len];
        // SAFETY: `fill` requires that the first `len` bytes are initialized.
        SockAddr::from_bytes(unsafe { &*(bytes as *const [u8]) })
    }
}

impl fmt::Debug for SockAddrBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_sockaddr().fmt(f)
    }
}
