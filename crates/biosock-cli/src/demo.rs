//! `biosock demo`: runs every routine and checks its result.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use biosock::{
    AddrInfo, ConnectOptions, Domain, Family, Interest, KeepAlive, ListenOptions, Lookup, Protocol, Shutdown,
    Socket, SocketAddr, Type, UnixAddr,
};
use serde_json::json;
use tempfile::TempDir;

use crate::call::{
    ACCEPT, BIND, CLOSE, CONNECT, Call, LISTEN, LOCAL_ADDR, LOOKUP, Routine, SOCKET, WAIT, WRITE_READ,
    addresses, and_options, timed,
};
use crate::demo_race;
use crate::failure::{Failure, Result, family_is_off};
use crate::json;
use crate::output::Output;
use crate::signal;
use crate::table::Table;
use crate::text::{duration, escape};
use crate::traffic::BUFFER;

const FILE_SIZE: usize = 1 << 20;
/// How long the demo waits for a connection that has already been made.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(out: &Output) -> Result<()> {
    let directory =
        TempDir::with_prefix("biosock-demo-").map_err(|error| Failure::io("create a directory", &error))?;
    let path = directory.path().to_owned();
    let directory = Arc::new(Mutex::new(Some(directory)));
    clean_up_on_signal(&directory)?;
    let outcomes = [Domain::IPV4, Domain::IPV6, Domain::UNIX].map(|family| show(family, &path, out));
    drop(directory.lock().unwrap_or_else(PoisonError::into_inner).take());
    let mut ok = true;
    for outcome in outcomes.into_iter().chain([demo_race::show(out)]) {
        ok &= outcome?;
    }
    if ok { Ok(()) } else { Err(Failure::reported()) }
}

fn clean_up_on_signal(directory: &Arc<Mutex<Option<TempDir>>>) -> Result<()> {
    let directory = Arc::clone(directory);
    let clean_up = move || drop(directory.lock().unwrap_or_else(PoisonError::into_inner).take());
    signal::at_end(clean_up).map_err(|error| Failure::start("handle signals", &error))
}

/// Shows one family. Returns whether nothing failed.
fn show(family: Domain, directory: &Path, out: &Output) -> Result<bool> {
    let mut demo = Demo { out, family, calls: Vec::new() };
    let ended = demo.run(directory);
    let (outcome, detail) = match &ended {
        Ok(()) => ("ok", format!("{FILE_SIZE} bytes each way, received as sent")),
        Err(End::FamilyOff(why)) => ("skipped", format!("this system has no {family} ({why})")),
        Err(End::Failed(why)) => ("failed", why.clone()),
    };
    demo.print(outcome, &detail)?;
    Ok(!matches!(ended, Err(End::Failed(_))))
}

/// Why showing a family ended early.
enum End {
    FamilyOff(String),
    Failed(String),
}

impl From<biosock::Error> for End {
    fn from(error: biosock::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

struct Demo<'a> {
    out: &'a Output,
    family: Domain,
    calls: Vec<Call>,
}

impl Demo<'_> {
    fn run(&mut self, directory: &Path) -> Result<(), End> {
        let listener = self.listener(directory)?;
        let bound =
            self.call(LOCAL_ADDR, "of the listener", || listener.local_addr(), ToString::to_string)?;
        let client = self.connected(&bound, directory)?;
        let server = self.accepted(&listener, &client)?;
        self.files(directory, &client, &server)?;
        for (socket, whose) in [(client, "client"), (server, "server"), (listener, "listener")] {
            self.call(CLOSE, format!("the {whose}"), || socket.close(), |()| "closed".into())?;
        }
        Ok(())
    }

    fn listener(&mut self, directory: &Path) -> Result<Socket, End> {
        let addr = self.address(directory)?;
        let family = self.family;
        let off = |error: biosock::Error| match family {
            Domain::IPV4 | Domain::IPV6 if family_is_off(&error) => End::FamilyOff(error.to_string()),
            _ => error.into(),
        };
        let socket = self.socket("for the listener", &addr).map_err(off)?;
        let words = format!("on {addr}{}", and_options(&["REUSEADDR"]));
        let options = ListenOptions::new().reuseaddr(true);
        let listen = || socket.listen_with(&addr, &options);
        self.call(LISTEN, words, listen, |()| "listening".into()).map_err(off)?;
        Ok(socket)
    }

    /// Looks up the address to listen on, as listeners do.
    fn address(&mut self, directory: &Path) -> Result<SocketAddr, End> {
        let path = directory.join("demo.sock").into_os_string().into_encoded_bytes();
        let lookup = match self.family {
            Domain::IPV4 => Lookup::new().host("127.0.0.1").service("0").family(Family::Ipv4),
            Domain::IPV6 => Lookup::new().host("::1").service("0").family(Family::Ipv6),
            _ => Lookup::new().host(&path).unix(),
        };
        let lookup = lookup.socktype(Type::STREAM).passive();
        let words = match self.family {
            Domain::UNIX => "a path in a temporary directory, stream, passive",
            Domain::IPV6 => "::1, service 0, stream, passive",
            _ => "127.0.0.1, service 0, stream, passive",
        };
        let found = self.call(LOOKUP, words, || lookup.run(), |found| addresses(found))?;
        match found[..] {
            [AddrInfo { addr, .. }] => Ok(addr),
            _ => Err(End::Failed(format!("expected one address, found {}", found.len()))),
        }
    }

    /// Connects from a bound source address.
    fn connected(&mut self, addr: &SocketAddr, directory: &Path) -> Result<Socket, End> {
        let socket = self.socket("for the client", addr)?;
        // BIO_connect(3) refuses NODELAY on AF_UNIX (EOPNOTSUPP).
        let (source, names) = match addr {
            SocketAddr::Unix(_) => {
                (UnixAddr::from_path(directory.join("client.sock"))?.into(), &["KEEPALIVE"][..])
            }
            ip => (ip.with_port(0), &["KEEPALIVE", "NODELAY"][..]),
        };
        let options = ConnectOptions::new().keepalive(KeepAlive::default());
        let options = options.nodelay(names.contains(&"NODELAY"));
        let bind = || socket.bind(&source);
        self.call(BIND, format!("to {source}"), bind, |()| "bound".into())?;
        let words = format!("to {addr}{}", and_options(names));
        let connect = || socket.connect_with(addr, &options);
        self.call(CONNECT, words, connect, |()| "connected".into())?;
        Ok(socket)
    }

    fn accepted(&mut self, listener: &Socket, client: &Socket) -> Result<Socket, End> {
        let words = format!("for reading, at most {}", duration(PATIENCE));
        let ready = self.call(
            WAIT,
            words,
            || listener.wait(Interest::Read, Some(PATIENCE)),
            |ready| String::from(if *ready { "ready" } else { "timed out" }),
        )?;
        if !ready {
            return Err(End::Failed(String::from("no connection arrived")));
        }
        let accept = || listener.accept();
        let (socket, peer) =
            self.call(ACCEPT, "a blocking socket", accept, |(_, peer)| format!("from {peer}"))?;
        let local = client.local_addr()?;
        if peer == local { Ok(socket) } else { Err(End::Failed(format!("the peer is {peer}, not {local}"))) }
    }

    fn socket(&mut self, purpose: &str, addr: &SocketAddr) -> biosock::Result<Socket> {
        let family = addr.family();
        let create = || Socket::new(family, Type::STREAM, Protocol::DEFAULT);
        self.call(SOCKET, format!("{family} stream, {purpose}"), create, |_| "created".into())
    }

    fn files(&mut self, directory: &Path, client: &Socket, server: &Socket) -> Result<(), End> {
        let sent = directory.join("sent");
        // Different bytes for each family and direction.
        let seed = u64::from(self.family.as_raw().unsigned_abs());
        for (number, (from, to, way)) in
            [(client, server, "client to server"), (server, client, "server to client")]
                .into_iter()
                .enumerate()
        {
            fs::write(&sent, varied_bytes(2 * seed + number as u64))?;
            self.file(&sent, &directory.join("received"), from, to, way)?;
        }
        Ok(())
    }

    /// Sends a file and compares the received bytes with it.
    fn file(
        &mut self,
        sent: &Path,
        received: &Path,
        from: &Socket,
        to: &Socket,
        way: &str,
    ) -> Result<(), End> {
        let mut moved = Ok(());
        let words = format!("a file of {FILE_SIZE} bytes, {way}");
        let run = || {
            moved = move_file(sent, received, from, to);
            Ok(())
        };
        self.call(WRITE_READ, words, run, |()| "moved".into())?;
        if let Err(error) = moved {
            return Err(self.failed(format!("{way}: {error}")));
        }
        if fs::read(sent)? != fs::read(received)? {
            return Err(self.failed(format!("{way}: the bytes received differ from those sent")));
        }
        if let Some(call) = self.calls.iter_mut().rev().find(|call| call.routine == WRITE_READ) {
            call.result = String::from("the same bytes");
        }
        Ok(())
    }

    /// Marks the last call as failed.
    fn failed(&mut self, why: String) -> End {
        if let Some(call) = self.calls.last_mut() {
            (call.ok, call.result) = (false, why.clone());
        }
        End::Failed(why)
    }

    fn call<T>(
        &mut self,
        routine: Routine,
        arguments: impl Into<String>,
        run: impl FnOnce() -> biosock::Result<T>,
        describe: impl FnOnce(&T) -> String,
    ) -> biosock::Result<T> {
        let (call, result) = timed(routine, arguments.into(), run, describe);
        self.out.trace(&call);
        self.calls.push(call);
        result
    }

    fn print(&self, outcome: &str, detail: &str) -> Result<()> {
        let family = self.family.to_string();
        if self.out.json() {
            let head = json!({ "event": "call", "family": family });
            let with_family = |call: &Call| json::line(&json::merged(head.clone(), call.to_json()));
            let last = json!({ "event": "outcome", "family": family, "outcome": outcome, "detail": detail });
            return self.out.lines(self.calls.iter().map(with_family).chain([json::line(&last)]));
        }
        let mut table = Table::new(&["ROUTINE", "IN RUST", "ARGUMENTS", "RESULT", "TIME"]);
        for Call { routine, arguments, result, elapsed, .. } in &self.calls {
            let cells = [routine.c, routine.rust, arguments, result, &duration(*elapsed)];
            table.row(cells.map(escape));
        }
        let end = format!("{family}: {outcome}: {}", escape(detail));
        self.out.lines([family].into_iter().chain(table.lines()).chain([end, String::new()]))
    }
}

/// Another thread writes; this one reads.
fn move_file(sent: &Path, received: &Path, from: &Socket, to: &Socket) -> io::Result<()> {
    let (mut source, mut sink) = (File::open(sent)?, File::create(received)?);
    thread::scope(|scope| {
        let write = || copy(&mut source, &mut { from }, FILE_SIZE);
        let writer = thread::Builder::new().spawn_scoped(scope, write).map_err(|error| {
            let failure = Failure::start("start a thread", &error);
            let (text, _, hint) = failure.lines();
            io::Error::other([Some(text), hint].into_iter().flatten().collect::<Vec<_>>().join("; "))
        })?;
        let read = copy(&mut { to }, &mut sink, FILE_SIZE);
        if read.is_err() {
            // Unblocks a writer that waits for buffer space.
            let _ = to.shutdown(Shutdown::Both);
        }
        let wrote = writer.join().unwrap_or_else(|_| Err(io::Error::other("the writing thread panicked")));
        read.and(wrote)
    })
}

/// Copies exactly `left` bytes.
fn copy(from: &mut impl Read, to: &mut impl Write, mut left: usize) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    while left > 0 {
        let most = left.min(BUFFER);
        let n = from.read(&mut buffer[..most])?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(&buffer[..n])?;
        left -= n;
    }
    Ok(())
}

/// Bytes without a pattern (xorshift64, Marsaglia 2003).
fn varied_bytes(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(FILE_SIZE).collect()
}
