//! BIO_ADDR(3): socket addresses in C.

use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::{MaybeUninit, offset_of};
use std::ptr::{self, NonNull};

use biosock::fd::{self, RawNames, SockAddr};
use libc::{AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC, sa_family_t, sockaddr_in, sockaddr_in6, sockaddr_un};

use crate::c_string;
use crate::failure::Failure;
use crate::host::Host;
use crate::out::Out;
use crate::raise::{run, run_quick};
use crate::sites::{ADDR_STRINGS, Site, site};

/// An address of any family: a union of `sockaddr_in`, `sockaddr_in6` and
/// `sockaddr_un`, of 112 bytes on Linux.
///
/// A `*const BIO_ADDR` from C is NULL, or points to an address of at least the
/// size of its family that nothing changes until the function returns. A
/// `*mut BIO_ADDR` is NULL, or has room for a whole one. As programs may pass
/// less than a whole one for reading, no Rust reference is ever made from a
/// pointer that C passed.
#[repr(C)]
pub union BIO_ADDR {
    family: sa_family_t,
    v4: sockaddr_in,
    v6: sockaddr_in6,
    unix: sockaddr_un,
    whole: [u8; WHOLE],
}

/// The bytes of the largest member, rounded up to the strictest alignment.
const WHOLE: usize = size_of::<sockaddr_un>().next_multiple_of(align_of::<sockaddr_in6>());

impl BIO_ADDR {
    /// No address: AF_UNSPEC.
    pub(crate) const EMPTY: Self = Self { whole: [0; WHOLE] };

    /// An address of these bytes, padded with 0.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self { whole: whole(bytes) }
    }
}

const SIZE: usize = size_of::<BIO_ADDR>();
const SUN_PATH: usize = offset_of!(sockaddr_un, sun_path);
const SUN_PATH_LEN: usize = size_of::<sockaddr_un>() - SUN_PATH;

/// The size of an address of a family; for a family that BIO_ADDR does not have,
/// that of the whole union.
#[inline]
fn size_of_family(family: c_int) -> usize {
    let known = usize::try_from(family).ok().and_then(|family| SIZES.get(family));
    known.map_or(SIZE, |size| usize::from(*size))
}

/// Sizes by family: a table is faster than branches.
static SIZES: [u8; AF_INET6 as usize + 1] = {
    assert!(AF_INET < AF_INET6 && AF_UNIX < AF_INET6 && SIZE <= u8::MAX as usize);
    let mut sizes = [SIZE as u8; AF_INET6 as usize + 1];
    sizes[AF_INET as usize] = size_of::<sockaddr_in>() as u8;
    sizes[AF_INET6 as usize] = size_of::<sockaddr_in6>() as u8;
    sizes[AF_UNIX as usize] = size_of::<sockaddr_un>() as u8;
    sizes
};

/// The family of an address.
///
/// # Safety
///
/// `addr` points to an address of at least the size of its family.
unsafe fn family_of(addr: *const BIO_ADDR) -> c_int {
    // SAFETY: every address begins with its family, at any alignment.
    unsafe { addr.cast::<sa_family_t>().read_unaligned() }.into()
}

/// The bytes of an address, up to the size of its family.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`], and the bytes are used until the C
/// function returns.
pub(crate) unsafe fn bytes_of<'a>(addr: *const BIO_ADDR) -> Result<&'a [u8], Failure> {
    if addr.is_null() {
        return Err(Failure::Null("addr"));
    }
    // SAFETY: not NULL, so an address.
    let size = size_of_family(unsafe { family_of(addr) });
    // SAFETY: an address of at least this size.
    Ok(unsafe { std::slice::from_raw_parts(addr.cast::<u8>(), size) })
}

/// An address for the core.
///
/// # Safety
///
/// As [`bytes_of`].
#[inline]
pub(crate) unsafe fn view<'a>(addr: *const BIO_ADDR) -> Result<SockAddr<'a>, Failure> {
    // SAFETY: NULL or an address.
    unsafe { bytes_of(addr) }.map(SockAddr::from_bytes)
}

/// A caller's room for a whole address.
#[derive(Debug)]
pub(crate) struct AddrOut<'a> {
    place: NonNull<[u8; SIZE]>,
    caller: PhantomData<&'a mut [u8; SIZE]>,
}

impl AddrOut<'_> {
    /// From a pointer that C passed; `None` for NULL.
    ///
    /// # Safety
    ///
    /// `addr` is NULL, or has room for a whole [`BIO_ADDR`] that nothing else
    /// writes to or, while [`room`](Self::room) is borrowed, uses until the C
    /// function returns.
    pub(crate) unsafe fn new(addr: *mut BIO_ADDR) -> Option<Self> {
        Some(Self { place: NonNull::new(addr.cast())?, caller: PhantomData })
    }

    /// Fills the address with `bytes`, padded with 0. They may overlap it.
    pub(crate) fn store(&self, bytes: &[u8]) {
        let whole = whole(bytes);
        // SAFETY: there is room for it.
        unsafe { self.place.write(whole) };
    }

    /// The room, for a system call to write to.
    pub(crate) fn room(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: the room exists, and is borrowed once.
        unsafe { self.place.cast::<[MaybeUninit<u8>; SIZE]>().as_mut() }
    }

    /// Fills the address with 0 after the `length` bytes that the kernel wrote,
    /// if its family may have more.
    pub(crate) fn clear_rest(&mut self, length: usize) {
        let is_whole = length >= size_of::<sockaddr_in>() && {
            // SAFETY: the kernel wrote the family, as the length includes it.
            let family = unsafe { family_of(self.place.as_ptr().cast()) };
            matches!(family, AF_INET | AF_INET6)
        };
        if is_whole {
            return;
        }
        for byte in self.room().iter_mut().skip(length) {
            byte.write(0);
        }
    }
}

/// `bytes` as a whole address, padded with 0.
pub(crate) fn whole(bytes: &[u8]) -> [u8; SIZE] {
    let mut whole = [0; SIZE];
    for (to, from) in whole.iter_mut().zip(bytes) {
        *to = *from;
    }
    whole
}

/// `BIO_ADDR_new`: an empty address, of family AF_UNSPEC.
///
/// # Safety
///
/// No requirements.
pub unsafe fn BIO_ADDR_new<H: Host>() -> *mut BIO_ADDR {
    let site = site!(c"BIO_ADDR_new", 144);
    run_quick::<H, _>(site, ptr::null_mut(), || new::<H>(site, &[]))
}

fn new<H: Host>(site: &'static Site, bytes: &[u8]) -> Result<*mut BIO_ADDR, Failure> {
    let addr = H::alloc(SIZE, site).cast::<BIO_ADDR>();
    // SAFETY: NULL, or new memory for an address.
    let place = unsafe { AddrOut::new(addr) }.ok_or(Failure::Reported)?;
    place.store(bytes);
    Ok(addr)
}

/// `BIO_ADDR_free`: frees an address; NULL is ignored.
///
/// # Safety
///
/// `addr` came from [`BIO_ADDR_new`] or [`BIO_ADDR_dup`], and is not used again.
pub unsafe fn BIO_ADDR_free<H: Host>(addr: *mut BIO_ADDR) {
    if !addr.is_null() {
        // SAFETY: NULL, or from this host's allocator and not used again.
        unsafe { H::free(addr.cast(), site!(c"BIO_ADDR_free", 0)) };
    }
}

/// `BIO_ADDR_clear`: empties an address.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
pub unsafe fn BIO_ADDR_clear<H: Host>(addr: *mut BIO_ADDR) {
    run_quick::<H, _>(site!(c"BIO_ADDR_clear", 0), (), || {
        // SAFETY: NULL or room for an address.
        unsafe { AddrOut::new(addr) }.ok_or(Failure::Null("addr"))?.store(&[]);
        Ok(())
    });
}

/// `BIO_ADDR_copy`: copies `from` to `to`; 1, or 0 if it cannot be copied, and
/// then `to` is empty.
///
/// # Safety
///
/// `to` and `from` are as described at [`BIO_ADDR`].
pub unsafe fn BIO_ADDR_copy<H: Host>(to: *mut BIO_ADDR, from: *const BIO_ADDR) -> c_int {
    run_quick::<H, _>(site!(c"BIO_ADDR_copy", 0), 0, || {
        // SAFETY: NULL or room for an address.
        let to = unsafe { AddrOut::new(to) }.ok_or(Failure::Reported)?;
        if from.is_null() {
            return Err(Failure::Reported);
        }
        // SAFETY: not NULL, so an address.
        let bytes = unsafe { copyable(from) };
        to.store(bytes.unwrap_or_default());
        Ok(bytes.is_some().into())
    })
}

/// The bytes of an address that can be copied: none of an empty one, `None`
/// for a family that BIO_ADDR does not have.
///
/// # Safety
///
/// `addr` points to an address of at least the size of its family.
unsafe fn copyable<'a>(addr: *const BIO_ADDR) -> Option<&'a [u8]> {
    // SAFETY: not NULL, so an address.
    match unsafe { family_of(addr) } {
        AF_UNSPEC => Some(&[]),
        // SAFETY: NULL or an address.
        AF_INET | AF_INET6 | AF_UNIX => unsafe { bytes_of(addr) }.ok(),
        _ => None,
    }
}

/// `BIO_ADDR_dup`: a copy of `from`; NULL for NULL.
///
/// # Safety
///
/// `from` is as described at [`BIO_ADDR`].
pub unsafe fn BIO_ADDR_dup<H: Host>(from: *const BIO_ADDR) -> *mut BIO_ADDR {
    let site = site!(c"BIO_ADDR_dup", 0);
    run_quick::<H, _>(site, ptr::null_mut(), || {
        if from.is_null() {
            return Err(Failure::Reported);
        }
        // SAFETY: not NULL, so an address.
        match unsafe { copyable(from) } {
            Some(bytes) => new::<H>(site, bytes),
            None => Err(Failure::Reported),
        }
    })
}

/// `BIO_ADDR_make`: copies a `sockaddr` of a family that BIO_ADDR has. Internal
/// to OpenSSL.
///
/// # Safety
///
/// As [`BIO_ADDR_copy`].
pub unsafe fn BIO_ADDR_make<H: Host>(to: *mut BIO_ADDR, from: *const libc::sockaddr) -> c_int {
    run_quick::<H, _>(site!(c"BIO_ADDR_make", 0), 0, || {
        // SAFETY: NULL or an address.
        let bytes = unsafe { bytes_of(from.cast()) }?;
        // SAFETY: not NULL, so an address.
        let known = matches!(unsafe { family_of(from.cast()) }, AF_INET | AF_INET6 | AF_UNIX);
        // SAFETY: NULL or room for an address.
        let to = unsafe { AddrOut::new(to) }.ok_or(Failure::Null("to"))?;
        if known {
            to.store(bytes);
        }
        Ok(known.into())
    })
}

/// `BIO_ADDR_rawmake`: an address from its family, the bytes of its host
/// part or path, and its port in network byte order. 0 if the length is not
/// the family's, and then `addr` is unchanged.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`]; `place` is NULL or has `length` bytes.
pub unsafe fn BIO_ADDR_rawmake<H: Host>(
    addr: *mut BIO_ADDR,
    family: c_int,
    place: *const c_void,
    length: usize,
    port: u16,
) -> c_int {
    run_quick::<H, _>(site!(c"BIO_ADDR_rawmake", 0), 0, || {
        let Some(place_at) = host_part(family, length) else { return Ok(0) };
        // SAFETY: NULL or room for an address.
        let addr = unsafe { AddrOut::new(addr) }.ok_or(Failure::Null("addr"))?;
        if place.is_null() {
            return Err(Failure::Null("place"));
        }
        // SAFETY: not NULL, so `length` bytes, the length of the family.
        let part = unsafe { std::slice::from_raw_parts(place.cast::<u8>(), length) };
        addr.store(&raw_bytes(family, place_at, part, port));
        Ok(1)
    })
}

/// The offset of the host part or path of a family; `None` if `length` is wrong
/// for the family. A path leaves room for its NUL.
fn host_part(family: c_int, length: usize) -> Option<usize> {
    match family {
        AF_INET if length == 4 => Some(offset_of!(sockaddr_in, sin_addr)),
        AF_INET6 if length == 16 => Some(offset_of!(sockaddr_in6, sin6_addr)),
        AF_UNIX if length < SUN_PATH_LEN => Some(SUN_PATH),
        _ => None,
    }
}

fn raw_bytes(family: c_int, place_at: usize, part: &[u8], port: u16) -> [u8; SIZE] {
    let mut whole = [0; SIZE];
    let mut put = |at: usize, bytes: &[u8]| {
        whole.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
    };
    put(0, &sa_family_t::try_from(family).unwrap_or_default().to_ne_bytes());
    if family != AF_UNIX {
        put(PORT, &port.to_ne_bytes());
    }
    put(place_at, part);
    whole
}

/// The offset of the port, which is the same in both families with ports.
const PORT: usize = {
    assert!(offset_of!(sockaddr_in, sin_port) == offset_of!(sockaddr_in6, sin6_port));
    offset_of!(sockaddr_in, sin_port)
};

/// `BIO_ADDR_family`: the family; AF_UNSPEC for NULL.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
pub unsafe fn BIO_ADDR_family<H: Host>(addr: *const BIO_ADDR) -> c_int {
    run_quick::<H, _>(site!(c"BIO_ADDR_family", 0), AF_UNSPEC, || {
        if addr.is_null() {
            return Err(Failure::Null("addr"));
        }
        // SAFETY: not NULL, so an address.
        Ok(unsafe { family_of(addr) })
    })
}

/// `BIO_ADDR_rawaddress`: writes the bytes of the host part or path and
/// their number; 0 for a family that has neither.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`]; `place` is NULL or has room for the part;
/// `length` is NULL or valid for writing.
pub unsafe fn BIO_ADDR_rawaddress<H: Host>(
    addr: *const BIO_ADDR,
    place: *mut c_void,
    length: *mut usize,
) -> c_int {
    run_quick::<H, _>(site!(c"BIO_ADDR_rawaddress", 0), 0, || {
        // SAFETY: NULL or an address.
        let Some(part) = part_of(unsafe { bytes_of(addr) }?) else { return Ok(0) };
        if !place.is_null() {
            // SAFETY: not NULL, so with room for the part.
            unsafe { place.cast::<u8>().copy_from(part.as_ptr(), part.len()) };
        }
        // SAFETY: NULL or valid for writing.
        unsafe { Out::new(length) }.set(part.len());
        Ok(1)
    })
}

/// The host part or path of an address; `None` for a family that has neither.
fn part_of(bytes: &[u8]) -> Option<&[u8]> {
    const V4: usize = offset_of!(sockaddr_in, sin_addr);
    const V6: usize = offset_of!(sockaddr_in6, sin6_addr);
    match SockAddr::from_bytes(bytes).family()?.as_raw() {
        AF_INET => bytes.get(V4..V4 + 4),
        AF_INET6 => bytes.get(V6..V6 + 16),
        AF_UNIX => path_of(bytes),
        _ => None,
    }
}

/// The path of an AF_UNIX address, up to its NUL or the end of `sun_path`.
fn path_of(bytes: &[u8]) -> Option<&[u8]> {
    let room = bytes.get(SUN_PATH..)?;
    room.split(|byte| *byte == 0).next()
}

/// `BIO_ADDR_rawport`: the port in network byte order; 0 if there is none.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
pub unsafe fn BIO_ADDR_rawport<H: Host>(addr: *const BIO_ADDR) -> u16 {
    run_quick::<H, _>(site!(c"BIO_ADDR_rawport", 0), 0, || {
        // SAFETY: NULL or an address.
        Ok(port_of(unsafe { bytes_of(addr) }?))
    })
}

/// The port of an address, in network byte order.
pub(crate) fn port_of(bytes: &[u8]) -> u16 {
    let family = SockAddr::from_bytes(bytes).family();
    match (family.map(biosock::Domain::as_raw), bytes.get(PORT..PORT + 2)) {
        (Some(AF_INET | AF_INET6), Some(&[high, low])) => u16::from_ne_bytes([high, low]),
        _ => 0,
    }
}

/// `BIO_ADDR_hostname_string`: the host's name, or with `numeric` its numeric
/// address; freed with `OPENSSL_free`.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
pub unsafe fn BIO_ADDR_hostname_string<H: Host>(addr: *const BIO_ADDR, numeric: c_int) -> *mut c_char {
    // SAFETY: NULL or an address.
    unsafe { name_string::<H>(addr, numeric, |names| names.host()) }
}

/// `BIO_ADDR_service_string`: the service's name, or with `numeric` its numeric
/// port; freed with `OPENSSL_free`.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
pub unsafe fn BIO_ADDR_service_string<H: Host>(addr: *const BIO_ADDR, numeric: c_int) -> *mut c_char {
    // SAFETY: NULL or an address.
    unsafe { name_string::<H>(addr, numeric, |names| names.service()) }
}

/// One of the two names of an address.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
unsafe fn name_string<H: Host>(
    addr: *const BIO_ADDR,
    numeric: c_int,
    which: impl for<'a> FnOnce(&'a Names<'_>) -> &'a [u8],
) -> *mut c_char {
    run::<H, _>(ADDR_STRINGS, ptr::null_mut(), || {
        // SAFETY: NULL or an address.
        let names = names_of(unsafe { view(addr) }?, numeric != 0)?;
        c_string::duplicate::<H>(which(&names), ADDR_STRINGS)
    })
}

/// The names of an address, which need not be UTF-8.
pub(crate) struct Names<'a> {
    found: RawNames,
    path: Option<&'a [u8]>,
}

impl Names<'_> {
    pub(crate) fn host(&self) -> &[u8] {
        self.found.host()
    }

    /// The path for AF_UNIX; the port if there is no service name, as in the
    /// original.
    pub(crate) fn service(&self) -> &[u8] {
        let service = self.path.unwrap_or_else(|| self.found.service());
        if service.is_empty() { b"0" } else { service }
    }
}

/// The names of an address.
pub(crate) fn names_of(addr: SockAddr<'_>, numeric: bool) -> Result<Names<'_>, Failure> {
    let found = fd::raw_names_of(addr, numeric)?;
    let unix = addr.family() == Some(biosock::Domain::UNIX);
    let path = if unix { path_of(addr.as_bytes()) } else { None };
    Ok(Names { found, path })
}

/// `BIO_ADDR_path_string`: the path of an AF_UNIX address, freed with
/// `OPENSSL_free`; NULL for another family.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
pub unsafe fn BIO_ADDR_path_string<H: Host>(addr: *const BIO_ADDR) -> *mut c_char {
    let site = site!(c"BIO_ADDR_path_string", 0);
    run_quick::<H, _>(site, ptr::null_mut(), || {
        // SAFETY: NULL or an address.
        let bytes = unsafe { bytes_of(addr) }?;
        // SAFETY: not NULL, so an address.
        match unsafe { family_of(addr) } {
            AF_UNIX => c_string::duplicate::<H>(path_of(bytes).unwrap_or_default(), site),
            _ => Ok(ptr::null_mut()),
        }
    })
}

/// `BIO_ADDR_sockaddr`: the address as a `sockaddr`. Internal to OpenSSL.
pub fn BIO_ADDR_sockaddr(addr: *const BIO_ADDR) -> *const libc::sockaddr {
    addr.cast()
}

/// `BIO_ADDR_sockaddr_noconst`: the address as a `sockaddr`. Internal to OpenSSL.
pub fn BIO_ADDR_sockaddr_noconst(addr: *mut BIO_ADDR) -> *mut libc::sockaddr {
    addr.cast()
}

/// `BIO_ADDR_sockaddr_size`: the size of the address in bytes. Internal to OpenSSL.
///
/// # Safety
///
/// `addr` is as described at [`BIO_ADDR`].
pub unsafe fn BIO_ADDR_sockaddr_size<H: Host>(addr: *const BIO_ADDR) -> libc::socklen_t {
    run_quick::<H, _>(site!(c"BIO_ADDR_sockaddr_size", 0), 0, || {
        // SAFETY: NULL or an address.
        let size = unsafe { bytes_of(addr) }?.len();
        Ok(libc::socklen_t::try_from(size).unwrap_or_default())
    })
}
