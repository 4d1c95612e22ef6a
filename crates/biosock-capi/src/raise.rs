//! From a failure to entries on the host's queue, errno and a C failure
//! value: the boundary where errors stop being values.

mod entries;
mod message;
#[cfg(test)]
mod tests;

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use biosock::{Error, Operation, Reason, ResolverError, Syscall};

use crate::errno;
use crate::failure::Failure;
use crate::host::{Common, Host, What};
use crate::sites::{BIO_BIND, BIO_SOCKET_IOCTL, Site};
use crate::uncancelled::uncancelled;
use entries::Entries;

/// Runs the body of a C function. Its failure is raised and becomes the C
/// failure value; so does a panic, which goes no further. A cancellation of
/// the thread waits until the function has returned.
#[inline]
pub(crate) fn run<H: Host, T>(
    site: &'static Site,
    failed: T,
    body: impl FnOnce() -> Result<T, Failure>,
) -> T {
    uncancelled(|| run_quick::<H, T>(site, failed, body))
}

/// [`run`] for a body that reaches no cancellation point (pthreads(7)).
#[inline]
pub(crate) fn run_quick<H: Host, T>(
    site: &'static Site,
    failed: T,
    body: impl FnOnce() -> Result<T, Failure>,
) -> T {
    let before = site.explains.then(errno::get);
    let raised = || body().map_err(|failure| raise::<H>(site, failure));
    match catch_unwind(AssertUnwindSafe(raised)) {
        Ok(Ok(done)) => {
            before.into_iter().for_each(errno::set);
            done
        }
        Ok(Err(())) => failed,
        Err(panic) => {
            drop(panic);
            raise::<H>(site, Failure::Panic);
            failed
        }
    }
}

/// [`run`] for a body that makes one blocking call with nothing to clean up:
/// it may be cancelled in that call, and the thread unwinds through here. So
/// there is nothing to catch that, and the body does not panic.
#[inline]
pub(crate) fn run_through<H: Host, T>(
    site: &'static Site,
    failed: T,
    body: impl FnOnce() -> Result<T, Failure>,
) -> T {
    match body() {
        Ok(done) => done,
        Err(failure) => {
            raise::<H>(site, failure);
            failed
        }
    }
}

/// Puts a failure on the queue. errno is afterwards the failure's, or what it
/// was where the failure has none.
#[cold]
#[inline(never)]
pub(crate) fn raise<H: Host>(site: &'static Site, failure: Failure) {
    let before = errno::get();
    let errno = uncancelled(|| {
        let errno = push::<H>(site, &failure);
        drop(failure);
        errno
    });
    errno::set(errno.unwrap_or(before));
}

/// Pushes the entries of a failure, and returns its errno if it has one.
fn push<H: Host>(site: &'static Site, failure: &Failure) -> Option<i32> {
    let entries = Entries::<H>::at(site);
    match failure {
        Failure::Core(error) if site.explains => {
            return Some(message::push_error(&entries, error, &error.to_string()));
        }
        Failure::Core(error) => return push_error::<H>(site, error, failure.is_retry()),
        Failure::About(what, error) => {
            return Some(message::push_error(&entries, error, &format!("{what}: {error}")));
        }
        Failure::Dial(error) => return Some(message::push_dial(&entries, error)),
        Failure::Io(doing, error) => return Some(message::push_io(&entries, doing, error)),
        Failure::System { errno, syscall, reason } => {
            let entries = Entries::<H>::at(site_of(*syscall).unwrap_or(site));
            entries.refused(*syscall, *errno);
            reason.iter().for_each(|reason| entries.push(What::Bio(reason.code().into())));
            return Some(*errno);
        }
        Failure::Bio(reason) => entries.push(What::Bio(*reason)),
        Failure::Null(name) if site.explains => {
            entries.push_message(What::Common(Common::Null), &format!("{name} is NULL"));
        }
        Failure::Null(_) => entries.push(What::Common(Common::Null)),
        Failure::Invalid(message) => entries.push_message(What::Common(Common::Invalid), message),
        Failure::Panic => {
            entries.push(What::Common(Common::Internal));
            return site.explains.then_some(libc::EFAULT);
        }
        Failure::Errno(errno) => return Some(*errno),
        Failure::Reported => return None,
    }
    site.explains.then_some(libc::EINVAL)
}

/// The entries that OpenSSL has for an error of the core: the system's, and
/// BIO's reason after it.
fn push_error<H: Host>(site: &'static Site, error: &Error, is_retry: bool) -> Option<i32> {
    let system = error.system();
    let errno = system.map(biosock::SystemError::raw_os_error);
    if is_retry {
        return errno;
    }
    let site = match (system, error.operation()) {
        (Some(_), Operation::Bind) => BIO_BIND,
        (Some(system), _) => site_of(system.syscall()).unwrap_or(site),
        (None, _) => site,
    };
    let entries = Entries::<H>::at(site);
    if let Some(system) = system {
        entries.refused(system.syscall(), system.raw_os_error());
    }
    let resolver = error.resolver().filter(|_| system.is_none()).map(resolver_text);
    match error.reason() {
        Some(Reason::SystemLibrary) => entries.push_data(What::Common(Common::SystemLibrary), resolver),
        Some(reason) => entries.push_data(What::Bio(reason.code().into()), resolver),
        None if system.is_some() => {}
        // Only an address that cannot be made has neither.
        None => entries.push(What::Common(Common::BioLibrary)),
    }
    errno
}

/// The function that makes a system call for others.
fn site_of(syscall: Syscall) -> Option<&'static Site> {
    (syscall == Syscall::Ioctl).then_some(BIO_SOCKET_IOCTL)
}

/// The resolver's string as it stands in the C library.
fn resolver_text(error: &ResolverError) -> &'static CStr {
    // SAFETY: takes any number.
    let text = unsafe { libc::gai_strerror(error.code()) };
    // SAFETY: the C library's strings end with a NUL and stay for good.
    unsafe { CStr::from_ptr(text) }
}
