//! pthread_cancel(3): it unwinds the thread by force from inside a system
//! call, which Rust frames that own anything do not survive: the process
//! aborts. So no cancellation is acted on while such a frame is on the stack;
//! it stays pending until the caller's next cancellation point.

use std::ffi::c_int;
use std::ptr;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// `PTHREAD_CANCEL_DISABLE`
const DISABLE: c_int = 1;

/// The calling thread's cancellation state as it was, to be restored.
struct Uncancelled {
    before: c_int,
}

impl Uncancelled {
    #[inline]
    fn begin() -> Self {
        let mut before = DISABLE;
        // SAFETY: the place is valid. It is no system call, and a signal
        // handler may make it.
        unsafe { pthread_setcancelstate(DISABLE, &raw mut before) };
        Self { before }
    }
}

impl Drop for Uncancelled {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: NULL asks for nothing. A deferred cancellation is not acted
        // on here, and that of the asynchronous type is not defended against.
        unsafe { pthread_setcancelstate(self.before, ptr::null_mut()) };
    }
}

/// Does `work` with cancellation disabled.
#[inline]
pub(crate) fn uncancelled<T>(work: impl FnOnce() -> T) -> T {
    let _restored = Uncancelled::begin();
    work()
}
