//! Copies standard input to a socket and the socket to standard output, at the
//! same time.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};

use biosock::{Shutdown, Socket, SocketAddr};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use crate::call::SHUTDOWN;
use crate::closing::{self, Fin, Until};
use crate::failure::{Failure, Result, has_errno};
use crate::output::Output;
use crate::stdout;
use crate::traffic::{BUFFER, Counters};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Relay<'a> {
    pub(crate) socket: &'a Socket,
    pub(crate) peer: &'a SocketAddr,
    pub(crate) turn: Turn,
    pub(crate) counters: &'a Counters,
    pub(crate) out: &'a Output,
}

/// Whether standard input and output serve another connection after this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// No: input that the peer does not receive is lost, which is an error, and
    /// the peer's end closes standard output.
    Last,
    /// Yes: input that the peer does not receive is left for the next one, and
    /// standard output stays open for it.
    AnotherFollows,
}

impl Relay<'_> {
    /// Runs until both the peer and the input have ended, or one of them
    /// fails, and closes the connection.
    pub(crate) fn run(&self) -> Result<()> {
        let shut_down = AtomicBool::new(false);
        let done = self.relay(&shut_down);
        // After a failure, what the peer still sends is discarded.
        let until = if done.is_err() { Until::Acknowledged } else { Until::PeerEnd };
        let fin = if shut_down.into_inner() { Fin::Queued } else { Fin::NotKnown };
        done.and(closing::close(self.socket, self.peer, until, fin))
    }

    /// Moves the bytes, and records whether this side has been shut down.
    fn relay(&self, shut_down: &AtomicBool) -> Result<()> {
        let input = stdin().map_err(input_failure)?;
        // A closed standard output is an error only if there is something to write.
        let output = stdout::open();
        let (received_all, stopped) = (Flag::new()?, Flag::new()?);
        let given_up = AtomicBool::new(false);
        thread::scope(|scope| {
            let send = || {
                let sent = self.send(input, &received_all, &given_up, shut_down);
                if sent.is_err() {
                    stopped.raise();
                }
                sent
            };
            let sender = thread::Builder::new().spawn_scoped(scope, send).map_err(|error| {
                // Nothing was sent, so there is no peer's end to wait for.
                let _ = self.socket.shutdown(Shutdown::Both);
                Failure::start(&format!("serve {}: start a thread", self.peer), &error)
            })?;
            let received = self.receive(output, &stopped);
            if received.is_err() {
                given_up.store(true, Ordering::Relaxed);
                // Unblocks a sender that waits for buffer space; what it wrote is still sent.
                let _ = self.socket.shutdown(Shutdown::Write);
            }
            received_all.raise();
            received.and(join(sender))
        })
    }

    /// Receives until the peer has ended or the sender has failed.
    fn receive(&self, mut output: io::Result<File>, stopped: &Flag) -> Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let mut fds = [PollFd::new(self.socket, PollFlags::IN), stopped.poll_fd()];
            wait(&mut fds, None).map_err(|error| Failure::io("poll", &error))?;
            if fds[1].revents().contains(PollFlags::IN) {
                return Ok(());
            }
            match { self.socket }.read(&mut buffer) {
                Ok(0) => return self.pass_on_the_end(output),
                Ok(n) => {
                    let output = output.as_mut().map_err(|error| Failure::output(error))?;
                    stdout::write_all(output, &buffer[..n]).map_err(|error| Failure::output(&error))?;
                    self.counters.add_received(n);
                }
                Err(error) => return Err(Failure::socket(&format!("receive from {}", self.peer), &error)),
            }
        }
    }

    /// Closes standard output: its reader may wait for that before it ends
    /// standard input.
    fn pass_on_the_end(&self, output: io::Result<File>) -> Result<()> {
        match output {
            Ok(output) if self.turn == Turn::Last => {
                stdout::close(output).map_err(|error| Failure::output(&error))
            }
            _ => Ok(()),
        }
    }

    fn send(
        &self,
        mut input: File,
        received_all: &Flag,
        given_up: &AtomicBool,
        shut_down: &AtomicBool,
    ) -> Result<()> {
        let mut buffer = vec![0; BUFFER];
        let (mut peer_ended, mut peer_is_gone) = (false, false);
        loop {
            let mut fds = vec![PollFd::new(&input, PollFlags::IN)];
            fds.extend((!peer_ended).then(|| received_all.poll_fd()));
            fds.extend((!peer_is_gone).then(|| PollFd::new(self.socket, PollFlags::empty())));
            // After the peer's end, input that has not arrived yet goes to the next peer.
            let now = peer_ended && self.turn == Turn::AnotherFollows;
            wait(&mut fds, now.then_some(NOW)).map_err(input_failure)?;
            let is_ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
            if !peer_ended && is_ready(1) {
                peer_ended = true;
                // A user at a terminal need not type the end of input.
                if given_up.load(Ordering::Relaxed) || input.is_terminal() {
                    return Ok(());
                }
                continue;
            }
            if !peer_is_gone && is_ready(fds.len() - 1) {
                if self.turn == Turn::AnotherFollows || input.is_terminal() {
                    return Ok(());
                }
                // End of input is no error; further input is.
                peer_is_gone = true;
                continue;
            }
            if !is_ready(0) {
                return Ok(());
            }
            let n = match input.read(&mut buffer) {
                Ok(0) => return self.end_of_input(shut_down),
                Ok(n) => n,
                // nohup(1) makes standard input unreadable: there is no input.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::BADF) => {
                    return self.end_of_input(shut_down);
                }
                Err(error) if try_again(&error) => continue,
                Err(error) => return Err(input_failure(error)),
            };
            { self.socket }.write_all(&buffer[..n]).map_err(|error| self.send_failure(&error))?;
            self.counters.add_sent(n);
        }
    }

    fn end_of_input(&self, shut_down: &AtomicBool) -> Result<()> {
        let end = || self.socket.shutdown(Shutdown::Write);
        match self.out.call(SHUTDOWN, "for writing", end, |()| "done".into()) {
            // The peer is gone; closing finds out whether it acknowledged everything.
            Err(error) if has_errno(&error, Errno::NOTCONN) => Ok(()),
            result => {
                result?;
                shut_down.store(true, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    fn send_failure(&self, error: &io::Error) -> Failure {
        Failure::socket(&format!("send to {}", self.peer), error)
    }
}

/// An event that one thread waits for and another raises.
#[derive(Debug)]
struct Flag(OwnedFd);

impl Flag {
    fn new() -> Result<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC)
            .map_err(|errno| Failure::io("create an eventfd", &errno.into()))?;
        Ok(Self(fd))
    }

    fn raise(&self) {
        // Never partial, and too few to overflow the counter (eventfd(2)).
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    fn poll_fd(&self) -> PollFd<'_> {
        PollFd::new(&self.0, PollFlags::IN)
    }
}

const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Waits until one is ready, or for at most this long.
fn wait(fds: &mut [PollFd<'_>], timeout: Option<Timespec>) -> io::Result<()> {
    loop {
        match poll(fds, timeout.as_ref()) {
            Err(Errno::INTR) => {}
            result => return Ok(result.map(drop)?),
        }
    }
}

/// Standard input without std's buffer and lock.
fn stdin() -> io::Result<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

fn input_failure(error: io::Error) -> Failure {
    Failure::io("read standard input", &error)
}

fn try_again(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn join(thread: ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    thread.join().unwrap_or_else(|_| Err(Failure::new("a thread panicked; this is a bug in biosock")))
}
