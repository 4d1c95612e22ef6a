//! Error numbers and the resolver's codes.

use std::ffi::CStr;

use rustix::io::Errno;

/// errno, right after a libc call failed.
#[inline]
pub(super) fn last() -> Errno {
    // SAFETY: takes nothing, and returns the calling thread's own errno.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: it is valid for as long as the calling thread lives.
    Errno::from_raw_os_error(unsafe { place.read() })
}

/// Defines a lookup of symbols in libc.
macro_rules! names {
    ($vis:vis $name:ident: $($symbol:ident)*) => {
        $vis fn $name(code: i32) -> Option<&'static str> {
            Some(match code {
                $(libc::$symbol => stringify!($symbol),)*
                _ => return None,
            })
        }
    };
}

// errno(3): those that POSIX or Linux lists for the calls made here.
names! { pub(crate) errno_name:
    EPERM ENOENT EINTR EIO ENXIO EBADF EAGAIN ENOMEM EACCES EFAULT EBUSY EEXIST ENODEV ENOTDIR EISDIR
    EINVAL ENFILE EMFILE ENOTTY ENOSPC EROFS EPIPE ENAMETOOLONG ELOOP EPROTO EOVERFLOW ENOTSOCK
    EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP
    EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED
    ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH
    EALREADY EDQUOT EFBIG EINPROGRESS ENOSYS ENODATA ENOSR ENONET ENOLINK EREMOTEIO ECANCELED EBADFD
}

/// The OS's message for an error number (strerror(3)), without allocating.
#[derive(Debug)]
pub(crate) struct ErrnoText {
    room: [u8; 128],
}

impl ErrnoText {
    pub(crate) fn of(errno: i32) -> Self {
        let mut room = [0; 128];
        // SAFETY: it writes a NUL-terminated string to the buffer, truncated if needed.
        unsafe { libc::strerror_r(errno, room.as_mut_ptr().cast(), room.len()) };
        Self { room }
    }

    pub(crate) fn as_str(&self) -> &str {
        let text = CStr::from_bytes_until_nul(&self.room).ok();
        text.and_then(|text| text.to_str().ok()).unwrap_or("unknown error")
    }
}

// glibc-specific, missing from the libc crate.
pub(crate) const EAI_ADDRFAMILY: i32 = -9;

/// The symbol of a resolver's code, from getaddrinfo(3).
pub(crate) fn eai_name(code: i32) -> Option<&'static str> {
    match code {
        EAI_ADDRFAMILY => Some("EAI_ADDRFAMILY"),
        code => posix_eai_name(code),
    }
}

names! { posix_eai_name:
    EAI_BADFLAGS EAI_NONAME EAI_AGAIN EAI_FAIL EAI_NODATA EAI_FAMILY EAI_SOCKTYPE EAI_SERVICE
    EAI_MEMORY EAI_SYSTEM EAI_OVERFLOW
}

/// The resolver's message for a code.
pub(crate) fn eai_text(code: i32) -> &'static str {
    // SAFETY: gai_strerror returns a string for any code.
    let text = unsafe { libc::gai_strerror(code) };
    // SAFETY: it is a static NUL-terminated string, never NULL.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("unknown error")
}

/// Whether an error number means that descriptors, buffers or memory ran out.
pub(crate) fn is_shortage(errno: i32) -> bool {
    matches!(errno, libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
}
