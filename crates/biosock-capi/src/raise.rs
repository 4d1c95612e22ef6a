//! Turns a failure into entries on the host's queue, errno and a C failure
//! value: the boundary at which errors stop being values.

mod entries;
mod message;
#[cfg(test)]
mod tests;

use std::ffi::CStr;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use biosock::{Error, Operation, Reason, ResolverError, Syscall};

use crate::errno;
use crate::failure::{Failure, Refusal};
use crate::host::{Common, Host, What};
use crate::sites::{BIO_BIND, BIO_SOCKET_IOCTL, Site};
use crate::uncancelled::uncancelled;
use entries::Entries;

/// Runs the body of a C function. A failure is raised and becomes the C failure
/// value; so is a panic, which is caught here. A cancellation of the thread waits
/// until the function has returned.
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
    let raised = || body().map_err(|failure| fail::<H>(site, failure));
    match catch_unwind(AssertUnwindSafe(raised)) {
        Ok(Ok(done)) => {
            before.into_iter().for_each(errno::set);
            done
        }
        Ok(Err(())) => failed,
        Err(panic) => {
            drop(panic);
            raise::<H>(site, Failure::Internal);
            failed
        }
    }
}

/// [`run`] for a body that makes one blocking call with nothing to clean up:
/// the thread may be cancelled in that call and unwinds through here. So nothing
/// catches an unwind, and the body must not panic.
#[inline]
pub(crate) fn run_through<H: Host, T>(
    site: &'static Site,
    failed: T,
    body: impl FnOnce() -> Result<T, Failure>,
) -> T {
    match body() {
        Ok(done) => done,
        Err(failure) => {
            fail::<H>(site, failure);
            failed
        }
    }
}

/// [`raise`], except that a call to be retried should cost nothing.
#[inline]
fn fail<H: Host>(site: &'static Site, failure: Failure) {
    match failure {
        Failure::Errno(errno) => {
            // It owns nothing.
            mem::forget(failure);
            errno::set(errno);
        }
        failure => raise::<H>(site, failure),
    }
}

/// Queues a failure. Sets errno to the failure's, or preserves it if the failure
/// has none.
#[cold]
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
            return Some(message::push_error(&entries, error, error));
        }
        Failure::Core(error) => return push_error::<H>(site, error),
        Failure::Descriptor(fd, error) => {
            return Some(message::push_error(&entries, error, &format_args!("descriptor {fd}: {error}")));
        }
        Failure::Dial(error) => return Some(message::push_dial(&entries, error)),
        Failure::Io(doing, error) => return Some(message::push_io(&entries, doing, error)),
        Failure::System(refusal) => {
            push_refusal::<H>(site, *refusal);
            return Some(refusal.errno);
        }
        Failure::Bio(reason) => entries.push(What::Bio(*reason)),
        Failure::Null(name) if site.explains => {
            entries.push_text(What::Common(Common::Null), &format_args!("{name} is NULL"));
        }
        Failure::Null(_) => entries.push(What::Common(Common::Null)),
        Failure::Invalid(message) => entries.push_message(What::Common(Common::Invalid), message),
        Failure::Internal => {
            entries.push(What::Common(Common::Internal));
            return site.explains.then_some(libc::EFAULT);
        }
        Failure::Errno(errno) => return Some(*errno),
        Failure::Reported => return None,
    }
    site.explains.then_some(libc::EINVAL)
}

/// Pushes the OS error, and BIO's reason after it. Some calls are made by another
/// function than the one called, and their entries name that function.
fn push_refusal<H: Host>(site: &'static Site, refusal: Refusal) {
    let site = match (refusal.operation, refusal.syscall) {
        (Some(Operation::Bind), _) => BIO_BIND,
        (_, Syscall::Ioctl) => BIO_SOCKET_IOCTL,
        _ => site,
    };
    let entries = Entries::<H>::at(site);
    entries.refused(refusal.syscall, refusal.errno);
    if let Some(reason) = refusal.reason {
        entries.push(What::Bio(reason.code().into()));
    }
}

/// Pushes the entries that OpenSSL has for an error of the core.
fn push_error<H: Host>(site: &'static Site, error: &Error) -> Option<i32> {
    if let Some(refusal) = Refusal::of(error) {
        push_refusal::<H>(site, refusal);
        return Some(refusal.errno);
    }
    let entries = Entries::<H>::at(site);
    if let Some(system) = error.system() {
        entries.refused(system.syscall(), system.raw_os_error());
    }
    let resolver = error.resolver().filter(|_| error.system().is_none()).map(resolver_text);
    let what = match error.reason() {
        Some(Reason::SystemLibrary) => What::Common(Common::SystemLibrary),
        Some(reason) => What::Bio(reason.code().into()),
        // Only an address that cannot be created has none.
        None => What::Common(Common::BioLibrary),
    };
    entries.push_data(what, resolver);
    error.raw_os_error()
}

/// The resolver's string, which is static in the C library.
fn resolver_text(error: ResolverError) -> &'static CStr {
    // SAFETY: accepts any number.
    let text = unsafe { libc::gai_strerror(error.code()) };
    // SAFETY: the C library's strings are NUL-terminated and static.
    unsafe { CStr::from_ptr(text) }
}
