//! getaddrinfo(3) and getnameinfo(3), which rustix leaves to libc.

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use libc::{addrinfo, c_int, socklen_t};

use super::errno;
use crate::raw::{Domain, Protocol, SockAddr, Type};

/// The hints for getaddrinfo(3).
#[derive(Clone, Copy)]
pub(crate) struct Hints {
    pub(crate) passive: bool,
    pub(crate) addrconfig: bool,
    pub(crate) numeric_host: bool,
    pub(crate) family: Domain,
    pub(crate) socktype: Type,
    pub(crate) protocol: Protocol,
}

/// A resolver's EAI code, and errno for EAI_SYSTEM.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EaiError {
    pub(crate) code: i32,
    pub(crate) system: Option<i32>,
    /// The errno of a shortage behind another code: glibc returns EAI_NONAME if it
    /// could not open /etc/hosts.
    pub(crate) shortage: Option<i32>,
}

impl EaiError {
    pub(crate) const NO_MEMORY: Self = Self { code: libc::EAI_MEMORY, system: None, shortage: None };

    /// Whether it is about the system or memory, not the name.
    pub(crate) fn is_of_the_system(&self) -> bool {
        matches!(self.code, libc::EAI_SYSTEM | libc::EAI_MEMORY)
    }
}

/// A list from getaddrinfo(3).
#[derive(Debug)]
pub(crate) struct AddrInfoList(NonNull<addrinfo>);

// SAFETY: the list is plain memory that nothing else points to.
unsafe impl Send for AddrInfoList {}
// SAFETY: shared access only reads it.
unsafe impl Sync for AddrInfoList {}

/// One entry of the list.
pub(crate) struct Entry<'a> {
    pub(crate) addr: SockAddr<'a>,
    pub(crate) socktype: Type,
    pub(crate) protocol: Protocol,
}

pub(crate) fn getaddrinfo(
    host: Option<&CStr>,
    service: Option<&CStr>,
    hints: Hints,
) -> Result<AddrInfoList, EaiError> {
    let hints = addrinfo {
        ai_flags: flags(hints),
        ai_family: hints.family.as_raw(),
        ai_socktype: hints.socktype.as_raw(),
        ai_protocol: hints.protocol.as_raw(),
        ai_addrlen: 0,
        ai_addr: ptr::null_mut(),
        ai_canonname: ptr::null_mut(),
        ai_next: ptr::null_mut(),
    };
    let mut list = ptr::null_mut();
    // SAFETY: both strings are NUL-terminated or NULL, the unused fields of `hints`
    // are zero, as getaddrinfo(3) requires, and `list` has room for the result.
    let call = || unsafe { libc::getaddrinfo(pointer(host), pointer(service), &hints, &mut list) };
    let (code, left) = with_own_errno(call);
    match NonNull::new(list) {
        Some(list) if code == 0 => Ok(AddrInfoList(list)),
        _ => Err(EaiError { shortage: errno::is_shortage(left).then_some(left), ..eai_error(code) }),
    }
}

/// A value that no call stores in errno; glibc's getaddrinfo may set 0.
const UNTOUCHED: i32 = -1;

/// Runs a call, and returns what it stored in errno, 0 if nothing. For the caller,
/// errno is as if only the call had been made.
fn with_own_errno<T>(call: impl FnOnce() -> T) -> (T, i32) {
    // SAFETY: returns the address of this thread's errno.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the address is valid for as long as the thread exists.
    let before = unsafe { errno.replace(UNTOUCHED) };
    let done = call();
    // SAFETY: as above.
    let left = unsafe { errno.read() };
    if left != UNTOUCHED {
        return (done, left);
    }
    // SAFETY: as above.
    unsafe { errno.write(before) };
    (done, 0)
}

fn flags(hints: Hints) -> c_int {
    let when = |on: bool, flag| if on { flag } else { 0 };
    when(hints.passive, libc::AI_PASSIVE)
        | when(hints.addrconfig, libc::AI_ADDRCONFIG)
        | when(hints.numeric_host, libc::AI_NUMERICHOST)
}

fn pointer(text: Option<&CStr>) -> *const c_char {
    text.map_or(ptr::null(), CStr::as_ptr)
}

fn eai_error(code: c_int) -> EaiError {
    let system = (code == libc::EAI_SYSTEM).then(|| errno::last().raw_os_error());
    EaiError { code, system, shortage: None }
}

impl AddrInfoList {
    pub(crate) fn iter(&self) -> Entries<'_> {
        Entries { next: self.0.as_ptr(), list: PhantomData }
    }

    /// Gives up the list, which the caller frees with freeaddrinfo(3).
    pub(crate) fn into_raw(self) -> NonNull<c_void> {
        let raw = self.0.cast();
        std::mem::forget(self);
        raw
    }
}

impl Drop for AddrInfoList {
    fn drop(&mut self) {
        // SAFETY: the list is from getaddrinfo, and `into_raw` forgets what it gives up.
        unsafe { libc::freeaddrinfo(self.0.as_ptr()) }
    }
}

pub(crate) struct Entries<'a> {
    next: *const addrinfo,
    list: PhantomData<&'a AddrInfoList>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        // SAFETY: `next` is NULL or a node of the list, which `'a` keeps alive.
        let node = unsafe { self.next.as_ref() }?;
        self.next = node.ai_next;
        let bytes: &[u8] = match node.ai_addr.is_null() {
            true => &[],
            // SAFETY: a node's `ai_addr` has `ai_addrlen` bytes and lives as long as the node.
            false => unsafe { std::slice::from_raw_parts(node.ai_addr.cast(), node.ai_addrlen as usize) },
        };
        Some(Entry {
            addr: SockAddr::from_bytes(bytes),
            socktype: Type::from_raw(node.ai_socktype),
            protocol: Protocol::from_raw(node.ai_protocol),
        })
    }
}

/// The names of an address, as returned by the resolver.
#[derive(Clone, Copy)]
pub(crate) struct NameBuffers {
    host: [u8; libc::NI_MAXHOST as usize],
    service: [u8; NI_MAXSERV],
}

impl NameBuffers {
    pub(crate) fn host(&self) -> &[u8] {
        until_nul(&self.host)
    }

    pub(crate) fn service(&self) -> &[u8] {
        until_nul(&self.service)
    }
}

/// The names of an address; with `numeric` as numbers, without a lookup.
pub(crate) fn getnameinfo(addr: SockAddr<'_>, numeric: bool) -> Result<NameBuffers, EaiError> {
    let flags = if numeric { libc::NI_NUMERICHOST | libc::NI_NUMERICSERV } else { 0 };
    let mut names = NameBuffers { host: [0; libc::NI_MAXHOST as usize], service: [0; NI_MAXSERV] };
    let (copy, len) = Terminated::of(addr.as_bytes());
    // SAFETY: the address is readable for its length and, if it is a path, which
    // getnameinfo reads up to a NUL, is followed by one; the buffers are writable for
    // their lengths, which fit their types.
    let code = unsafe {
        libc::getnameinfo(
            (&raw const copy).cast(),
            len,
            names.host.as_mut_ptr().cast(),
            names.host.len() as socklen_t,
            names.service.as_mut_ptr().cast(),
            names.service.len() as socklen_t,
            flags,
        )
    };
    match code {
        0 => Ok(names),
        code => Err(eai_error(code)),
    }
}

/// A copy of an address, padded with 0. For AF_UNIX, glibc's getnameinfo copies
/// `sun_path` up to a NUL, whatever length it is given, and a path needs no NUL
/// (unix(7)).
#[repr(C)]
struct Terminated {
    address: libc::sockaddr_storage,
    nul: u8,
}

impl Terminated {
    /// The copy and its length. Longer than any address is truncated: no family has
    /// names there.
    fn of(bytes: &[u8]) -> (Self, socklen_t) {
        // SAFETY: plain numbers, for which all zeros is valid.
        let mut copy: Self = unsafe { std::mem::zeroed() };
        let len = bytes.len().min(size_of::<libc::sockaddr_storage>());
        let to = (&raw mut copy.address).cast::<u8>();
        // SAFETY: both have at least `len` bytes, and they do not overlap.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), len) };
        // At most the size of sockaddr_storage.
        (copy, len as socklen_t)
    }
}

/// <netdb.h>'s size for any service name.
const NI_MAXSERV: usize = 32;

fn until_nul(buffer: &[u8]) -> &[u8] {
    buffer.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call that stores this in errno, if anything; returns what was reported and
    /// what is left.
    fn leaves(errno: Option<i32>) -> (i32, i32) {
        // SAFETY: returns the address of this thread's errno.
        let place = unsafe { libc::__errno_location() };
        // SAFETY: the address is valid for as long as the thread exists.
        unsafe { place.write(libc::EPIPE) };
        let call = || {
            if let Some(errno) = errno {
                // SAFETY: as above.
                unsafe { place.write(errno) };
            }
        };
        let ((), left) = with_own_errno(call);
        // SAFETY: as above.
        (left, unsafe { place.read() })
    }

    #[test]
    fn errno_is_what_the_resolver_leaves() {
        assert_eq!(leaves(None), (0, libc::EPIPE));
        assert_eq!(leaves(Some(0)), (0, 0), "as getaddrinfo(3) does for an unknown service");
        assert_eq!(leaves(Some(libc::EMFILE)), (libc::EMFILE, libc::EMFILE));
    }
}
