//! Moving bytes: standard input to a socket, and the socket to standard
//! output, at the same time.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use biosock::{Shutdown, Socket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::call::SHUTDOWN;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::socket_file::is;
use crate::transfer::socket_failure;

/// How much is moved by one read and write.
pub(crate) const BUFFER: usize = 128 * 1024;

/// What has been moved so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Relay<'a> {
    pub(crate) socket: &'a Socket,
    pub(crate) peer: &'a SocketAddr,
    /// How long the input may pause once the peer has ended.
    pub(crate) linger: Duration,
    pub(crate) counters: &'a Counters,
    pub(crate) out: &'a Output,
}

impl Relay<'_> {
    /// Runs until the peer has ended and the input has too, or pauses.
    pub(crate) fn run(&self) -> Result<()> {
        let input = duplicate(io::stdin()).map_err(input_failure)?;
        let mut output = duplicate(io::stdout()).map_err(|error| Failure::output(&error))?;
        // The sender sees the end of this stream when the peer has ended.
        let (open, ended) = UnixStream::pair().map_err(|error| Failure::io("make a socket pair", &error))?;
        thread::scope(|scope| {
            let sender = thread::Builder::new()
                .spawn_scoped(scope, || self.send(input, ended))
                .map_err(|error| Failure::io("start a thread", &error))?;
            let received = self.receive(&mut output);
            if received.is_err() {
                // Frees a sender that waits for room.
                let _ = self.socket.shutdown(Shutdown::Both);
            }
            drop(open);
            received.and(join(sender))
        })
    }

    fn receive(&self, output: &mut File) -> Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            match { self.socket }.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => {
                    write_all(output, &buffer[..n]).map_err(|error| Failure::output(&error))?;
                    self.counters.received.fetch_add(n as u64, Ordering::Relaxed);
                }
                Err(error) => return Err(socket_failure(&format!("receive from {}", self.peer), &error)),
            }
        }
    }

    fn send(&self, mut input: File, ended: UnixStream) -> Result<()> {
        let mut buffer = vec![0; BUFFER];
        let mut waiting = Waiting { peer_ended: Some(ended), pause: None };
        while waiting.for_input(&input, || self.pause(&input)).map_err(|error| self.give_up(error))? {
            let n = match input.read(&mut buffer) {
                Ok(0) => return self.end_of_input(),
                Ok(n) => n,
                Err(error) if try_again(&error) => continue,
                Err(error) => return Err(self.give_up(error)),
            };
            { self.socket }
                .write_all(&buffer[..n])
                .map_err(|error| socket_failure(&format!("send to {}", self.peer), &error))?;
            self.counters.sent.fetch_add(n as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// How long the input may pause, now that the peer has ended. Nobody at a
    /// terminal should wait, nor anybody for a peer that takes no more.
    fn pause(&self, input: &File) -> Duration {
        let mut fds = [PollFd::new(self.socket, PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let gone = poll(&mut fds, Some(&at_once)).is_ok() && fds[0].revents().contains(PollFlags::HUP);
        if gone || input.is_terminal() { Duration::ZERO } else { self.linger }
    }

    fn end_of_input(&self) -> Result<()> {
        let shut_down = || self.socket.shutdown(Shutdown::Write);
        match self.out.call(SHUTDOWN, "for writing", shut_down, |()| "done".into()) {
            // The peer is gone; the receiver tells how it went.
            Err(error) if is(&error, Errno::NOTCONN) => Ok(()),
            result => Ok(result?),
        }
    }

    /// Without input there is nothing to stay for.
    fn give_up(&self, error: io::Error) -> Failure {
        let _ = self.socket.shutdown(Shutdown::Both);
        input_failure(error)
    }
}

/// What the sender waits for besides input.
struct Waiting {
    /// Until it has ended: readable when it has.
    peer_ended: Option<UnixStream>,
    /// Once it has ended: how long the input may pause.
    pause: Option<Timespec>,
}

impl Waiting {
    /// Whether there is input (or its end) to read; if not, it is over.
    fn for_input(&mut self, input: &File, pause: impl Fn() -> Duration) -> io::Result<bool> {
        loop {
            let mut fds = vec![PollFd::new(input, PollFlags::IN)];
            fds.extend(self.peer_ended.as_ref().map(|ended| PollFd::new(ended, PollFlags::IN)));
            match poll(&mut fds, self.pause.as_ref()) {
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(errno.into()),
                Ok(0) => return Ok(false),
                Ok(_) if !fds[0].revents().is_empty() => return Ok(true),
                Ok(_) => {}
            }
            self.peer_ended = None;
            // A time beyond the system's range is as good as no end.
            self.pause = Timespec::try_from(pause()).ok();
        }
    }
}

/// The descriptor without std's buffer and lock.
fn duplicate(stream: impl AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

fn input_failure(error: io::Error) -> Failure {
    Failure::io("read standard input", &error)
}

/// Writes all, also to a descriptor that someone has made non-blocking.
fn write_all(output: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                biosock::fd::wait(output.as_fd(), biosock::Interest::Write, None)?;
            }
            Err(error) if try_again(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn try_again(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn join(thread: ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    thread.join().unwrap_or_else(|_| Err(Failure::new("a thread of biosock failed; this is a bug")))
}
