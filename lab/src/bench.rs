//! The table: everybody dials through every scenario, several times.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;
use crate::bars::{self, Bar};
use crate::contestants::{Contestant, Rules, Timing, measure};
use crate::scenario::{self, Scenario};
use crate::world::{Patience, World};

/// Everything that was measured.
#[derive(Debug)]
pub struct Table {
    /// How often everybody dialled.
    pub runs: usize,
    /// When nobody was waited for any longer.
    pub cap: Duration,
    /// A row for each scenario.
    pub rows: Vec<Row>,
    /// What ours is held to.
    pub bars: Vec<Bar>,
}

/// A scenario, and how everybody fared.
#[derive(Debug)]
pub struct Row {
    /// The scenario.
    pub scenario: Scenario,
    /// In the order of [`Contestant::ALL`].
    pub cells: Vec<Cell>,
}

/// How one contestant fared in one scenario.
#[derive(Debug)]
pub struct Cell {
    /// Who.
    pub contestant: Contestant,
    /// Every dial.
    pub timings: Vec<Timing>,
}

/// A dial that takes longer than this is not repeated.
const LONG: f64 = 5.0;

/// Measures everything.
///
/// # Errors
/// What keeps it from being measured: no root, a missing program.
pub fn run(rules: Rules<'_>, runs: usize) -> Result<Table> {
    let mut table = Table { runs, cap: rules.cap, rows: Vec::new(), bars: Vec::new() };
    for scenario in scenario::all() {
        eprintln!("biosock-lab: {}", scenario.name);
        let world = World::build(scenario, Patience::Usual)?;
        let row = row(&world, rules, runs)?;
        table.bars.extend(bars::of(&world, &row, rules)?);
        table.rows.push(row);
    }
    Ok(table)
}

/// Everybody in turn, so that a slow spell of the machine meets all alike.
fn row(world: &World, rules: Rules<'_>, runs: usize) -> Result<Row> {
    let cell = |contestant| Cell { contestant, timings: Vec::new() };
    let mut cells: Vec<_> = Contestant::ALL.into_iter().map(cell).collect();
    for _ in 0..runs {
        for cell in cells.iter_mut().filter(|cell| !cell.is_long()) {
            cell.timings.push(measure(world, cell.contestant, rules)?);
        }
    }
    Ok(Row { scenario: world.scenario.clone(), cells })
}

impl Row {
    /// What a contestant took, if its median dial ended.
    pub fn median(&self, contestant: Contestant) -> Option<f64> {
        let cell = self.cells.iter().find(|cell| cell.contestant == contestant)?;
        match cell.median() {
            Timing::Connected(took) | Timing::Failed(took) => Some(took),
            Timing::Capped => None,
        }
    }
}

impl Cell {
    fn is_long(&self) -> bool {
        self.timings.last().is_some_and(|last| length(last) > LONG)
    }

    /// The middle one.
    pub fn median(&self) -> Timing {
        let mut sorted = self.timings.clone();
        sorted.sort_by(|a, b| length(a).total_cmp(&length(b)));
        sorted.get(sorted.len() / 2).copied().unwrap_or(Timing::Capped)
    }
}

fn length(timing: &Timing) -> f64 {
    match timing {
        Timing::Connected(took) | Timing::Failed(took) => *took,
        Timing::Capped => f64::INFINITY,
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.rows.iter().map(|row| row.text(self.cap)).collect();
        let widest = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let names = Contestant::ALL.map(Contestant::name);
        write!(f, "{:<name$}  {:>6}", "seconds to connect", "RTT", name = widest(0).max(18))?;
        for (at, name) in names.iter().enumerate() {
            write!(f, "  {name:>width$}", width = widest(at + 2).max(name.len()))?;
        }
        for row in &rows {
            write!(f, "\n{:<name$}  {:>6}", row[0], row[1], name = widest(0).max(18))?;
            for (at, name) in names.iter().enumerate() {
                write!(f, "  {:>width$}", row[at + 2], width = widest(at + 2).max(name.len()))?;
            }
        }
        write!(f, "\n\nMedians of {} dials, each by a process of its own (one that takes ", self.runs)?;
        writeln!(
            f,
            "over {LONG} s is not repeated).\n! ended without a connection. s_client's time has its"
        )?;
        writeln!(f, "process's start in it; the others' has only look-up and connect.\n")?;
        let widest = self.bars.iter().map(|bar| bar.what.chars().count()).max().unwrap_or(0);
        self.bars.iter().try_for_each(|bar| writeln!(f, "{}", bar.line(widest)))
    }
}

impl Row {
    fn text(&self, cap: Duration) -> Vec<String> {
        let rtt = format!("{} ms", self.scenario.rtt.as_millis());
        let mut text = vec![self.scenario.name.to_owned(), rtt];
        text.extend(self.cells.iter().map(|cell| match cell.median() {
            Timing::Connected(took) => format!("{took:.3}  "),
            Timing::Failed(took) => format!("{took:.3} !"),
            Timing::Capped => format!("> {}  ", cap.as_secs()),
        }));
        text
    }
}

impl Table {
    /// The same for programs.
    pub fn json(&self) -> Value {
        let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
        let bars: Vec<_> = self.bars.iter().map(Bar::json).collect();
        json!({"runs": self.runs, "cap": self.cap.as_secs_f64(), "scenarios": rows, "bars": bars})
    }
}

impl Row {
    fn json(&self) -> Value {
        let results = self.cells.iter().map(|cell| (cell.contestant.name().to_owned(), cell.json()));
        let results = Value::Object(results.collect());
        json!({"name": self.scenario.name, "rtt": self.scenario.rtt.as_secs_f64(), "results": results})
    }
}

impl Cell {
    fn json(&self) -> Value {
        let all: Vec<_> = self.timings.iter().map(|timing| timing_json(*timing)).collect();
        json!({"median": timing_json(self.median()), "all": all})
    }
}

/// A dial past the cap has no time.
fn timing_json(timing: Timing) -> Value {
    match timing {
        Timing::Connected(took) => json!({"connected": true, "seconds": took}),
        Timing::Failed(took) => json!({"connected": false, "seconds": took}),
        Timing::Capped => json!({"connected": false, "seconds": null}),
    }
}
