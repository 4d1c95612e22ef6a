//! BIO_ADDRINFO(3): names to addresses, as a list of `struct addrinfo`.
//!
//! A list may have been made here, by getaddrinfo(3) or by an OpenSSL in the
//! process, and may be freed by any of them. So nodes of AF_UNIX come from
//! the host's allocator, as OpenSSL's do; all others are as freeaddrinfo(3)
//! takes them, which with glibc is one piece of malloc's memory for each node
//! and its address.

use std::ffi::{c_char, c_int};
use std::ptr;

use biosock::lookup::{Answer, Literal};
use biosock::{AddrInfo, Domain, Lookup, Protocol, Type};
use libc::addrinfo;

use crate::addr::{self, BIO_ADDR};
use crate::errno;
use crate::host::{Host, Site, What, site};
use crate::hostserv::text_of;
use crate::memory;
use crate::raise::{Failure, NULL, run};

/// A node of a list: `struct addrinfo`.
pub type BIO_ADDRINFO = addrinfo;

/// `BIO_LOOKUP_SERVER`
pub(crate) const SERVER: c_int = 1;

/// `BIO_LOOKUP_CLIENT`
pub(crate) const CLIENT: c_int = 0;

/// Looking up, under whichever name.
pub(crate) const BIO_LOOKUP_EX: &Site = site!(c"BIO_lookup_ex", 143);

/// `BIO_lookup`: [`BIO_lookup_ex`] for any protocol.
///
/// # Safety
///
/// As [`BIO_lookup_ex`].
pub unsafe fn BIO_lookup<H: Host>(
    host: *const c_char,
    service: *const c_char,
    lookup_type: c_int,
    family: c_int,
    socktype: c_int,
    list: *mut *mut BIO_ADDRINFO,
) -> c_int {
    // SAFETY: as the caller promised.
    unsafe { BIO_lookup_ex::<H>(host, service, lookup_type, family, socktype, 0, list) }
}

/// `BIO_lookup_ex`: writes the list of addresses for a host and a service,
/// to be freed with [`BIO_ADDRINFO_free`]; 1, or 0.
///
/// # Safety
///
/// `host` and `service` are NULL or end with a NUL; `list` is NULL or valid
/// for writing.
pub unsafe fn BIO_lookup_ex<H: Host>(
    host: *const c_char,
    service: *const c_char,
    lookup_type: c_int,
    family: c_int,
    socktype: c_int,
    protocol: c_int,
    list: *mut *mut BIO_ADDRINFO,
) -> c_int {
    run::<H, _>(BIO_LOOKUP_EX, 0, || {
        // SAFETY: as the caller promised.
        let host = unsafe { text_of(host) };
        // SAFETY: as the caller promised.
        let service = unsafe { text_of(service) };
        if list.is_null() || (family == libc::AF_UNIX && host.is_none()) {
            return Err(NULL);
        }
        let question = question(host, service, lookup_type)
            .family(Domain::from_raw(family))
            .socktype(Type::from_raw(socktype))
            .protocol(Protocol::from_raw(protocol));
        let answer = list_of::<H>(answer(&question)?, socktype)?;
        // SAFETY: as the caller promised.
        unsafe { memory::put(list, answer) };
        Ok(1)
    })
}

/// A question about a host and a service.
pub(crate) fn question<'a>(
    host: Option<&'a [u8]>,
    service: Option<&'a [u8]>,
    lookup_type: c_int,
) -> Lookup<'a> {
    let question = host.into_iter().fold(Lookup::new(), Lookup::host);
    let question = service.into_iter().fold(question, Lookup::service);
    if lookup_type == SERVER { question.passive() } else { question }
}

/// Asks. errno stays as it was, but for what [`raise`](crate::raise) sets.
#[inline]
pub(crate) fn answer(question: &Lookup<'_>) -> Result<Answer, Failure> {
    let before = errno::get();
    let answer = question.answer();
    errno::set(before);
    Ok(answer?)
}

fn list_of<H: Host>(answer: Answer, socktype: c_int) -> Result<*mut BIO_ADDRINFO, Failure> {
    match answer {
        Answer::Literal(literal) => literal_list::<H>(&literal),
        Answer::System(list) => Ok(list.into_raw().as_ptr().cast()),
        // Where any type will do, the node says so, as the original's does.
        Answer::Unix(found) => unix_node::<H>(&AddrInfo { socktype: Type::from_raw(socktype), ..found }),
    }
}

/// One piece of memory for a node and its address.
#[repr(C)]
struct Node {
    info: addrinfo,
    addr: [u32; size_of::<libc::sockaddr_in6>() / size_of::<u32>()],
}

fn literal_list<H: Host>(literal: &Literal) -> Result<*mut BIO_ADDRINFO, Failure> {
    let mut first = ptr::null_mut();
    let mut last: *mut *mut BIO_ADDRINFO = &mut first;
    for found in literal.iter() {
        let node = literal_node(&found);
        if node.is_null() {
            // SAFETY: the list so far is whole and this function's own.
            unsafe { free_list(first) };
            H::push(&crate::host::Entry { what: What::Memory, site: BIO_LOOKUP_EX, data: None });
            return Err(Failure::Told);
        }
        // SAFETY: `last` is the end of the list so far.
        unsafe { last.write(node) };
        // SAFETY: the node is valid.
        last = unsafe { &raw mut (*node).ai_next };
    }
    Ok(first)
}

/// A node by malloc, or NULL.
fn literal_node(found: &AddrInfo) -> *mut BIO_ADDRINFO {
    // SAFETY: malloc takes any size.
    let node = unsafe { libc::malloc(size_of::<Node>()) }.cast::<Node>();
    if node.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: the node has room for an address.
    let place = unsafe { &raw mut (*node).addr };
    let length = found.addr.with_sockaddr(|raw| {
        let bytes = raw.as_bytes();
        // SAFETY: an address in figures is of AF_INET or AF_INET6, the
        // larger of which fits.
        unsafe { place.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        bytes.len()
    });
    // SAFETY: the node is memory of this function's own.
    unsafe { node.cast::<addrinfo>().write(info(found, length, place.cast())) };
    node.cast()
}

/// A node of AF_UNIX and its address, each from the host's allocator.
fn unix_node<H: Host>(found: &AddrInfo) -> Result<*mut BIO_ADDRINFO, Failure> {
    let node = H::alloc(size_of::<addrinfo>(), BIO_LOOKUP_EX).cast::<addrinfo>();
    if node.is_null() {
        return Err(Failure::Told);
    }
    let addr = H::alloc(size_of::<BIO_ADDR>(), BIO_LOOKUP_EX).cast::<BIO_ADDR>();
    if addr.is_null() {
        // SAFETY: the node is this function's own.
        unsafe { H::free(node.cast(), BIO_LOOKUP_EX) };
        return Err(Failure::Told);
    }
    // SAFETY: the memory has room for an address.
    found.addr.with_sockaddr(|raw| unsafe { addr::store(addr, raw.as_bytes()) });
    let length = size_of::<libc::sockaddr_un>();
    // SAFETY: the memory has room for a node.
    unsafe { node.write(info(found, length, addr.cast())) };
    Ok(node)
}

fn info(found: &AddrInfo, length: usize, addr: *mut libc::sockaddr) -> addrinfo {
    addrinfo {
        ai_flags: 0,
        ai_family: found.addr.family().as_raw(),
        ai_socktype: found.socktype.as_raw(),
        ai_protocol: found.protocol.as_raw(),
        ai_addrlen: libc::socklen_t::try_from(length).unwrap_or_default(),
        ai_addr: addr,
        ai_canonname: ptr::null_mut(),
        ai_next: ptr::null_mut(),
    }
}

/// Frees a list that is not of AF_UNIX; NULL is fine.
///
/// # Safety
///
/// The list is as getaddrinfo(3) makes them, and is not used again.
unsafe fn free_list(list: *mut BIO_ADDRINFO) {
    if !list.is_null() {
        // SAFETY: as the caller promised.
        unsafe { libc::freeaddrinfo(list) };
    }
}

/// `BIO_ADDRINFO_free`: frees a list; NULL is fine. errno stays as it was.
///
/// # Safety
///
/// The list came from [`BIO_lookup_ex`], this library's or an OpenSSL's, and
/// is not used again.
pub unsafe fn BIO_ADDRINFO_free<H: Host>(list: *mut BIO_ADDRINFO) {
    // SAFETY: as the caller promised.
    let Some(first) = (unsafe { list.as_ref() }) else { return };
    if first.ai_family != libc::AF_UNIX {
        // SAFETY: as the caller promised.
        return unsafe { free_list(list) };
    }
    // SAFETY: as the caller promised; such a list has one node.
    unsafe { H::free(first.ai_addr.cast(), BIO_LOOKUP_EX) };
    // SAFETY: as above.
    unsafe { H::free(list.cast(), BIO_LOOKUP_EX) };
}

/// Reads a field of a node; `none` for NULL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
unsafe fn read<T>(node: *const BIO_ADDRINFO, none: T, field: impl FnOnce(&addrinfo) -> T) -> T {
    // SAFETY: as the caller promised.
    unsafe { node.as_ref() }.map_or(none, field)
}

/// `BIO_ADDRINFO_next`: the next node, or NULL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_next(node: *const BIO_ADDRINFO) -> *const BIO_ADDRINFO {
    // SAFETY: as the caller promised.
    unsafe { read(node, ptr::null(), |info| info.ai_next.cast_const()) }
}

/// `BIO_ADDRINFO_family`: the family; 0 for NULL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_family(node: *const BIO_ADDRINFO) -> c_int {
    // SAFETY: as the caller promised.
    unsafe { read(node, 0, |info| info.ai_family) }
}

/// `BIO_ADDRINFO_socktype`: the socket type; 0 for NULL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_socktype(node: *const BIO_ADDRINFO) -> c_int {
    // SAFETY: as the caller promised.
    unsafe { read(node, 0, |info| info.ai_socktype) }
}

/// `BIO_ADDRINFO_protocol`: the protocol; where the node names none, the
/// usual one for its type; 0 for NULL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_protocol(node: *const BIO_ADDRINFO) -> c_int {
    // SAFETY: as the caller promised.
    unsafe { read(node, 0, protocol_of) }
}

/// The protocol of a node.
pub(crate) fn protocol_of(info: &addrinfo) -> c_int {
    match (info.ai_protocol, info.ai_family, info.ai_socktype) {
        (0, libc::AF_UNIX, _) => 0,
        (0, _, libc::SOCK_STREAM) => libc::IPPROTO_TCP,
        (0, _, libc::SOCK_DGRAM) => libc::IPPROTO_UDP,
        (protocol, ..) => protocol,
    }
}

/// `BIO_ADDRINFO_address`: the address, which the list goes on to own; NULL for NULL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_address(node: *const BIO_ADDRINFO) -> *const BIO_ADDR {
    // SAFETY: as the caller promised.
    unsafe { read(node, ptr::null(), |info| info.ai_addr.cast_const().cast()) }
}

/// `BIO_ADDRINFO_sockaddr`: the address as a `sockaddr`. For OpenSSL's own use.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_sockaddr(node: *const BIO_ADDRINFO) -> *const libc::sockaddr {
    // SAFETY: as the caller promised.
    unsafe { BIO_ADDRINFO_address(node) }.cast()
}

/// `BIO_ADDRINFO_sockaddr_size`: the bytes of the address. For OpenSSL's own use.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_sockaddr_size(node: *const BIO_ADDRINFO) -> libc::socklen_t {
    // SAFETY: as the caller promised.
    unsafe { read(node, 0, |info| info.ai_addrlen) }
}
