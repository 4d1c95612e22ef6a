//! The set of listening sockets, wherever they come from.

use std::error::Error as StdError;
use std::fmt;

use super::acceptor::{Pool, Sources};
use super::file::SocketFile;
use crate::error::Refusal;
use crate::{Error, Operation, Result, Socket, SocketAddr};

/// Listening sockets to accept from together. Dropping it closes them; a socket file
/// stays (see [`unlink`](Self::unlink)).
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
    pub(super) sockets: Vec<Socket>,
    /// Those created here.
    pub(super) files: Vec<SocketFile>,
    /// Its threads' acceptors.
    pub(super) pool: Pool,
}

impl Listeners {
    /// What its acceptors wait for.
    pub(super) fn sources(&self) -> Sources<'_> {
        Sources { sockets: &self.sockets, pool: &self.pool }
    }

    /// An empty set with this capacity.
    pub(super) fn with_room(count: usize) -> Result<Self> {
        Ok(Self { sockets: Vec::with_capacity(count), files: Vec::new(), pool: Pool::new()? })
    }

    /// Takes over sockets that are already listening, wherever they come from, and
    /// makes them non-blocking.
    ///
    /// # Errors
    /// There are none, or one does not listen; those of eventfd(2), getsockopt(2) and
    /// ioctl(2). All sockets are closed.
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
        Ok(Self::try_take_over(sockets)?)
    }

    /// Like [`take_over`](Self::take_over), but an error returns the sockets
    /// unchanged: open, and each in its mode.
    ///
    /// # Errors
    /// Those of [`take_over`](Self::take_over).
    ///
    /// ```
    /// use std::os::fd::OwnedFd;
    /// use biosock::Socket;
    /// use biosock::listeners::Listeners;
    ///
    /// let datagrams = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let error = Listeners::try_take_over(vec![OwnedFd::from(datagrams).into()]).unwrap_err();
    /// assert!(error.to_string().contains("does not listen"));
    /// assert!(!error.into_sockets()[0].is_nonblocking()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_take_over(sockets: Vec<Socket>) -> Result<Self, TakeOverError> {
        Self::take_over_with(sockets, Pool::new)
    }

    pub(super) fn take_over_with(
        sockets: Vec<Socket>,
        pool: impl FnOnce() -> Result<Pool>,
    ) -> Result<Self, TakeOverError> {
        match pool().and_then(|pool| prepare(&sockets).map(|()| pool)) {
            Ok(pool) => {
                // Whatever opened them may accept as well.
                pool.share();
                Ok(Self { sockets, files: Vec::new(), pool })
            }
            Err(error) => Err(TakeOverError { error, sockets }),
        }
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

    /// Returns the sockets.
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

    /// The addresses listened on, in the sockets' order.
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

    /// The socket files created for this set, not those of sockets that were taken
    /// over.
    ///
    /// ```
    /// # use biosock::listeners::Listen;
    /// assert!(Listen::new().listen("127.0.0.1:0")?.files().is_empty());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn files(&self) -> &[SocketFile] {
        &self.files
    }

    /// Removes these files, once they are no longer needed: each by
    /// [`SocketFile::remove`].
    ///
    /// # Errors
    /// The first of unlink(2)'s. A file that is already gone is not an error.
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
        unlink(&self.files, SocketFile::remove)
    }
}

/// Why sockets were not taken over, with the sockets, from
/// [`Listeners::try_take_over`].
///
/// ```
/// use biosock::listeners::{Listeners, TakeOverError};
///
/// let none: TakeOverError = Listeners::try_take_over(Vec::new()).unwrap_err();
/// assert_eq!(none.to_string(), "listen: no address to listen on");
/// assert!(none.into_sockets().is_empty());
/// ```
#[derive(Debug)]
pub struct TakeOverError {
    error: Error,
    sockets: Vec<Socket>,
}

impl TakeOverError {
    /// Returns the sockets, open and each in its mode.
    ///
    /// ```
    /// # use std::os::fd::OwnedFd;
    /// # use biosock::listeners::Listeners;
    /// let datagrams = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let refused = Listeners::try_take_over(vec![OwnedFd::from(datagrams).into()]).unwrap_err();
    /// assert_eq!(refused.into_sockets().len(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn into_sockets(self) -> Vec<Socket> {
        self.sockets
    }

    /// The error and the sockets.
    ///
    /// ```
    /// # use biosock::listeners::Listeners;
    /// let (error, sockets) = Listeners::try_take_over(Vec::new()).unwrap_err().into_parts();
    /// assert!(error.raw_os_error().is_none() && sockets.is_empty());
    /// ```
    #[must_use]
    pub fn into_parts(self) -> (Error, Vec<Socket>) {
        (self.error, self.sockets)
    }
}

impl fmt::Display for TakeOverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

// The error is an OS error or a refusal, and has no source.
impl StdError for TakeOverError {}

impl From<TakeOverError> for Error {
    /// Closes the sockets.
    fn from(failed: TakeOverError) -> Self {
        failed.error
    }
}

/// Checks all, then makes all non-blocking, or none.
fn prepare(sockets: &[Socket]) -> Result<()> {
    if sockets.is_empty() {
        return Err(Error::refused(Operation::Listen, Refusal::NoAddress));
    }
    let mut blocking = Vec::with_capacity(sockets.len());
    for socket in sockets {
        if !socket.is_listening()? {
            let error = Error::refused(Operation::Listen, Refusal::NotListening);
            return Err(error.at(&socket.local_addr()?));
        }
        if !socket.is_nonblocking()? {
            blocking.push(socket);
        }
    }
    for (done, socket) in blocking.iter().enumerate() {
        if let Err(error) = socket.set_nonblocking(true) {
            for socket in &blocking[..done] {
                // This should succeed, since the opposite just did.
                let _ = socket.set_nonblocking(false);
            }
            return Err(error);
        }
    }
    Ok(())
}

pub(super) fn unlink(
    files: &[SocketFile],
    remove: impl Fn(&SocketFile) -> std::io::Result<()>,
) -> std::io::Result<()> {
    // Removes as many as possible.
    files.iter().map(remove).fold(Ok(()), std::io::Result::and)
}
