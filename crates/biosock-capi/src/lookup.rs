//! BIO_ADDRINFO(3): names to addresses, as a list of `struct addrinfo`.
//!
//! A list may have been created here, by getaddrinfo(3) or by an OpenSSL in the
//! process, and may be freed by any of them. So AF_UNIX nodes come from the
//! host's allocator, like OpenSSL's; all others are as freeaddrinfo(3) expects
//! them, which with glibc is one malloc(3) allocation for each node and its
//! address.

use std::ffi::{c_char, c_int};
use std::mem::offset_of;
use std::net;
use std::ptr;

use biosock::fd::{self, Answer, Literal};
use biosock::{AddrInfo, Domain, Family, Lookup, Protocol, Type};
use libc::addrinfo;

use crate::addr::{AddrOut, BIO_ADDR};
use crate::c_string::{CBytes, string_bytes};
use crate::failure::Failure;
use crate::host::{Entry, Host, What};
use crate::out::Out;
use crate::raise::run;
use crate::sites::BIO_LOOKUP_EX;

/// A node of a list: `struct addrinfo`.
pub type BIO_ADDRINFO = addrinfo;

/// `BIO_LOOKUP_SERVER`
pub(crate) const SERVER: c_int = 1;

/// `BIO_LOOKUP_CLIENT`
pub(crate) const CLIENT: c_int = 0;

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
    // SAFETY: the same requirements.
    unsafe { BIO_lookup_ex::<H>(host, service, lookup_type, family, socktype, 0, list) }
}

/// `BIO_lookup_ex`: writes the list of addresses for a host and a service,
/// to be freed with [`BIO_ADDRINFO_free`]; 1, or 0.
///
/// # Safety
///
/// `host` and `service` are NULL or NUL-terminated strings; `list` is NULL or valid
/// for writing.
#[inline]
pub unsafe fn BIO_lookup_ex<H: Host>(
    host: *const c_char,
    service: *const c_char,
    lookup_type: c_int,
    family: c_int,
    socktype: c_int,
    protocol: c_int,
    list: *mut *mut BIO_ADDRINFO,
) -> c_int {
    // SAFETY: NULL or valid for writing.
    let list = unsafe { Out::new(list) };
    let (socktype, protocol) = (Type::from_raw(socktype), Protocol::from_raw(protocol));
    if !list.is_null() && matches!(family, libc::AF_UNSPEC | libc::AF_INET) {
        // SAFETY: NULL or a C string.
        let host = unsafe { CBytes::new(host) };
        // SAFETY: NULL or a C string.
        let service = unsafe { CBytes::new(service) };
        // The fast path needs no guard: it indexes nothing and allocates with malloc.
        let found = host.map_or(ptr::null_mut(), |host| list_v4(host, service, socktype, protocol));
        if !found.is_null() {
            list.set(found);
            return 1;
        }
    }
    // SAFETY: NULL or C strings.
    unsafe { look_up::<H>(host, service, lookup_type, family, socktype, protocol, &list) }
}

/// Looks up what is not a numeric IPv4 address.
///
/// # Safety
///
/// `host` and `service` are NULL or end with a NUL.
#[cold]
unsafe fn look_up<H: Host>(
    host: *const c_char,
    service: *const c_char,
    lookup_type: c_int,
    family: c_int,
    socktype: Type,
    protocol: Protocol,
    list: &Out<*mut BIO_ADDRINFO>,
) -> c_int {
    // SAFETY: NULL or a C string.
    let host = unsafe { string_bytes(host) };
    // SAFETY: NULL or a C string.
    let service = unsafe { string_bytes(service) };
    let question = question(host, service, lookup_type).socktype(socktype).protocol(protocol);
    run::<H, _>(BIO_LOOKUP_EX, 0, || {
        if list.is_null() {
            return Err(Failure::Null("list"));
        }
        let question = if family == libc::AF_UNIX {
            if host.is_none() {
                return Err(Failure::Null("host"));
            }
            // If the address cannot be created, the list is NULL.
            list.set(ptr::null_mut());
            question.unix()
        } else {
            question.family(Family::try_from(Domain::from_raw(family))?)
        };
        list.set(found::<H>(&question)?);
        Ok(1)
    })
}

/// The list for a numeric IPv4 address; NULL if it is something else, or if out
/// of memory.
#[inline]
fn list_v4(
    host: CBytes<'_>,
    service: Option<CBytes<'_>>,
    socktype: Type,
    protocol: Protocol,
) -> *mut BIO_ADDRINFO {
    match fd::literal_v4(host, service, socktype, protocol) {
        Some((addr, kinds)) => {
            let addr = sockaddr_v4(addr);
            list_of(kinds, |kind, next| node(libc::AF_INET, kind, next, addr))
        }
        None => ptr::null_mut(),
    }
}

/// Queries the resolver, or creates an address from a path.
fn found<H: Host>(question: &Lookup<'_>) -> Result<*mut BIO_ADDRINFO, Failure> {
    let found = match answer(question)? {
        Answer::Literal(literal) => literal_list(&literal),
        Answer::System(list) => list.into_raw().as_ptr().cast(),
        Answer::Unix(found) => unix_node::<H>(&found)?,
    };
    if found.is_null() { Err(no_memory::<H>()) } else { Ok(found) }
}

/// A lookup of a host and a service.
pub(crate) fn question<'a>(
    host: Option<&'a [u8]>,
    service: Option<&'a [u8]>,
    lookup_type: c_int,
) -> Lookup<'a> {
    let question = host.into_iter().fold(Lookup::new(), Lookup::host);
    let question = service.into_iter().fold(question, Lookup::service);
    if lookup_type == SERVER { question.passive() } else { question }
}

/// Runs the lookup. Leaves errno as the resolver set it, like the original.
pub(crate) fn answer(question: &Lookup<'_>) -> Result<Answer, Failure> {
    Ok(question.answer()?)
}

/// The list for a numeric address; NULL if out of memory.
fn literal_list(literal: &Literal) -> *mut BIO_ADDRINFO {
    match literal.addr() {
        net::SocketAddr::V4(v4) => {
            let addr = sockaddr_v4(v4);
            list_of(literal.kinds(), |kind, next| node(libc::AF_INET, kind, next, addr))
        }
        net::SocketAddr::V6(v6) => {
            let addr = sockaddr_v6(v6);
            list_of(literal.kinds(), |kind, next| node(libc::AF_INET6, kind, next, addr))
        }
    }
}

/// A list with a node of each kind; NULL if out of memory.
#[inline]
fn list_of(
    kinds: &[(Type, Protocol)],
    node: impl Fn((Type, Protocol), *mut BIO_ADDRINFO) -> *mut BIO_ADDRINFO,
) -> *mut BIO_ADDRINFO {
    let mut first = ptr::null_mut();
    // From the last to the first, so that each is linked when it is made.
    for kind in kinds.iter().rev() {
        let node = node(*kind, first);
        if node.is_null() {
            // SAFETY: the list so far is complete, and was created here.
            unsafe { free_list(first) };
            return node;
        }
        first = node;
    }
    first
}

fn no_memory<H: Host>() -> Failure {
    H::push(&Entry { what: What::Memory, site: BIO_LOOKUP_EX, data: None });
    Failure::Reported
}

/// One allocation for a node and its address.
#[repr(C)]
struct Node<A> {
    info: addrinfo,
    addr: A,
}

/// A node from malloc, or NULL.
#[inline]
fn node<A>(family: c_int, kind: (Type, Protocol), next: *mut BIO_ADDRINFO, addr: A) -> *mut BIO_ADDRINFO {
    // SAFETY: malloc accepts any size.
    let node = unsafe { libc::malloc(size_of::<Node<A>>()) }.cast::<Node<A>>();
    if !node.is_null() {
        let place = node.wrapping_byte_add(offset_of!(Node<A>, addr)).cast();
        let info = info(family, kind, size_of::<A>(), place, next);
        // SAFETY: malloc returned enough memory, aligned for anything.
        unsafe { node.write(Node { info, addr }) };
    }
    node.cast()
}

fn sockaddr_v4(v4: net::SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: v4.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
        sin_zero: [0; 8],
    }
}

fn sockaddr_v6(v6: net::SocketAddrV6) -> libc::sockaddr_in6 {
    libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: v6.port().to_be(),
        sin6_flowinfo: v6.flowinfo(),
        sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
        sin6_scope_id: v6.scope_id(),
    }
}

/// A node of AF_UNIX and its address, each from the host's allocator.
fn unix_node<H: Host>(found: &AddrInfo) -> Result<*mut BIO_ADDRINFO, Failure> {
    let node = H::alloc(size_of::<addrinfo>(), BIO_LOOKUP_EX).cast::<addrinfo>();
    if node.is_null() {
        return Err(Failure::Reported);
    }
    let addr = H::alloc(size_of::<BIO_ADDR>(), BIO_LOOKUP_EX).cast::<BIO_ADDR>();
    // SAFETY: NULL, or new memory for an address.
    let Some(place) = (unsafe { AddrOut::new(addr) }) else {
        // SAFETY: the node belongs to this function.
        unsafe { H::free(node.cast(), BIO_LOOKUP_EX) };
        return Err(Failure::Reported);
    };
    found.addr.with_sockaddr(|raw| place.store(raw.as_bytes()));
    let length = size_of::<libc::sockaddr_un>();
    // The original's node has no protocol, whichever was requested.
    let kind = (found.socktype, Protocol::DEFAULT);
    // SAFETY: the memory has room for a node.
    unsafe { node.write(info(libc::AF_UNIX, kind, length, addr.cast(), ptr::null_mut())) };
    Ok(node)
}

#[inline]
fn info(
    family: c_int,
    (socktype, protocol): (Type, Protocol),
    length: usize,
    addr: *mut libc::sockaddr,
    next: *mut addrinfo,
) -> addrinfo {
    addrinfo {
        ai_flags: 0,
        ai_family: family,
        ai_socktype: socktype.as_raw(),
        ai_protocol: protocol.as_raw(),
        ai_addrlen: length as libc::socklen_t,
        ai_addr: addr,
        ai_canonname: ptr::null_mut(),
        ai_next: next,
    }
}

/// Frees a list that is not AF_UNIX; NULL is ignored.
///
/// # Safety
///
/// The list is like those of getaddrinfo(3), and is not used again.
unsafe fn free_list(list: *mut BIO_ADDRINFO) {
    if !list.is_null() {
        // SAFETY: NULL or a list.
        unsafe { libc::freeaddrinfo(list) };
    }
}

/// `BIO_ADDRINFO_free`: frees a list; NULL is ignored. errno is preserved.
///
/// # Safety
///
/// The list came from [`BIO_lookup_ex`], this library's or an OpenSSL's, and
/// is not used again.
pub unsafe fn BIO_ADDRINFO_free<H: Host>(list: *mut BIO_ADDRINFO) {
    // SAFETY: NULL or a list.
    let Some(first) = (unsafe { list.as_ref() }) else { return };
    if first.ai_family != libc::AF_UNIX {
        // SAFETY: NULL or a list.
        return unsafe { free_list(list) };
    }
    // SAFETY: an AF_UNIX list is one node and one address, both from this allocator.
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
    // SAFETY: NULL or a node of a list.
    unsafe { node.as_ref() }.map_or(none, field)
}

/// `BIO_ADDRINFO_next`: the next node, or NULL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_next(node: *const BIO_ADDRINFO) -> *const BIO_ADDRINFO {
    // SAFETY: NULL or a node of a list.
    unsafe { read(node, ptr::null(), |info| info.ai_next.cast_const()) }
}

/// `BIO_ADDRINFO_family`: the family; 0 for NULL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_family(node: *const BIO_ADDRINFO) -> c_int {
    // SAFETY: NULL or a node of a list.
    unsafe { read(node, 0, |info| info.ai_family) }
}

/// `BIO_ADDRINFO_socktype`: the socket type; 0 for NULL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_socktype(node: *const BIO_ADDRINFO) -> c_int {
    // SAFETY: NULL or a node of a list.
    unsafe { read(node, 0, |info| info.ai_socktype) }
}

/// `BIO_ADDRINFO_protocol`: the protocol, or the default of its type if the node
/// has none; 0 for NULL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_protocol(node: *const BIO_ADDRINFO) -> c_int {
    // SAFETY: NULL or a node of a list.
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

/// `BIO_ADDRINFO_address`: the address, which belongs to the list; NULL for NULL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_address(node: *const BIO_ADDRINFO) -> *const BIO_ADDR {
    // SAFETY: NULL or a node of a list.
    unsafe { read(node, ptr::null(), |info| info.ai_addr.cast_const().cast()) }
}

/// `BIO_ADDRINFO_sockaddr`: the address as a `sockaddr`. Internal to OpenSSL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_sockaddr(node: *const BIO_ADDRINFO) -> *const libc::sockaddr {
    // SAFETY: NULL or a node of a list.
    unsafe { BIO_ADDRINFO_address(node) }.cast()
}

/// `BIO_ADDRINFO_sockaddr_size`: the size of the address in bytes. Internal to OpenSSL.
///
/// # Safety
///
/// `node` is NULL or a node of a list.
pub unsafe fn BIO_ADDRINFO_sockaddr_size(node: *const BIO_ADDRINFO) -> libc::socklen_t {
    // SAFETY: NULL or a node of a list.
    unsafe { read(node, 0, |info| info.ai_addrlen) }
}
