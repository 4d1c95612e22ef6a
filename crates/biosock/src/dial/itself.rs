//! A connection whose two ends are one socket: TCP's simultaneous open (RFC 9293,
//! section 3.5) by a socket whose port, chosen by the system, is the one that it
//! connects to.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::sock::peer_addr;
use crate::sys::SockAddrBuf;
use crate::{SocketAddr, sys};

/// Whether a TCP connection to this address is connected to itself.
///
/// It takes one getsockname(2): an address does not show whether it is this machine's,
/// and the system may choose any port.
pub(super) fn is_connected_to_itself(fd: BorrowedFd<'_>, addr: &SocketAddr) -> bool {
    let Some(local) = end(sys::local_addr(fd)) else { return false };
    if local.1 != addr.port().unwrap_or_default() {
        return false;
    }
    // The unspecified address stands for one of this machine's, and only the socket
    // knows which.
    let is_unspecified = addr.ip().is_some_and(|ip| ip.to_canonical().is_unspecified());
    let peer = if is_unspecified { end(sys::peer_addr(fd)) } else { end_of(addr) };
    peer == Some(local)
}

/// Without zone and flow label, which may differ between the two names of one end.
type End = (std::net::IpAddr, u16);

fn end(name: Result<SockAddrBuf, sys::Errno>) -> Option<End> {
    end_of(&peer_addr(&name.ok()?)?)
}

fn end_of(addr: &SocketAddr) -> Option<End> {
    Some((addr.ip()?, addr.port()?))
}

/// Closes such a socket so that its port is free at once. After an orderly close it
/// would be its own peer in TIME_WAIT, and keep a server from the port for a minute;
/// the reset reaches only the socket itself.
pub(super) fn reset<S: AsFd>(socket: S) {
    // If this fails, the close is an ordinary one.
    let _ = sys::set_linger(socket.as_fd(), Some(Duration::ZERO));
    drop(socket);
}
