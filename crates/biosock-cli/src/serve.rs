//! Accepting connections and serving them.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use biosock::{Options, Shutdown, Socket, SocketAddr};
use rustix::io::Errno;
use serde_json::json;

use crate::args::ListenArgs;
use crate::bound::Bound;
use crate::call::ACCEPT;
use crate::exec::Children;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;
use crate::relay::BUFFER;
use crate::socket_file::{SocketFile, is};
use crate::transfer::{self, Moved, socket_failure};

/// What serves the connections of one listener.
pub(crate) struct Server<'a> {
    args: &'a ListenArgs,
    out: &'a Output,
    file: &'a SocketFile,
    children: Children,
    slots: Slots,
    failed: AtomicBool,
}

impl<'a> Server<'a> {
    pub(crate) fn new(
        args: &'a ListenArgs,
        out: &'a Output,
        file: &'a SocketFile,
        children: Children,
    ) -> Self {
        let (slots, failed) = (Slots::new(args.at_once), AtomicBool::new(false));
        Self { args, out, file, children, slots, failed }
    }

    /// Serves as many connections as were asked for, and waits for their end.
    pub(crate) fn run(&self, bound: Bound) -> Result<()> {
        thread::scope(|scope| self.accept_all(bound, scope))?;
        if self.failed.load(Ordering::Relaxed) { Err(Failure::reported()) } else { Ok(()) }
    }

    fn accept_all<'s>(&'s self, bound: Bound, scope: &'s Scope<'s, '_>) -> Result<()> {
        let mut listener = Some(bound.socket);
        let mut left = self.limit();
        while let Some(open) = &listener {
            self.slots.take();
            let (socket, peer) = self.accept(open)?;
            left = left.map(|left| left - 1);
            if left == Some(0) {
                // Whoever comes now is refused at once instead of left waiting.
                listener = None;
                self.file.remove();
            }
            if self.serve(socket, peer, scope) == Next::End {
                break;
            }
        }
        Ok(())
    }

    /// How many connections; `None` is no limit.
    fn limit(&self) -> Option<u32> {
        match (self.args.max, self.args.keep_open) {
            (Some(max), _) => Some(max),
            (None, true) => None,
            (None, false) => Some(1),
        }
    }

    /// Waits for a connection. What concerns one connection only is passed
    /// over; where the system lacks something, it is given time.
    fn accept(&self, listener: &Socket) -> Result<(Socket, SocketAddr)> {
        let mut told = false;
        loop {
            let error = match self.try_accept(listener) {
                Err(error) => error,
                accepted => return Ok(accepted?),
            };
            match errno(&error) {
                Some(Errno::CONNABORTED) => {}
                Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    if !std::mem::replace(&mut told, true) {
                        self.out.fail(&error.into());
                    }
                    thread::sleep(Duration::from_millis(100));
                }
                _ if error.is_retryable() => {}
                _ => return Err(error.into()),
            }
        }
    }

    fn try_accept(&self, listener: &Socket) -> biosock::Result<(Socket, SocketAddr)> {
        let tell = |(_, peer): &(Socket, SocketAddr)| format!("from {peer}");
        self.out.call(ACCEPT, "", || listener.accept(Options::empty()), tell)
    }

    /// An echo or a command gets a thread; standard input and output there is
    /// only once.
    fn serve<'s>(&'s self, socket: Socket, peer: SocketAddr, scope: &'s Scope<'s, '_>) -> Next {
        let accepted = json!({ "event": "accepted", "peer": peer.to_string() });
        self.out.event(&accepted, None);
        if !self.args.echo && self.args.exec.is_none() {
            let done = transfer::standard_streams(&socket, &peer, self.args.transfer, self.out);
            return self.finish(done);
        }
        let work = move || {
            self.finish(self.serve_alone(socket, &peer));
        };
        match thread::Builder::new().spawn_scoped(scope, work) {
            Ok(_) => Next::Accept,
            Err(error) => self.finish(Err(Failure::io(&format!("serve {peer}: start a thread"), &error))),
        }
    }

    fn serve_alone(&self, socket: Socket, peer: &SocketAddr) -> Result<()> {
        match &self.args.exec {
            Some(command) => self.children.run(command, socket, peer),
            None => echo(&socket, peer, self.out),
        }
    }

    fn finish(&self, done: Result<()>) -> Next {
        self.slots.give_back();
        let Err(failure) = done else { return Next::Accept };
        if failure.kind == Kind::OutputClosed {
            return Next::End;
        }
        self.failed.store(true, Ordering::Relaxed);
        self.out.fail(&failure);
        Next::Accept
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Accept,
    End,
}

fn errno(error: &biosock::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw_os_error)
}

fn echo(socket: &Socket, peer: &SocketAddr, out: &Output) -> Result<()> {
    let start = Instant::now();
    let mut buffer = vec![0; BUFFER];
    let mut moved = 0;
    loop {
        let n = { socket }
            .read(&mut buffer)
            .map_err(|error| socket_failure(&format!("receive from {peer}"), &error))?;
        if n == 0 {
            break;
        }
        { socket }
            .write_all(&buffer[..n])
            .map_err(|error| socket_failure(&format!("send to {peer}"), &error))?;
        moved += n as u64;
    }
    match socket.shutdown(Shutdown::Write) {
        // The peer has closed as well; all that came was sent.
        Err(error) if is(&error, Errno::NOTCONN) => {}
        result => result?,
    }
    Moved { sent: moved, received: moved, took: start.elapsed() }.tell(peer, out);
    Ok(())
}

/// How many more connections may be served at the same time.
struct Slots {
    free: Mutex<u32>,
    freed: Condvar,
}

impl Slots {
    fn new(free: u32) -> Self {
        Self { free: Mutex::new(free), freed: Condvar::new() }
    }

    fn take(&self) {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
    }

    fn give_back(&self) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.freed.notify_one();
    }
}
