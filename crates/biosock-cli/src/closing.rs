//! Closing a connection without losing sent data.
//!
//! Closing a TCP socket with unread input resets the connection and discards
//! its send queue (RFC 1122, section 4.2.2.13). So every connection that may
//! have unread input is shut down for writing, then read until the peer ends,
//! and only then closed.

use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant};

use biosock::{Protocol, Shutdown, Socket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::failure::{Failure, Result, has_errno};
use crate::traffic::BUFFER;

/// When a peer is given up on.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// It neither acknowledged nor sent anything for this long.
    silent: Duration,
    /// It has sent for this long, but acknowledged nothing new: its data is
    /// discarded, and must not keep the connection open indefinitely.
    sending: Duration,
}

const LIMITS: Limits = Limits { silent: Duration::from_secs(10), sending: Duration::from_secs(60) };

/// There is no event for an acknowledgment: the queue is polled, at the first
/// interval initially, doubled up to the second.
const LOOKS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// Everything is acknowledged, and the peer has ended.
    PeerEnd,
    /// Everything is acknowledged. The peer's data is no longer needed and
    /// discarded, only so that the peer gets to read.
    Acknowledged,
}

/// Ends the connection. It is an error if the peer has not acknowledged all sent
/// data by the time it is gone or given up on.
pub(crate) fn close(socket: &Socket, peer: &SocketAddr, until: Until, fin: Fin) -> Result<()> {
    close_within(LIMITS, socket, peer, until, fin)
}

fn close_within(limits: Limits, socket: &Socket, peer: &SocketAddr, until: Until, fin: Fin) -> Result<()> {
    match socket.shutdown(Shutdown::Write) {
        // The connection is gone.
        Err(error) if has_errno(&error, Errno::NOTCONN) => {
            return gone(socket, peer, fin, socket.take_error()?);
        }
        result => result?,
    }
    // A command's children may read from it too, so a read must not block.
    socket.set_nonblocking(true)?;
    let (unsent, acknowledged) = (unsent(socket, peer), Instant::now());
    Closing { limits, socket, peer, unsent, look: LOOKS.0, acknowledged }.run(until)
}

struct Closing<'a> {
    limits: Limits,
    socket: &'a Socket,
    peer: &'a SocketAddr,
    unsent: usize,
    look: Duration,
    /// When the peer last acknowledged something, or closing began.
    acknowledged: Instant,
}

impl Closing<'_> {
    fn run(&mut self, until: Until) -> Result<()> {
        let mut ended = false;
        let mut progress = self.acknowledged;
        let mut buffer = vec![0; BUFFER];
        loop {
            let unsent = unsent(self.socket, self.peer);
            if unsent < self.unsent {
                progress = Instant::now();
                (self.acknowledged, self.look) = (progress, LOOKS.0);
            }
            self.unsent = unsent;
            if unsent == 0 && (ended || until == Until::Acknowledged) {
                return Ok(());
            }
            if progress.elapsed() >= self.limits.silent || self.acknowledged.elapsed() >= self.limits.sending
            {
                return self.given_up();
            }
            if ended && self.is_gone()? {
                return gone(self.socket, self.peer, Fin::Queued, self.socket.take_error()?);
            }
            if !self.wait(ended)? {
                continue;
            }
            match { self.socket }.read(&mut buffer) {
                Ok(0) => ended = true,
                Ok(_) if until == Until::PeerEnd => progress = Instant::now(),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return gone(self.socket, self.peer, Fin::Queued, Some(error)),
            }
        }
    }

    /// Waits until there may be input or it is time to poll the queue. Returns
    /// whether to read.
    fn wait(&mut self, ended: bool) -> Result<bool> {
        let look = if self.unsent == 0 { LOOKS.1 } else { self.look };
        self.look = (self.look * 2).min(LOOKS.1);
        if ended {
            // poll(2) would return at once, since both sides have ended.
            thread::sleep(look);
            return Ok(false);
        }
        let mut fds = [PollFd::new(self.socket, PollFlags::IN)];
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(look.subsec_nanos()) };
        match poll(&mut fds, Some(&timeout)) {
            Err(Errno::INTR) | Ok(0) => Ok(false),
            Err(errno) => Err(Failure::io("poll", &errno.into())),
            Ok(_) => Ok(true),
        }
    }

    /// Whether the connection was reset, after the peer's end.
    fn is_gone(&self) -> Result<bool> {
        let mut fds = [PollFd::new(self.socket, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        match poll(&mut fds, Some(&now)) {
            Err(Errno::INTR) => Ok(false),
            Err(errno) => Err(Failure::io("poll", &errno.into())),
            Ok(_) => Ok(fds[0].revents().contains(PollFlags::ERR)),
        }
    }

    fn given_up(&self) -> Result<()> {
        match without_fin(self.unsent, Fin::Queued) {
            0 => Ok(()),
            unsent => {
                let after = self.acknowledged.elapsed().as_secs();
                let what =
                    format!("{unsent} bytes not acknowledged, given up after {after} s without progress");
                Err(Failure::new(format!("send to {}: {what}", self.peer))
                    .with_errno(Some(Errno::TIMEDOUT.raw_os_error())))
            }
        }
    }
}

/// The connection is gone: both sides had ended, or it was reset or timed out.
/// No error if the peer had acknowledged every byte, since when a reset arrives
/// is chance.
fn gone(socket: &Socket, peer: &SocketAddr, fin: Fin, error: Option<io::Error>) -> Result<()> {
    let acknowledged = socket.unsent().is_ok_and(|unsent| without_fin(unsent, fin) == 0);
    // TCP keeps counting what was not acknowledged. A Unix peer is gone with an
    // error only if it left something unread, and MPTCP that fell back to TCP
    // loses its count.
    let counts = socket.protocol().is_ok_and(|protocol| protocol == Protocol::TCP);
    if acknowledged && (counts || error.is_none()) {
        return Ok(());
    }
    let error = error.unwrap_or(Errno::CONNRESET.into());
    Err(Failure::socket(&format!("send to {peer}"), &error))
}

/// Whether the FIN is in the queue. It counts as a byte until it is
/// acknowledged, which happens after all bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fin {
    Queued,
    /// It may be, but this module has not seen it.
    NotKnown,
}

fn without_fin(unsent: usize, fin: Fin) -> usize {
    match fin {
        Fin::Queued => unsent.saturating_sub(1),
        Fin::NotKnown => unsent,
    }
}

/// How many bytes the peer has not acknowledged. What was written to a Unix
/// socket is already in the peer's queue, and stays there when this side closes.
fn unsent(socket: &Socket, peer: &SocketAddr) -> usize {
    match peer {
        SocketAddr::Unix(_) => 0,
        // MPTCP before Linux 5.17 does not report it.
        _ => socket.unsent().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::OwnedFd;

    use super::*;

    const SOON: Limits = Limits { silent: Duration::from_millis(300), sending: Duration::from_millis(600) };

    fn pair() -> (Socket, SocketAddr, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = Socket::from(OwnedFd::from(listener.accept().unwrap().0));
        let addr = socket.peer_addr().unwrap();
        (socket, addr, peer)
    }

    /// Fills the socket's buffers, which the peer does not read.
    fn fill(socket: &Socket) {
        socket.set_nonblocking(true).unwrap();
        while { socket }.write(&[b'x'; BUFFER]).is_ok() {}
    }

    #[test]
    fn a_peer_that_stops_acknowledging_is_given_up_on_with_an_error() {
        let (socket, addr, _peer) = pair();
        fill(&socket);
        let failure = close_within(SOON, &socket, &addr, Until::PeerEnd, Fin::NotKnown).unwrap_err();
        let message = failure.message();
        assert!(message.starts_with(&format!("send to {addr}: ")), "{message}");
        assert!(message.contains(" bytes not acknowledged, given up after "), "{message}");
    }

    #[test]
    fn a_peer_that_received_everything_but_never_ends_is_given_up_on() {
        let (socket, addr, _peer) = pair();
        { &socket }.write_all(b"all").unwrap();
        close_within(SOON, &socket, &addr, Until::PeerEnd, Fin::NotKnown).unwrap();
        assert_eq!(socket.unsent().unwrap(), 0);
    }

    #[test]
    fn a_peer_that_sends_forever_does_not_keep_the_connection_open() {
        let (socket, addr, mut peer) = pair();
        let sender = thread::spawn(move || while peer.write_all(&[b'x'; 4096]).is_ok() {});
        close_within(SOON, &socket, &addr, Until::PeerEnd, Fin::NotKnown).unwrap();
        drop(socket);
        sender.join().unwrap();
    }

    #[test]
    fn a_reset_is_an_error_if_something_was_not_acknowledged() {
        let (socket, addr, peer) = pair();
        fill(&socket);
        // Closing with input unread resets.
        let closer = thread::spawn(move || drop(peer));
        let failure = close_within(LIMITS, &socket, &addr, Until::PeerEnd, Fin::NotKnown).unwrap_err();
        assert!(failure.message().starts_with(&format!("send to {addr}: ")), "{}", failure.message());
        closer.join().unwrap();

        // The same if this side had ended, so that the connection is gone.
        let (socket, addr, peer) = pair();
        fill(&socket);
        socket.shutdown(Shutdown::Write).unwrap();
        drop(peer);
        until_reset(&socket);
        close_within(LIMITS, &socket, &addr, Until::PeerEnd, Fin::Queued).unwrap_err();

        // The same once the peer had ended.
        let (socket, addr, peer) = pair();
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        fill(&socket);
        let closer = thread::spawn(move || drop(peer));
        close_within(LIMITS, &socket, &addr, Until::PeerEnd, Fin::NotKnown).unwrap_err();
        closer.join().unwrap();
    }

    fn until_reset(socket: &Socket) {
        let mut fds = [PollFd::new(socket, PollFlags::empty())];
        while !fds[0].revents().contains(PollFlags::HUP) {
            poll(&mut fds, None).unwrap();
        }
    }

    fn until_acknowledged(socket: &Socket) {
        while socket.unsent().unwrap() > 0 {
            thread::sleep(LOOKS.0);
        }
    }

    /// Whether it comes before this side's end, after it, or during closing.
    #[test]
    fn a_reset_is_no_error_if_everything_was_acknowledged() {
        let unread = |peer: &TcpStream| while peer.peek(&mut [0; 5]).unwrap() < 5 {};
        // Closing with input unread resets.
        let (socket, addr, peer) = pair();
        { &socket }.write_all(b"hello").unwrap();
        unread(&peer);
        until_acknowledged(&socket);
        drop(peer);
        until_reset(&socket);
        close_within(LIMITS, &socket, &addr, Until::PeerEnd, Fin::NotKnown).unwrap();

        let (socket, addr, peer) = pair();
        { &socket }.write_all(b"hello").unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        unread(&peer);
        until_acknowledged(&socket);
        drop(peer);
        until_reset(&socket);
        close_within(LIMITS, &socket, &addr, Until::PeerEnd, Fin::Queued).unwrap();

        for ends in [false, true] {
            let (socket, addr, mut peer) = pair();
            { &socket }.write_all(b"hello").unwrap();
            if ends {
                peer.shutdown(std::net::Shutdown::Write).unwrap();
            }
            let closer = thread::spawn(move || {
                // The FIN has arrived and something is unread: the other side is closing.
                peer.read_exact(&mut [0; 4]).unwrap();
                let mut fds = [PollFd::new(&peer, PollFlags::RDHUP)];
                while !fds[0].revents().contains(PollFlags::RDHUP) {
                    poll(&mut fds, None).unwrap();
                }
                drop(peer);
            });
            close_within(LIMITS, &socket, &addr, Until::PeerEnd, Fin::NotKnown).unwrap();
            closer.join().unwrap();
        }
    }

    #[test]
    fn a_unix_peer_that_leaves_something_unread_is_an_error() {
        let (here, there) = std::os::unix::net::UnixStream::pair().unwrap();
        let (socket, addr) = (Socket::from(OwnedFd::from(here)), "unix:/s".parse().unwrap());
        { &socket }.write_all(b"hello").unwrap();
        drop(there);
        close_within(LIMITS, &socket, &addr, Until::PeerEnd, Fin::NotKnown).unwrap_err();
    }
}
