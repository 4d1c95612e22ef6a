//! Descriptors and option bits as C passes them.

use std::ffi::c_int;
use std::os::fd::BorrowedFd;

use biosock::Reason;
use biosock::fd::Options;

use crate::failure::Failure;

/// BIO_connect(3)'s `INVALID_SOCKET`.
pub(crate) const INVALID_SOCKET: c_int = -1;

/// BIO_connect(3)'s flags; unknown bits are ignored.
pub(crate) fn flags(options: c_int) -> Options {
    Options::from_bits_truncate(options as u32)
}

/// A caller's descriptor, which may be `INVALID_SOCKET`.
#[inline]
pub(crate) fn borrow<'a>(sock: c_int) -> Result<BorrowedFd<'a>, Failure> {
    match sock {
        INVALID_SOCKET => Err(Failure::Bio(Reason::InvalidSocket.code().into())),
        sock => Ok(descriptor(sock)),
    }
}

/// A caller's descriptor, unchecked, -1 included.
#[inline]
pub(crate) fn descriptor<'a>(sock: c_int) -> BorrowedFd<'a> {
    let sock = if sock == INVALID_SOCKET { NOT_OPEN } else { sock };
    // SAFETY: not -1. It is used only during this call, in which the caller leaves
    // it alone; the kernel refuses one that is not open.
    unsafe { BorrowedFd::borrow_raw(sock) }
}

/// `BorrowedFd` cannot hold -1; the kernel refuses -2 with the same error.
const NOT_OPEN: c_int = -2;
