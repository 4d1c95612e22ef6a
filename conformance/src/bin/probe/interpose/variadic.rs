//! `ioctl` and `fcntl`: variadic in C, but with one further argument wherever sockets are
//! concerned, and on the platforms that the probe runs on that argument travels as a fixed
//! one would.

use super::{Next, names, pass};
use libc::{c_int, c_ulong, c_void};
use std::mem::transmute;

type RealIoctl = unsafe extern "C" fn(c_int, c_ulong, ...) -> c_int;
type RealFcntl = unsafe extern "C" fn(c_int, c_int, ...) -> c_int;

/// Passed on and noted.
///
/// # Safety
/// As libc's `ioctl` with one further argument.
#[unsafe(no_mangle)]
unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, arg: *mut c_void) -> c_int {
    static NEXT: Next = Next::new(c"ioctl");
    // SAFETY: libc's function of this name has this type.
    let real = unsafe { transmute::<*mut c_void, Option<RealIoctl>>(NEXT.get()) };
    let Some(real) = real else { return -1 };
    let words = || format!("{}{}", names::request(request), argument_words(request, arg));
    // SAFETY: the caller's arguments go on as they came.
    pass("ioctl", words, || unsafe { real(fd, request, arg) })
}

fn argument_words(request: c_ulong, arg: *mut c_void) -> String {
    if request != libc::FIONBIO || arg.is_null() {
        return String::new();
    }
    // SAFETY: FIONBIO's argument is the address of an int.
    let value = unsafe { arg.cast::<c_int>().read_unaligned() };
    format!(" = {value}")
}

/// Passed on and noted.
///
/// # Safety
/// As libc's `fcntl` with one further argument.
#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl(fd: c_int, command: c_int, arg: *mut c_void) -> c_int {
    static NEXT: Next = Next::new(c"fcntl");
    // SAFETY: libc's function of this name has this type.
    let real = unsafe { transmute::<*mut c_void, Option<RealFcntl>>(NEXT.get()) };
    let Some(real) = real else { return -1 };
    let words = || format!("{}, {:#x}", names::command(command), arg as usize & 0xffff);
    // SAFETY: the caller's arguments go on as they came.
    pass("fcntl", words, || unsafe { real(fd, command, arg) })
}

/// The same for callers built with large file offsets.
///
/// # Safety
/// As libc's `fcntl64` with one further argument.
#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl64(fd: c_int, command: c_int, arg: *mut c_void) -> c_int {
    // SAFETY: as `fcntl`.
    unsafe { fcntl(fd, command, arg) }
}
