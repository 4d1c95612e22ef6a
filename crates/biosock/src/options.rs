//! Options of one call, as builders, and BIO_connect(3)'s flags.

use std::time::Duration;

use bitflags::bitflags;

use crate::{Domain, sys};

/// What [`Socket::connect_with`](crate::Socket::connect_with) and
/// [`Socket::start_connect_with`](crate::Socket::start_connect_with) do in addition to
/// connecting. An option that is not given leaves the socket's setting unchanged.
///
/// ```
/// use std::time::Duration;
/// use biosock::{ConnectOptions, KeepAlive};
///
/// let options = ConnectOptions::new()
///     .timeout(Duration::from_secs(10))
///     .keepalive(KeepAlive::default())
///     .nodelay(true);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ConnectOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream: StreamOptions,
}

impl ConnectOptions {
    /// No time limit, and nothing set on the socket.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives up after this long, with ETIMEDOUT. With zero, an attempt fails unless its
    /// outcome is known at once.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Turns keep-alive on, with its times (SO_KEEPALIVE, tcp(7)); `None` leaves it
    /// unchanged.
    #[doc(alias = "BIO_SOCK_KEEPALIVE")]
    pub fn keepalive(mut self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        self.stream.set_keepalive(keep_alive.into());
        self
    }

    /// Sends small segments at once (TCP_NODELAY); `false` leaves it unchanged.
    #[doc(alias = "BIO_SOCK_NODELAY")]
    pub fn nodelay(mut self, on: bool) -> Self {
        self.stream.bits.set(Options::NODELAY, on);
        self
    }

    /// TCP Fast Open (RFC 7413): the system reports the connection at once, and
    /// connects when the first bytes are written, which may fail as connecting does.
    /// `false` leaves it unchanged.
    #[doc(alias = "BIO_SOCK_TFO")]
    pub fn tfo(mut self, on: bool) -> Self {
        self.stream.bits.set(Options::TFO, on);
        self
    }

    pub(crate) fn is_tfo(&self) -> bool {
        self.stream.bits.contains(Options::TFO)
    }

    /// The options without those that a family lacks.
    pub(crate) fn fit_for(&self, family: Domain) -> Self {
        Self { stream: self.stream.fit_for(family), ..*self }
    }
}

/// What [`Socket::listen_with`](crate::Socket::listen_with) does in addition to
/// listening. On Linux accepted sockets inherit keep-alive, NODELAY and the rest.
///
/// ```
/// use biosock::{ListenOptions, Socket};
///
/// let addr = "[::1]:0".parse()?;
/// let listener = Socket::stream_for(&addr)?;
/// listener.listen_with(&addr, &ListenOptions::new().backlog(16).reuseaddr(true).v6only(true))?;
/// assert!(listener.reuseaddr()? && listener.v6only()?);
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ListenOptions {
    pub(crate) backlog: u32,
    pub(crate) stream: StreamOptions,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { backlog: sys::MAX_BACKLOG.unsigned_abs(), stream: StreamOptions::default() }
    }
}

impl ListenOptions {
    /// A backlog of SOMAXCONN, both IPv4 and IPv6 on the IPv6 wildcard, and nothing
    /// else set on the socket.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many connections may wait to be accepted: SOMAXCONN by default (4096 in
    /// glibc). The system caps it (on Linux at /proc/sys/net/core/somaxconn, read when
    /// the socket starts to listen), so `u32::MAX` requests the longest queue, and 0
    /// the shortest.
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = backlog;
        self
    }

    /// Allows binding an address in TIME_WAIT (SO_REUSEADDR); on Linux only if the
    /// previous listener had it too (socket(7)). `false` leaves it unchanged.
    #[doc(alias = "BIO_SOCK_REUSEADDR")]
    pub fn reuseaddr(mut self, on: bool) -> Self {
        self.stream.bits.set(Options::REUSEADDR, on);
        self
    }

    /// Whether an IPv6 listener refuses IPv4 connections (IPV6_V6ONLY). It is set on
    /// every IPv6 listener, whatever the system's default; listeners of other families
    /// are not affected.
    #[doc(alias = "BIO_SOCK_V6_ONLY")]
    pub fn v6only(mut self, on: bool) -> Self {
        self.stream.bits.set(Options::V6_ONLY, on);
        self
    }

    /// Turns keep-alive on, with its times (SO_KEEPALIVE, tcp(7)); `None` leaves it
    /// unchanged.
    #[doc(alias = "BIO_SOCK_KEEPALIVE")]
    pub fn keepalive(mut self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        self.stream.set_keepalive(keep_alive.into());
        self
    }

    /// Sends small segments at once (TCP_NODELAY); `false` leaves it unchanged.
    #[doc(alias = "BIO_SOCK_NODELAY")]
    pub fn nodelay(mut self, on: bool) -> Self {
        self.stream.bits.set(Options::NODELAY, on);
        self
    }

    /// TCP Fast Open (RFC 7413): connections may carry data in their SYN. `false`
    /// leaves it unchanged.
    #[doc(alias = "BIO_SOCK_TFO")]
    pub fn tfo(mut self, on: bool) -> Self {
        self.stream.bits.set(Options::TFO, on);
        self
    }

    /// The options without those that a family lacks.
    pub(crate) fn fit_for(&self, family: Domain) -> Self {
        Self { stream: self.stream.fit_for(family), ..*self }
    }
}

/// What connecting and listening both set: the flags, and the times that go with
/// [`Options::KEEPALIVE`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StreamOptions {
    pub(crate) keep_alive: Option<KeepAlive>,
    pub(crate) bits: Options,
}

impl StreamOptions {
    fn set_keepalive(&mut self, keep_alive: Option<KeepAlive>) {
        self.keep_alive = keep_alive;
        self.bits.set(Options::KEEPALIVE, keep_alive.is_some());
    }

    /// AF_UNIX lacks TCP's options, but has SO_KEEPALIVE, as every socket does.
    fn fit_for(self, family: Domain) -> Self {
        if family != Domain::UNIX {
            return self;
        }
        Self { keep_alive: None, bits: self.bits - (Options::NODELAY | Options::TFO) }
    }
}

/// The times of TCP keep-alive (tcp(7)). `None` keeps the system's value. The system
/// accepts whole seconds, from 1 to 32767.
///
/// ```
/// use std::time::Duration;
/// use biosock::KeepAlive;
///
/// let keep_alive = KeepAlive { idle: Some(Duration::from_secs(60)), ..KeepAlive::default() };
/// assert_eq!(keep_alive.probes, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long a connection is idle before the first probe (TCP_KEEPIDLE).
    pub idle: Option<Duration>,
    /// The time between probes (TCP_KEEPINTVL).
    pub interval: Option<Duration>,
    /// How many unanswered probes end the connection (TCP_KEEPCNT), 1 to 127.
    pub probes: Option<u32>,
}

bitflags! {
    /// BIO_connect(3)'s `BIO_SOCK_*` option flags, with its bits and meanings.
    ///
    /// Each routine acts on the flags that it knows and ignores the others, as
    /// OpenSSL's do. Leaving a flag out never *clears* the option, with one exception,
    /// which the flag's name implies: listening on IPv6 sets IPV6_V6ONLY to 0 or 1
    /// every time.
    ///
    /// ```
    /// use biosock::fd::Options;
    ///
    /// let options = Options::KEEPALIVE | Options::NODELAY;
    /// assert_eq!(options.bits(), 0x14);
    /// assert_eq!(Options::from_bits_truncate(0x1000), Options::empty());
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Options: u32 {
        /// SO_REUSEADDR: an address in TIME_WAIT can be bound again; on Linux only if
        /// the previous listener had it too (socket(7)).
        #[doc(alias = "BIO_SOCK_REUSEADDR")]
        const REUSEADDR = 0x01;
        /// IPV6_V6ONLY: an IPv6 listener refuses IPv4 connections.
        #[doc(alias = "BIO_SOCK_V6_ONLY")]
        const V6_ONLY = 0x02;
        /// SO_KEEPALIVE: probe an idle peer.
        #[doc(alias = "BIO_SOCK_KEEPALIVE")]
        const KEEPALIVE = 0x04;
        /// O_NONBLOCK: no call on the socket blocks.
        #[doc(alias = "BIO_SOCK_NONBLOCK")]
        const NONBLOCK = 0x08;
        /// TCP_NODELAY: send small segments at once (no Nagle algorithm, RFC 896).
        #[doc(alias = "BIO_SOCK_NODELAY")]
        const NODELAY = 0x10;
        /// TCP Fast Open (RFC 7413), for connecting and for listening.
        #[doc(alias = "BIO_SOCK_TFO")]
        const TFO = 0x20;
    }
}
