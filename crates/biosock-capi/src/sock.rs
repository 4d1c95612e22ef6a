//! BIO_sock_init(3) and related functions: socket modes, options and state.

use std::ffi::{c_int, c_long, c_void};
use std::ptr;
use std::time::Duration;

use biosock::{Syscall, fd};
use libc::time_t;

use crate::addr::{AddrOut, BIO_ADDR};
use crate::descriptor::descriptor;
use crate::errno;
use crate::failure::Failure;
use crate::host::Host;
use crate::raise::{run, run_through};
use crate::sites::{BIO_SOCKET_IOCTL, site};

/// `BIO_R_UNKNOWN_INFO_TYPE`
const UNKNOWN_INFO_TYPE: u16 = 140;

/// `BIO_sock_init`: 1; there is nothing to initialise on Unix.
pub fn BIO_sock_init() -> c_int {
    1
}

/// `bio_sock_cleanup_int`: does nothing on Unix. Internal to OpenSSL.
pub fn bio_sock_cleanup_int() {}

/// `BIO_sock_error`: returns and clears the pending error of a socket, as an
/// error number; 0 for none.
///
/// # Safety
///
/// No requirements.
pub unsafe fn BIO_sock_error<H: Host>(sock: c_int) -> c_int {
    run::<H, _>(site!(c"BIO_sock_error", 0), 1, || match fd::take_error(descriptor(sock)) {
        Ok(pending) => Ok(pending),
        Err(error) => {
            let number = error.raw_os_error().unwrap_or(1);
            errno::set(number);
            Ok(number)
        }
    })
}

/// What [`BIO_sock_info`] writes to.
#[repr(C)]
#[derive(Clone, Copy)]
pub union BIO_sock_info_u {
    /// For `BIO_SOCK_INFO_ADDRESS`: the address that the socket is bound to.
    pub addr: *mut BIO_ADDR,
}

/// `BIO_SOCK_INFO_ADDRESS`
const INFO_ADDRESS: c_int = 0;

/// `BIO_sock_info`: the local address of a socket; 1, or 0.
///
/// # Safety
///
/// `info` is NULL or holds NULL or a pointer with room for a whole address.
pub unsafe fn BIO_sock_info<H: Host>(sock: c_int, kind: c_int, info: *const BIO_sock_info_u) -> c_int {
    run::<H, _>(site!(c"BIO_sock_info", 141), 0, || {
        if kind != INFO_ADDRESS {
            return Err(Failure::Bio(UNKNOWN_INFO_TYPE));
        }
        // SAFETY: NULL or valid for reading.
        let info = unsafe { info.as_ref() }.ok_or(Failure::Null("info"))?;
        // SAFETY: the union has one member.
        let place = unsafe { info.addr };
        // SAFETY: NULL or room for an address.
        let place = unsafe { AddrOut::new(place) }.ok_or(Failure::Null("info"))?;
        let bound = fd::local_addr(descriptor(sock))?;
        place.store(bound.as_sockaddr().as_bytes());
        Ok(1)
    })
}

/// `BIO_sock_should_retry`: whether to retry a call that returned `result` with
/// the current errno.
pub fn BIO_sock_should_retry(result: c_int) -> c_int {
    match result {
        0 | -1 => BIO_sock_non_fatal_error(errno::get()),
        _ => 0,
    }
}

/// `BIO_sock_non_fatal_error`: whether an error number means "try again".
#[inline]
pub fn BIO_sock_non_fatal_error(error: c_int) -> c_int {
    fd::is_retryable(error).into()
}

/// `BIO_socket_ioctl`: ioctl(2); its result, or -1.
///
/// # Safety
///
/// `argument` is what the request requires.
pub unsafe fn BIO_socket_ioctl<H: Host>(sock: c_int, request: c_long, argument: *mut c_void) -> c_int {
    run::<H, _>(BIO_SOCKET_IOCTL, -1, || {
        #[expect(clippy::cast_sign_loss, reason = "requests are bits; C passes them as long")]
        // SAFETY: the argument is what the request requires.
        let result = unsafe { libc::ioctl(sock, request as libc::Ioctl, argument) };
        if result == -1 { Err(Failure::last_os_error(Syscall::Ioctl, None)) } else { Ok(result) }
    })
}

/// `BIO_socket_nbio`: makes a socket non-blocking, or blocking if `mode` is 0; 1, or 0.
///
/// # Safety
///
/// No requirements.
pub unsafe fn BIO_socket_nbio<H: Host>(sock: c_int, mode: c_int) -> c_int {
    run::<H, _>(BIO_SOCKET_IOCTL, 0, || {
        fd::set_nonblocking(descriptor(sock), mode != 0)?;
        Ok(1)
    })
}

/// `BIO_set_tcp_ndelay`: sets or clears TCP_NODELAY; 1, or 0 with errno.
///
/// # Safety
///
/// No requirements.
pub unsafe fn BIO_set_tcp_ndelay<H: Host>(sock: c_int, on: c_int) -> c_int {
    run::<H, _>(site!(c"BIO_set_tcp_ndelay", 0), 0, || {
        fd::set_nodelay(descriptor(sock), on != 0).map_err(Failure::errno_only)?;
        Ok(1)
    })
}

/// `BIO_socket_wait`: waits until a socket can be read, or written, until the
/// time `until` at most. 1 if it can or `until` is 0, 0 if the time has passed,
/// -1 on failure.
///
/// # Safety
///
/// No requirements.
pub unsafe fn BIO_socket_wait<H: Host>(sock: c_int, for_read: c_int, until: time_t) -> c_int {
    run_through::<H, _>(site!(c"BIO_socket_wait", 0), -1, || match (sock, until) {
        (..0, _) => Err(Failure::Reported),
        (_, 0) => Ok(1),
        _ => time_left(until).map_or(Ok(0), |left| wait(sock, for_read != 0, left)),
    })
}

unsafe extern "C-unwind" {
    /// poll(2), in which the thread may be cancelled; libc's declaration cannot unwind.
    fn poll(fds: *mut libc::pollfd, count: libc::nfds_t, timeout: c_int) -> c_int;
}

/// One poll(2), which the core would restart after a signal. As in poll(2), a
/// descriptor that is not open is ready: the next call on it fails at once.
fn wait(sock: c_int, for_read: bool, left: Duration) -> Result<c_int, Failure> {
    let events = if for_read { libc::POLLIN } else { libc::POLLOUT };
    let mut asked = libc::pollfd { fd: sock, events, revents: 0 };
    // More than poll(2) can count is practically indefinite.
    let milliseconds = c_int::try_from(left.as_millis()).unwrap_or(-1);
    // SAFETY: one entry, as the count says.
    match unsafe { poll(&raw mut asked, 1, milliseconds) } {
        -1 => Err(Failure::Reported),
        ready => Ok(ready),
    }
}

/// The time left until a point of calendar time, in whole seconds as the caller
/// counts them; `None` if it has passed.
fn time_left(until: time_t) -> Option<Duration> {
    // The caller's clock: others may be ahead of it.
    // SAFETY: NULL means that the time is only returned.
    let now = unsafe { libc::time(ptr::null_mut()) };
    u64::try_from(until.checked_sub(now)?).ok().map(Duration::from_secs)
}
