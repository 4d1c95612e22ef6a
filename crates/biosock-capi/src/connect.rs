//! BIO_connect(3)'s functions: create, bind, connect, listen, accept, close.

use std::ffi::c_int;
use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

use biosock::fd::{self, Options, SockAddr};
use biosock::{Domain, Protocol, Type};

use crate::addr::{self, AddrOut, BIO_ADDR};
use crate::descriptor::{INVALID_SOCKET, borrow, descriptor, flags};
use crate::failure::Failure;
use crate::host::Host;
use crate::raise::{run, run_quick, run_through};
use crate::sites::{BIO_ACCEPT_EX, BIO_BIND, BIO_LISTEN, BIO_SOCKET, site};

/// `BIO_socket`: a new socket, or -1.
///
/// # Safety
///
/// No requirements.
pub unsafe fn BIO_socket<H: Host>(domain: c_int, socktype: c_int, protocol: c_int, _options: c_int) -> c_int {
    run_quick::<H, _>(BIO_SOCKET, INVALID_SOCKET, || {
        let (domain, socktype) = (Domain::from_raw(domain), Type::from_raw(socktype));
        let sock = fd::socket(domain, socktype, Protocol::from_raw(protocol)).map_err(Failure::of_call)?;
        Ok(sock.into_raw_fd())
    })
}

/// `BIO_bind`: binds a source address; 1, or 0.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
pub unsafe fn BIO_bind<H: Host>(sock: c_int, addr: *const BIO_ADDR, options: c_int) -> c_int {
    // SAFETY: NULL or an address.
    run::<H, _>(BIO_BIND, 0, || unsafe { with_addr(sock, addr, options, fd::bind) })
}

/// `BIO_connect`: connects to an address; 1, or 0.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
pub unsafe fn BIO_connect<H: Host>(sock: c_int, addr: *const BIO_ADDR, options: c_int) -> c_int {
    run_through::<H, _>(site!(c"BIO_connect", 138), 0, || {
        // SAFETY: NULL or an address.
        unsafe { with_addr(sock, addr, options, fd::connect) }
    })
}

/// `BIO_listen`: listens on an address; 1, or 0.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
pub unsafe fn BIO_listen<H: Host>(sock: c_int, addr: *const BIO_ADDR, options: c_int) -> c_int {
    // SAFETY: NULL or an address.
    run::<H, _>(BIO_LISTEN, 0, || unsafe { with_addr(sock, addr, options, fd::listen) })
}

/// Does `work` on a socket and an address.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
#[inline]
unsafe fn with_addr(
    sock: c_int,
    addr: *const BIO_ADDR,
    options: c_int,
    work: impl FnOnce(BorrowedFd<'_>, SockAddr<'_>, Options) -> biosock::Result<()>,
) -> Result<c_int, Failure> {
    let sock = borrow(sock)?;
    // SAFETY: NULL or an address.
    let addr = unsafe { addr::view(addr) }?;
    work(sock, addr, flags(options)).map_err(Failure::of_call)?;
    Ok(1)
}

/// `BIO_accept_ex`: the socket of an incoming connection, or -1; stores its
/// peer's address in `peer`.
///
/// # Safety
///
/// `peer` is as described at [`BIO_ADDR`].
pub unsafe fn BIO_accept_ex<H: Host>(sock: c_int, peer: *mut BIO_ADDR, options: c_int) -> c_int {
    run_through::<H, _>(BIO_ACCEPT_EX, INVALID_SOCKET, || {
        // SAFETY: NULL or room for an address.
        let peer = unsafe { AddrOut::new(peer) };
        Ok(accept(sock, peer, flags(options))?.into_raw_fd())
    })
}

/// Accepts; the kernel writes the peer's address directly to the caller's room.
#[inline(always)]
pub(crate) fn accept(
    sock: c_int,
    mut peer: Option<AddrOut<'_>>,
    options: Options,
) -> Result<OwnedFd, Failure> {
    let room = peer.as_mut().map(AddrOut::room);
    let (accepted, length) = fd::accept_to(descriptor(sock), options, room).map_err(Failure::of_call)?;
    if let Some(peer) = &mut peer {
        peer.clear_rest(length);
    }
    Ok(accepted)
}

/// `BIO_closesocket`: closes a socket; 1, or 0 with errno.
///
/// # Safety
///
/// The caller owns the descriptor and does not use it again.
pub unsafe fn BIO_closesocket<H: Host>(sock: c_int) -> c_int {
    run_through::<H, _>(site!(c"BIO_closesocket", 0), 0, || {
        if sock < 0 {
            return Ok(H::close_negative());
        }
        // SAFETY: the caller gives up the descriptor.
        let sock = unsafe { OwnedFd::from_raw_fd(sock) };
        fd::close(sock).map_err(Failure::errno_only)?;
        Ok(1)
    })
}
