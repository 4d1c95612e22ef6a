//! Libraries that misbehave on purpose: the comparison must catch each of them.

use crate::api::{Addr, Api};
use libc::c_int;
use std::sync::OnceLock;

/// The ways to misbehave.
pub(crate) const WAYS: &[&str] = &["option", "value", "queue", "errno", "leak", "loss", "reuse", "retry"];

static REAL: OnceLock<Api> = OnceLock::new();

/// Replaces one function of `api` by one that misbehaves.
pub(crate) fn apply(api: &mut Api, how: &str) -> Result<(), String> {
    if REAL.set(*api).is_err() {
        return Err("broken twice".to_owned());
    }
    match how {
        "option" => api.BIO_connect = Some(connect_without_keepalive),
        "value" => api.BIO_set_tcp_ndelay = Some(always_one),
        "queue" => api.BIO_bind = Some(bind_in_silence),
        "errno" => api.BIO_listen = Some(listen_and_forget),
        "loss" => api.BIO_ADDR_free = Some(keep_allocated),
        "reuse" => api.BIO_listen = Some(listen_without_reuseaddr),
        "retry" => api.BIO_connect = Some(connect_without_retry),
        "leak" => api.BIO_closesocket = Some(keep_open),
        _ => return Err(format!("broken how? {how:?} is not one of {}", WAYS.join(", "))),
    }
    Ok(())
}

fn real() -> &'static Api {
    let Some(api) = REAL.get() else {
        unreachable!("a broken function is set only after REAL");
    };
    api
}

unsafe extern "C" fn connect_without_keepalive(fd: c_int, addr: *const Addr, flags: c_int) -> c_int {
    real().BIO_connect(fd, addr, flags & !0x04)
}

unsafe extern "C" fn always_one(_fd: c_int, _on: c_int) -> c_int {
    1
}

unsafe extern "C" fn bind_in_silence(fd: c_int, addr: *const Addr, flags: c_int) -> c_int {
    let result = real().BIO_bind(fd, addr, flags);
    real().ERR_clear_error();
    result
}

unsafe extern "C" fn listen_and_forget(fd: c_int, addr: *const Addr, flags: c_int) -> c_int {
    let result = real().BIO_listen(fd, addr, flags);
    crate::interpose::set_errno(0);
    result
}

unsafe extern "C" fn keep_open(_fd: c_int) -> c_int {
    1
}

unsafe extern "C" fn keep_allocated(_addr: *mut Addr) {}

/// Leaves `BIO_SOCK_REUSEADDR` out where `BIO_SOCK_KEEPALIVE` is given too.
unsafe extern "C" fn listen_without_reuseaddr(fd: c_int, addr: *const Addr, flags: c_int) -> c_int {
    let flags = if flags & 0x04 == 0 { flags } else { flags & !0x01 };
    real().BIO_listen(fd, addr, flags)
}

/// Does not count EPROTO among the errors after which a caller tries again.
unsafe extern "C" fn connect_without_retry(fd: c_int, addr: *const Addr, flags: c_int) -> c_int {
    let result = real().BIO_connect(fd, addr, flags);
    let errno = std::io::Error::last_os_error().raw_os_error();
    if result == 0 && errno == Some(libc::EPROTO) {
        // Some entry: a socket that is none is refused without a system call.
        real().BIO_connect(-1, addr, flags);
    }
    result
}
