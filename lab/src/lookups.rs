//! Names that hang and names in a large file: how many threads and descriptors dials
//! use for them, and how long a dial takes.

use std::fmt;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use biosock::dial::{Dialer, Question, Resolver};
use biosock::{Domain, SocketAddr};
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::client::descriptors;
use crate::room::Room;
use crate::{Failure, Result};

/// Who dials the dead names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Driver {
    /// One after the other on ten threads.
    Blocking,
    /// All at once.
    Tokio,
}

const DRIVERS: [&str; 2] = ["blocking", "tokio"];

/// Dials of dead names, and how long each may take.
const DIALS: usize = 500;
const PATIENCE: Duration = Duration::from_millis(20);

/// Knows `good`, and hangs forever for every other name.
#[derive(Debug)]
struct Hanging(SocketAddr);

impl Resolver for Hanging {
    fn resolve(&self, question: &Question) -> biosock::Result<Vec<SocketAddr>> {
        while question.host.as_deref() != Some("good") {
            thread::park();
        }
        Ok(if question.family == Domain::IPV4 { vec![self.0] } else { vec![] })
    }
}

/// What the watched copy of this program does: dials dead names, then a good one, and
/// reports its threads and descriptors. With `system` getaddrinfo(3) looks the names
/// up, and the good one is in the hosts file, with a service that needs a lookup.
///
/// # Errors
/// The good name was not reached.
pub fn dead(driver: Driver, system: bool) -> Result<Value> {
    let listener = TcpListener::bind("127.0.0.1:80").or_else(|_| TcpListener::bind("127.0.0.1:0"))?;
    let addr = listener.local_addr()?;
    let dialer = if system { Dialer::new() } else { Dialer::new().resolver(Arc::new(Hanging(addr.into()))) };
    let short = dialer.clone().timeout(PATIENCE);
    let open = descriptors()?.len();
    let most = match driver {
        Driver::Blocking => blocking(&short)?,
        Driver::Tokio => on_tokio(&short)?,
    };
    let (after, left) = (lookup_threads()?, descriptors()?.len().saturating_sub(open));
    let start = Instant::now();
    let good = if system { "good.example:http".to_owned() } else { format!("good:{}", addr.port()) };
    dialer.dial(&good).map_err(|error| format!("{good}: {error}"))?;
    let took = start.elapsed().as_secs_f64();
    Ok(json!({"threads": {"most": most, "after": after}, "descriptors": {"more after": left}, "good": took}))
}

fn blocking(short: &Dialer) -> Result<usize> {
    thread::scope(|scope| {
        let dialling = |from: usize| move || (from..from + 50).for_each(|dial| dead_dial(short, dial));
        let threads: Vec<_> = (0..DIALS).step_by(50).map(|from| scope.spawn(dialling(from))).collect();
        let mut most = 0;
        while threads.iter().any(|thread| !thread.is_finished()) {
            most = most.max(lookup_threads()?);
            thread::sleep(Duration::from_millis(2));
        }
        Ok(most)
    })
}

fn dead_dial(short: &Dialer, dial: usize) {
    // It times out, or the lab's own test would fail.
    drop(short.dial(&format!("dead{dial}.example:1")));
}

fn on_tokio(short: &Dialer) -> Result<usize> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let dial = |dial: usize| {
            let short = short.clone();
            tokio::spawn(async move { short.dial_async(&format!("dead{dial}.example:1")).await.is_ok() })
        };
        for dialling in (0..DIALS).map(dial).collect::<Vec<_>>() {
            dialling.await?;
        }
        lookup_threads()
    })
}

/// The threads that look names up.
fn lookup_threads() -> Result<usize> {
    let names = fs::read_dir("/proc/self/task")?.map(|task| fs::read_to_string(task?.path().join("comm")));
    Ok(names.filter(|name| name.as_ref().is_ok_and(|name| name.trim() == "biosock lookup")).count())
}

/// What the watched copy does with a name in the file: microseconds for a dial, the
/// minimum of some rounds.
///
/// # Errors
/// A dial fails.
pub fn known(driver: Driver) -> Result<Value> {
    const EACH: u32 = 200;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let target = format!("good.example:{}", listener.local_addr()?.port());
    thread::spawn(move || listener.incoming().for_each(drop));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let dialer = Dialer::new();
    let dial = || match driver {
        Driver::Blocking => dialer.dial(&target).map(drop),
        Driver::Tokio => runtime.block_on(dialer.dial_async(&target)).map(drop),
    };
    // The first dial has to read a large file.
    dial().map_err(|error| error.to_string())?;
    let mut least = Duration::MAX;
    for _ in 0..10 {
        let start = Instant::now();
        (0..EACH).try_for_each(|_| dial()).map_err(|error| error.to_string())?;
        least = least.min(start.elapsed() / EACH);
    }
    Ok(json!({"microseconds": least.as_secs_f64() * 1e6}))
}

/// The lines of all measurements, and whether each is within its bounds.
#[derive(Debug, Default)]
pub struct Table {
    lines: Vec<String>,
    good: bool,
}

impl Table {
    /// Adds the output of a program that dialled dead names.
    fn add_dead(&mut self, name: &str, by: &str, said: &Value) {
        let (most, after) = (&said["threads"]["most"], &said["threads"]["after"]);
        let (more, good) = (&said["descriptors"]["more after"], said["good"].as_f64().unwrap_or(f64::NAN));
        self.good &= most.as_u64().is_some_and(|most| most <= 64);
        self.lines.push(format!(
            "{name:<8}  {by:<27}  threads: at most {most}, {after} after; descriptors more after: {more}; \
             the good name after {good:.3} s"
        ));
    }

    /// Whether everything is within its bounds.
    pub fn is_good(&self) -> bool {
        self.good
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Measures everything, in a network of its own whose name server is silent: with
/// copies of this program, and with one that dials from C.
///
/// # Errors
/// There can be no such network, or a good name was not reached.
pub fn run(program: &Path, c: &Path) -> Result<Table> {
    let room = Room::open()?;
    let directory = tempfile::tempdir()?;
    let file = |name: &str| directory.path().join(name);
    let small = "127.0.0.1 localhost good.example\n";
    for (place, name, text) in [
        ("/etc/resolv.conf", "resolv.conf", "nameserver 127.0.0.1\n"),
        ("/etc/nsswitch.conf", "nsswitch.conf", "hosts: files dns\n"),
        ("/etc/hosts", "hosts", small),
    ] {
        fs::write(file(name), text)?;
        room.replace(place, &file(name))?;
    }
    // Bound, but never read: a server that never answers.
    let _silent = room.run(|| UdpSocket::bind("127.0.0.1:53"))?;
    let mut table = Table { good: true, ..Table::default() };
    table.lines.push(format!("{DIALS} dials of as many dead names, {PATIENCE:?} each; then a good name"));
    let [hangs, silent] = ["a resolver that hangs", "getaddrinfo, silent server"];
    for name in DRIVERS {
        table.add_dead(name, hangs, &watched(&room, program, &["dead-names", name])?);
        table.add_dead(name, silent, &watched(&room, program, &["dead-names", name, "--system"])?);
    }
    table.add_dead("C", silent, &watched(&room, c, &[])?);
    for name in DRIVERS {
        fs::write(file("hosts"), small)?;
        let few = microseconds(&watched(&room, program, &["known-names", name])?)?;
        let blocked: String =
            (0..150_000).map(|number| format!("0.0.0.0 blocked{number}.example\n")).collect();
        fs::write(file("hosts"), blocked + small)?;
        let many = microseconds(&watched(&room, program, &["known-names", name])?)?;
        table.good &= many <= 2.0 * few;
        table.lines.push(format!(
            "{name:<8}  a name of /etc/hosts: {few:.1} us a dial with 1 line, {many:.1} us with 150,001"
        ));
    }
    Ok(table)
}

fn microseconds(said: &Value) -> Result<f64> {
    Ok(said["microseconds"].as_f64().ok_or("no time")?)
}

fn watched(room: &Room, program: &Path, arguments: &[&str]) -> Result<Value> {
    let mut command = Command::new(program);
    command.args(arguments);
    let output = room.run(move || command.output())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::from(format!("{} {arguments:?}: {said}", program.display())));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
