//! BIO_parse_hostserv(3): splitting `host:service`.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use biosock::{HostServ, Part, Priority};

use crate::c_string::{duplicate, string_bytes};
use crate::failure::Failure;
use crate::host::Host;
use crate::out::Out;
use crate::raise::run;
use crate::sites::BIO_PARSE_HOSTSERV;

/// `BIO_PARSE_PRIO_HOST`
const PRIO_HOST: c_int = 0;

/// `BIO_parse_hostserv`: writes host and service, NULL for any, nothing for one
/// that is missing; both freed with `OPENSSL_free`. 1, or 0.
///
/// # Safety
///
/// `text` is NULL or a NUL-terminated string; `host` and `service` are NULL or valid
/// for writing.
pub unsafe fn BIO_parse_hostserv<H: Host>(
    text: *const c_char,
    host: *mut *mut c_char,
    service: *mut *mut c_char,
    priority: c_int,
) -> c_int {
    run::<H, _>(BIO_PARSE_HOSTSERV, 0, || {
        // SAFETY: NULL or a C string.
        let text = unsafe { string_bytes(text) }.ok_or(Failure::Null("text"))?;
        let parts = parse(text, priority)?;
        // SAFETY: NULL or valid for writing.
        let host = unsafe { Out::new(host) };
        // SAFETY: NULL or valid for writing.
        let service = unsafe { Out::new(service) };
        give::<H>(&parts, &host, &service)?;
        Ok(1)
    })
}

/// Splits a string.
pub(crate) fn parse(text: &[u8], priority: c_int) -> biosock::Result<HostServ<&[u8]>> {
    let priority = if priority == PRIO_HOST { Priority::Host } else { Priority::Service };
    HostServ::parse_bytes(text, priority)
}

/// Copies both parts for the caller, or neither.
fn give<H: Host>(
    parts: &HostServ<&[u8]>,
    host: &Out<*mut c_char>,
    service: &Out<*mut c_char>,
) -> Result<(), Failure> {
    let host_copy = copy::<H>(parts.host, host)?;
    let service_copy = copy::<H>(parts.service, service).inspect_err(|_| {
        // SAFETY: the copy belongs to this function, and NULL is allowed.
        unsafe { H::free(host_copy.unwrap_or(ptr::null_mut()).cast::<c_void>(), BIO_PARSE_HOSTSERV) };
    })?;
    host_copy.into_iter().for_each(|copy| host.set(copy));
    service_copy.into_iter().for_each(|copy| service.set(copy));
    Ok(())
}

/// What to write for a part, if anything, and if the caller wants it.
fn copy<H: Host>(part: Part<&[u8]>, place: &Out<*mut c_char>) -> Result<Option<*mut c_char>, Failure> {
    Ok(match part {
        _ if place.is_null() => None,
        Part::Unmentioned => None,
        Part::Any => Some(ptr::null_mut()),
        Part::Named(name) => Some(duplicate::<H>(name, BIO_PARSE_HOSTSERV)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Standalone;

    #[test]
    fn nothing_is_copied_without_an_output_argument() {
        // SAFETY: NULL is allowed.
        let unwanted = unsafe { Out::new(ptr::null_mut()) };
        let copied = copy::<Standalone>(Part::Named(b"host"), &unwanted);
        assert!(matches!(copied, Ok(None)), "{copied:?}");
    }
}
