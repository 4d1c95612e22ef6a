//! Accepting, after BIO_accept_ex.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sock::peer_addr;
use crate::sys::{self, Flags, SockAddrBuf};
use crate::{Error, Operation, Options, Reason, Result, Socket, SocketAddr, Syscall};

impl Socket {
    /// Waits for a connection and gives its socket and its peer's address.
    /// [`Options::NONBLOCK`] is for the accepted socket, which is blocking
    /// without it; whether *this* call waits is the listener's mode.
    ///
    /// # Errors
    /// accept(2)'s with [`Reason::Accept`]. Would-block on a non-blocking
    /// listener [is retryable](Error::is_retryable). A peer of a family that
    /// [`SocketAddr`] lacks is refused with
    /// [`Reason::UnsupportedProtocolFamily`] and closed.
    ///
    /// ```
    /// use biosock::{Options, Socket};
    ///
    /// let listener = Socket::stream_for(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// listener.listen(&"127.0.0.1:0".parse()?, Options::empty())?;
    /// let client = Socket::stream_for(&listener.local_addr()?, Options::empty())?;
    /// client.connect(&listener.local_addr()?, Options::empty())?;
    ///
    /// let (accepted, peer) = listener.accept(Options::NONBLOCK)?;
    /// assert_eq!(peer, client.local_addr()?);
    /// assert!(accepted.is_nonblocking()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_accept_ex")]
    pub fn accept(&self, options: Options) -> Result<(Self, SocketAddr)> {
        accept_socket(self.as_fd(), options)
    }
}

pub(crate) fn accept_socket(fd: BorrowedFd<'_>, options: Options) -> Result<(Socket, SocketAddr)> {
    let (accepted, peer) = loop {
        match sys::accept(fd, flags(options, true)) {
            Err(sys::Errno::INTR) => {}
            done => break done.map_err(accept_error)?,
        }
    };
    let peer = peer_addr(&peer)
        .ok_or_else(|| Error::from_reason(Operation::Accept, Reason::UnsupportedProtocolFamily))?;
    Ok((Socket::from(accepted), peer))
}

/// accept4(2): the accepted socket is blocking unless [`Options::NONBLOCK`]
/// is given, and survives exec.
///
/// # Errors
/// accept(2)'s with [`Reason::Accept`], EINTR included.
///
/// ```
/// use std::os::fd::AsFd;
/// use biosock::{Options, fd};
///
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let client = std::net::TcpStream::connect(listener.local_addr()?)?;
/// let (_accepted, peer) = fd::accept(listener.as_fd(), Options::NONBLOCK)?;
/// assert_eq!(peer.as_sockaddr().to_addr(), Some(client.local_addr()?.into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BIO_accept_ex")]
pub fn accept(fd: BorrowedFd<'_>, options: Options) -> Result<(OwnedFd, SockAddrBuf)> {
    sys::accept(fd, flags(options, false)).map_err(accept_error)
}

/// As [`accept`], with the peer's address written where the caller wants it,
/// if anywhere: as many bytes as there is room for. Gives the length that the
/// whole address has.
///
/// # Errors
/// As [`accept`].
///
/// ```
/// use std::mem::MaybeUninit;
/// use std::os::fd::AsFd;
/// use biosock::{Options, fd};
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
    sys::accept_to(fd, flags(options, false), peer).map_err(accept_error)
}

pub(crate) fn accept_error(errno: sys::Errno) -> Error {
    Error::system_call(Operation::Accept, Syscall::Accept, errno.raw_os_error(), Reason::Accept)
}

fn flags(options: Options, cloexec: bool) -> Flags {
    Flags { nonblocking: options.contains(Options::NONBLOCK), cloexec }
}
