//! From a failure of the core to entries on the host's queue, errno and a C
//! failure value: the boundary where errors stop being values.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use biosock::{Error, Operation, Reason, ResolverError, Syscall, SystemError};

use crate::connect::BIO_BIND;
use crate::errno;
use crate::helpers::BIO_SOCKET_IOCTL;
use crate::host::{Call, Common, Entry, Host, Site, What};

/// Why a C function fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The core failed. The page's entries go on the queue.
    Core(Error),
    /// A call of this crate's own failed, as errno says.
    System(Syscall),
    /// A reason of the BIO library alone.
    Bio(u16),
    /// A reason that all libraries share.
    Common(Common),
    /// All that there is to say is on the queue already, or in errno.
    Told,
}

/// The caller passed NULL for something that is needed.
pub(crate) const NULL: Failure = Failure::Common(Common::Null);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

/// Runs the body of a C function. Its failure is raised and becomes the C
/// failure value; so does a panic, which goes no further.
#[inline]
pub(crate) fn run<H: Host, T>(
    site: &'static Site,
    failed: T,
    body: impl FnOnce() -> Result<T, Failure>,
) -> T {
    let raised = || body().map_err(|failure| raise::<H>(site, failure));
    match catch_unwind(AssertUnwindSafe(raised)) {
        Ok(Ok(done)) => done,
        Ok(Err(())) => failed,
        Err(_panic) => {
            raise::<H>(site, Failure::Common(Common::Internal));
            failed
        }
    }
}

/// Puts a failure on the queue. errno is afterwards what the system said, or
/// what it was.
#[cold]
#[inline(never)]
pub(crate) fn raise<H: Host>(site: &'static Site, failure: Failure) {
    let before = errno::get();
    let after = match &failure {
        Failure::Core(error) => {
            push_core::<H>(site, error);
            error.raw_os_error().unwrap_or(before)
        }
        Failure::System(syscall) => {
            push_system::<H>(site, *syscall, before);
            before
        }
        Failure::Bio(reason) => push::<H>(What::Bio(*reason), site, None, before),
        Failure::Common(common) => push::<H>(What::Common(*common), site, None, before),
        Failure::Told => before,
    };
    drop(failure);
    errno::set(after);
}

/// Pushes and gives back `errno`.
fn push<H: Host>(what: What, site: &'static Site, data: Option<&'static CStr>, errno: i32) -> i32 {
    H::push(&Entry { what, site, data });
    errno
}

/// The page's entries for an error of the core, oldest first.
fn push_core<H: Host>(site: &'static Site, error: &Error) {
    let site = if error.operation() == Operation::Bind { BIO_BIND } else { site };
    if let Some(system) = error.system() {
        if is_retry(system, error) {
            return;
        }
        push_system::<H>(site, system.syscall(), system.raw_os_error());
    }
    if let Some(what) = reason_of(error) {
        let data = error.resolver().filter(|_| error.system().is_none()).map(resolver_text);
        H::push(&Entry { what, site, data });
    }
}

/// Whether the caller is to try again, so that nothing is an error yet.
fn is_retry(system: &SystemError, error: &Error) -> bool {
    matches!(system.syscall(), Syscall::Connect | Syscall::Accept) && error.is_retryable()
}

fn push_system<H: Host>(site: &'static Site, syscall: Syscall, errno: i32) {
    let call = call_of(syscall);
    let site = if syscall == Syscall::Ioctl { BIO_SOCKET_IOCTL } else { site };
    let what = What::System { errno, call };
    H::push(&Entry { what, site, data: Some(call.calling) });
}

/// The entry that follows the system's, if any does.
fn reason_of(error: &Error) -> Option<What> {
    match error.reason() {
        Some(Reason::SystemLibrary) => Some(What::Common(Common::SystemLibrary)),
        Some(reason) => Some(What::Bio(reason.code().into())),
        None if error.system().is_some() => None,
        // Only an address that cannot be made has neither.
        None => Some(What::Common(Common::BioLibrary)),
    }
}

/// The resolver's text as it stands in the C library.
fn resolver_text(error: &ResolverError) -> &'static CStr {
    // SAFETY: takes any number.
    let text = unsafe { libc::gai_strerror(error.code()) };
    // SAFETY: the C library's texts end with a NUL and stay for good.
    unsafe { CStr::from_ptr(text) }
}

macro_rules! call {
    ($calling:literal, $code:literal) => {{
        static CALL: Call = Call { calling: $calling, code: $code };
        &CALL
    }};
}

/// A system call as the queue names it.
fn call_of(syscall: Syscall) -> &'static Call {
    match syscall {
        Syscall::Socket => call!(c"calling socket()", 4),
        Syscall::Bind => call!(c"calling bind()", 6),
        Syscall::Connect => call!(c"calling connect()", 2),
        Syscall::Listen => call!(c"calling listen()", 7),
        Syscall::Accept => ACCEPT,
        Syscall::Close => call!(c"calling close()", 20),
        Syscall::Ioctl => call!(c"calling ioctlsocket()", 5),
        Syscall::GetSockOpt => call!(c"calling getsockopt()", 15),
        Syscall::SetSockOpt => call!(c"calling setsockopt()", 14),
        Syscall::GetSockName => call!(c"calling getsockname()", 16),
        Syscall::GetAddrInfo => call!(c"calling getaddrinfo()", 12),
        Syscall::GetNameInfo => call!(c"calling getnameinfo()", 13),
        Syscall::Poll => call!(c"calling poll()", 0),
        _ => call!(c"calling the system", 0),
    }
}

/// accept(2), which one function names by itself.
pub(crate) const ACCEPT: &Call = {
    static CALL: Call = Call { calling: c"calling accept()", code: 8 };
    &CALL
};
