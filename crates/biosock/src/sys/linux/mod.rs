//! Linux, using rustix over libc, and libc directly for what rustix lacks.

mod errno;
mod files;
mod fork;
#[cfg(test)]
mod forked;
#[cfg(test)]
mod guarded;
mod inherit;
#[cfg(test)]
mod interrupt;
mod option;
mod process;
mod resolve;
mod signals;
mod sockaddr;
mod wait;

use std::ffi::c_int;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::num::NonZeroU32;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::ptr;

pub(crate) use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol as RawProtocol, RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags,
    SocketType,
};

use super::args::{Flags, Shutdown};
use crate::raw::{Domain, Protocol, SockAddr, Type};

// std's access to abstract names.
pub(crate) use std::os::linux::net::SocketAddrExt as AbstractNameExt;

pub(crate) use libc::{
    EAI_AGAIN, EAI_BADFLAGS, EAI_FAMILY, EAI_MEMORY, EAI_NODATA, EAI_NONAME, EAI_OVERFLOW, EAI_SERVICE,
    EAI_SOCKTYPE,
};

pub(crate) use errno::{EAI_ADDRFAMILY, ErrnoText, eai_name, eai_text, errno_name, is_shortage};
pub(crate) use files::{open_regular, read_at_most};
pub(crate) use fork::{forks, forks_seen};
pub(crate) use inherit::{Passed, Wrong, enclose, inherit, inheritable, inode, socket_pair, take_passed};
pub(crate) use option::*;
pub(crate) use process::PerProcess;
pub(crate) use resolve::{AddrInfoList, EaiError, Hints, NameBuffers, getaddrinfo, getnameinfo};
#[cfg_attr(all(test, loom), expect(unused_imports, reason = "a model starts its threads by itself"))]
pub(crate) use signals::SignalsBlocked;
pub use sockaddr::SockAddrBuf;
pub(crate) use wait::{Poller, Waker, Wakes, has_hung_up, poll, poll_any};

/// socket(2).
pub(crate) fn socket(
    domain: Domain,
    socktype: Type,
    protocol: Protocol,
    flags: Flags,
) -> Result<OwnedFd, Errno> {
    // The kernel has no family outside u16, and none that is u16::MAX.
    let family = AddressFamily::from_raw(u16::try_from(domain.as_raw()).unwrap_or(u16::MAX));
    let socktype = SocketType::from_raw(socktype.as_raw() as u32);
    let protocol = NonZeroU32::new(protocol.as_raw() as u32).map(RawProtocol::from_raw);
    rustix::net::socket_with(family, socktype, socket_flags(flags), protocol)
}

fn socket_flags(flags: Flags) -> SocketFlags {
    let mut bits = SocketFlags::empty();
    bits.set(SocketFlags::CLOEXEC, flags.cloexec);
    bits.set(SocketFlags::NONBLOCK, flags.nonblocking);
    bits
}

pub(crate) fn bind(fd: BorrowedFd<'_>, addr: SockAddr<'_>) -> Result<(), Errno> {
    rustix::net::bind(fd, &addr)
}

/// The calls in which a C caller's thread may be cancelled (pthread_cancel(3)),
/// which unwinds through this library: so they are declared to unwind, and must be
/// called with nothing on the stack that needs dropping.
mod cancelled {
    use std::ffi::c_int;

    unsafe extern "C-unwind" {
        pub(super) fn accept4(
            fd: c_int,
            addr: *mut libc::sockaddr,
            len: *mut libc::socklen_t,
            flags: c_int,
        ) -> c_int;
        pub(super) fn close(fd: c_int) -> c_int;
        pub(super) fn connect(fd: c_int, addr: *const libc::sockaddr, len: libc::socklen_t) -> c_int;
    }
}

#[inline]
pub(crate) fn connect(fd: BorrowedFd<'_>, addr: SockAddr<'_>) -> Result<(), Errno> {
    let bytes = addr.as_bytes();
    let len = libc::socklen_t::try_from(bytes.len()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the address is readable for at least `len` bytes.
    match unsafe { cancelled::connect(fd.as_raw_fd(), bytes.as_ptr().cast(), len) } {
        0 => Ok(()),
        _ => Err(errno::last()),
    }
}

/// The longest queue of connections to accept, SOMAXCONN.
pub(crate) const MAX_BACKLOG: i32 = libc::SOMAXCONN;

pub(crate) fn listen(fd: BorrowedFd<'_>, backlog: i32) -> Result<(), Errno> {
    rustix::net::listen(fd, backlog)
}

/// accept4(2), which also sets the mode and CLOEXEC of the new socket. Stores as
/// much of the peer's address in `peer` as there is room for, and returns its full
/// length.
///
/// Uses libc, since rustix copies the address, while a C caller's must be written
/// in place.
#[inline]
pub(crate) fn accept_to(
    fd: BorrowedFd<'_>,
    flags: Flags,
    peer: Option<&mut [MaybeUninit<u8>]>,
) -> Result<(OwnedFd, usize), Errno> {
    let flags = socket_flags(flags).bits() as c_int;
    let (address, mut len) = match peer {
        // No address is too long for this type.
        Some(peer) => (peer.as_mut_ptr(), peer.len() as libc::socklen_t),
        None => (ptr::null_mut(), 0),
    };
    let len_pointer = if address.is_null() { ptr::null_mut() } else { &raw mut len };
    // SAFETY: the address is writable for `len` bytes, or both are NULL.
    let accepted = unsafe { cancelled::accept4(fd.as_raw_fd(), address.cast(), len_pointer, flags) };
    if accepted < 0 {
        return Err(errno::last());
    }
    // SAFETY: the kernel just created it, and nothing else has it.
    Ok((unsafe { OwnedFd::from_raw_fd(accepted) }, len as usize))
}

pub(crate) fn accept(fd: BorrowedFd<'_>, flags: Flags) -> Result<(OwnedFd, SockAddrBuf), Errno> {
    // SAFETY: accept4 initializes as many bytes as it returns.
    unsafe { SockAddrBuf::new().fill(|room| accept_to(fd, flags, Some(room))) }
}

/// close(2), with its outcome. The descriptor is closed even on failure.
pub(crate) fn close(fd: OwnedFd) -> Result<(), Errno> {
    let fd = fd.into_raw_fd();
    // SAFETY: `into_raw_fd` gave up the only owner, so nothing closes it again.
    match unsafe { cancelled::close(fd) } {
        0 => Ok(()),
        _ => Err(errno::last()),
    }
}

pub(crate) fn shutdown(fd: BorrowedFd<'_>, how: Shutdown) -> Result<(), Errno> {
    let how = match how {
        Shutdown::Read => rustix::net::Shutdown::Read,
        Shutdown::Write => rustix::net::Shutdown::Write,
        Shutdown::Both => rustix::net::Shutdown::Both,
    };
    rustix::net::shutdown(fd, how)
}

/// send(2) that fails with EPIPE and never raises SIGPIPE.
pub(crate) fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    rustix::net::send(fd, bytes, SendFlags::NOSIGNAL)
}

pub(crate) fn recv(fd: BorrowedFd<'_>, bytes: &mut [u8]) -> Result<usize, Errno> {
    rustix::net::recv(fd, bytes, RecvFlags::empty()).map(|(read, _)| read)
}

/// recv(2) that leaves the bytes in the queue (MSG_PEEK).
pub(crate) fn peek(fd: BorrowedFd<'_>, bytes: &mut [u8]) -> Result<usize, Errno> {
    rustix::net::recv(fd, bytes, RecvFlags::PEEK).map(|(read, _)| read)
}

/// readv(2).
pub(crate) fn recv_vectored(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>]) -> Result<usize, Errno> {
    let room = bufs.len().min(libc::UIO_MAXIOV as usize);
    rustix::io::readv(fd, &mut bufs[..room])
}

/// sendmsg(2), which, unlike writev(2), can be kept from raising SIGPIPE.
pub(crate) fn send_vectored(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> Result<usize, Errno> {
    let most = bufs.len().min(libc::UIO_MAXIOV as usize);
    rustix::net::sendmsg(fd, &bufs[..most], &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL)
}

/// sendto(2).
pub(crate) fn send_to(fd: BorrowedFd<'_>, bytes: &[u8], addr: SockAddr<'_>) -> Result<usize, Errno> {
    rustix::net::sendto(fd, bytes, SendFlags::NOSIGNAL, &addr)
}

/// recvfrom(2).
pub(crate) fn recv_from(fd: BorrowedFd<'_>, bytes: &mut [u8]) -> Result<(usize, SockAddrBuf), Errno> {
    let ask = |room: &mut [MaybeUninit<u8>]| {
        let mut len = room.len() as libc::socklen_t;
        let (to, size) = (bytes.as_mut_ptr().cast(), bytes.len());
        // SAFETY: the bytes are writable for their size, the room for `len` bytes.
        let read =
            unsafe { libc::recvfrom(fd.as_raw_fd(), to, size, 0, room.as_mut_ptr().cast(), &raw mut len) };
        match usize::try_from(read) {
            Ok(read) => Ok((read, len as usize)),
            Err(_) => Err(errno::last()),
        }
    };
    // SAFETY: the call initializes as many bytes as it returns.
    unsafe { SockAddrBuf::new().fill(ask) }
}

pub(crate) fn local_addr(fd: BorrowedFd<'_>) -> Result<SockAddrBuf, Errno> {
    name_of(fd, libc::getsockname)
}

pub(crate) fn peer_addr(fd: BorrowedFd<'_>) -> Result<SockAddrBuf, Errno> {
    name_of(fd, libc::getpeername)
}

/// getsockname(2) and getpeername(2).
type NameCall = unsafe extern "C" fn(c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> c_int;

fn name_of(fd: BorrowedFd<'_>, call: NameCall) -> Result<SockAddrBuf, Errno> {
    let ask = |room: &mut [MaybeUninit<u8>]| {
        let mut len = room.len() as libc::socklen_t;
        // SAFETY: the room is writable for `len` bytes.
        match unsafe { call(fd.as_raw_fd(), room.as_mut_ptr().cast(), &mut len) } {
            0 => Ok(((), len as usize)),
            _ => Err(errno::last()),
        }
    };
    // SAFETY: both calls initialize as many bytes as they return.
    unsafe { SockAddrBuf::new().fill(ask) }.map(|((), name)| name)
}

/// The name of a network interface (a zone of RFC 4007).
pub(crate) fn interface_name(index: u32) -> Option<String> {
    rustix::net::netdevice::index_to_name(any_socket().ok()?, index).ok()
}

/// The number of a network interface; `None` if there is no such interface.
pub(crate) fn interface_index(name: &str) -> Result<Option<u32>, Errno> {
    match rustix::net::netdevice::name_to_index(any_socket()?, name) {
        Err(Errno::NODEV) => Ok(None),
        index => index.map(Some),
    }
}

/// Whether IPv6 is disabled in the calling thread's network namespace: by the
/// setting for all devices (ip-sysctl), with no device having an address despite
/// it. `false` if the kernel does not report it. On a kernel without IPv6, creating
/// a socket fails.
pub(crate) fn is_ipv6_off() -> bool {
    let read = |path| open_regular(path).and_then(|(file, _)| read_at_most(file, 64 << 10));
    if !read("/proc/sys/net/ipv6/conf/all/disable_ipv6").is_ok_and(|value| value.starts_with(b"1")) {
        return false;
    }
    // /proc/net is that of the process, whose threads may be in other namespaces.
    read("/proc/thread-self/net/if_inet6").is_ok_and(|addresses| addresses.is_empty())
}

/// The user with whose rights files are opened and created (geteuid(2)).
pub(crate) fn effective_user() -> u32 {
    // SAFETY: it has no preconditions.
    unsafe { libc::geteuid() }
}

/// A socket for querying the kernel about interfaces.
fn any_socket() -> Result<OwnedFd, Errno> {
    let flags = Flags { nonblocking: false, cloexec: true };
    socket(Domain::UNIX, Type::DGRAM, Protocol::DEFAULT, flags)
}
