//! BIO_connect(3)'s deprecated functions.

use std::ffi::{CStr, c_char, c_int, c_uchar};
use std::os::fd::{AsFd, IntoRawFd, OwnedFd};
use std::ptr;

use biosock::fd::{self, Answer, Options, SockAddr};
use biosock::{AddrInfo, Family, Reason, SocketAddr, Syscall, Type};
use libc::hostent;

use crate::addr::{AddrOut, BIO_ADDR, names_of, view};
use crate::c_string::{self, string_bytes};
use crate::connect::accept;
use crate::descriptor::INVALID_SOCKET;
use crate::errno;
use crate::failure::Failure;
use crate::host::Host;
use crate::hostserv::parse;
use crate::lookup::{CLIENT, SERVER, answer, question};
use crate::raise::{raise, run};
use crate::sites::{
    ADDR_STRINGS, BIO_ACCEPT_EX, BIO_LISTEN, BIO_LOOKUP_EX, BIO_PARSE_HOSTSERV, BIO_SOCKET, Site, site,
};

unsafe extern "C" {
    /// gethostbyname(3), which the `libc` crate leaves out as obsolete.
    fn gethostbyname(name: *const c_char) -> *mut hostent;
}

/// `BIO_gethostbyname`: gethostbyname(3).
///
/// # Safety
///
/// `name` is NULL or a NUL-terminated string.
pub unsafe fn BIO_gethostbyname<H: Host>(name: *const c_char) -> *mut hostent {
    run::<H, _>(site!(c"BIO_gethostbyname", 0), ptr::null_mut(), || {
        if name.is_null() {
            return Err(Failure::Null("name"));
        }
        // SAFETY: not NULL, so a C string.
        Ok(unsafe { gethostbyname(name) })
    })
}

/// `BIO_get_port`: writes the port of a TCP service, in host byte order; 1, or 0.
///
/// # Safety
///
/// `name` is NULL or a NUL-terminated string; `port` is NULL or valid for writing.
pub unsafe fn BIO_get_port<H: Host>(name: *const c_char, port: *mut u16) -> c_int {
    run::<H, _>(site!(c"BIO_get_port", 107), 0, || {
        // SAFETY: NULL or a C string.
        let service = unsafe { string_bytes(name) };
        let service = service.ok_or(Failure::Bio(Reason::NoPortDefined.code().into()))?;
        // SAFETY: not NULL, so a C string.
        let found = unsafe { first_v4::<H>(None, Some(service), name) }?;
        if port.is_null() {
            return Err(Failure::Null("port"));
        }
        // SAFETY: not NULL, so valid for writing.
        unsafe { port.write(found.addr.port().unwrap_or_default()) };
        Ok(1)
    })
}

/// `BIO_get_host_ip`: writes the four bytes of a host's IPv4 address; 1, or 0.
///
/// # Safety
///
/// `name` is NULL or a NUL-terminated string; `ip` is NULL or has room for four bytes.
pub unsafe fn BIO_get_host_ip<H: Host>(name: *const c_char, ip: *mut c_uchar) -> c_int {
    run::<H, _>(site!(c"BIO_get_host_ip", 106), 0, || {
        // SAFETY: NULL or a C string.
        let host = unsafe { string_bytes(name) }.ok_or(Failure::Null("name"))?;
        // SAFETY: not NULL, so a C string.
        let found = unsafe { first_v4::<H>(Some(host), None, name) }?;
        if ip.is_null() {
            return Err(Failure::Null("ip"));
        }
        if let SocketAddr::V4(v4) = found.addr {
            // SAFETY: not NULL, so with room for four bytes.
            unsafe { ip.cast::<[u8; 4]>().write(v4.ip().octets()) };
        }
        Ok(1)
    })
}

/// The first IPv4 address of a lookup for TCP. A failure's entry names what
/// was looked up.
///
/// # Safety
///
/// `name` ends with a NUL.
unsafe fn first_v4<H: Host>(
    host: Option<&[u8]>,
    service: Option<&[u8]>,
    name: *const c_char,
) -> Result<AddrInfo, Failure> {
    let question = question(host, service, CLIENT).family(Family::Ipv4).socktype(Type::STREAM);
    answer(&question).and_then(first_of).map_err(|failure| {
        raise::<H>(BIO_LOOKUP_EX, failure);
        // SAFETY: a C string.
        errno::keeping(|| H::annotate(c"host=", unsafe { CStr::from_ptr(name) }));
        Failure::Reported
    })
}

/// The first address of an answer.
fn first_of(answer: Answer) -> Result<AddrInfo, Failure> {
    let first = match &answer {
        Answer::Literal(literal) => literal.iter().next(),
        Answer::System(list) => list.iter().next(),
        Answer::Unix(found) => Some(*found),
    };
    first.ok_or(Failure::Bio(LOOKUP_RETURNED_NOTHING))
}

/// `BIO_R_LOOKUP_RETURNED_NOTHING`
const LOOKUP_RETURNED_NOTHING: u16 = 142;

/// `BIO_get_accept_socket`: a socket that listens on the first address of
/// `host_port`, with SO_REUSEADDR if `mode` says so; or -1.
///
/// # Safety
///
/// `host_port` is NULL or a NUL-terminated string.
pub unsafe fn BIO_get_accept_socket<H: Host>(host_port: *const c_char, mode: c_int) -> c_int {
    run::<H, _>(site!(c"BIO_get_accept_socket", 105), INVALID_SOCKET, || {
        // SAFETY: NULL or a C string.
        let text = unsafe { string_bytes(host_port) }.ok_or(Failure::Null("host_port"))?;
        let options = if mode == 0 { Options::empty() } else { Options::REUSEADDR };
        Ok(accept_socket::<H>(text, options)?.into_raw_fd())
    })
}

fn accept_socket<H: Host>(text: &[u8], options: Options) -> Result<OwnedFd, Failure> {
    let parts = within::<H, _>(BIO_PARSE_HOSTSERV, || Ok(parse(text, PRIO_SERVICE)?))?;
    let question = question(parts.host.name(), parts.service.name(), SERVER).socktype(Type::STREAM);
    let found = within::<H, _>(BIO_LOOKUP_EX, || first_of(answer(&question)?))?;
    let sock =
        within::<H, _>(BIO_SOCKET, || Ok(fd::socket(found.addr.family(), found.socktype, found.protocol)?))?;
    let listen = |addr: SockAddr<'_>| fd::listen(sock.as_fd(), addr, options);
    within::<H, _>(BIO_LISTEN, || Ok(found.addr.with_sockaddr(listen)?))?;
    Ok(sock)
}

/// `BIO_PARSE_PRIO_SERV`
const PRIO_SERVICE: c_int = 1;

/// Performs a step of another C function, whose name its entries have.
fn within<H: Host, T>(site: &'static Site, step: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    step().map_err(|failure| {
        raise::<H>(site, failure);
        Failure::Reported
    })
}

/// `BIO_accept`: the socket of an incoming connection; stores its peer's numeric
/// address in `ip_port`, freed with `OPENSSL_free`. -1 on failure, -2 if the
/// caller should try again.
///
/// # Safety
///
/// `ip_port` is NULL or valid for writing.
pub unsafe fn BIO_accept<H: Host>(sock: c_int, ip_port: *mut *mut c_char) -> c_int {
    let site = site!(c"BIO_accept", 101);
    run::<H, _>(site, INVALID_SOCKET, || {
        let mut peer = BIO_ADDR::EMPTY;
        // SAFETY: room for an address.
        let place = unsafe { AddrOut::new(&raw mut peer) };
        let accepted = match accept(sock, place, Options::empty()) {
            Ok(accepted) => accepted,
            Err(failure) => return refused::<H>(failure),
        };
        if !ip_port.is_null() {
            let text = peer_text::<H>(&peer, site)?;
            // SAFETY: not NULL, so valid for writing.
            unsafe { ip_port.write(text) };
        }
        Ok(accepted.into_raw_fd())
    })
}

/// Queues BIO_accept_ex's entries, if any; the same follow again under BIO_accept.
fn refused<H: Host>(failure: Failure) -> Result<c_int, Failure> {
    let is_retry = matches!(failure, Failure::Errno(_));
    raise::<H>(BIO_ACCEPT_EX, failure);
    if is_retry { Ok(AGAIN) } else { Err(Failure::last_os_error(Syscall::Accept, Some(Reason::Accept))) }
}

/// What BIO_accept returns if the caller should try again.
const AGAIN: c_int = -2;

/// A peer as `host:port`, both numeric.
fn peer_text<H: Host>(peer: &BIO_ADDR, site: &'static Site) -> Result<*mut c_char, Failure> {
    // SAFETY: a whole address.
    let names = within::<H, _>(ADDR_STRINGS, || names_of(unsafe { view(peer) }?, true))?;
    c_string::join::<H>(&[names.host(), b":", names.service()], site)
}
