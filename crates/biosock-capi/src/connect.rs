//! BIO_connect(3), the page itself: create, bind, connect, listen, accept, close.

use std::ffi::c_int;
use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

use biosock::fd::{self, SockAddr};
use biosock::{Domain, Options, Protocol, Reason, Type};

use crate::addr::{self, BIO_ADDR};
use crate::errno;
use crate::host::{Host, Site, site};
use crate::raise::{Failure, run, run_quick, run_through};

/// The page's `INVALID_SOCKET`.
pub(crate) const INVALID_SOCKET: c_int = -1;

// The names that entries bear, where one function does another's work.
pub(crate) const BIO_SOCKET: &Site = site!(c"BIO_socket", 140);
pub(crate) const BIO_BIND: &Site = site!(c"BIO_bind", 147);
pub(crate) const BIO_LISTEN: &Site = site!(c"BIO_listen", 139);
pub(crate) const BIO_ACCEPT_EX: &Site = site!(c"BIO_accept_ex", 137);

/// `BIO_socket`: a new socket, or -1.
///
/// # Safety
///
/// None is needed.
pub unsafe fn BIO_socket<H: Host>(domain: c_int, socktype: c_int, protocol: c_int, _options: c_int) -> c_int {
    run_quick::<H, _>(BIO_SOCKET, INVALID_SOCKET, || {
        let (domain, socktype) = (Domain::from_raw(domain), Type::from_raw(socktype));
        Ok(fd::socket(domain, socktype, Protocol::from_raw(protocol))?.into_raw_fd())
    })
}

/// `BIO_bind`: binds a source address; 1, or 0.
///
/// # Safety
///
/// `addr` is NULL or an address of at least the size of its family.
pub unsafe fn BIO_bind<H: Host>(sock: c_int, addr: *const BIO_ADDR, options: c_int) -> c_int {
    // SAFETY: as the caller promised.
    run::<H, _>(BIO_BIND, 0, || unsafe { with_addr(sock, addr, options, fd::bind) })
}

/// `BIO_connect`: connects to an address; 1, or 0.
///
/// # Safety
///
/// `addr` is NULL or an address of at least the size of its family.
pub unsafe fn BIO_connect<H: Host>(sock: c_int, addr: *const BIO_ADDR, options: c_int) -> c_int {
    run_through::<H, _>(site!(c"BIO_connect", 138), 0, || {
        // SAFETY: as the caller promised.
        unsafe { with_addr(sock, addr, options, fd::connect) }
    })
}

/// `BIO_listen`: listens on an address; 1, or 0.
///
/// # Safety
///
/// `addr` is NULL or an address of at least the size of its family.
pub unsafe fn BIO_listen<H: Host>(sock: c_int, addr: *const BIO_ADDR, options: c_int) -> c_int {
    // SAFETY: as the caller promised.
    run::<H, _>(BIO_LISTEN, 0, || unsafe { with_addr(sock, addr, options, fd::listen) })
}

/// Does `work` on a socket and an address.
///
/// # Safety
///
/// `addr` is NULL or an address of at least the size of its family.
#[inline(always)]
unsafe fn with_addr(
    sock: c_int,
    addr: *const BIO_ADDR,
    options: c_int,
    work: impl FnOnce(BorrowedFd<'_>, SockAddr<'_>, Options) -> biosock::Result<()>,
) -> Result<c_int, Failure> {
    let sock = borrow(sock)?;
    // SAFETY: as the caller promised.
    work(sock, unsafe { addr::view(addr) }?, flags(options))?;
    Ok(1)
}

/// `BIO_accept_ex`: the socket of an incoming connection, or -1; its peer's
/// address goes to `peer`.
///
/// # Safety
///
/// `peer` is NULL or has room for a whole address.
pub unsafe fn BIO_accept_ex<H: Host>(sock: c_int, peer: *mut BIO_ADDR, options: c_int) -> c_int {
    if peer.is_null() {
        return accept_only::<H>(sock, options);
    }
    // SAFETY: as the caller promised.
    unsafe { accept_from::<H>(sock, peer, options) }
}

/// # Safety
///
/// As [`BIO_accept_ex`].
#[inline(never)]
unsafe extern "C-unwind" fn accept_from<H: Host>(sock: c_int, peer: *mut BIO_ADDR, options: c_int) -> c_int {
    run_through::<H, _>(BIO_ACCEPT_EX, INVALID_SOCKET, || {
        // SAFETY: as the caller promised.
        Ok(unsafe { accept(sock, peer, flags(options)) }?.into_raw_fd())
    })
}

/// The shorter way for those who do not ask who called. Both ways have the C
/// function's own shape, so that it ends in a jump to one of them.
#[inline(never)]
extern "C-unwind" fn accept_only<H: Host>(sock: c_int, options: c_int) -> c_int {
    run_through::<H, _>(BIO_ACCEPT_EX, INVALID_SOCKET, || {
        Ok(fd::accept_to(descriptor(sock), flags(options), None)?.0.into_raw_fd())
    })
}

/// Accepts; the system writes the peer's address where the caller wants it.
///
/// # Safety
///
/// `peer` is NULL or has room for a whole address.
#[inline(always)]
pub(crate) unsafe fn accept(sock: c_int, peer: *mut BIO_ADDR, options: Options) -> Result<OwnedFd, Failure> {
    // SAFETY: as the caller promised.
    let place = unsafe { addr::room(peer) };
    let (accepted, length) = fd::accept_to(descriptor(sock), options, place)?;
    if !peer.is_null() {
        // SAFETY: as the caller promised; the system wrote `length` bytes.
        unsafe { addr::clear_rest(peer, length) };
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
        // SAFETY: as the caller promised.
        let sock = unsafe { OwnedFd::from_raw_fd(sock) };
        Ok(fd::close(sock).map_or_else(tell, |()| 1))
    })
}

/// 0 for a failure that only errno tells.
#[cold]
#[inline(never)]
pub(crate) fn tell(error: biosock::Error) -> c_int {
    let number = error.raw_os_error();
    drop(error);
    number.into_iter().for_each(errno::set);
    0
}

/// The page's flags; bits that it does not name are ignored.
pub(crate) fn flags(options: c_int) -> Options {
    Options::from_bits_truncate(options as u32)
}

/// A descriptor of the caller's, who may have passed `INVALID_SOCKET`.
#[inline]
pub(crate) fn borrow<'a>(sock: c_int) -> Result<BorrowedFd<'a>, Failure> {
    match sock {
        INVALID_SOCKET => Err(Failure::Bio(Reason::InvalidSocket.code().into())),
        sock => Ok(descriptor(sock)),
    }
}

/// A descriptor of the caller's that the system is to judge, -1 included.
#[inline]
pub(crate) fn descriptor<'a>(sock: c_int) -> BorrowedFd<'a> {
    let sock = if sock == INVALID_SOCKET { no_descriptor() } else { sock };
    // SAFETY: not -1. It is used during this call alone, in which the caller
    // keeps it as it is; one that is not open is refused by the system.
    unsafe { BorrowedFd::borrow_raw(sock) }
}

/// Rust's type has no room for -1; the system refuses -2 in the same words.
#[cold]
#[inline(never)]
fn no_descriptor() -> c_int {
    -2
}
