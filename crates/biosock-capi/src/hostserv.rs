//! BIO_parse_hostserv(3): `host:service` taken apart.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use biosock::{HostServ, Part, Priority};

use crate::host::{Host, Site, site};
use crate::memory;
use crate::raise::{Failure, NULL, run};

/// `BIO_PARSE_PRIO_HOST`
const PRIO_HOST: c_int = 0;

/// The name that entries for bad texts bear.
pub(crate) const BIO_PARSE_HOSTSERV: &Site = site!(c"BIO_parse_hostserv", 136);

/// `BIO_parse_hostserv`: writes host and service, NULL where the text says
/// any, nothing where it says nothing; both freed with `OPENSSL_free`. 1, or 0.
///
/// # Safety
///
/// `text` is NULL or ends with a NUL; `host` and `service` are NULL or valid
/// for writing.
pub unsafe fn BIO_parse_hostserv<H: Host>(
    text: *const c_char,
    host: *mut *mut c_char,
    service: *mut *mut c_char,
    priority: c_int,
) -> c_int {
    run::<H, _>(BIO_PARSE_HOSTSERV, 0, || {
        // SAFETY: as the caller promised.
        let parts = parse(unsafe { text_of(text) }.ok_or(NULL)?, priority)?;
        // SAFETY: as the caller promised.
        unsafe { give::<H>(&parts, host, service) }?;
        Ok(1)
    })
}

/// Takes a text apart.
pub(crate) fn parse(text: &[u8], priority: c_int) -> biosock::Result<HostServ<&[u8]>> {
    let priority = if priority == PRIO_HOST { Priority::Host } else { Priority::Service };
    HostServ::parse_bytes(text, priority)
}

/// A text of the caller's; `None` for NULL.
///
/// # Safety
///
/// `text` is NULL or ends with a NUL, and nobody changes it meanwhile.
pub(crate) unsafe fn text_of<'a>(text: *const c_char) -> Option<&'a [u8]> {
    if text.is_null() {
        return None;
    }
    // SAFETY: as the caller promised.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// Copies both parts for the caller, or neither.
///
/// # Safety
///
/// `host` and `service` are NULL or valid for writing.
unsafe fn give<H: Host>(
    parts: &HostServ<&[u8]>,
    host: *mut *mut c_char,
    service: *mut *mut c_char,
) -> Result<(), Failure> {
    let host_copy = copy::<H>(parts.host, host)?;
    let service_copy = match copy::<H>(parts.service, service) {
        Ok(copy) => copy,
        Err(failure) => {
            // SAFETY: the copy is this function's, and NULL is fine.
            unsafe { H::free(host_copy.unwrap_or(ptr::null_mut()).cast::<c_void>(), BIO_PARSE_HOSTSERV) };
            return Err(failure);
        }
    };
    for (copy, place) in [(host_copy, host), (service_copy, service)] {
        if let Some(copy) = copy {
            // SAFETY: as the caller promised.
            unsafe { memory::put(place, copy) };
        }
    }
    Ok(())
}

/// What to write for a part, if anything, where the caller has a place for it.
fn copy<H: Host>(part: Part<&[u8]>, place: *mut *mut c_char) -> Result<Option<*mut c_char>, Failure> {
    Ok(match part {
        _ if place.is_null() => None,
        Part::Unmentioned => None,
        Part::Any => Some(ptr::null_mut()),
        Part::Named(name) => Some(memory::duplicate::<H>(name, BIO_PARSE_HOSTSERV)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Standalone;

    #[test]
    fn nothing_is_copied_for_nobody() {
        let copied = copy::<Standalone>(Part::Named(b"host"), ptr::null_mut());
        assert!(matches!(copied, Ok(None)), "{copied:?}");
    }
}
