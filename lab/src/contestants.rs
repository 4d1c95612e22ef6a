//! The contestants, each a process on the client's side of a world.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde_json::Value;

use crate::client::Kind;
use crate::world::{World, seconds};
use crate::{Failure, Result};

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contestant {
    /// biosock, or a std loop, in a process of this program.
    Client(Kind),
    /// curl(1).
    Curl,
    /// openssl-s_client(1).
    SClient,
}

impl Contestant {
    /// Those of the table, in its order: only biosock's, or all; with hickory or without.
    pub fn all(only_biosock: bool, hickory: bool) -> Vec<Self> {
        let mut all = [Kind::Ours, Kind::Memory, Kind::Tokio].map(Self::Client).to_vec();
        all.extend(hickory.then_some(Self::Client(Kind::Hickory)));
        if !only_biosock {
            all.extend([Self::Curl, Self::Client(Kind::Std), Self::SClient]);
        }
        all
    }

    /// The column's heading.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client(Kind::Ours) => "biosock",
            Self::Client(Kind::Memory) => "biosock, memory",
            Self::Client(Kind::Tokio) => "biosock, tokio",
            Self::Client(Kind::Hickory) => "biosock, hickory",
            Self::Client(Kind::Std) => "std loop",
            Self::Client(Kind::Plain) => "plain connect",
            Self::Curl => "curl",
            Self::SClient => "s_client",
        }
    }
}

/// The outcome of one dial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Timing {
    /// Connected, after this many seconds.
    Connected(f64),
    /// Failed, after this many seconds.
    Failed(f64),
    /// Not within the cap.
    Capped,
}

/// The program that [`Kind`]s run in, and how long a dial may take.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The path of the `biosock-lab` binary.
    pub program: &'a Path,
    /// The most that a dial may take.
    pub cap: Duration,
}

/// Lets a contestant dial the world's name.
///
/// # Errors
/// Its program is missing, or prints something unexpected.
pub fn measure(world: &World, contestant: Contestant, rules: Rules<'_>) -> Result<Timing> {
    match contestant {
        Contestant::Client(kind) => {
            let said = dial(world, kind, &world.scenario.target(), rules, &[])?;
            Ok(said.map_or(Timing::Capped, |said| timing(&said)))
        }
        Contestant::Curl => curl(world, rules),
        Contestant::SClient => s_client(world, rules),
    }
}

/// Lets this program dial a target; returns what it printed, or `None` beyond the cap.
///
/// # Errors
/// It prints something unexpected.
pub fn dial(
    world: &World,
    kind: Kind,
    target: &str,
    rules: Rules<'_>,
    more: &[&str],
) -> Result<Option<Value>> {
    let mut command = capped(rules, rules.program);
    command.args(client_arguments(world, kind, target)).args(more);
    let ended = world.run(command)?;
    if ended.status.code() == Some(CAPPED) {
        return Ok(None);
    }
    let said = serde_json::from_slice(&ended.stdout);
    Ok(Some(said.map_err(|error| format!("{error} in the client's output: {ended:?}"))?))
}

/// The arguments with which this program dials.
pub fn client_arguments(world: &World, kind: Kind, target: &str) -> Vec<String> {
    let kind = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let mut arguments = vec!["client".into(), kind, target.into()];
    if let Some(deadline) = world.scenario.deadline {
        arguments.extend(["--deadline".into(), seconds(deadline)]);
    }
    arguments.extend(world.scenario.nat64.then(|| "--nat64".into()));
    arguments
}

fn timing(said: &Value) -> Timing {
    let took = said["seconds"].as_f64().unwrap_or(f64::NAN);
    if said["connected"] == true { Timing::Connected(took) } else { Timing::Failed(took) }
}

/// timeout(1)'s exit status if it had to end the command.
const CAPPED: i32 = 124;

fn capped(rules: Rules<'_>, program: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.arg(seconds(rules.cap)).arg(program).stdin(Stdio::null());
    command
}

/// curl measures itself: `time_connect` includes lookup and connect.
fn curl(world: &World, rules: Rules<'_>) -> Result<Timing> {
    let mut command = capped(rules, Path::new("curl"));
    command.args(["-q", "--silent", "--noproxy", "*", "--output", "/dev/null"]);
    command.args(["--write-out", "%{time_connect} %{time_total}"]);
    if let Some(deadline) = world.scenario.deadline {
        command.args(["--connect-timeout", &seconds(deadline)]);
    }
    let ended = world.run({
        command.arg(format!("http://{}/", world.scenario.target()));
        command
    })?;
    if ended.status.code() == Some(CAPPED) {
        return Ok(Timing::Capped);
    }
    let times = String::from_utf8_lossy(&ended.stdout);
    let times: Vec<f64> = times.split(' ').filter_map(|time| time.parse().ok()).collect();
    match times[..] {
        [connect, _] if connect > 0.0 => Ok(Timing::Connected(connect)),
        [_, total] => Ok(Timing::Failed(total)),
        _ => Err(Failure::from(format!("curl's output is not understood: {ended:?}"))),
    }
}

/// The versions of curl and OpenSSL.
///
/// # Errors
/// One of them is missing.
pub fn versions() -> Result<String> {
    let first_two = |program: &str, ask: &str| {
        let ended = Command::new(program).arg(ask).output();
        let said = ended.map_err(|error| format!("{program}: {error}"))?.stdout;
        let said = String::from_utf8_lossy(&said).into_owned();
        Ok::<_, Failure>(said.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
    };
    Ok(format!("{}, {}", first_two("curl", "--version")?, first_two("openssl", "version")?))
}

/// s_client prints when it is connected; the time is measured from its start, without
/// reading certificates.
fn s_client(world: &World, rules: Rules<'_>) -> Result<Timing> {
    let mut command = capped(rules, Path::new("openssl"));
    command.args(["s_client", "-no-CAfile", "-no-CApath", "-no-CAstore"]);
    command.args(["-connect", &world.scenario.target()]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    world.run_job(move || {
        let start = Instant::now();
        let mut child = command.spawn().map_err(|error| format!("openssl: {error}"))?;
        let lines = child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines);
        let connected = lines.map_while(std::io::Result::ok).any(|line| line.starts_with("CONNECTED"));
        let took = start.elapsed().as_secs_f64();
        let status = child.wait()?;
        Ok(match status.code() {
            _ if connected => Timing::Connected(took),
            Some(CAPPED) => Timing::Capped,
            _ => Timing::Failed(took),
        })
    })
}
