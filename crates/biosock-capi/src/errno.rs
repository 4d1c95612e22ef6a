//! The calling thread's errno: the C layer's second way of saying what failed.

use crate::uncancelled::uncancelled;

/// The calling thread's errno.
pub(crate) fn get() -> i32 {
    // SAFETY: takes nothing, and always returns the calling thread's own errno.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the place is valid for as long as the calling thread lives.
    unsafe { *place }
}

/// Sets the calling thread's errno.
pub(crate) fn set(errno: i32) {
    // SAFETY: takes nothing, and always returns the calling thread's own errno.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the place is valid for as long as the calling thread lives, and
    // no reference to it exists.
    unsafe { *place = errno }
}

/// Does `work`, which may call anything: it leaves errno as it was before,
/// and no cancellation ends it.
pub(crate) fn keeping<T>(work: impl FnOnce() -> T) -> T {
    let before = get();
    let done = uncancelled(work);
    set(before);
    done
}

#[cfg(test)]
mod tests {
    #[test]
    fn keeping_undoes_what_the_work_did_to_errno() {
        super::set(libc::EPIPE);
        super::keeping(|| super::set(libc::EBADF));
        assert_eq!(super::get(), libc::EPIPE);
    }
}
