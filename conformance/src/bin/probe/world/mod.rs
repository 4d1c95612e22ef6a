//! Sockets in every state, addresses of every kind, and words for what is seen of them.

mod names;
mod place;
mod seen;

pub(crate) use names::{abstract_name, fresh_name, label, port_words};
pub(crate) use place::{ADDR_LEN, LOOPBACK6, Place, address_words};
pub(crate) use seen::{left_behind, open_descriptors};

use libc::c_int;
use names::forget_labels;

/// An enum of which each value has a name in the cases.
macro_rules! named {
    ($(#[$doc:meta])* $enum:ident { $($value:ident = $name:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $enum { $($value),* }

        impl $enum {
            pub(crate) const ALL: [Self; [$($name),*].len()] = [$(Self::$value),*];

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$value => $name),* }
            }
        }
    };
}
pub(crate) use named;

named! {
    /// The kinds of socket that cases use.
    Kind {
        Tcp4 = "tcp4",
        Tcp6 = "tcp6",
        Udp4 = "udp4",
        Udp6 = "udp6",
        Unix = "unix",
        UnixDgram = "unixdgram",
    }
}

impl Kind {
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

named! {
    /// The states of a descriptor that cases start from.
    State {
        Fresh = "fresh",
        NonBlocking = "nonblocking",
        Bound = "bound",
        Connected = "connected",
        Listening = "listening",
        Closed = "closed",
        NotSocket = "file",
        Negative = "-1",
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

    /// Leaves `fd` to other code to close.
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

    /// An address that refuses: bound, so that nothing else takes it, but not listening.
    pub(crate) fn refusing(&mut self, kind: Kind) -> Place {
        if !kind.is_stream() {
            // A datagram address with nothing behind it.
            let fd = kind.socket();
            let place = bind(fd, &kind.fresh_place());
            close(fd);
            label(&place, "unbound");
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
    // SAFETY: one entry is given, with the count one.
    unsafe { libc::poll(&raw mut one, 1, 1000) };
}

/// Waits until something is there to accept or read; one second at most.
pub(crate) fn ready(fd: c_int) {
    let mut one = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry is given, with the count one.
    unsafe { libc::poll(&raw mut one, 1, 1000) };
}
