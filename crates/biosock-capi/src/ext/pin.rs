//! Keeping this library in the process once threads run in it that it cannot
//! wait for: getaddrinfo(3) ends when it likes, perhaps long after its dial.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};

/// Makes dlclose(3) leave this library where it is, from now on. In a static
/// program there is nothing to do, and nothing is done.
///
/// Threads may do it twice, which is as good; so none waits for another, nor
/// does a child that was forked in the middle.
pub(super) fn stay_loaded() {
    static STAYS: AtomicBool = AtomicBool::new(false);
    if !STAYS.load(Ordering::Acquire) {
        pin();
        STAYS.store(true, Ordering::Release);
    }
}

fn pin() {
    let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr takes any address, and there is room for its answer.
    if unsafe { libc::dladdr(pin as *const c_void, found.as_mut_ptr()) } == 0 {
        return;
    }
    // SAFETY: it was filled in, and was 0 before, which is valid too.
    let name = unsafe { found.assume_init() }.dli_fname;
    if !name.is_null() {
        // SAFETY: the loader's name ends with a NUL; NOLOAD loads nothing
        // new. The handle is kept: that is what it is for.
        unsafe { libc::dlopen(name, libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE) };
    }
}
