//! From a failure of the core to entries on the host's queue, errno and a C
//! failure value: the boundary where errors stop being values.

use std::ffi::CStr;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use biosock::{Error, Operation, Reason, ResolverError, Syscall, SystemError};

use crate::connect::BIO_BIND;
use crate::errno;
use crate::helpers::{BIO_SOCKET_IOCTL, BIO_sock_non_fatal_error};
use crate::host::{Call, Common, Entry, Host, Site, What};
use crate::uncancelled::uncancelled;

/// Why a C function fails; small and without memory of its own, so that it
/// costs nothing where nothing fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    /// The system refused a call, which may have a reason of the page's.
    System(Refusal),
    /// The core failed otherwise. The page's entries go on the queue.
    Core(Account),
    /// A reason of the BIO library alone.
    Bio(u16),
    /// A reason that all libraries share.
    Common(Common),
    /// All that there is to say is on the queue already, or in errno.
    Told,
}

/// The caller passed NULL for something that is needed.
pub(crate) const NULL: Failure = Failure::Common(Common::Null);

/// A call that the system refused, small enough for registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) errno: i32,
    pub(crate) syscall: Syscall,
    pub(crate) reason: Option<Reason>,
    /// Which function says so, where it is another than the one called.
    pub(crate) site: Option<&'static Site>,
}

impl Refusal {
    /// A call of this crate's own failed, as errno says.
    #[cold]
    pub(crate) fn of(syscall: Syscall, reason: Option<Reason>) -> Self {
        Self { errno: errno::get(), syscall, reason, site: site_of(syscall) }
    }

    /// Whether the caller is to try again, so that nothing is an error yet.
    #[inline]
    fn is_retry(self) -> bool {
        matches!(self.syscall, Syscall::Connect | Syscall::Accept)
            && BIO_sock_non_fatal_error(self.errno) != 0
    }
}

/// What the queue is to say of an error of the core.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    system: Option<SystemError>,
    reason: Option<Reason>,
    resolver: Option<ResolverError>,
}

impl Account {
    /// Lets go of the error; errno stays as it was.
    #[cold]
    #[inline(never)]
    fn of(error: Error) -> Self {
        let (system, reason) = (error.system().copied(), error.reason());
        let resolver = error.resolver().copied();
        errno::keeping(|| drop(error));
        Self { system, reason, resolver }
    }
}

/// The function that makes a system call for others.
#[inline]
fn site_of(syscall: Syscall) -> Option<&'static Site> {
    if syscall == Syscall::Ioctl { Some(BIO_SOCKET_IOCTL) } else { None }
}

impl From<Refusal> for Failure {
    #[inline]
    fn from(refusal: Refusal) -> Self {
        if refusal.is_retry() { Self::Told } else { Self::System(refusal) }
    }
}

impl From<Error> for Failure {
    #[inline]
    fn from(error: Error) -> Self {
        let (Some(system), None) = (error.system(), error.resolver()) else {
            return Self::Core(Account::of(error));
        };
        let refusal = Refusal {
            errno: system.raw_os_error(),
            syscall: system.syscall(),
            reason: error.reason(),
            site: match error.operation() {
                Operation::Bind => Some(BIO_BIND),
                _ => site_of(system.syscall()),
            },
        };
        // A socket call's error owns no memory, so there is nothing to drop,
        // which the compiler cannot see.
        mem::forget(error);
        refusal.into()
    }
}

/// Runs the body of a C function. Its failure is raised and becomes the C
/// failure value; so does a panic, which goes no further. A cancellation of
/// the thread waits until the function has returned.
#[inline(always)]
pub(crate) fn run<H: Host, T>(
    site: &'static Site,
    failed: T,
    body: impl FnOnce() -> Result<T, Failure>,
) -> T {
    uncancelled(|| run_quick::<H, T>(site, failed, body))
}

/// [`run`] for a body that reaches no cancellation point (pthreads(7)).
#[inline(always)]
pub(crate) fn run_quick<H: Host, T>(
    site: &'static Site,
    failed: T,
    body: impl FnOnce() -> Result<T, Failure>,
) -> T {
    let raised = || match body() {
        Ok(done) => Some(done),
        Err(Failure::Told) => None,
        Err(Failure::System(refusal)) => raise_system::<H, T>(site, refusal),
        Err(failure) => raise::<H, T>(site, failure),
    };
    match catch_unwind(AssertUnwindSafe(raised)) {
        Ok(Some(done)) => done,
        Ok(None) => failed,
        Err(_panic) => {
            let _: Option<()> = raise::<H, _>(site, Failure::Common(Common::Internal));
            failed
        }
    }
}

/// [`run`] for a body that makes one blocking call with nothing to clean up:
/// it may be cancelled in that call, and the thread unwinds through here. So
/// there is nothing to catch that, and the body does not panic.
#[inline(always)]
pub(crate) fn run_through<H: Host, T>(
    site: &'static Site,
    failed: T,
    body: impl FnOnce() -> Result<T, Failure>,
) -> T {
    let raised = match body() {
        Ok(done) => return done,
        Err(Failure::Told) => None,
        Err(Failure::System(refusal)) => raise_system::<H, T>(site, refusal),
        Err(failure) => raise::<H, T>(site, failure),
    };
    raised.unwrap_or(failed)
}

/// Puts a failure on the queue and gives nothing. errno is afterwards what
/// the system said, or what it was.
#[cold]
#[inline(never)]
pub(crate) fn raise<H: Host, T>(site: &'static Site, failure: Failure) -> Option<T> {
    uncancelled(|| raise_any::<H, T>(site, failure))
}

fn raise_any<H: Host, T>(site: &'static Site, failure: Failure) -> Option<T> {
    let before = errno::get();
    let push = |what| H::push(&Entry { what, site, data: None });
    match failure {
        Failure::System(refusal) => return raise_system::<H, T>(site, refusal),
        Failure::Core(account) => return raise_core::<H, T>(site, &account),
        Failure::Bio(reason) => push(What::Bio(reason)),
        Failure::Common(common) => push(What::Common(common)),
        Failure::Told => {}
    }
    errno::set(before);
    None
}

/// The system's entry, and the page's reason after it.
#[cold]
#[inline(never)]
fn raise_system<H: Host, T>(site: &'static Site, refusal: Refusal) -> Option<T> {
    let Refusal { errno, syscall, reason, site: other } = refusal;
    let site = other.unwrap_or(site);
    let call = call_of(syscall);
    uncancelled(|| {
        H::push(&Entry { what: What::System { errno, call }, site, data: Some(call.calling) });
        if let Some(reason) = reason {
            H::push(&Entry { what: What::Bio(reason.code().into()), site, data: None });
        }
    });
    errno::set(errno);
    None
}

/// The entries of a failed look-up, or of a text that cannot be read.
fn raise_core<H: Host, T>(site: &'static Site, account: &Account) -> Option<T> {
    let before = errno::get();
    if let Some(system) = account.system {
        let call = call_of(system.syscall());
        let what = What::System { errno: system.raw_os_error(), call };
        H::push(&Entry { what, site, data: Some(call.calling) });
    }
    let data = account.resolver.filter(|_| account.system.is_none()).map(resolver_text);
    H::push(&Entry { what: reason_of(account), site, data });
    errno::set(account.system.map_or(before, |system| system.raw_os_error()));
    None
}

/// The entry that follows the system's, where there is one.
fn reason_of(account: &Account) -> What {
    match account.reason {
        Some(Reason::SystemLibrary) => What::Common(Common::SystemLibrary),
        Some(reason) => What::Bio(reason.code().into()),
        // Only an address that cannot be made has none.
        None => What::Common(Common::BioLibrary),
    }
}

/// The resolver's text as it stands in the C library.
fn resolver_text(error: ResolverError) -> &'static CStr {
    // SAFETY: takes any number.
    let text = unsafe { libc::gai_strerror(error.code()) };
    // SAFETY: the C library's texts end with a NUL and stay for good.
    unsafe { CStr::from_ptr(text) }
}

/// A system call as the queue names it.
pub(crate) fn call_of(syscall: Syscall) -> &'static Call {
    CALLS.get(syscall as usize).unwrap_or(&UNNAMED)
}

/// For calls that join [`Syscall`] later.
static UNNAMED: Call = Call { calling: c"calling the system", code: 0 };

/// The names by number of [`Syscall`], with the functions' numbers in OpenSSL
/// 1.1.1, which had none for some.
static CALLS: [Call; 32] = {
    let mut calls = [const { Call { calling: c"calling the system", code: 0 } }; 32];
    calls[Syscall::Socket as usize] = Call { calling: c"calling socket()", code: 4 };
    calls[Syscall::Bind as usize] = Call { calling: c"calling bind()", code: 6 };
    calls[Syscall::Connect as usize] = Call { calling: c"calling connect()", code: 2 };
    calls[Syscall::Listen as usize] = Call { calling: c"calling listen()", code: 7 };
    calls[Syscall::Accept as usize] = Call { calling: c"calling accept()", code: 8 };
    calls[Syscall::Close as usize] = Call { calling: c"calling close()", code: 20 };
    calls[Syscall::Shutdown as usize] = Call { calling: c"calling shutdown()", code: 0 };
    calls[Syscall::Ioctl as usize] = Call { calling: c"calling ioctlsocket()", code: 5 };
    calls[Syscall::GetSockOpt as usize] = Call { calling: c"calling getsockopt()", code: 15 };
    calls[Syscall::SetSockOpt as usize] = Call { calling: c"calling setsockopt()", code: 14 };
    calls[Syscall::GetSockName as usize] = Call { calling: c"calling getsockname()", code: 16 };
    calls[Syscall::GetPeerName as usize] = Call { calling: c"calling getpeername()", code: 0 };
    calls[Syscall::Fcntl as usize] = Call { calling: c"calling fcntl()", code: 23 };
    calls[Syscall::GetAddrInfo as usize] = Call { calling: c"calling getaddrinfo()", code: 12 };
    calls[Syscall::GetNameInfo as usize] = Call { calling: c"calling getnameinfo()", code: 13 };
    calls[Syscall::Poll as usize] = Call { calling: c"calling poll()", code: 0 };
    calls[Syscall::Epoll as usize] = Call { calling: c"calling epoll()", code: 0 };
    calls[Syscall::Clone as usize] = Call { calling: c"calling clone()", code: 0 };
    calls[Syscall::EventFd as usize] = Call { calling: c"calling eventfd()", code: 0 };
    calls[Syscall::Dup as usize] = Call { calling: c"calling dup()", code: 0 };
    calls[Syscall::Unlink as usize] = Call { calling: c"calling unlink()", code: 0 };
    calls[Syscall::SocketPair as usize] = Call { calling: c"calling socketpair()", code: 0 };
    calls[Syscall::SendMsg as usize] = Call { calling: c"calling sendmsg()", code: 0 };
    calls
};

#[cfg(test)]
mod tests;
