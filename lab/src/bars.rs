//! biosock's bars, in the scenarios that have one.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use crate::bench::Row;
use crate::client::Kind;
use crate::contestants::{Contestant, Rules, client_arguments, dial};
use crate::scenario::{PORT, Scenario};
use crate::world::World;
use crate::{Failure, Result};

/// A measured value, and its maximum.
#[derive(Debug)]
pub struct Bar {
    /// What was measured.
    pub what: String,
    /// Its value; infinite if there was nothing to measure.
    pub measured: f64,
    /// Its maximum.
    pub most: f64,
    /// Its unit.
    pub unit: &'static str,
}

impl Bar {
    /// Whether the value is at most the maximum.
    pub fn is_kept(&self) -> bool {
        self.measured <= self.most
    }

    /// A line for humans, with a first column of this width.
    pub fn line(&self, wide: usize) -> String {
        let Self { what, measured, most, unit } = self;
        let outcome = if self.is_kept() { "kept" } else { "MISSED" };
        let digits = if unit.is_empty() || *unit == "s" { 4 } else { 0 };
        format!("{outcome:<6}  {what:<wide$}  {measured:>7.digits$} {unit:<7}  at most {most:.digits$}")
    }

    /// The same as JSON.
    pub fn json(&self) -> Value {
        let Self { what, measured, most, unit } = self;
        json!({"what": what, "measured": measured, "most": most, "unit": unit, "kept": self.is_kept()})
    }
}

/// The contestants whose times have bars.
pub const JUDGED: [Contestant; 2] = [Contestant::Client(Kind::Ours), Contestant::Client(Kind::Memory)];

/// The bars of one scenario, measured.
///
/// # Errors
/// Why they cannot be measured.
pub fn of(world: &World, row: &Row, rules: Rules<'_>) -> Result<Vec<Bar>> {
    let rtt = world.scenario.rtt.as_secs_f64();
    let ours = row.median(Contestant::Client(Kind::Ours)).unwrap_or(f64::INFINITY);
    let memory = row.median(Contestant::Client(Kind::Memory)).unwrap_or(f64::INFINITY);
    let seconds = |what: &str, measured, most| Bar { what: what.into(), measured, most, unit: "s" };
    Ok(match world.scenario.name {
        "all good" => all_good(world, rules)?,
        "first silent" => vec![
            seconds("first silent", ours, 0.26),
            seconds("first silent, with memory: beyond the RTT", memory - rtt, 0.02),
        ],
        "AAAA never comes" => vec![seconds("AAAA never comes: beyond the RTT", ours - rtt, 0.06)],
        _ => deadline(&world.scenario, ours).into_iter().collect(),
    })
}

fn deadline(scenario: &Scenario, ours: f64) -> Option<Bar> {
    let off = (ours - scenario.deadline?.as_secs_f64()).abs();
    Some(Bar {
        what: format!("{}: off the deadline by", scenario.name),
        measured: off,
        most: 0.02,
        unit: "s",
    })
}

/// Compared with a plain connect to the literal address, which needs no lookup.
fn all_good(world: &World, rules: Rules<'_>) -> Result<Vec<Bar>> {
    let first = world.scenario.hosts().first().map(|(addr, _)| *addr);
    let literal = SocketAddr::new(first.ok_or("the scenario has no address")?, PORT).to_string();
    let name = world.scenario.target();
    let dials = [(Kind::Plain, &*literal), (Kind::Ours, &*literal), (Kind::Ours, &*name)];
    let [plain, ours_literal, ours] = medians(world, dials, rules)?;
    let (few, many) =
        (calls(world, Kind::Plain, &literal, rules)?, calls(world, Kind::Ours, &literal, rules)?);
    let more = many.len() as f64 - few.len() as f64;
    let threads = many.iter().filter(|call| call.starts_with("clone") || call.contains("fork")).count();
    let bar = |what: String, measured, most, unit| Bar { what, measured, most, unit };
    Ok(vec![
        bar(format!("all good: over a plain connect's {plain:.4} s"), ours / plain, 1.05, ""),
        bar("all good, literal address: over the same".into(), ours_literal / plain, 1.05, ""),
        bar(format!("literal address: calls beyond {}", few.join(", ")), more, 4.0, "calls"),
        bar("literal address: threads started".into(), threads as f64, 0.0, "threads"),
    ])
}

/// The number of dials for a ratio this close to 1, which a busy machine distorts.
const ROUNDS: usize = 61;

/// The median times of these dials, made in turn.
fn medians<const N: usize>(world: &World, dials: [(Kind, &str); N], rules: Rules<'_>) -> Result<[f64; N]> {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for ((kind, target), times) in dials.iter().zip(&mut times) {
            let said = dial(world, *kind, target, rules, &[])?.unwrap_or_default();
            let took = said["seconds"].as_f64().filter(|_| said["connected"] == true);
            times.push(took.ok_or_else(|| format!("no connection to {target}: {said}"))?);
        }
    }
    Ok(times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    }))
}

/// The system calls of one dial, by strace(1).
fn calls(world: &World, kind: Kind, target: &str, rules: Rules<'_>) -> Result<Vec<String>> {
    let record = tempfile::NamedTempFile::new()?;
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(record.path()).arg(rules.program);
    command.args(client_arguments(world, kind, target));
    let ended = world.run(command)?;
    if !ended.status.success() {
        return Err(Failure::from(format!("strace: {}", String::from_utf8_lossy(&ended.stderr))));
    }
    let record = std::fs::read_to_string(record.path())?;
    let lines = record.lines().skip_while(|line| !line.contains("\"/mark/begin\"")).skip(1);
    // A line is "PID call(arguments) = result".
    let between = lines.take_while(|line| !line.contains("\"/mark/end\""));
    let called = between.filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('));
    Ok(called.map(|(call, _)| call.to_owned()).collect())
}
