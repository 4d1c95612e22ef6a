//! Sockets in every state, addresses of every kind, and words for what is seen of them.

use crate::api::Addr;
use libc::{c_int, c_void, sockaddr, socklen_t};
use std::cell::RefCell;
use std::mem;

/// Bytes in a `BIO_ADDR`.
pub(crate) const ADDR_LEN: usize = 112;

/// The kinds of socket that cases use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp4,
    Tcp6,
    Udp4,
    Udp6,
    Unix,
    UnixDgram,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Tcp4, Self::Tcp6, Self::Udp4, Self::Udp6, Self::Unix, Self::UnixDgram];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp4 => "tcp4",
            Self::Tcp6 => "tcp6",
            Self::Udp4 => "udp4",
            Self::Udp6 => "udp6",
            Self::Unix => "unix",
            Self::UnixDgram => "unixdgram",
        }
    }

    pub(crate) fn family(self) -> c_int {
        match self {
            Self::Tcp4 | Self::Udp4 => libc::AF_INET,
            Self::Tcp6 | Self::Udp6 => libc::AF_INET6,
            Self::Unix | Self::UnixDgram => libc::AF_UNIX,
        }
    }

    pub(crate) fn socktype(self) -> c_int {
        match self {
            Self::Tcp4 | Self::Tcp6 | Self::Unix => libc::SOCK_STREAM,
            Self::Udp4 | Self::Udp6 | Self::UnixDgram => libc::SOCK_DGRAM,
        }
    }

    pub(crate) fn is_stream(self) -> bool {
        self.socktype() == libc::SOCK_STREAM
    }

    /// A new socket of this kind.
    pub(crate) fn socket(self) -> c_int {
        // SAFETY: creating a socket has no preconditions.
        let fd = unsafe { libc::socket(self.family(), self.socktype(), 0) };
        assert!(fd >= 0, "this system gives no {} socket", self.name());
        fd
    }

    /// An address of this kind on which something can listen: a free port, an unused path.
    pub(crate) fn fresh_place(self) -> Place {
        match self {
            Self::Tcp4 | Self::Udp4 => Place::v4([127, 0, 0, 1], 0),
            Self::Tcp6 | Self::Udp6 => Place::v6(LOOPBACK6, 0),
            Self::Unix | Self::UnixDgram => Place::unix(&fresh_name()),
        }
    }
}

/// `::1`
pub(crate) const LOOPBACK6: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// The states of a descriptor that cases start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Fresh,
    NonBlocking,
    Bound,
    Connected,
    Listening,
    Closed,
    NotSocket,
    Negative,
}

impl State {
    pub(crate) const ALL: [Self; 8] = [
        Self::Fresh,
        Self::NonBlocking,
        Self::Bound,
        Self::Connected,
        Self::Listening,
        Self::Closed,
        Self::NotSocket,
        Self::Negative,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::NonBlocking => "nonblocking",
            Self::Bound => "bound",
            Self::Connected => "connected",
            Self::Listening => "listening",
            Self::Closed => "closed",
            Self::NotSocket => "file",
            Self::Negative => "-1",
        }
    }
}

/// Descriptors of a case, closed when it ends.
#[derive(Default)]
pub(crate) struct Keep(Vec<c_int>);

impl Keep {
    /// Has `fd` closed when the case ends.
    pub(crate) fn keep(&mut self, fd: c_int) -> c_int {
        if fd >= 0 {
            self.0.push(fd);
        }
        fd
    }

    /// Leaves `fd` to somebody else to close.
    pub(crate) fn forget(&mut self, fd: c_int) {
        self.0.retain(|kept| *kept != fd);
    }

    /// A descriptor in the state asked for.
    pub(crate) fn make(&mut self, kind: Kind, state: State) -> c_int {
        match state {
            State::Fresh => self.keep(kind.socket()),
            State::NonBlocking => {
                let fd = self.keep(kind.socket());
                set_nonblocking(fd);
                fd
            }
            State::Bound => {
                let fd = self.keep(kind.socket());
                bind(fd, &kind.fresh_place());
                fd
            }
            State::Connected => self.connected(kind),
            State::Listening => self.listener(kind).0,
            State::Closed => closed_descriptor(),
            State::NotSocket => self.file(),
            State::Negative => -1,
        }
    }

    fn connected(&mut self, kind: Kind) -> c_int {
        let (_, place) = self.listener(kind);
        let fd = self.keep(kind.socket());
        assert_eq!(connect(fd, &place), 0, "connecting over loopback");
        fd
    }

    /// A socket that others can connect to, and its address. Datagram sockets are bound.
    pub(crate) fn listener(&mut self, kind: Kind) -> (c_int, Place) {
        let fd = self.keep(kind.socket());
        let place = bind(fd, &kind.fresh_place());
        if kind.is_stream() {
            // SAFETY: listening on a descriptor has no preconditions.
            unsafe { libc::listen(fd, 16) };
        }
        label(&place, "listener");
        (fd, place)
    }

    /// An address that refuses: bound, so that nobody else takes it, but not listening.
    pub(crate) fn refusing(&mut self, kind: Kind) -> Place {
        if !kind.is_stream() {
            // A datagram address with nobody behind it.
            let fd = kind.socket();
            let place = bind(fd, &kind.fresh_place());
            close(fd);
            label(&place, "nobody");
            return place;
        }
        let fd = self.keep(kind.socket());
        let place = bind(fd, &kind.fresh_place());
        label(&place, "refusing");
        place
    }

    fn file(&mut self) -> c_int {
        // SAFETY: the path is a C string.
        let fd = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
        self.keep(fd)
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        for fd in self.0.drain(..) {
            close(fd);
        }
        forget_labels();
    }
}

/// A number that is no open descriptor: beyond those that a call may be given, but within
/// the 64 that select looks at in every process.
pub(crate) fn closed_descriptor() -> c_int {
    60
}

pub(crate) fn close(fd: c_int) {
    // SAFETY: the descriptor belongs to the case that ends here.
    unsafe { libc::close(fd) };
}

pub(crate) fn set_nonblocking(fd: c_int) {
    // SAFETY: F_SETFL takes an int.
    unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK) };
}

/// Binds and returns the address that the system gave.
pub(crate) fn bind(fd: c_int, place: &Place) -> Place {
    // SAFETY: the bytes and their length belong together.
    let result = unsafe { libc::bind(fd, place.sockaddr(), place.len) };
    assert_eq!(result, 0, "binding to {place:?}");
    Place::local(fd)
}

pub(crate) fn connect(fd: c_int, place: &Place) -> c_int {
    // SAFETY: the bytes and their length belong together.
    unsafe { libc::connect(fd, place.sockaddr(), place.len) }
}

/// Waits until a connection in progress has its outcome; one second at most.
pub(crate) fn settle(fd: c_int) {
    let mut one = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one entry is given and one is said.
    unsafe { libc::poll(&raw mut one, 1, 1000) };
}

/// Waits until something is there to accept or read; one second at most.
pub(crate) fn ready(fd: c_int) {
    let mut one = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry is given and one is said.
    unsafe { libc::poll(&raw mut one, 1, 1000) };
}

/// A socket address as a C program lays it out, as large as a `BIO_ADDR`.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Place {
    pub(crate) bytes: [u8; ADDR_LEN],
    pub(crate) len: socklen_t,
}

impl Place {
    pub(crate) fn empty() -> Self {
        let bytes = [0; ADDR_LEN];
        Self { bytes, len: 2 }
    }

    pub(crate) fn v4(ip: [u8; 4], port: u16) -> Self {
        let mut place = Self::empty();
        place.set_family(libc::AF_INET);
        place.bytes[2..4].copy_from_slice(&port.to_be_bytes());
        place.bytes[4..8].copy_from_slice(&ip);
        place.len = 16;
        place
    }

    pub(crate) fn v6(ip: [u8; 16], port: u16) -> Self {
        let mut place = Self::empty();
        place.set_family(libc::AF_INET6);
        place.bytes[2..4].copy_from_slice(&port.to_be_bytes());
        place.bytes[8..24].copy_from_slice(&ip);
        place.len = 28;
        place
    }

    pub(crate) fn unix(path: &str) -> Self {
        let mut place = Self::empty();
        place.set_family(libc::AF_UNIX);
        place.bytes[2..2 + path.len()].copy_from_slice(path.as_bytes());
        place.len = 110;
        place
    }

    pub(crate) fn with_family(mut self, family: c_int) -> Self {
        self.set_family(family);
        self
    }

    fn set_family(&mut self, family: c_int) {
        let family = u16::try_from(family).unwrap_or(0);
        self.bytes[..2].copy_from_slice(&family.to_ne_bytes());
    }

    /// The address that a socket is bound to.
    pub(crate) fn local(fd: c_int) -> Self {
        Self::asked(fd, libc::getsockname)
    }

    /// The address that a socket is connected to.
    pub(crate) fn peer(fd: c_int) -> Self {
        Self::asked(fd, libc::getpeername)
    }

    fn asked(fd: c_int, ask: Ask) -> Self {
        let mut place = Self::empty();
        place.len = 110;
        // SAFETY: the buffer is as long as said.
        unsafe { ask(fd, place.bytes.as_mut_ptr().cast(), &raw mut place.len) };
        place
    }

    fn port(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    fn sockaddr(&self) -> *const sockaddr {
        self.bytes.as_ptr().cast()
    }

    /// As the C functions take it.
    pub(crate) fn as_addr(&self) -> *const Addr {
        self.bytes.as_ptr().cast()
    }

    /// As the C functions write it.
    pub(crate) fn as_mut_addr(&mut self) -> *mut Addr {
        self.bytes.as_mut_ptr().cast()
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        address_words(self.bytes.as_ptr().cast(), ADDR_LEN)
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words())
    }
}

/// Words for a socket address; ports that differ from run to run are told by what they are.
pub(crate) fn address_words(addr: *const c_void, len: usize) -> String {
    if addr.is_null() {
        return "NULL".to_owned();
    }
    if len < 2 {
        return format!("{len} bytes");
    }
    let len = len.min(ADDR_LEN);
    // SAFETY: the caller says that so many bytes are there.
    let bytes = unsafe { std::slice::from_raw_parts(addr.cast::<u8>(), len) };
    match c_int::from(u16::from_ne_bytes([bytes[0], bytes[1]])) {
        libc::AF_INET if len >= 16 => v4_words(bytes),
        libc::AF_INET6 if len >= 28 => v6_words(bytes),
        libc::AF_UNIX => unix_words(&bytes[2..]),
        libc::AF_UNSPEC => "unspec".to_owned(),
        family => format!("family {family}, {len} bytes"),
    }
}

fn v4_words(bytes: &[u8]) -> String {
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    let ip = std::net::Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]);
    format!("{ip}:{}", port_words(port))
}

fn v6_words(bytes: &[u8]) -> String {
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    let mut ip = [0; 16];
    ip.copy_from_slice(&bytes[8..24]);
    let flow = u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let scope = u32::from_ne_bytes([bytes[24], bytes[25], bytes[26], bytes[27]]);
    let ip = std::net::Ipv6Addr::from(ip);
    let mut words = format!("[{ip}]:{}", port_words(port));
    if flow != 0 || scope != 0 {
        words.push_str(&format!(" flow {flow} scope {scope}"));
    }
    words
}

fn unix_words(path: &[u8]) -> String {
    let (mark, path) = match path {
        [0, rest @ ..] => ("@", rest),
        path => ("", path),
    };
    let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
    let path = String::from_utf8_lossy(&path[..end]);
    // The process's number in an abstract name differs from run to run.
    let path = path.strip_suffix(&own_number()).unwrap_or(&path);
    format!("unix:{mark}{path}")
}

/// An abstract name that no other run of the cases takes at the same time.
pub(crate) fn abstract_name() -> String {
    format!("\0biosock-probe{}", own_number())
}

fn own_number() -> String {
    format!("-{}", std::process::id())
}

thread_local! {
    static LABELS: RefCell<Vec<(u16, &'static str)>> = const { RefCell::new(Vec::new()) };
    static NAMES: RefCell<u32> = const { RefCell::new(0) };
}

/// Has the port of `place` called by a name in what is printed.
pub(crate) fn label(place: &Place, name: &'static str) {
    LABELS.with_borrow_mut(|labels| labels.push((place.port(), name)));
}

fn forget_labels() {
    LABELS.with_borrow_mut(Vec::clear);
    NAMES.set(0);
}

/// The port's label; a port that the system chose is "some".
pub(crate) fn port_words(port: u16) -> String {
    let known = LABELS.with_borrow(|labels| labels.iter().find(|(p, _)| *p == port).copied());
    match known {
        Some((_, name)) => name.to_owned(),
        None if port >= 32768 => "some".to_owned(),
        None => port.to_string(),
    }
}

/// A name for a Unix socket; the same one in each run of the same case.
pub(crate) fn fresh_name() -> String {
    let number = NAMES.take() + 1;
    NAMES.set(number);
    format!("sock{number}")
}

/// Everything of a socket that a routine may have touched.
pub(crate) fn left_behind(fd: c_int) -> String {
    let flags = fcntl(fd, libc::F_GETFL);
    if flags < 0 {
        return "no open descriptor".to_owned();
    }
    let mut words = vec![
        format!("nonblock={}", u8::from(flags & libc::O_NONBLOCK != 0)),
        format!("cloexec={}", fcntl(fd, libc::F_GETFD)),
    ];
    for (name, level, option) in OPTIONS {
        if let Some(value) = int_option(fd, *level, *option) {
            words.push(format!("{name}={value}"));
        }
    }
    words.push(format!("name={}", end(fd, libc::getsockname)));
    words.push(format!("peer={}", end(fd, libc::getpeername)));
    words.join(" ")
}

const OPTIONS: &[(&str, c_int, c_int)] = &[
    ("keepalive", libc::SOL_SOCKET, libc::SO_KEEPALIVE),
    ("nodelay", libc::IPPROTO_TCP, libc::TCP_NODELAY),
    ("reuseaddr", libc::SOL_SOCKET, libc::SO_REUSEADDR),
    ("reuseport", libc::SOL_SOCKET, libc::SO_REUSEPORT),
    ("v6only", libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
    ("fastopen", libc::IPPROTO_TCP, libc::TCP_FASTOPEN),
    ("fastopen_connect", libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT),
    ("listening", libc::SOL_SOCKET, libc::SO_ACCEPTCONN),
    ("error", libc::SOL_SOCKET, libc::SO_ERROR),
];

fn fcntl(fd: c_int, command: c_int) -> c_int {
    // SAFETY: the commands given read flags and take no argument.
    unsafe { libc::fcntl(fd, command) }
}

/// An option's value, where the socket has that option.
pub(crate) fn int_option(fd: c_int, level: c_int, option: c_int) -> Option<c_int> {
    let mut value: c_int = 0;
    let mut len = mem::size_of::<c_int>() as socklen_t;
    // SAFETY: the buffer is as long as said.
    let result = unsafe { libc::getsockopt(fd, level, option, (&raw mut value).cast(), &raw mut len) };
    (result == 0).then_some(value)
}

type Ask = unsafe extern "C" fn(c_int, *mut sockaddr, *mut socklen_t) -> c_int;

fn end(fd: c_int, ask: Ask) -> String {
    let mut place = Place::empty();
    let mut len = ADDR_LEN as socklen_t;
    // SAFETY: the buffer is as long as said.
    let result = unsafe { ask(fd, place.bytes.as_mut_ptr().cast(), &raw mut len) };
    if result != 0 {
        return "none".to_owned();
    }
    address_words(place.bytes.as_ptr().cast(), len as usize)
}

/// How many descriptors the process has open; no case has as many as are looked at.
pub(crate) fn open_descriptors() -> usize {
    (0..64).filter(|fd| fcntl(*fd, libc::F_GETFD) >= 0).count()
}
