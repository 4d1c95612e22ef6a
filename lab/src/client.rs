//! What a dialling process does, and prints: one line of JSON.

use std::env;
use std::fs;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use biosock::dial::{
    AddressHistory, AsyncResolver, Attempt, DialError, DialFailure, Dialed, Dialer, LookupReport, Outcome,
    Pace, Report,
};
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::Result;

/// Who dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// biosock's dialer.
    Ours,
    /// The same, for the second time, remembering the first.
    Memory,
    /// The same dialer on a tokio runtime.
    Tokio,
    /// The same, with hickory's resolver, where the program has it.
    Hickory,
    /// std's lookup, then its connect to each address in turn.
    Std,
    /// One connect to a literal address.
    Plain,
}

/// Creates hickory's resolver, on a runtime: hickory is not in this workspace.
pub type Hickory = fn() -> biosock::Result<Arc<dyn AsyncResolver>>;

/// A dialer that looks names up with hickory.
pub(crate) fn by_hickory(hickory: Option<Hickory>, dialer: Dialer) -> Result<Dialer> {
    let hickory = hickory.ok_or("this program does not have hickory: adapters/lab does")?;
    Ok(dialer.async_resolver(hickory()?))
}

/// How to dial.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// The deadline of the whole dial.
    pub deadline: Option<Duration>,
    /// How long biosock waits for IPv6's answer, instead of 50 ms.
    pub resolution_delay: Option<Duration>,
    /// Whether biosock reaches IPv4 addresses through a NAT64 if it has to.
    pub nat64: bool,
    /// Whether to wait until all threads have ended, and report what is left.
    pub settle: bool,
}

/// Dials, and reports the result.
///
/// # Errors
/// The process itself cannot be inspected, or hickory is not available.
pub fn run(kind: Kind, hickory: Option<Hickory>, target: &str, manner: Manner) -> Result<Value> {
    let before = descriptors()?;
    let mut told = match kind {
        Kind::Ours => ours(|| dialer(manner).dial(target)),
        Kind::Memory => {
            let dialer = dialer(manner).history(Arc::new(AddressHistory::new(16)));
            ours(|| dialer.dial(target));
            ours(|| dialer.dial(target))
        }
        Kind::Tokio => on_tokio(|| Ok(dialer(manner)), target)?,
        Kind::Hickory => on_tokio(|| by_hickory(hickory, dialer(manner)), target)?,
        Kind::Std => timed(|| in_turn(target, manner.deadline)),
        Kind::Plain => timed(|| TcpStream::connect(target)),
    };
    if manner.settle {
        told["threads"] = settled(&before)?.into();
        told["descriptors"] = json!({"before": before, "after": descriptors()?});
    }
    Ok(told)
}

fn dialer(manner: Manner) -> Dialer {
    let usual = Pace::default();
    let resolution_delay = manner.resolution_delay.unwrap_or(usual.resolution_delay);
    let dialer = Dialer::new().pace(Pace { resolution_delay, ..usual }).nat64(manner.nat64);
    match manner.deadline {
        Some(deadline) => dialer.timeout(deadline),
        None => dialer,
    }
}

/// The runtime is dropped without waiting for lookups that are no longer needed.
fn on_tokio(dialer: impl FnOnce() -> Result<Dialer>, target: &str) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let dialer = runtime.block_on(async { dialer() })?;
    let told = ours(|| runtime.block_on(dialer.dial_async(target)));
    runtime.shutdown_background();
    Ok(told)
}

fn ours(dial: impl FnOnce() -> std::result::Result<Dialed, DialError>) -> Value {
    mark("begin");
    let start = Instant::now();
    let dialed = dial();
    let took = start.elapsed();
    mark("end");
    match dialed {
        Ok(dialed) => told(took, true, won(&dialed)),
        Err(error) => told(took, false, failed(&error)),
    }
}

fn timed(connect: impl FnOnce() -> io::Result<TcpStream>) -> Value {
    mark("begin");
    let start = Instant::now();
    let connected = connect();
    let took = start.elapsed();
    mark("end");
    match connected.and_then(|stream| stream.peer_addr()) {
        Ok(addr) => told(took, true, json!({"addr": addr.to_string()})),
        Err(error) => told(took, false, json!({"message": error.to_string()})),
    }
}

/// What most programs do. std has a deadline only for each address.
fn in_turn(target: &str, deadline: Option<Duration>) -> io::Result<TcpStream> {
    let mut last = io::Error::other("no address");
    for addr in target.to_socket_addrs()? {
        let connected = match deadline {
            Some(deadline) => TcpStream::connect_timeout(&addr, deadline),
            None => TcpStream::connect(addr),
        };
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A recognizable system call in strace's record that does nothing, since there is no
/// such directory.
pub(crate) fn mark(name: &str) {
    let _ = env::set_current_dir(format!("/mark/{name}"));
}

fn told(took: Duration, connected: bool, more: Value) -> Value {
    let mut told = json!({"seconds": took.as_secs_f64(), "connected": connected});
    if let (Value::Object(told), Value::Object(more)) = (&mut told, more) {
        told.extend(more);
    }
    told
}

fn won(dialed: &Dialed) -> Value {
    json!({"addr": dialed.addr.to_string(), "report": report(&dialed.report)})
}

fn failed(error: &DialError) -> Value {
    let failure = match error.failure() {
        DialFailure::NoneAnswered => "none answered",
        DialFailure::TimedOut => "timed out",
        DialFailure::Cancelled => "cancelled",
        _ => "unable",
    };
    json!({"failure": failure, "message": error.to_string(), "report": report(error.report())})
}

fn report(report: &Report) -> Value {
    let lookups: Vec<_> = report.lookups.iter().map(lookup).collect();
    let attempts: Vec<_> = report.attempts.iter().map(attempt).collect();
    json!({"lookups": lookups, "attempts": attempts})
}

fn lookup(lookup: &LookupReport) -> Value {
    let answer = match &lookup.answer {
        None => "none".into(),
        Some(Ok(count)) => count.to_string(),
        Some(Err(error)) => error.to_string(),
    };
    let took = lookup.took.map(|took| took.as_secs_f64());
    json!({"family": lookup.family.to_string(), "answer": answer, "took": took})
}

fn attempt(attempt: &Attempt) -> Value {
    let errno = match &attempt.outcome {
        Outcome::Failed(error) => error.raw_os_error(),
        _ => None,
    };
    json!({
        "addr": attempt.addr.to_string(),
        "started": attempt.started.as_secs_f64(),
        "took": attempt.took.as_secs_f64(),
        "outcome": attempt.outcome.to_string(),
        "errno": errno,
    })
}

/// The open descriptors: what each refers to.
pub(crate) fn descriptors() -> Result<Vec<String>> {
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        // The descriptor of this listing is closed by the time it is read.
        if let Ok(what) = fs::read_link(entry.path()) {
            open.push(what.display().to_string());
        }
    }
    open.retain(|what| !what.contains("/proc/") || !what.ends_with("/fd"));
    open.sort();
    Ok(open)
}

/// Lookups may go on for as long as the resolver does, with a descriptor each. Waits
/// until they have ended, and returns the number of threads that are left, which is 1.
fn settled(before: &[String]) -> Result<usize> {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let threads = threads()?;
        if (threads == 1 && descriptors()? == *before) || Instant::now() > limit {
            return Ok(threads);
        }
        sleep(Duration::from_millis(10));
    }
}

/// The number of threads without those that look names up, which stay for a while when
/// idle.
pub(crate) fn threads() -> Result<usize> {
    let names = fs::read_dir("/proc/self/task")?.map(|task| fs::read_to_string(task?.path().join("comm")));
    // A thread that has ended meanwhile has no name.
    Ok(names.filter(|name| name.as_ref().is_ok_and(|name| name.trim() != "biosock lookup")).count())
}
