//! Thousands of dials at once on loopback: all must end with nothing left, and what one
//! costs, compared with std's and tokio's own connect.

mod cost;
mod table;
mod target;

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use biosock::dial::Dialer;
use clap::ValueEnum;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};

use crate::client::{Hickory, by_hickory, descriptors, threads};
use crate::{Failure, Result};

pub use cost::{Cost, spend};
use target::Servers;

/// Who dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Caller {
    /// `std::net::TcpStream::connect`.
    Std,
    /// `Dialer::dial`.
    Ours,
    /// `tokio::net::TcpStream::connect`.
    Tokio,
    /// `Dialer::dial_stream_async`, names by getaddrinfo(3) on the runtime's threads.
    OursTokio,
    /// The same, names by hickory.
    OursHickory,
}

impl Caller {
    fn name(self) -> &'static str {
        match self {
            Self::Std => "std connect",
            Self::Ours => "dial",
            Self::Tokio => "tokio connect",
            Self::OursTokio => "dial_stream_async",
            Self::OursHickory => "dial_stream_async, hickory",
        }
    }

    fn is_async(self) -> bool {
        matches!(self, Self::Tokio | Self::OursTokio | Self::OursHickory)
    }

    /// The caller with whose cost biosock's is compared.
    fn rival(self) -> Self {
        if self.is_async() { Self::Tokio } else { Self::Std }
    }
}

/// How much to dial.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// Simultaneous dials, under tokio.
    pub tasks: usize,
    /// All blocking dials.
    pub blocking: usize,
    /// The number of their threads.
    pub threads: usize,
    /// How often each; the median counts.
    pub rounds: usize,
}

/// A caller and the kind of target that it dials.
const ROWS: [(Caller, Way); 9] = [
    (Caller::Tokio, Way::Literal),
    (Caller::OursTokio, Way::Literal),
    (Caller::Tokio, Way::Name),
    (Caller::OursTokio, Way::Name),
    (Caller::OursHickory, Way::Name),
    (Caller::Std, Way::Literal),
    (Caller::Ours, Way::Literal),
    (Caller::Std, Way::Name),
    (Caller::Ours, Way::Name),
];

/// The target of a dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Literal,
    Name,
}

impl Way {
    fn target(self, port: u16) -> String {
        match self {
            Self::Literal => format!("127.0.0.1:{port}"),
            Self::Name => format!("localhost:{port}"),
        }
    }

    fn name(self) -> &'static str {
        if self == Self::Name { "localhost" } else { "127.0.0.1" }
    }
}

/// All measurements.
#[derive(Debug)]
pub struct Table {
    amount: Amount,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    caller: Caller,
    way: Way,
    dials: usize,
    /// The time of each round, in seconds.
    times: Vec<f64>,
    /// Dials that ended without a connection, over all rounds.
    failed: usize,
    first_failure: Option<String>,
    left: Left,
    cost: Option<Cost>,
}

/// What is left after all rounds.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    descriptors: usize,
    threads: usize,
    tasks: usize,
}

/// What the program has open in addition to the dials: standard streams, listeners,
/// runtimes, the lookups' wakers and files.
const OTHERS: usize = 1200;

/// Dials everything, with hickory too if there is one.
///
/// # Errors
/// The system's limits are too low for so many dials.
pub fn run(program: &Path, amount: Amount, hickory: Option<Hickory>) -> Result<Table> {
    make_room(amount.tasks.max(amount.blocking) + OTHERS)?;
    let servers = Servers::start()?;
    let row = |(caller, way): (Caller, Way)| {
        let dials = if caller.is_async() { amount.tasks } else { amount.blocking };
        let (times, left) = (Vec::new(), Left::default());
        Row { caller, way, dials, times, failed: 0, first_failure: None, left, cost: None }
    };
    let can = |(caller, _): &(Caller, Way)| *caller != Caller::OursHickory || hickory.is_some();
    let mut rows: Vec<_> = ROWS.into_iter().filter(can).map(row).collect();
    // Once before measuring, for what libraries set up once.
    let once = Amount { tasks: 1, blocking: 1, ..amount };
    rows.iter_mut().try_for_each(|row| row.round(&servers, once, hickory, false))?;
    for round in 0..amount.rounds {
        eprintln!("biosock-lab: round {} of {}", round + 1, amount.rounds);
        rows.iter_mut().try_for_each(|row| row.round(&servers, amount, hickory, true))?;
    }
    for row in &mut rows {
        row.cost = cost::of(program, row.caller, &row.way.target(servers.port))?;
    }
    Ok(Table { amount, rows })
}

/// Raises the soft limit of descriptors as far as necessary and allowed.
fn make_room(needed: usize) -> Result<()> {
    let needed = needed as u64;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let Some(most) = limit.maximum.filter(|most| *most < needed) else {
        return Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(needed), ..limit })?);
    };
    Err(Failure::from(format!(
        "{needed} descriptors are needed and {most} allowed: dial fewer, or raise ulimit -n"
    )))
}

impl Row {
    fn round(
        &mut self,
        servers: &Servers,
        amount: Amount,
        hickory: Option<Hickory>,
        counts: bool,
    ) -> Result<()> {
        let before = (descriptors()?.len(), threads()?);
        let target = self.way.target(servers.port);
        let start = Instant::now();
        let (outcomes, tasks) = if self.caller.is_async() {
            under_tokio(self.caller, hickory, target, amount.tasks)?
        } else {
            (on_threads(self.caller, &target, amount), 0)
        };
        let took = outcomes.took.unwrap_or_else(|| start.elapsed()).as_secs_f64();
        if counts {
            self.times.push(took);
            self.failed += outcomes.failures.len();
            self.first_failure = self.first_failure.take().or(outcomes.failures.into_iter().next());
            settle(before)?;
            self.left.descriptors = self.left.descriptors.max(descriptors()?.len().saturating_sub(before.0));
            self.left.threads = self.left.threads.max(threads()?.saturating_sub(before.1));
            self.left.tasks = self.left.tasks.max(tasks);
        }
        servers.drained();
        Ok(())
    }

    fn median(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    /// Whether all dials ended with a connection and nothing is left.
    fn is_good(&self) -> bool {
        let Left { descriptors, threads, tasks } = self.left;
        self.failed == 0 && descriptors + threads + tasks == 0
    }
}

/// The outcome of a round, without its setup.
struct Outcomes {
    failures: Vec<String>,
    took: Option<Duration>,
}

/// All at once, and every connection is held until all dials have ended. Also reports
/// how many tasks are left then.
fn under_tokio(
    caller: Caller,
    hickory: Option<Hickory>,
    target: String,
    dials: usize,
) -> Result<(Outcomes, usize)> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let start = Instant::now();
    let ended = runtime.block_on(async {
        let dialer = dialer(caller, hickory)?;
        let target: Arc<str> = target.into();
        let dials: Vec<_> = (0..dials).map(|_| spawn(caller, &dialer, &target)).collect();
        let mut ended = Vec::with_capacity(dials.len());
        for dial in dials {
            ended.push(dial.await?);
        }
        Ok::<_, Failure>(ended)
    })?;
    let took = Some(start.elapsed());
    let failures = ended.into_iter().filter_map(std::result::Result::err).collect();
    Ok((Outcomes { failures, took }, tasks_left(&runtime)))
}

type Dialling = tokio::task::JoinHandle<std::result::Result<tokio::net::TcpStream, String>>;

fn spawn(caller: Caller, dialer: &Dialer, target: &Arc<str>) -> Dialling {
    let target = Arc::clone(target);
    if caller == Caller::Tokio {
        return tokio::spawn(async move {
            tokio::net::TcpStream::connect(&*target).await.map_err(|error| error.to_string())
        });
    }
    let dialer = dialer.clone();
    tokio::spawn(async move {
        let dialed = dialer.dial_stream_async(&target).await;
        dialed.map(|dialed| dialed.socket).map_err(|error| error.to_string())
    })
}

fn dialer(caller: Caller, hickory: Option<Hickory>) -> Result<Dialer> {
    match caller {
        Caller::OursHickory => by_hickory(hickory, Dialer::new()),
        _ => Ok(Dialer::new()),
    }
}

/// Tasks end a moment after the task that waits for them is woken.
fn tasks_left(runtime: &Runtime) -> usize {
    let limit = Instant::now() + PATIENCE;
    while runtime.metrics().num_alive_tasks() > 0 && Instant::now() < limit {
        sleep(Duration::from_millis(1));
    }
    runtime.metrics().num_alive_tasks()
}

fn on_threads(caller: Caller, target: &str, amount: Amount) -> Outcomes {
    let each = amount.blocking.div_ceil(amount.threads);
    let failures = thread::scope(|scope| {
        let dialling = || {
            let dialer = Dialer::new();
            let dial = |_| connect(caller, &dialer, target);
            (0..each).map(dial).partition::<Vec<_>, _>(std::result::Result::is_ok).1
        };
        let threads: Vec<_> = (0..amount.threads).map(|_| scope.spawn(dialling)).collect();
        let ended =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| vec![Err("a panic".into())]));
        ended.flatten().filter_map(std::result::Result::err).collect()
    });
    Outcomes { failures, took: None }
}

fn connect(caller: Caller, dialer: &Dialer, target: &str) -> std::result::Result<TcpStream, String> {
    match caller {
        Caller::Std => TcpStream::connect(target).map_err(|error| error.to_string()),
        _ => {
            let dialed = dialer.dial(target).map_err(|error| error.to_string())?;
            Ok(TcpStream::from(OwnedFd::from(dialed.socket)))
        }
    }
}

/// The time within which everything must have ended.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lookups that are no longer needed end when the resolver returns.
fn settle((open, running): (usize, usize)) -> Result<()> {
    let limit = Instant::now() + PATIENCE;
    while (descriptors()?.len() > open || threads()? > running) && Instant::now() < limit {
        sleep(Duration::from_millis(2));
    }
    Ok(())
}
