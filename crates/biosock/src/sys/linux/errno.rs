//! What error numbers mean.

use std::ffi::CStr;
use std::io;

use super::Errno;
use crate::listeners::AcceptAdvice;
use crate::{ErrorKind, Operation};

/// errno, just after a call of libc's failed.
pub(super) fn last() -> Errno {
    let raw = std::io::Error::last_os_error().raw_os_error();
    Errno::from_raw_os_error(raw.unwrap_or_default())
}

/// The errors after which the same call may succeed later, as
/// BIO_sock_non_fatal_error(3) has them.
pub(crate) fn is_retryable(errno: i32) -> bool {
    matches!(
        errno,
        libc::EAGAIN | libc::EINPROGRESS | libc::EALREADY | libc::EINTR | libc::ENOTCONN | libc::EPROTO
    )
}

/// What an accept loop is to do after an error: accept(2) lists the errors of
/// the connection that is gone already, "treat them like EAGAIN", and the
/// shortages that pass.
pub(crate) fn accept_advice(errno: i32) -> AcceptAdvice {
    match errno {
        libc::ECONNABORTED | libc::EINTR | libc::EAGAIN => AcceptAdvice::TryAgain,
        libc::ENETDOWN | libc::EPROTO | libc::ENOPROTOOPT | libc::EHOSTDOWN | libc::ENONET => {
            AcceptAdvice::TryAgain
        }
        libc::EHOSTUNREACH | libc::ENETUNREACH | libc::ETIMEDOUT => AcceptAdvice::TryAgain,
        libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM => AcceptAdvice::Pause,
        // A firewall's verdict on one connection, or a sandbox's on them all.
        libc::EPERM => AcceptAdvice::Pause,
        _ => AcceptAdvice::GiveUp,
    }
}

/// Makes one look-up of symbols that libc defines.
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

// glibc's own, which libc leaves out.
const EAI_ADDRFAMILY: i32 = -9;

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

/// The resolver's text for a code.
pub(crate) fn eai_text(code: i32) -> &'static str {
    // SAFETY: gai_strerror gives a string for any code.
    let text = unsafe { libc::gai_strerror(code) };
    // SAFETY: it is a constant string that ends in NUL, never NULL.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("unknown error")
}

/// What sort of failure a resolver's code is.
pub(crate) fn eai_kind(code: i32) -> ErrorKind {
    match code {
        libc::EAI_NONAME => ErrorKind::NameNotFound,
        libc::EAI_NODATA | EAI_ADDRFAMILY => ErrorKind::NoAddress,
        libc::EAI_SERVICE => ErrorKind::ServiceNotFound,
        libc::EAI_AGAIN => ErrorKind::TryAgain,
        libc::EAI_MEMORY => ErrorKind::OutOfResources,
        libc::EAI_FAMILY | libc::EAI_SOCKTYPE => ErrorKind::Unsupported,
        libc::EAI_BADFLAGS | libc::EAI_OVERFLOW => ErrorKind::InvalidInput,
        _ => ErrorKind::LookupFailed,
    }
}

/// Whether an error number says that descriptors, buffers or memory ran out.
pub(super) fn is_shortage(errno: i32) -> bool {
    matches!(errno, libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
}

/// What sort of failure an error number is.
pub(crate) fn errno_kind(errno: i32) -> ErrorKind {
    match errno {
        errno if is_shortage(errno) => ErrorKind::OutOfResources,
        libc::ECANCELED => ErrorKind::Cancelled,
        libc::EAFNOSUPPORT | libc::EPFNOSUPPORT | libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT => {
            ErrorKind::Unsupported
        }
        libc::ENOPROTOOPT => ErrorKind::Unsupported,
        errno => io::Error::from_raw_os_error(errno).kind().into(),
    }
}

/// What to try after a system call failed.
pub(crate) fn errno_hint(errno: i32, operation: Operation) -> Option<&'static str> {
    use Operation::{Bind, Connect, Listen, Lookup, Socket};
    Some(match (operation, errno) {
        (Connect, libc::ECONNREFUSED) => "nothing listens there; check the port and that the server runs",
        (Connect, libc::ETIMEDOUT) => crate::error::HOST_SILENT,
        (Connect, libc::ENETUNREACH | libc::EHOSTUNREACH) => {
            "there is no route; check the network or try the other family"
        }
        (Connect, libc::EADDRNOTAVAIL) => {
            "no local port or address is free for it; see ip_local_port_range in ip(7)"
        }
        (Connect, libc::ENOENT) => "there is no such socket file; check the path and that the server runs",
        (Connect, libc::EPROTOTYPE) => "the peer's socket is of another type",
        (Bind | Listen, libc::EADDRINUSE) => "something has this address; choose another port",
        (Bind | Listen, libc::EADDRNOTAVAIL) => {
            "no interface has this address, or it is not ready yet (duplicate address detection)"
        }
        (Bind | Listen, libc::EACCES) => "ports below 1024 and protected directories need privilege",
        (Bind | Listen, libc::ENOENT) => "the directory of the socket file does not exist",
        (Socket, libc::EAFNOSUPPORT) => "this system has no such address family; IPv6 may be off",
        // pthread_create(3).
        (Lookup, libc::EAGAIN) => "too many processes and threads; raise ulimit -u or the cgroup's pids.max",
        (_, libc::EMFILE) => "the process has too many open files; raise it with ulimit -n",
        (_, libc::ENFILE) => "the system has too many open files",
        _ => return None,
    })
}
