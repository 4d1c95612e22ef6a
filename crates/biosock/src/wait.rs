//! Waiting until a socket is readable or writable, after BIO_socket_wait(3), by
//! poll(2), which takes descriptors of any number.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use crate::{Error, Interest, Operation, Result, Socket, Syscall, sys};

impl Socket {
    /// Waits until the socket is ready, for at most `timeout`: returns `true` when it
    /// is ready and `false` if the time passes. Zero only checks; `None` waits
    /// indefinitely. A signal does not end the wait.
    ///
    /// # Errors
    /// poll(2)'s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use biosock::{Interest, Socket};
    ///
    /// let addr = "127.0.0.1:0".parse()?;
    /// let listener = Socket::stream_for(&addr)?;
    /// listener.listen(&addr)?;
    /// assert!(!listener.wait(Interest::Read, Some(Duration::ZERO))?);
    /// # Ok::<(), biosock::Error>(())
    /// ```
    #[doc(alias = "BIO_socket_wait")]
    pub fn wait(&self, interest: Interest, timeout: Option<Duration>) -> Result<bool> {
        wait(self.as_fd(), interest, timeout)
    }
}

/// As [`Socket::wait`], for any descriptor, such as a pipe's, a terminal's or another
/// type of socket's.
///
/// # Errors
/// poll(2)'s.
///
/// ```
/// use std::time::Duration;
/// use biosock::Interest;
///
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// assert!(!biosock::wait(&socket, Interest::Read, Some(Duration::from_millis(1)))?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BIO_socket_wait")]
pub fn wait(fd: impl AsFd, interest: Interest, timeout: Option<Duration>) -> Result<bool> {
    wait_for(fd.as_fd(), interest, timeout)
}

fn wait_for(fd: BorrowedFd<'_>, interest: Interest, timeout: Option<Duration>) -> Result<bool> {
    // A deadline beyond the clock's range is none.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut left = timeout;
    loop {
        match sys::poll(fd, interest, left) {
            Err(sys::Errno::INTR) => {
                left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
            }
            Err(errno) => {
                let errno = errno.raw_os_error();
                return Err(Error::system_call(Operation::Wait, Syscall::Poll, errno, None));
            }
            Ok(ready) => return Ok(ready),
        }
    }
}
