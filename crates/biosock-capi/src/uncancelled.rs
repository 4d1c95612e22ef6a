//! pthread_cancel(3): it unwinds the thread by force from inside a system call,
//! which aborts the process if a Rust frame on the stack owns anything. So
//! cancellation is disabled while there is such a frame, and stays pending until
//! the caller's next cancellation point.

use std::ffi::c_int;
use std::ptr;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// `PTHREAD_CANCEL_DISABLE`
const DISABLE: c_int = 1;

/// The calling thread's previous cancellation state, restored on drop.
struct Uncancelled {
    before: c_int,
}

impl Uncancelled {
    #[inline]
    fn begin() -> Self {
        let mut before = DISABLE;
        // SAFETY: the pointer is valid. It is not a system call, and is safe in
        // signal handlers.
        unsafe { pthread_setcancelstate(DISABLE, &raw mut before) };
        Self { before }
    }
}

impl Drop for Uncancelled {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: NULL means no output. A deferred cancellation does not take effect
        // here, and the asynchronous type is not supported.
        unsafe { pthread_setcancelstate(self.before, ptr::null_mut()) };
    }
}

/// Does `work` with cancellation disabled.
#[inline]
pub(crate) fn uncancelled<T>(work: impl FnOnce() -> T) -> T {
    let _restored = Uncancelled::begin();
    work()
}
