//! The server: few descriptors, and connections that it keeps until it is told to close
//! them.

use std::io::{BufRead, Write, stdin};
use std::path::Path;
use std::process::exit;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use biosock::listeners::{Event, Listen};
use biosock::{Cancel, Socket};
use clap::ValueEnum;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

use crate::Result;

/// Which loop accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Manner {
    /// biosock's, on a thread.
    Ours,
    /// biosock's, on tokio.
    Tokio,
    /// One that knows of no failures: it tries again at once.
    Eager,
}

impl Manner {
    /// For humans.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "biosock",
            Self::Tokio => "biosock, tokio",
            Self::Eager => "a loop that never pauses",
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Tokio => "tokio",
            Self::Eager => "eager",
        }
    }
}

/// What each connection is sent when it is served.
pub(super) const GREETING: &[u8] = b"x";

// The marks that strace(1) sees at the start and the end of the shortage.
pub(super) const BEGIN: &str = "/mark/begin";
pub(super) const END: &str = "/mark/end";

/// Listens, prints its addresses, and accepts until a line of standard input stops it;
/// "release" ends the shortage. The last line of output has what it saw.
///
/// # Errors
/// Those of listening.
pub fn run(manner: Manner, descriptors: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(descriptors), ..limit })?;
    let desk = Desk::default();
    let obedient = desk.clone();
    match manner {
        Manner::Ours => {
            let listeners = Listen::new().listen("localhost:0")?;
            let cancel = Cancel::new()?;
            say(&listeners.addrs()?);
            thread::spawn(move || obey(&obedient));
            Ok(listeners.serve(&cancel, |event| desk.take(event))?)
        }
        Manner::Tokio => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut listeners = Listen::new().listen("localhost:0")?.into_async()?;
                let cancel = Cancel::new()?;
                say(listeners.addrs());
                thread::spawn(move || obey(&obedient));
                Ok(listeners.serve(&cancel, |event| desk.take(event)).await?)
            })
        }
        Manner::Eager => {
            let listeners = Listen::new().listen("127.0.0.1:0")?;
            say(&listeners.addrs()?);
            let socket = listeners.into_sockets().remove(0);
            socket.set_nonblocking(false)?;
            thread::spawn(move || obey(&obedient));
            loop {
                match socket.accept() {
                    Ok((accepted, _)) => desk.seat(accepted),
                    Err(_) => desk.refuse(),
                }
            }
        }
    }
}

fn say(addrs: &[impl ToString]) {
    let addrs: Vec<_> = addrs.iter().map(ToString::to_string).collect();
    println!("{}", json!({ "addrs": addrs }));
}

/// Obeys standard input.
fn obey(desk: &Desk) {
    for line in stdin().lock().lines().map_while(std::result::Result::ok) {
        match &*line {
            "release" => desk.release(),
            _ => break,
        }
    }
    exit(if desk.tell().is_ok() { 0 } else { 1 });
}

/// The connections kept, and what was seen.
#[derive(Clone, Default)]
struct Desk(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    kept: Vec<Socket>,
    connections: u64,
    /// How many accepts failed during the shortage.
    failed: u64,
    began: Option<Mark>,
    ended: Option<Mark>,
}

impl Desk {
    fn take(&self, event: Event) {
        match event {
            Event::Connection(socket, _) => self.seat(socket),
            Event::Failure { .. } => self.refuse(),
        }
    }

    fn seat(&self, socket: Socket) {
        let mut seen = self.lock();
        seen.connections += 1;
        if seen.ended.is_some() { greet(socket) } else { seen.kept.push(socket) }
    }

    /// An accept failed.
    fn refuse(&self) {
        let mut seen = self.lock();
        if seen.ended.is_some() {
            return;
        }
        seen.failed += 1;
        if seen.began.is_none() {
            mark(BEGIN);
            seen.began = Some(Mark::now());
        }
    }

    /// The shortage has ended.
    fn release(&self) {
        let mut seen = self.lock();
        seen.ended = Some(Mark::now());
        mark(END);
        seen.kept.drain(..).for_each(greet);
    }

    fn tell(&self) -> Result<()> {
        let seen = self.lock();
        let (began, ended) = seen.began.as_ref().zip(seen.ended.as_ref()).ok_or("there was no shortage")?;
        let told = json!({
            "connections": seen.connections, "failed": seen.failed,
            "seconds": (ended.at - began.at).as_secs_f64(), "cpu": (ended.cpu - began.cpu).as_secs_f64(),
        });
        Ok(writeln!(std::io::stdout(), "{told}")?)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn greet(mut socket: Socket) {
    // The client counts those that receive nothing.
    let _ = socket.write_all(GREETING);
}

/// A recognizable system call in the record that does nothing.
fn mark(name: &str) {
    let _ = Path::new(name).exists();
}

/// A time, and the CPU time that the process had used until then.
struct Mark {
    at: Instant,
    cpu: Duration,
}

impl Mark {
    fn now() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        Self { at: Instant::now(), cpu: Duration::try_from(cpu).unwrap_or_default() }
    }
}
