//! Listeners that a service manager opened and passed (socket activation,
//! sd_listen_fds(3)).

use std::env;

use super::Listeners;
use crate::{Error, Result, Socket, sys};

impl Listeners {
    /// Takes over the sockets that a service manager passed to this process,
    /// by the environment's LISTEN_PID and LISTEN_FDS; `None` where it passed
    /// none, or they were taken before.
    ///
    /// # Errors
    /// LISTEN_FDS is no number, or a descriptor is no listening socket.
    ///
    /// ```
    /// use biosock::listeners::{Listen, Listeners};
    ///
    /// let listeners = match Listeners::passed()? {
    ///     Some(passed) => passed,
    ///     None => Listen::new().listen("localhost:0")?,
    /// };
    /// # assert!(!listeners.sockets().is_empty());
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "sd_listen_fds")]
    pub fn passed() -> Result<Option<Self>> {
        let (Ok(pid), Ok(count)) = (env::var("LISTEN_PID"), env::var("LISTEN_FDS")) else { return Ok(None) };
        if pid.parse() != Ok(std::process::id()) {
            return Ok(None);
        }
        let count: u16 = count
            .parse()
            .map_err(|_| Error::bad_text(None, count.as_bytes(), 0, "LISTEN_FDS is no number up to 65535"))?;
        let sockets: Vec<_> = sys::take_passed(count).into_iter().map(Socket::from).collect();
        if sockets.is_empty() {
            return Ok(None);
        }
        Self::take_over(sockets).map(Some)
    }
}
