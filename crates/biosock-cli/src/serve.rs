//! Accepting connections and serving them.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use biosock::listeners::{Event, Incoming, Listeners};
use biosock::{Cancel, Socket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;

use crate::args::ListenArgs;
use crate::call::ACCEPT_ANY;
use crate::closing::{self, Fin, Until};
use crate::exec::Children;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;
use crate::relay::Turn;
use crate::socket_file::SocketFiles;
use crate::text::duration;
use crate::traffic::{BUFFER, Total};
use crate::transfer;

/// Serves the connections of a set of listeners.
pub(crate) struct Server<'a> {
    args: &'a ListenArgs,
    out: &'a Output,
    files: &'a SocketFiles,
    children: Children,
    slots: Slots,
    failed: AtomicBool,
}

impl<'a> Server<'a> {
    pub(crate) fn new(
        args: &'a ListenArgs,
        out: &'a Output,
        files: &'a SocketFiles,
        children: Children,
    ) -> Self {
        let (slots, failed) = (Slots::new(args.at_once), AtomicBool::new(false));
        Self { args, out, files, children, slots, failed }
    }

    /// Serves as many connections as requested, and waits for them to end.
    pub(crate) fn run(&self, listeners: Listeners) -> Result<()> {
        thread::scope(|scope| self.accept_all(listeners, scope))?;
        if self.failed.load(Ordering::Relaxed) { Err(Failure::reported()) } else { Ok(()) }
    }

    fn accept_all<'s>(&'s self, listeners: Listeners, scope: &'s Scope<'s, '_>) -> Result<()> {
        let Some(last) = self.serve_until_last(&listeners, scope)? else { return Ok(()) };
        // A peer that connects now is refused at once instead of waiting forever.
        drop(listeners);
        self.files.remove();
        self.serve(last, Turn::Last, scope);
        Ok(())
    }

    /// Serves all connections but the last, which it returns.
    fn serve_until_last<'s>(
        &'s self,
        listeners: &Listeners,
        scope: &'s Scope<'s, '_>,
    ) -> Result<Option<Connection<'s>>> {
        // Never set: a signal ends the process.
        let cancel = Cancel::new()?;
        let mut incoming = listeners.incoming(&cancel);
        let mut left = self.limit();
        loop {
            let slot = self.slots.take(|| self.report_full(listeners));
            let Some((socket, peer)) = self.accept(&mut incoming)? else { return Ok(None) };
            let connection = Connection { socket, peer, slot };
            left = left.map(|left| left - 1);
            if left == Some(0) {
                return Ok(Some(connection));
            }
            if self.serve(connection, Turn::AnotherFollows, scope) == Next::End {
                return Ok(None);
            }
        }
    }

    /// How many connections; `None` is no limit.
    fn limit(&self) -> Option<u32> {
        match (self.args.max, self.args.keep_open) {
            (Some(max), _) => Some(max),
            (None, true) => None,
            (None, false) => Some(1),
        }
    }

    /// Waits for a connection. A shortage is reported once, however long it lasts.
    fn accept(&self, incoming: &mut Incoming<'_>) -> Result<Option<(Socket, SocketAddr)>> {
        let mut reported = false;
        loop {
            match self.out.call(ACCEPT_ANY, "", || incoming.next().transpose(), describe)? {
                Some(Event::Connection(socket, peer)) => return Ok(Some((socket, peer))),
                Some(Event::Failure { error, .. }) => {
                    if !std::mem::replace(&mut reported, true) {
                        self.out.fail(&error.into());
                    }
                }
                None => return Ok(None),
            }
        }
    }

    /// Reports that a connection waits because all slots are taken, if one
    /// does. Returns whether it was reported.
    fn report_full(&self, listeners: &Listeners) -> bool {
        let mut fds: Vec<_> =
            listeners.sockets().iter().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        if !poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0) {
            return false;
        }
        let most = self.args.at_once;
        let object = json!({ "event": "full", "at_once": most });
        let open = if most == 1 { "1 connection is".into() } else { format!("{most} connections are") };
        let text = format!("{open} open and the next one waits; use --at-once to allow more");
        self.out.event(&object, Some(&text));
        true
    }

    /// An echo or a command runs on its own thread; standard input and output
    /// serve one connection at a time.
    fn serve<'s>(&'s self, connection: Connection<'s>, turn: Turn, scope: &'s Scope<'s, '_>) -> Next {
        let Connection { socket, peer, slot } = connection;
        let accepted = json!({ "event": "accepted", "peer": peer.to_string() });
        self.out.event(&accepted, None);
        if !self.args.echo && self.args.exec.is_none() {
            let done = transfer::standard_streams(&socket, &peer, self.args.transfer, turn, self.out);
            return self.finish(&peer, done);
        }
        let work = move || {
            self.finish(&peer, self.serve_alone(socket, &peer));
            // Only now: a connection keeps its slot as long as its thread.
            drop(slot);
        };
        match thread::Builder::new().spawn_scoped(scope, work) {
            Ok(_) => Next::Accept,
            Err(error) => {
                self.finish(&peer, Err(Failure::start(&format!("serve {peer}: start a thread"), &error)))
            }
        }
    }

    fn serve_alone(&self, socket: Socket, peer: &SocketAddr) -> Result<()> {
        match &self.args.exec {
            Some(command) => self.children.run(command, &socket, peer),
            None => echo(&socket, peer, self.out),
        }
    }

    fn finish(&self, peer: &SocketAddr, done: Result<()>) -> Next {
        let Err(failure) = done else { return Next::Accept };
        self.failed.store(true, Ordering::Relaxed);
        if failure.kind == Kind::OutputClosed {
            return Next::End;
        }
        self.out.fail_of(&peer.to_string(), &failure);
        Next::Accept
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Accept,
    End,
}

fn describe(event: &Option<Event>) -> String {
    match event {
        Some(Event::Connection(_, peer)) => format!("from {peer}"),
        Some(Event::Failure { error, backoff }) => {
            format!("{}; retry in {}", error.why(), duration(*backoff))
        }
        None => "stopped".into(),
    }
}

fn echo(socket: &Socket, peer: &SocketAddr, out: &Output) -> Result<()> {
    let start = Instant::now();
    let mut moved = 0;
    let echoed = send_back(socket, peer, &mut moved);
    let done = echoed.and(closing::close(socket, peer, Until::PeerEnd, Fin::NotKnown));
    Total { sent: moved, received: moved, took: start.elapsed() }.report(peer, out);
    done
}

/// Sends back what is received, until the peer has ended.
fn send_back(socket: &Socket, peer: &SocketAddr, moved: &mut u64) -> Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let n = { socket }
            .read(&mut buffer)
            .map_err(|error| Failure::socket(&format!("receive from {peer}"), &error))?;
        if n == 0 {
            return Ok(());
        }
        { socket }
            .write_all(&buffer[..n])
            .map_err(|error| Failure::socket(&format!("send to {peer}"), &error))?;
        *moved += n as u64;
    }
}

/// An accepted connection.
struct Connection<'a> {
    socket: Socket,
    peer: SocketAddr,
    slot: Slot<'a>,
}

/// How many more connections may be served at a time.
struct Slots {
    free: Mutex<u32>,
    freed: Condvar,
}

/// One of them, returned when dropped.
struct Slot<'a>(&'a Slots);

impl Slots {
    fn new(free: u32) -> Self {
        Self { free: Mutex::new(free), freed: Condvar::new() }
    }

    /// Waits for a slot. While there is none, calls `report` every second until
    /// it returns `true`.
    fn take(&self, report: impl Fn() -> bool) -> Slot<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reported = false;
        while *free == 0 {
            if reported {
                free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited =
                self.freed.wait_timeout(free, REPORT_FULL_AFTER).unwrap_or_else(PoisonError::into_inner);
            free = waited.0;
            if waited.1.timed_out() && *free == 0 {
                reported = report();
            }
        }
        *free -= 1;
        Slot(self)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

/// How long all slots must be taken before that is reported.
const REPORT_FULL_AFTER: Duration = Duration::from_secs(1);
