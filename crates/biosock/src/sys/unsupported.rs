//! What every platform supplies. Here each call fails with ENOSYS: this file is
//! the contract, which compiles (`--cfg biosock_unsupported`), and the starting
//! point for a new platform.
//!
//! Every call that can fail returns an [`Errno`]; modules above this one decide
//! what it means to the caller.

use std::ffi::c_void;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::process::Command;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::time::Duration;

pub(crate) use rustix::io::Errno;

use super::args::{Flags, Interest, Shutdown};
use crate::raw::{Domain, Protocol, SockAddr, Type};

const NOSYS: Errno = Errno::NOSYS;

// The calls.

/// socket(2).
pub(crate) fn socket(_: Domain, _: Type, _: Protocol, _: Flags) -> Result<OwnedFd, Errno> {
    Err(NOSYS)
}

/// bind(2).
pub(crate) fn bind(_: BorrowedFd<'_>, _: SockAddr<'_>) -> Result<(), Errno> {
    Err(NOSYS)
}

/// connect(2).
pub(crate) fn connect(_: BorrowedFd<'_>, _: SockAddr<'_>) -> Result<(), Errno> {
    Err(NOSYS)
}

/// The longest queue of connections to accept, SOMAXCONN.
pub(crate) const MAX_BACKLOG: i32 = 128;

/// listen(2).
pub(crate) fn listen(_: BorrowedFd<'_>, _: i32) -> Result<(), Errno> {
    Err(NOSYS)
}

/// accept(2): stores as much of the peer's address in `peer` as there is room for,
/// and returns its full length.
pub(crate) fn accept_to(
    _: BorrowedFd<'_>,
    _: Flags,
    _peer: Option<&mut [MaybeUninit<u8>]>,
) -> Result<(OwnedFd, usize), Errno> {
    Err(NOSYS)
}

/// accept(2), with the peer's address.
pub(crate) fn accept(_: BorrowedFd<'_>, _: Flags) -> Result<(OwnedFd, SockAddrBuf), Errno> {
    Err(NOSYS)
}

/// close(2). The descriptor is closed even on failure.
pub(crate) fn close(_: OwnedFd) -> Result<(), Errno> {
    Err(NOSYS)
}

/// shutdown(2).
pub(crate) fn shutdown(_: BorrowedFd<'_>, _: Shutdown) -> Result<(), Errno> {
    Err(NOSYS)
}

/// send(2) that fails with EPIPE and never raises SIGPIPE.
pub(crate) fn send(_: BorrowedFd<'_>, _: &[u8]) -> Result<usize, Errno> {
    Err(NOSYS)
}

/// recv(2).
pub(crate) fn recv(_: BorrowedFd<'_>, _: &mut [u8]) -> Result<usize, Errno> {
    Err(NOSYS)
}

/// recv(2) that leaves the bytes in the queue.
pub(crate) fn peek(_: BorrowedFd<'_>, _: &mut [u8]) -> Result<usize, Errno> {
    Err(NOSYS)
}

/// readv(2).
pub(crate) fn recv_vectored(_: BorrowedFd<'_>, _: &mut [IoSliceMut<'_>]) -> Result<usize, Errno> {
    Err(NOSYS)
}

/// writev(2) that fails with EPIPE and never raises SIGPIPE.
pub(crate) fn send_vectored(_: BorrowedFd<'_>, _: &[IoSlice<'_>]) -> Result<usize, Errno> {
    Err(NOSYS)
}

/// sendto(2).
pub(crate) fn send_to(_: BorrowedFd<'_>, _: &[u8], _: SockAddr<'_>) -> Result<usize, Errno> {
    Err(NOSYS)
}

/// recvfrom(2).
pub(crate) fn recv_from(_: BorrowedFd<'_>, _: &mut [u8]) -> Result<(usize, SockAddrBuf), Errno> {
    Err(NOSYS)
}

/// getsockname(2).
pub(crate) fn local_addr(_: BorrowedFd<'_>) -> Result<SockAddrBuf, Errno> {
    Err(NOSYS)
}

/// getpeername(2).
pub(crate) fn peer_addr(_: BorrowedFd<'_>) -> Result<SockAddrBuf, Errno> {
    Err(NOSYS)
}

/// An address that the kernel wrote.
#[derive(Clone, Copy)]
pub struct SockAddrBuf(());

impl SockAddrBuf {
    /// The address, in the OS's layout.
    pub fn as_sockaddr(&self) -> SockAddr<'_> {
        SockAddr::from_bytes(&[])
    }
}

impl fmt::Debug for SockAddrBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_sockaddr().fmt(f)
    }
}

// Options and modes, one function each.

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident: $value:ty;)*) => {
        $($(#[$doc])* pub(crate) fn $name(_: BorrowedFd<'_>, _: $value) -> Result<(), Errno> {
            Err(NOSYS)
        })*
    };
}

options! {
    /// O_NONBLOCK.
    set_nonblocking: bool;
    /// SO_REUSEADDR.
    set_reuseaddr: bool;
    /// SO_REUSEPORT.
    set_reuseport: bool;
    /// SO_KEEPALIVE.
    set_keepalive: bool;
    /// TCP_KEEPIDLE.
    set_keepalive_idle: Duration;
    /// TCP_KEEPINTVL.
    set_keepalive_interval: Duration;
    /// TCP_KEEPCNT.
    set_keepalive_probes: u32;
    /// TCP_NODELAY.
    set_nodelay: bool;
    /// IPV6_V6ONLY.
    set_v6only: bool;
    /// TCP Fast Open, listening: how many connections may carry data before their
    /// handshake is complete.
    set_fastopen_listen: i32;
    /// SO_LINGER; with zero, closing resets the connection.
    set_linger: Option<Duration>;
    /// SO_RCVBUF.
    set_recv_buffer_size: usize;
    /// SO_SNDBUF.
    set_send_buffer_size: usize;
    /// IP_TTL.
    set_ttl: u8;
    /// IPV6_UNICAST_HOPS.
    set_unicast_hops: u8;
    /// IP_TOS.
    set_traffic_class_v4: u8;
    /// IPV6_TCLASS.
    set_traffic_class_v6: u8;
    /// TCP_USER_TIMEOUT.
    set_user_timeout: Duration;
    /// SO_MARK.
    set_mark: u32;
    /// SO_BINDTODEVICE; an empty name removes the binding.
    bind_device: &[u8];
}

macro_rules! queries {
    ($($(#[$doc:meta])* $name:ident: $value:ty;)*) => {
        $($(#[$doc])* pub(crate) fn $name(_: BorrowedFd<'_>) -> Result<$value, Errno> {
            Err(NOSYS)
        })*
    };
}

queries! {
    /// O_NONBLOCK.
    is_nonblocking: bool;
    /// How many sent bytes are not acknowledged (SIOCOUTQ).
    unsent: usize;
    /// SO_LINGER.
    linger: Option<Duration>;
    /// SO_REUSEADDR.
    reuseaddr: bool;
    /// SO_REUSEPORT.
    reuseport: bool;
    /// SO_KEEPALIVE.
    keepalive: bool;
    /// TCP_KEEPIDLE.
    keepalive_idle: Duration;
    /// TCP_KEEPINTVL.
    keepalive_interval: Duration;
    /// TCP_KEEPCNT.
    keepalive_probes: u32;
    /// TCP_NODELAY.
    nodelay: bool;
    /// IPV6_V6ONLY.
    v6only: bool;
    /// SO_RCVBUF.
    recv_buffer_size: usize;
    /// SO_SNDBUF.
    send_buffer_size: usize;
    /// IP_TTL.
    ttl: u8;
    /// IPV6_UNICAST_HOPS.
    unicast_hops: u8;
    /// IP_TOS.
    traffic_class_v4: u8;
    /// IPV6_TCLASS.
    traffic_class_v6: u8;
    /// TCP_USER_TIMEOUT.
    user_timeout: Duration;
    /// SO_MARK.
    mark: u32;
    /// SO_PEERCRED: process, user, group.
    peer_credentials: (i32, u32, u32);
    /// SO_BINDTODEVICE: the name of the device, empty if there is none.
    device: Vec<u8>;
    /// SO_TYPE.
    socket_type: Type;
    /// SO_DOMAIN.
    socket_domain: Domain;
    /// SO_PROTOCOL.
    socket_protocol: Protocol;
    /// SO_ACCEPTCONN.
    is_listening: bool;
    /// SO_ERROR: the pending error, which reading clears.
    take_error: Result<(), Errno>;
    /// TCP Fast Open, connecting: the first data goes with the SYN.
    set_fastopen_connect: ();
    /// A copy that a child process inherits.
    inheritable: OwnedFd;
    /// The number by which another process identifies a socket.
    inode: u64;
}

// Waiting for several descriptors, and being woken.

/// poll(2) for one descriptor; `None` waits indefinitely. An error or hang-up on
/// the socket counts as ready.
pub(crate) fn poll(_: BorrowedFd<'_>, _: Interest, _: Option<Duration>) -> Result<bool, Errno> {
    Err(NOSYS)
}

/// poll(2): which of these are ready.
pub(crate) fn poll_any<'fd>(
    _: impl Iterator<Item = (BorrowedFd<'fd>, Interest)>,
    _: Option<Duration>,
) -> Result<Vec<bool>, Errno> {
    Err(NOSYS)
}

/// Whether a socket is neither connected nor connecting, or is shut down both ways.
pub(crate) fn has_hung_up(_: BorrowedFd<'_>) -> bool {
    false
}

/// Which of the pollers that wait for a descriptor an arrival wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wakes {
    /// One waiting poller; all of them, on an OS without such a mode.
    One,
    All,
}

/// Waits repeatedly until some of a set of descriptors can be read.
#[derive(Debug)]
pub(crate) struct Poller(());

impl Poller {
    pub(crate) fn new() -> Result<Self, Errno> {
        Err(NOSYS)
    }

    /// Also waits for this descriptor, which must outlive the poller.
    pub(crate) fn add(&self, _: BorrowedFd<'_>, _mark: usize, _: Wakes) -> Result<(), Errno> {
        Err(NOSYS)
    }

    pub(crate) fn remove(&self, _: BorrowedFd<'_>) -> Result<(), Errno> {
        Err(NOSYS)
    }

    /// Reports it as ready again if it is, even if its arrival was reported to
    /// another poller.
    pub(crate) fn look_again(&self, _: BorrowedFd<'_>, _mark: usize, _: Wakes) -> Result<(), Errno> {
        Err(NOSYS)
    }

    /// Waits, and reports at most this many; the others come first next time.
    pub(crate) fn wait(&mut self, _most: usize, _: Option<Duration>) -> Result<(), Errno> {
        Err(NOSYS)
    }

    /// The marks of those that were readable or had failed.
    pub(crate) fn ready(&self) -> &[usize] {
        &[]
    }
}

/// Wakes a polling thread, in any process that has the descriptor.
#[derive(Debug)]
pub(crate) struct Waker(OwnedFd);

impl Waker {
    pub(crate) fn new() -> Result<Self, Errno> {
        Err(NOSYS)
    }

    /// A waker that must be cleared as often as it was woken.
    pub(crate) fn counting() -> Result<Self, Errno> {
        Err(NOSYS)
    }

    /// Another descriptor of the same waker.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    pub(crate) fn wake(&self) {}

    pub(crate) fn is_awake(&self) -> bool {
        false
    }

    /// Whether there was a wake-up to clear.
    pub(crate) fn clear(&self) -> bool {
        false
    }
}

impl From<OwnedFd> for Waker {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

// Names.

/// The hints for getaddrinfo(3).
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "nothing reads the question here")]
pub(crate) struct Hints {
    pub(crate) passive: bool,
    pub(crate) addrconfig: bool,
    pub(crate) numeric_host: bool,
    pub(crate) family: Domain,
    pub(crate) socktype: Type,
    pub(crate) protocol: Protocol,
}

/// A resolver's code, and errno for EAI_SYSTEM.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EaiError {
    pub(crate) code: i32,
    pub(crate) system: Option<i32>,
    /// The errno of a shortage behind another code.
    pub(crate) shortage: Option<i32>,
}

impl EaiError {
    pub(crate) const NO_MEMORY: Self = Self { code: EAI_MEMORY, system: None, shortage: None };
    const UNSUPPORTED: Self = Self { code: EAI_FAIL, system: None, shortage: None };

    /// Whether it is about the system or memory, not the name.
    pub(crate) fn is_of_the_system(&self) -> bool {
        self.code == EAI_MEMORY
    }
}

// getaddrinfo(3)'s codes, with POSIX's names.
pub(crate) const EAI_AGAIN: i32 = 1;
pub(crate) const EAI_BADFLAGS: i32 = 2;
pub(crate) const EAI_FAIL: i32 = 3;
pub(crate) const EAI_FAMILY: i32 = 4;
pub(crate) const EAI_MEMORY: i32 = 5;
pub(crate) const EAI_NODATA: i32 = 6;
pub(crate) const EAI_NONAME: i32 = 7;
pub(crate) const EAI_OVERFLOW: i32 = 8;
pub(crate) const EAI_SERVICE: i32 = 9;
pub(crate) const EAI_SOCKTYPE: i32 = 10;
pub(crate) const EAI_ADDRFAMILY: i32 = 11;

/// The symbol of a resolver's code.
pub(crate) fn eai_name(_: i32) -> Option<&'static str> {
    None
}

/// The resolver's message for a code.
pub(crate) fn eai_text(_: i32) -> &'static str {
    "not supported on this system"
}

/// The symbol of an error number.
pub(crate) fn errno_name(_: i32) -> Option<&'static str> {
    None
}

/// The OS's message for an error number, without allocating.
#[derive(Debug)]
pub(crate) struct ErrnoText;

impl ErrnoText {
    pub(crate) fn of(_: i32) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "other platforms store the message in it")]
    pub(crate) fn as_str(&self) -> &str {
        "not supported on this system"
    }
}

/// Whether an error number means that descriptors, buffers or memory ran out.
pub(crate) fn is_shortage(_: i32) -> bool {
    false
}

/// A list from getaddrinfo(3).
#[derive(Debug)]
pub(crate) struct AddrInfoList(NonNull<c_void>);

// SAFETY: no value exists.
unsafe impl Send for AddrInfoList {}
// SAFETY: no value exists.
unsafe impl Sync for AddrInfoList {}

impl AddrInfoList {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        std::iter::empty()
    }

    /// Gives up the list, which the caller frees with freeaddrinfo(3).
    pub(crate) fn into_raw(self) -> NonNull<c_void> {
        self.0
    }
}

/// One entry of the list.
pub(crate) struct Entry<'a> {
    pub(crate) addr: SockAddr<'a>,
    pub(crate) socktype: Type,
    pub(crate) protocol: Protocol,
}

/// getaddrinfo(3).
pub(crate) fn getaddrinfo(
    _host: Option<&std::ffi::CStr>,
    _service: Option<&std::ffi::CStr>,
    _: Hints,
) -> Result<AddrInfoList, EaiError> {
    Err(EaiError::UNSUPPORTED)
}

/// The names of an address.
#[derive(Clone, Copy)]
pub(crate) struct NameBuffers(());

impl NameBuffers {
    pub(crate) fn host(&self) -> &[u8] {
        &[]
    }

    pub(crate) fn service(&self) -> &[u8] {
        &[]
    }
}

/// getnameinfo(3); with `numeric` as numbers, without a lookup.
pub(crate) fn getnameinfo(_: SockAddr<'_>, _numeric: bool) -> Result<NameBuffers, EaiError> {
    Err(EaiError::UNSUPPORTED)
}

/// The name of a network interface (a zone of RFC 4007).
pub(crate) fn interface_name(_: u32) -> Option<String> {
    None
}

/// The number of a network interface; `None` if there is no such interface.
pub(crate) fn interface_index(_: &str) -> Result<Option<u32>, Errno> {
    Err(NOSYS)
}

/// Whether IPv6 is disabled in the calling thread's network namespace.
pub(crate) fn is_ipv6_off() -> bool {
    false
}

// Processes, and what they inherit.

/// How many calls of fork(2) separate this process from the first caller.
pub(crate) fn forks() -> usize {
    0
}

/// Like [`forks`], but also counts the forks that this process made itself.
pub(crate) fn forks_seen() -> usize {
    0
}

/// What a child must not share with its parent: created anew after fork(2).
pub(crate) struct PerProcess<T: 'static>(OnceLock<T>);

impl<T: Default> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn get(&'static self) -> &'static T {
        self.0.get_or_init(T::default)
    }
}

/// While it exists, this thread and those that it starts block signals.
pub(crate) struct SignalsBlocked(PhantomData<*const ()>);

impl SignalsBlocked {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

/// Lets the command's process, and no other, inherit these under their numbers.
pub(crate) fn inherit(_: &mut Command, _: Vec<OwnedFd>) {}

/// A pair of sockets, the second of which will carry a descriptor.
pub(crate) fn socket_pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    Err(NOSYS)
}

/// Sends a descriptor to the other socket of a pair.
pub(crate) fn enclose(_sender: BorrowedFd<'_>, _: BorrowedFd<'_>) -> Result<(), Errno> {
    Err(NOSYS)
}

/// A descriptor that another process claims to have passed, and its socket's inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) fd: RawFd,
    pub(crate) inode: Option<u64>,
}

/// What is wrong with a descriptor claimed to be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "nothing is passed here")]
pub(crate) enum Wrong {
    NotOpen,
    /// It was opened here.
    NotInherited,
    NotASocket,
    AnotherSocket,
    NotListening,
}

/// Takes the descriptors that another process passed to this one, only once per
/// process, and what the carrier has [enclosed](enclose).
pub(crate) fn take_passed(
    _: &[Passed],
    _carrier: Option<Passed>,
) -> Result<(Vec<OwnedFd>, Option<OwnedFd>), (RawFd, Wrong)> {
    Ok((Vec::new(), None))
}

// Local files.

/// The user with whose rights files are opened and created.
pub(crate) fn effective_user() -> u32 {
    0
}

/// A regular file, opened without blocking.
pub(crate) fn open_regular(_: &str) -> io::Result<(File, Metadata)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The content of a file; an error if it has more bytes than this.
pub(crate) fn read_at_most(_: File, _most: u64) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

// std's access to abstract names, which only Linux has.
pub(crate) use std::os::linux::net::SocketAddrExt as AbstractNameExt;
