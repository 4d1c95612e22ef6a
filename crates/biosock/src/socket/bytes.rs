//! Sending and receiving.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::AsFd;

use crate::sys::{self, Errno};
use crate::{Error, Operation, Result, Socket, SocketAddr, Syscall};

impl Socket {
    /// Reads without consuming: the next read returns the same bytes (MSG_PEEK). 0
    /// means the end of the stream, or that `buf` is empty.
    ///
    /// # Errors
    /// recv(2)'s; would-block on a non-blocking socket that has received nothing.
    ///
    /// ```
    /// use std::io::Write;
    /// use biosock::Socket;
    ///
    /// let (mut one, two) = std::os::unix::net::UnixStream::pair()?;
    /// one.write_all(b"hello")?;
    /// let (two, mut room) = (Socket::from(two), [0; 8]);
    /// assert_eq!((two.peek(&mut room)?, two.peek(&mut room)?), (5, 5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> Result<usize> {
        finished(|| sys::peek(self.as_fd(), buf)).map_err(receive_error)
    }

    /// Receives one datagram, with the address that it came from. What does not fit
    /// into `buf` is discarded, as by recvfrom(2). The address is `None` if the system
    /// reports none (the sender is an unnamed Unix socket, or this is a stream, from
    /// which bytes are read), or one of a family that [`SocketAddr`] lacks.
    ///
    /// # Errors
    /// recvfrom(2)'s.
    ///
    /// ```
    /// use biosock::{Domain, Protocol, Socket, Type};
    ///
    /// let socket = || Socket::new(Domain::IPV4, Type::DGRAM, Protocol::DEFAULT);
    /// let (one, two) = (socket()?, socket()?);
    /// one.bind(&"127.0.0.1:0".parse()?)?;
    /// two.bind(&"127.0.0.1:0".parse()?)?;
    /// one.send_to(b"hello", &two.local_addr()?)?;
    /// let mut room = [0; 8];
    /// let (length, from) = two.recv_from(&mut room)?;
    /// assert_eq!((length, from), (5, Some(one.local_addr()?)));
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn recv_from(&self, buf: &mut [u8]) -> Result<(usize, Option<SocketAddr>)> {
        let (length, from) = finished(|| sys::recv_from(self.as_fd(), buf)).map_err(receive_error)?;
        Ok((length, from.as_sockaddr().to_addr()))
    }

    /// Sends one datagram to an address; never raises SIGPIPE. On a connected socket
    /// the system decides about the address: Linux uses it for datagrams and refuses it
    /// for streams, with EISCONN.
    ///
    /// # Errors
    /// sendto(2)'s: EMSGSIZE for a datagram that is too long.
    ///
    /// ```
    /// # use biosock::{Domain, Protocol, Socket, Type};
    /// let socket = Socket::new(Domain::IPV4, Type::DGRAM, Protocol::DEFAULT)?;
    /// let error = socket.send_to(&[0; 70_000], &"127.0.0.1:9".parse()?).unwrap_err();
    /// assert_eq!(error.to_string(), "send to 127.0.0.1:9: message too long (EMSGSIZE)");
    /// # Ok::<(), biosock::Error>(())
    /// ```
    pub fn send_to(&self, bytes: &[u8], addr: &SocketAddr) -> Result<usize> {
        let sent = addr.with_sockaddr(|raw| finished(|| sys::send_to(self.as_fd(), bytes, raw)));
        sent.map_err(|errno| {
            Error::system_call(Operation::Send, Syscall::Send, errno.raw_os_error(), None).at(addr)
        })
    }
}

fn receive_error(errno: Errno) -> Error {
    Error::system_call(Operation::Receive, Syscall::Recv, errno.raw_os_error(), None)
}

/// Repeats a call that a signal interrupted.
fn finished<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(finished(|| sys::recv(self.as_fd(), buf))?)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        Ok(finished(|| sys::recv_vectored(self.as_fd(), bufs))?)
    }
}

impl Write for &Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(finished(|| sys::send(self.as_fd(), buf))?)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(finished(|| sys::send_vectored(self.as_fd(), bufs))?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
