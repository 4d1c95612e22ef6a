//! The options for listening, and the functions that start it.

use super::Listeners;
use crate::{Family, KeepAlive, ListenOptions, Result, SocketAddr};

/// The options for listening.
///
/// ```
/// use biosock::listeners::Listen;
///
/// let listeners = Listen::new().backlog(16).listen("127.0.0.1:0")?;
/// assert_eq!(listeners.sockets().len(), 1);
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Listen {
    /// For each socket; those of TCP do not apply to a Unix path.
    pub(super) options: ListenOptions,
    pub(super) family: Family,
    pub(super) reuseaddr: bool,
    pub(super) reuseport: bool,
    pub(super) device: Option<String>,
}

impl Default for Listen {
    fn default() -> Self {
        Self::new()
    }
}

impl Listen {
    /// The defaults: every family, SO_REUSEADDR on TCP sockets and no other option, the
    /// longest backlog that the system allows.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// let listeners = Listen::new().listen("localhost:0")?;
    /// let ports: Vec<_> = listeners.addrs()?.iter().map(|addr| addr.port()).collect();
    /// assert!(ports.windows(2).all(|pair| pair[0] == pair[1]));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn new() -> Self {
        Self {
            options: ListenOptions::new().backlog(u32::MAX),
            family: Family::Any,
            reuseaddr: true,
            reuseport: false,
            device: None,
        }
    }

    /// Turns keep-alive on, with its times (SO_KEEPALIVE, tcp(7)), which accepted
    /// sockets inherit on Linux; `None`, the default, leaves it off.
    ///
    /// ```
    /// # use biosock::{KeepAlive, listeners::Listen};
    /// let listeners = Listen::new().keepalive(KeepAlive::default()).listen("127.0.0.1:0")?;
    /// assert!(listeners.sockets()[0].keepalive()?.is_some());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn keepalive(mut self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        self.options = self.options.keepalive(keep_alive);
        self
    }

    /// Whether accepted sockets send small segments at once (TCP_NODELAY), on Linux;
    /// off by default. A Unix socket ignores it.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// assert!(Listen::new().nodelay(true).listen("127.0.0.1:0")?.sockets()[0].nodelay()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn nodelay(mut self, on: bool) -> Self {
        self.options = self.options.nodelay(on);
        self
    }

    /// Whether connections may carry data in their SYN (TCP Fast Open, RFC 7413); off
    /// by default. A Unix socket ignores it.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// Listen::new().tfo(true).listen("127.0.0.1:0")?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn tfo(mut self, on: bool) -> Self {
        self.options = self.options.tfo(on);
        self
    }

    /// Whether TCP sockets have SO_REUSEADDR (socket(7)); on by default: a restarted
    /// server then gets its port at once, although connections of the previous process
    /// are in TIME_WAIT. On Linux it does not allow a port that another socket listens
    /// on.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// Listen::new().reuseaddr(false).listen("127.0.0.1:0")?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "SO_REUSEADDR")]
    pub fn reuseaddr(mut self, reuseaddr: bool) -> Self {
        self.reuseaddr = reuseaddr;
        self
    }

    /// Uses only addresses of this family; any by default. A target without an address
    /// of it is refused.
    ///
    /// ```
    /// # use biosock::{Family, listeners::Listen};
    /// let listeners = Listen::new().family(Family::Ipv4).listen("*:0")?;
    /// assert_eq!(listeners.sockets().len(), 1);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// The queue of connections not yet accepted, as for [`ListenOptions::backlog`]; by
    /// default the longest that the system allows.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// Listen::new().backlog(128).listen("127.0.0.1:0")?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.options = self.options.backlog(backlog);
        self
    }

    /// The network interface of every socket (SO_BINDTODEVICE).
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// assert!(Listen::new().device("no-such-device").listen("127.0.0.1:0").is_err());
    /// ```
    pub fn device(mut self, device: impl Into<String>) -> Self {
        self.device = Some(device.into());
        self
    }

    /// Listens on every address of a target: `host:service`, `*:service` or `:service`
    /// for every address of the machine, a `service` alone, or `unix:PATH`.
    ///
    /// All sockets have the same port, even if the system chooses it (0). IPv6 sockets
    /// accept only IPv6. If IPv6 is off, only IPv4 is used.
    ///
    /// Looking a name up may take as long as the resolver takes; a numeric address, or
    /// none, needs no server.
    ///
    /// The file of a Unix socket that nothing listens on any more is replaced; any
    /// other file is kept. [`Listeners::unlink`] removes it at the end.
    ///
    /// # Errors
    /// That of the first address that failed, with nothing left open: a name that is
    /// not found, eventfd(2)'s, socket(2)'s, setsockopt(2)'s, bind(2)'s, listen(2)'s, a
    /// file that is not a socket. An empty target is refused, and so are a name with
    /// more than 256 addresses, and a Unix address without a path or @name, for which
    /// bind(2) would choose one.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// let error = Listen::new().listen("203.0.113.1:0").unwrap_err();
    /// assert_eq!(error.to_string(), "bind to 203.0.113.1:0: cannot assign requested address (EADDRNOTAVAIL)");
    /// ```
    pub fn listen(&self, target: &str) -> Result<Listeners> {
        self.listen_addrs(&self.resolve(target)?)
    }

    /// Listens on each of these addresses. Those with port 0 get the same port.
    ///
    /// # Errors
    /// As [`listen`](Self::listen), and if there is no address.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// let listeners = Listen::new().listen_addrs(&["127.0.0.1:0".parse()?, "[::1]:0".parse()?])?;
    /// assert_eq!(listeners.sockets().len(), 2);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn listen_addrs(&self, addrs: &[SocketAddr]) -> Result<Listeners> {
        self.open(addrs)
    }

    /// Opens `count` sets on the same addresses, for as many worker threads: the system
    /// distributes connections between them by SO_REUSEPORT, which also lets other
    /// processes of this user join. Sets on a Unix address share its one queue. Empty
    /// for 0.
    ///
    /// Dropping a set discards the connections in its queue: drop all sets together.
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    ///
    /// ```
    /// use std::thread;
    /// use biosock::listeners::{Event, Listen};
    /// use biosock::Cancel;
    ///
    /// let shards = Listen::new().shards(2, "127.0.0.1:0")?;
    /// assert_eq!(shards[0].addrs()?, shards[1].addrs()?);
    /// let cancel = Cancel::new()?;
    /// thread::scope(|workers| {
    ///     for shard in &shards {
    ///         workers.spawn(|| shard.serve(&cancel, |event| println!("{event:?}")));
    ///     }
    ///     cancel.cancel();
    /// });
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "SO_REUSEPORT")]
    pub fn shards(&self, count: usize, target: &str) -> Result<Vec<Listeners>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let sharing = Self { reuseport: true, ..self.clone() };
        let first = sharing.listen(target)?;
        let others: Result<Vec<_>> = (1..count).map(|_| sharing.open_beside(&first)).collect();
        match others {
            Ok(others) => Ok(std::iter::once(first).chain(others).collect()),
            Err(error) => {
                // A file that is left is found stale by the next listener.
                let _ = first.unlink();
                Err(error)
            }
        }
    }
}
