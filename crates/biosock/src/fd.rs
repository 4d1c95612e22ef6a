//! For the C layer only: it may change in any version. BIO_connect(3)'s routines for a
//! borrowed descriptor and an address in the system's layout, in OpenSSL's order of
//! system calls.
//!
//! Three things differ from [`Socket`](crate::Socket), because C callers rely on them:
//! no CLOEXEC; the blocking mode is set every time (to blocking without
//! [`Options::NONBLOCK`]); and an interrupted call fails with EINTR.
//!
//! ```
//! use std::os::fd::AsFd;
//! use biosock::fd::{self, Options};
//! use biosock::{Domain, Protocol, SocketAddr, Type};
//!
//! let addr: SocketAddr = "127.0.0.1:0".parse()?;
//! let listener = fd::socket(Domain::IPV4, Type::STREAM, Protocol::DEFAULT)?;
//! addr.with_sockaddr(|raw| fd::listen(listener.as_fd(), raw, Options::REUSEADDR))?;
//!
//! let client = fd::socket(Domain::IPV4, Type::STREAM, Protocol::DEFAULT)?;
//! let bound = fd::local_addr(listener.as_fd())?;
//! fd::connect(client.as_fd(), bound.as_sockaddr(), Options::KEEPALIVE | Options::NODELAY)?;
//! let (accepted, peer) = fd::accept(listener.as_fd(), Options::NONBLOCK)?;
//! assert_eq!(peer.as_sockaddr().family(), Some(Domain::IPV4));
//! fd::close(accepted)?;
//! # Ok::<(), biosock::Error>(())
//! ```

use std::time::Duration;

use crate::error;
use crate::listeners::{self, AcceptAdvice, Listeners};
use crate::{Cancel, Result, Socket, SocketAddr};

pub use crate::accept::{accept, accept_to};
pub use crate::bind::bind;
pub use crate::connect::connect;
pub use crate::listen::listen;
pub use crate::literal::{Literal, literal_v4};
pub use crate::lookup::{Answer, SystemList};
pub use crate::names::{RawNames, names_of, raw_names_of};
pub use crate::options::Options;
pub use crate::raw::SockAddr;
pub use crate::sock::{close, local_addr, set_nodelay, set_nonblocking, socket, take_error};
pub use crate::sys::SockAddrBuf;
pub use crate::wait::wait;

/// Whether the same call may succeed later after this error number, as
/// [`Error::is_retryable`](crate::Error::is_retryable).
///
/// ```
/// assert!(!biosock::fd::is_retryable(0));
/// ```
#[doc(alias = "BIO_sock_non_fatal_error")]
#[must_use]
#[inline]
pub fn is_retryable(errno: i32) -> bool {
    error::is_retryable(errno)
}

/// What an accept loop should do after accept(2) failed with this error number.
///
/// ```
/// use biosock::{fd, listeners::AcceptAdvice};
///
/// const EMFILE: i32 = 24;
/// assert_eq!(fd::accept_advice(EMFILE), AcceptAdvice::BackOff);
/// ```
#[must_use]
pub fn accept_advice(errno: i32) -> AcceptAdvice {
    listeners::accept_advice(errno)
}

/// [`Listeners::accept_or_cancel`], with [`Options::NONBLOCK`] for the accepted socket.
///
/// # Errors
/// As [`Listeners::accept_or_cancel`].
///
/// ```
/// use biosock::fd::{self, Options};
/// use biosock::{Cancel, listeners::Listen};
///
/// let listeners = Listen::new().listen("127.0.0.1:0")?;
/// let client = std::net::TcpStream::connect(listeners.addrs()?[0].to_string())?;
/// let accepted = fd::accept_or_cancel(&listeners, Options::NONBLOCK, None, &Cancel::new()?)?;
/// assert!(accepted.is_some_and(|(socket, _)| socket.is_nonblocking().is_ok_and(|on| on)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn accept_or_cancel(
    set: &Listeners,
    options: Options,
    timeout: Option<Duration>,
    cancel: &Cancel,
) -> Result<Option<(Socket, SocketAddr)>> {
    set.wait_for_one(options.contains(Options::NONBLOCK), timeout, Some(cancel))
}
