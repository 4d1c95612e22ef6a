//! Accepting, after BIO_accept_ex.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::options::Options;
use crate::sock::peer_addr;
use crate::sys::{self, Flags, SockAddrBuf};
use crate::{Error, Operation, Reason, Result, Socket, SocketAddr, Syscall};

impl Socket {
    /// Accepts a connection and returns its socket, which is blocking, and the peer's
    /// address. Whether *this* call waits depends on the listener's mode.
    ///
    /// # Errors
    /// accept(2)'s with [`Reason::Accept`]. Would-block on a non-blocking listener [is
    /// retryable](Error::is_retryable). A connection from a peer of a family that
    /// [`SocketAddr`] lacks is closed, and fails with
    /// [`Reason::UnsupportedProtocolFamily`].
    ///
    /// ```
    /// use biosock::Socket;
    ///
    /// let listener = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// listener.listen(&"127.0.0.1:0".parse()?)?;
    /// let client = Socket::stream_for(&listener.local_addr()?)?;
    /// client.connect(&listener.local_addr()?)?;
    ///
    /// let (accepted, peer) = listener.accept()?;
    /// assert_eq!(peer, client.local_addr()?);
    /// assert!(!accepted.is_nonblocking()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_accept_ex")]
    pub fn accept(&self) -> Result<(Self, SocketAddr)> {
        accept_socket(self.as_fd(), false)
    }

    /// As [`accept`](Self::accept), but the accepted socket is non-blocking, set by the
    /// same system call (accept4(2)).
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    /// ```
    /// # use biosock::Socket;
    /// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// # listener.listen(&"127.0.0.1:0".parse()?)?;
    /// # let client = Socket::stream_for(&listener.local_addr()?)?;
    /// # client.connect(&listener.local_addr()?)?;
    /// let (accepted, _peer) = listener.accept_nonblocking()?;
    /// assert!(accepted.is_nonblocking()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_accept_ex")]
    pub fn accept_nonblocking(&self) -> Result<(Self, SocketAddr)> {
        accept_socket(self.as_fd(), true)
    }
}

pub(crate) fn accept_socket(fd: BorrowedFd<'_>, nonblocking: bool) -> Result<(Socket, SocketAddr)> {
    let (accepted, peer) = loop {
        match sys::accept(fd, Flags { nonblocking, cloexec: true }) {
            Err(sys::Errno::INTR) => {}
            done => break done.map_err(accept_error)?,
        }
    };
    let peer = peer_addr(&peer)
        .ok_or_else(|| Error::from_reason(Operation::Accept, Reason::UnsupportedProtocolFamily))?;
    Ok((Socket::from(accepted), peer))
}

/// accept4(2): the accepted socket is blocking unless [`Options::NONBLOCK`] is given,
/// and is inherited across exec.
///
/// # Errors
/// accept(2)'s with [`Reason::Accept`], EINTR included.
///
/// ```
/// use std::os::fd::AsFd;
/// use biosock::fd::{self, Options};
///
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let client = std::net::TcpStream::connect(listener.local_addr()?)?;
/// let (_accepted, peer) = fd::accept(listener.as_fd(), Options::NONBLOCK)?;
/// assert_eq!(peer.as_sockaddr().to_addr(), Some(client.local_addr()?.into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BIO_accept_ex")]
pub fn accept(fd: BorrowedFd<'_>, options: Options) -> Result<(OwnedFd, SockAddrBuf)> {
    sys::accept(fd, flags(options)).map_err(accept_error)
}

/// As [`accept`], but writes as many bytes of the peer's address as fit into the
/// caller's buffer, if there is one. Returns the length of the whole address.
///
/// # Errors
/// As [`accept`].
///
/// ```
/// use std::mem::MaybeUninit;
/// use std::os::fd::AsFd;
/// use biosock::fd::{self, Options};
///
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let _client = std::net::TcpStream::connect(listener.local_addr()?)?;
/// let mut room = [MaybeUninit::uninit(); 112];
/// let (_accepted, len) = fd::accept_to(listener.as_fd(), Options::empty(), Some(&mut room))?;
/// assert_eq!(len, 16);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BIO_accept_ex")]
#[inline]
pub fn accept_to(
    fd: BorrowedFd<'_>,
    options: Options,
    peer: Option<&mut [MaybeUninit<u8>]>,
) -> Result<(OwnedFd, usize)> {
    sys::accept_to(fd, flags(options), peer).map_err(accept_error)
}

#[inline]
pub(crate) fn accept_error(errno: sys::Errno) -> Error {
    Error::system_call(Operation::Accept, Syscall::Accept, errno.raw_os_error(), Reason::Accept)
}

fn flags(options: Options) -> Flags {
    Flags { nonblocking: options.contains(Options::NONBLOCK), cloexec: false }
}
