//! The dialer: the options of a dial.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "tokio")]
use super::async_resolver::AsyncResolver;
use super::history::AddressHistory;
use super::lookups;
use super::race::Pace;
use super::resolver::Resolver;
use super::settings::{OnLookup, Settings};
use crate::{Cancel, Domain, Error, Family, KeepAlive, SocketAddr, Type};

/// The options of a dial. One value serves any number of dials, from any thread.
///
/// ```
/// use std::time::Duration;
/// use biosock::dial::Dialer;
///
/// let dialer = Dialer::new().timeout(Duration::from_secs(5));
/// let failed = dialer.dial("127.0.0.1:1").unwrap_err();
/// assert_eq!(failed.hint(), Some("nothing listens there; check the port and that the server runs"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Dialer {
    pub(super) settings: Settings,
    pub(super) timeout: Option<Duration>,
    pub(super) resolver: Arc<dyn Resolver>,
    /// Whether the resolver is the default.
    pub(super) asks_the_system: bool,
    #[cfg(feature = "tokio")]
    pub(super) async_resolver: Option<Arc<dyn AsyncResolver>>,
    pub(super) history: Option<Arc<AddressHistory>>,
    pub(super) cancel: Option<Cancel>,
}

impl Default for Dialer {
    fn default() -> Self {
        Self::new()
    }
}

impl Dialer {
    /// The defaults: any family, a stream, the RFC's pace, the system's resolver, no
    /// deadline, no history.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// assert!(Dialer::new().dial("127.0.0.1:1").is_err());
    /// ```
    pub fn new() -> Self {
        Self {
            settings: Settings::default(),
            timeout: None,
            resolver: lookups::system_resolver(),
            asks_the_system: true,
            #[cfg(feature = "tokio")]
            async_resolver: None,
            history: None,
            cancel: None,
        }
    }

    /// One deadline for everything, lookups included. Without it a dial lasts until the
    /// system gives up its last attempt.
    ///
    /// ```
    /// # use biosock::dial::{DialFailure, Dialer};
    /// # use std::time::Duration;
    /// let late = Dialer::new().timeout(Duration::ZERO).dial("127.0.0.1:1").unwrap_err();
    /// assert!(matches!(late.failure(), DialFailure::TimedOut));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How fast the race goes.
    ///
    /// ```
    /// # use biosock::dial::{Dialer, Pace};
    /// let one_try = Pace { max_attempts: 1, ..Pace::default() };
    /// let addrs = ["127.0.0.1:1".parse()?, "127.0.0.2:1".parse()?];
    /// let failed = Dialer::new().pace(one_try).dial_addrs(&addrs).unwrap_err();
    /// assert_eq!(failed.report().attempts.len(), 1);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn pace(mut self, pace: Pace) -> Self {
        self.settings.pace = pace;
        self
    }

    /// Uses only addresses of this family; any by default.
    ///
    /// ```
    /// # use biosock::{Domain, Family, dial::Dialer};
    /// let failed = Dialer::new().family(Family::Ipv4).dial("localhost:1").unwrap_err();
    /// assert!(failed.report().attempts.iter().all(|attempt| attempt.addr.family() == Domain::IPV4));
    /// ```
    pub fn family(mut self, family: Family) -> Self {
        self.settings.family = family;
        self
    }

    /// The socket type; a stream by default. A datagram socket only records its peer,
    /// so the first address that the system has a route to wins.
    ///
    /// ```
    /// # use biosock::{Type, dial::Dialer};
    /// let dialed = Dialer::new().socktype(Type::DGRAM).dial("127.0.0.1:9")?;
    /// assert_eq!(dialed.socket.socktype()?, Type::DGRAM);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn socktype(mut self, socktype: Type) -> Self {
        self.settings.socktype = socktype;
        self
    }

    /// Turns keep-alive on for every attempt, with its times (SO_KEEPALIVE, tcp(7));
    /// `None`, the default, leaves it off.
    ///
    /// ```
    /// # use biosock::{KeepAlive, dial::Dialer};
    /// use std::time::Duration;
    ///
    /// let idle = Some(Duration::from_secs(60));
    /// let dialer = Dialer::new().keepalive(KeepAlive { idle, ..KeepAlive::default() });
    /// ```
    pub fn keepalive(mut self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        self.settings.connect = self.settings.connect.keepalive(keep_alive);
        self
    }

    /// Whether small segments are sent at once (TCP_NODELAY); off by default. Attempts
    /// at a Unix path ignore it.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let dialed = Dialer::new().nodelay(true).dial("127.0.0.1:1");
    /// # drop(dialed);
    /// ```
    pub fn nodelay(mut self, on: bool) -> Self {
        self.settings.connect = self.settings.connect.nodelay(on);
        self
    }

    /// Whether to use TCP Fast Open (RFC 7413); off by default. Attempts at a Unix path
    /// ignore it.
    ///
    /// With it the system reports a connection before the peer has answered, so the
    /// first attempt wins: use it for a single address, without a race.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let dialer = Dialer::new().tfo(true);
    /// ```
    pub fn tfo(mut self, on: bool) -> Self {
        self.settings.connect = self.settings.connect.tfo(on);
        self
    }

    /// Whether the connected socket is non-blocking; off by default. The socket from
    /// `dial_async` always is.
    ///
    /// ```
    /// # use biosock::{Socket, dial::Dialer};
    /// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// # listener.listen(&"127.0.0.1:0".parse()?)?;
    /// let dialed = Dialer::new().nonblocking(true).dial_addrs(&[listener.local_addr()?])?;
    /// assert!(dialed.socket.is_nonblocking()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn nonblocking(mut self, on: bool) -> Self {
        self.settings.nonblocking = on;
        self
    }

    /// Whether attempts may share a [source](Self::source), and bind it again in
    /// TIME_WAIT (SO_REUSEADDR); off by default.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let dialer = Dialer::new().source("0.0.0.0:40000".parse()?).reuseaddr(true);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn reuseaddr(mut self, on: bool) -> Self {
        self.settings.reuseaddr = on;
        self
    }

    /// Uses Multipath TCP if the kernel has it, otherwise TCP.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let dialer = Dialer::new().mptcp(true);
    /// ```
    pub fn mptcp(mut self, on: bool) -> Self {
        self.settings.mptcp = on;
        self
    }

    /// The source address of IPv4 attempts.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let dialer = Dialer::new().source_v4([192, 0, 2, 1].into());
    /// assert!(dialer.dial("127.0.0.1:1").is_err());
    /// ```
    pub fn source_v4(mut self, source: Ipv4Addr) -> Self {
        self.settings.source_v4 = Some(SocketAddrV4::new(source, 0));
        self
    }

    /// The source address of IPv6 attempts.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let dialer = Dialer::new().source_v6("2001:db8::1".parse()?);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn source_v6(mut self, source: Ipv6Addr) -> Self {
        self.settings.source_v6 = Some(SocketAddrV6::new(source, 0, 0, 0));
        self
    }

    /// The source of attempts of this address's family, with its port; port 0 lets the
    /// system choose one. Simultaneous attempts share a given port only with
    /// [`reuseaddr`](Self::reuseaddr). A Unix address changes nothing.
    ///
    /// ```
    /// # use biosock::{Socket, dial::Dialer};
    /// # let listener = Socket::stream_for(&"127.0.0.1:0".parse()?)?;
    /// # listener.listen(&"127.0.0.1:0".parse()?)?;
    /// # let addr = listener.local_addr()?;
    /// let dialed = Dialer::new().source("127.0.0.9:0".parse()?).dial_addrs(&[addr])?;
    /// assert_eq!(dialed.socket.local_addr()?.ip(), Some([127, 0, 0, 9].into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn source(mut self, source: SocketAddr) -> Self {
        match source {
            SocketAddr::V4(source) => self.settings.source_v4 = Some(source),
            SocketAddr::V6(source) => self.settings.source_v6 = Some(source),
            SocketAddr::Unix(_) => {}
        }
        self
    }

    /// The network interface of every attempt (SO_BINDTODEVICE, socket(7)); an empty
    /// name means any.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let failed = Dialer::new().device("no-such-device").dial("127.0.0.1:1").unwrap_err();
    /// assert!(!failed.report().attempts.is_empty());
    /// ```
    pub fn device(self, device: impl Into<String>) -> Self {
        let device = device.into();
        self.device_v4(device.clone()).device_v6(device)
    }

    /// The network interface of IPv4 attempts.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let dialer = Dialer::new().device_v4("eth0").device_v6("tunnel");
    /// ```
    pub fn device_v4(mut self, device: impl Into<String>) -> Self {
        self.settings.device_v4 = Some(device.into());
        self
    }

    /// The network interface of IPv6 attempts.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let failed = Dialer::new().device_v6("no-such-device").dial("[::1]:1").unwrap_err();
    /// assert!(failed.report().to_string().contains("no-such-device"));
    /// ```
    pub fn device_v6(mut self, device: impl Into<String>) -> Self {
        self.settings.device_v6 = Some(device.into());
        self
    }

    /// How many addresses of the family that goes first are tried before one of the
    /// other (RFC 8305, section 4: "First Address Family Count"): 1 by default, and 0
    /// means 1.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let addrs = ["[::1]:1".parse()?, "[::1]:2".parse()?, "127.0.0.1:1".parse()?];
    /// let failed = Dialer::new().first_family_count(2).dial_addrs(&addrs).unwrap_err();
    /// assert_eq!(failed.report().attempts[1].addr, addrs[1]);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn first_family_count(mut self, count: usize) -> Self {
        self.settings.first_family_count = count;
        self
    }

    /// Whether to reach IPv4 addresses through a NAT64 if the machine has no route for
    /// IPv4 (ENETUNREACH): off by default, since it queries a DNS server even for a
    /// numeric target. The network's prefix is looked up by RFC 7050, and addresses are
    /// synthesized by RFC 6052 (RFC 8305, section 7). The report has the attempts, but
    /// not that lookup.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let dialer = Dialer::new().nat64(true);
    /// ```
    pub fn nat64(mut self, on: bool) -> Self {
        self.settings.nat64 = on;
        self
    }

    /// Calls this when a lookup has ended, on the dial's thread or task: with the
    /// family, the time since the start of the dial, and the answer. Use it instead of
    /// wrapping a resolver to see its answers: a wrapper that does not forward
    /// [`known`](Resolver::known) costs threads.
    ///
    /// ```
    /// # use biosock::dial::Dialer;
    /// let dialer = Dialer::new().on_lookup(|family, took, answer| match answer {
    ///     Ok(addrs) => println!("{family} after {took:?}: {} addresses", addrs.len()),
    ///     Err(error) => println!("{family} after {took:?}: {error}"),
    /// });
    /// assert!(dialer.dial("localhost:1").is_err());
    /// ```
    pub fn on_lookup(
        mut self,
        call: impl Fn(Domain, Duration, crate::Result<&[SocketAddr], &Error>) + Send + Sync + 'static,
    ) -> Self {
        self.settings.on_lookup = Some(OnLookup(Arc::new(call)));
        self
    }

    /// What resolves names, on threads; the system's by default.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use biosock::dial::{Dialer, SystemResolver};
    /// let dialer = Dialer::new().resolver(Arc::new(SystemResolver));
    /// ```
    pub fn resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = resolver;
        self.asks_the_system = false;
        self
    }

    /// What resolves names for [`dial_async`](Self::dial_async), without a thread.
    /// [`dial`](Self::dial) does not use it.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use biosock::dial::{AsyncResolver, Dialer, Question, Resolving};
    /// # #[derive(Debug)]
    /// # struct Nobody;
    /// # impl AsyncResolver for Nobody {
    /// #     fn resolve(&self, _: Question) -> Resolving<'_> {
    /// #         Box::pin(std::future::ready(Ok(vec![])))
    /// #     }
    /// # }
    /// let dialer = Dialer::new().async_resolver(Arc::new(Nobody));
    /// ```
    #[cfg(feature = "tokio")]
    pub fn async_resolver(mut self, resolver: Arc<dyn AsyncResolver>) -> Self {
        self.async_resolver = Some(resolver);
        self.asks_the_system = false;
        self
    }

    /// The history of addresses, which dials may share.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use biosock::dial::{AddressHistory, Dialer};
    /// let dialer = Dialer::new().history(Arc::new(AddressHistory::new(128)));
    /// ```
    pub fn history(mut self, history: Arc<AddressHistory>) -> Self {
        self.history = Some(history);
        self
    }

    /// Ends the dials when this or a clone of it is cancelled, now or later.
    ///
    /// ```
    /// # use biosock::{Cancel, dial::Dialer};
    /// let cancel = Cancel::new()?;
    /// cancel.cancel();
    /// assert!(Dialer::new().cancel(cancel).dial("localhost:1").is_err());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = Some(cancel);
        self
    }
}
