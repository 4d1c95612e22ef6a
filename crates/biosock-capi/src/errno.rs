//! The calling thread's errno, the C layer's second way of reporting errors.

use std::io;

use biosock::{Error, ErrorKind};

use crate::uncancelled::uncancelled;

/// The calling thread's errno.
pub(crate) fn get() -> i32 {
    // SAFETY: takes no arguments, and always returns the calling thread's own errno.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the place is valid for as long as the calling thread lives.
    unsafe { *place }
}

/// Sets the calling thread's errno.
pub(crate) fn set(errno: i32) {
    // SAFETY: takes no arguments, and always returns the calling thread's own errno.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the place is valid for as long as the calling thread lives, and
    // no reference to it exists.
    unsafe { *place = errno }
}

/// Does `work`, which may call anything, with errno preserved and cancellation
/// disabled.
pub(crate) fn keeping<T>(work: impl FnOnce() -> T) -> T {
    let before = get();
    let done = uncancelled(work);
    set(before);
    done
}

/// The OS error of an error, or the nearest number if it has none.
pub(crate) fn of(error: &Error) -> i32 {
    error.raw_os_error().unwrap_or_else(|| match error.kind() {
        ErrorKind::NameNotFound | ErrorKind::NoAddress | ErrorKind::ServiceNotFound => libc::ENOENT,
        ErrorKind::TryAgain | ErrorKind::LookupFailed => libc::ENOENT,
        ErrorKind::OutOfResources => libc::ENOMEM,
        ErrorKind::Cancelled => libc::ECANCELED,
        ErrorKind::Io(io::ErrorKind::AlreadyExists) => libc::EEXIST,
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => libc::EPERM,
        ErrorKind::Io(io::ErrorKind::ConnectionRefused) => libc::ECONNREFUSED,
        _ => libc::EINVAL,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn keeping_preserves_errno() {
        super::set(libc::EPIPE);
        super::keeping(|| super::set(libc::EBADF));
        assert_eq!(super::get(), libc::EPIPE);
    }
}
