//! Keeping this library loaded once it runs threads that it cannot wait for:
//! getaddrinfo(3) may end long after its dial.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};

/// From now on dlclose(3) does not unload this library. Does nothing in a static
/// program.
///
/// Threads may do this twice without harm; so none waits for another, nor does a
/// child that was forked in the middle.
pub(super) fn stay_loaded() {
    static STAYS: AtomicBool = AtomicBool::new(false);
    if !STAYS.load(Ordering::Acquire) {
        pin();
        STAYS.store(true, Ordering::Release);
    }
}

fn pin() {
    let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr accepts any address, and there is room for its result.
    if unsafe { libc::dladdr(pin as *const c_void, found.as_mut_ptr()) } == 0 {
        return;
    }
    // SAFETY: it was filled in, and zeroed before, which is valid too.
    let name = unsafe { found.assume_init() }.dli_fname;
    if !name.is_null() {
        // SAFETY: the loader's name is NUL-terminated; NOLOAD loads nothing
        // new. The handle is leaked on purpose.
        unsafe { libc::dlopen(name, libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE) };
    }
}
