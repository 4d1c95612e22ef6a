//! From a name to every listener: a socket on each address that the name
//! gives, all on one port, accepted from fairly.
//!
//! ```
//! use biosock::{Cancel, Options};
//! use biosock::listeners::{Event, Listen};
//! # use biosock::dial::Dialer;
//!
//! let listeners = Listen::new().options(Options::REUSEADDR).listen("localhost:0")?;
//! let stop = Cancel::new()?;
//! # let dialed = Dialer::new().dial_addrs(&listeners.addrs()?);
//! # dialed.map_err(std::io::Error::from)?;
//! listeners.serve(Options::empty(), &stop, |event| match event {
//!     Event::Connection(_socket, peer) => {
//!         println!("hello {peer}");
//!         stop.cancel();
//!     }
//!     Event::Trouble { error, pause } => eprintln!("{error}; next try in {pause:?}"),
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod open;
mod passed;
mod serve;

use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicUsize;

use crate::{Domain, Error, Operation, Options, Result, Socket, SocketAddr, Syscall};

pub use serve::{AcceptAdvice, Event};

/// How to listen.
///
/// ```
/// use biosock::listeners::Listen;
///
/// let listeners = Listen::new().backlog(16).listen("127.0.0.1:0")?;
/// assert_eq!(listeners.sockets().len(), 1);
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Listen {
    options: Options,
    family: Domain,
    backlog: u32,
    reuseport: bool,
    device: Option<String>,
}

impl Default for Listen {
    fn default() -> Self {
        Self::new()
    }
}

impl Listen {
    /// The defaults: every family, no options, the longest backlog.
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
            options: Options::empty(),
            family: Domain::UNSPEC,
            backlog: u32::MAX,
            reuseport: false,
            device: None,
        }
    }

    /// Options for each socket, as of [`Socket::listen`].
    /// [`Options::V6_ONLY`] is always set, since IPv4 has sockets of its own.
    ///
    /// ```
    /// # use biosock::{Options, listeners::Listen};
    /// Listen::new().options(Options::REUSEADDR | Options::NODELAY).listen("127.0.0.1:0")?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Only addresses of this family ([`Domain::UNSPEC`] is any).
    ///
    /// ```
    /// # use biosock::{Domain, listeners::Listen};
    /// let listeners = Listen::new().family(Domain::IPV4).listen("*:0")?;
    /// assert_eq!(listeners.sockets().len(), 1);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn family(mut self, family: Domain) -> Self {
        self.family = family;
        self
    }

    /// The queue of connections not yet accepted, as of
    /// [`Socket::listen_with_backlog`].
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// Listen::new().backlog(128).listen("127.0.0.1:0")?;
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = backlog;
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

    /// Listens on every address that a target gives: `host:service`,
    /// `*:service` or `:service` for every address of the machine, a
    /// `service` alone, or `unix:PATH`.
    ///
    /// All sockets have the same port, also where the system chooses it (0).
    /// Where IPv6 is off, IPv4 serves alone. A stale socket file is replaced
    /// if nothing listens on it.
    ///
    /// # Errors
    /// Of the first address that could not be had, with nothing left open.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// let error = Listen::new().listen("203.0.113.1:0").unwrap_err();
    /// assert_eq!(error.to_string(), "bind to 203.0.113.1:0: cannot assign requested address (EADDRNOTAVAIL)");
    /// ```
    pub fn listen(&self, target: &str) -> Result<Listeners> {
        self.listen_addrs(&self.resolve(target)?)
    }

    /// Listens on each of these addresses. Those with port 0 get one port together.
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// let listeners = Listen::new().listen_addrs(&["127.0.0.1:0".parse()?, "unix:".parse()?])?;
    /// assert_eq!(listeners.sockets().len(), 2);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn listen_addrs(&self, addrs: &[SocketAddr]) -> Result<Listeners> {
        self.open(addrs).map(Listeners::new)
    }

    /// So many sets on the same addresses, for as many worker threads: the
    /// system shares connections between them (SO_REUSEPORT). None for 0.
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// let shards = Listen::new().shards(2, "127.0.0.1:0")?;
    /// assert_eq!(shards[0].addrs()?, shards[1].addrs()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn shards(&self, count: usize, target: &str) -> Result<Vec<Listeners>> {
        let sharing = Self { reuseport: true, ..self.clone() };
        let mut shards = Vec::with_capacity(count);
        let mut addrs = self.resolve(target)?;
        for _ in 0..count {
            let shard = sharing.listen_addrs(&addrs)?;
            addrs = shard.addrs()?;
            shards.push(shard);
        }
        Ok(shards)
    }
}

/// Listening sockets that are accepted from together. Dropping it closes
/// them; a socket file stays (see [`unlink`](Self::unlink)).
///
/// ```
/// use biosock::listeners::Listen;
///
/// let listeners = Listen::new().listen("*:0")?;
/// for addr in listeners.addrs()? {
///     println!("listening on {addr}");
/// }
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<Socket>,
    /// Whose turn it is to be asked first.
    turn: AtomicUsize,
}

impl Listeners {
    /// A set of sockets that were opened here: they listen and never wait.
    fn new(sockets: Vec<Socket>) -> Self {
        Self { sockets, turn: AtomicUsize::new(0) }
    }

    /// Takes over sockets that listen already, wherever they come from, and
    /// makes them non-blocking.
    ///
    /// # Errors
    /// A socket that does not listen; getsockopt(2)'s and ioctl(2)'s.
    ///
    /// ```
    /// use std::os::fd::OwnedFd;
    /// use biosock::Socket;
    /// use biosock::listeners::Listeners;
    ///
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let listeners = Listeners::take_over(vec![Socket::from(OwnedFd::from(listener))])?;
    /// assert!(listeners.sockets()[0].is_nonblocking()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_over(sockets: Vec<Socket>) -> Result<Self> {
        for socket in &sockets {
            if !socket.is_listening()? {
                let addr = socket.local_addr()?.to_string();
                return Err(Error::bad_text(None, addr.as_bytes(), 0, "this socket does not listen"));
            }
            socket.set_nonblocking(true)?;
        }
        Ok(Self::new(sockets))
    }

    /// The sockets.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// assert!(Listen::new().listen("127.0.0.1:0")?.sockets()[0].is_listening()?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn sockets(&self) -> &[Socket] {
        &self.sockets
    }

    /// Gives the sockets up.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// use std::net::TcpListener;
    ///
    /// for socket in Listen::new().listen("127.0.0.1:0")?.into_sockets() {
    ///     let listener = TcpListener::try_from(socket)?;
    /// #   drop(listener);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_sockets(self) -> Vec<Socket> {
        self.sockets
    }

    /// The addresses that are listened on, in the sockets' order.
    ///
    /// # Errors
    /// getsockname(2)'s.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// assert_ne!(Listen::new().listen("127.0.0.1:0")?.addrs()?[0].port(), Some(0));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn addrs(&self) -> Result<Vec<SocketAddr>> {
        self.sockets.iter().map(Socket::local_addr).collect()
    }

    /// Copies of the descriptors that a child process inherits, in the
    /// sockets' order.
    ///
    /// # Errors
    /// dup(2)'s.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// assert_eq!(Listen::new().listen("127.0.0.1:0")?.inheritable()?.len(), 1);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn inheritable(&self) -> Result<Vec<OwnedFd>> {
        use std::os::fd::AsFd;
        let copy = |socket: &Socket| {
            crate::sys::inheritable(socket.as_fd()).map_err(|errno| {
                Error::system_call(Operation::Listen, Syscall::Dup, errno.raw_os_error(), None)
            })
        };
        self.sockets.iter().map(copy).collect()
    }

    /// Removes the socket files of the set, at the end of its use.
    ///
    /// # Errors
    /// unlink(2)'s. A file that is gone already is none.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// let path = std::env::temp_dir().join(format!("biosock-doc-{}", std::process::id()));
    /// let listeners = Listen::new().listen(&format!("unix:{}", path.display()))?;
    /// listeners.unlink()?;
    /// assert!(!path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unlink(&self) -> std::io::Result<()> {
        for addr in self.addrs()? {
            match addr.path().map(std::fs::remove_file) {
                Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}
