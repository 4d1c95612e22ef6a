//! The table: each contestant dials in every scenario, several times.

use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::bars::{self, Bar};
use crate::contestants::{Contestant, Rules, Timing, measure, versions};
use crate::scenario::{self, Scenario};
use crate::world::{Patience, World};

/// All measurements.
#[derive(Debug)]
pub struct Table {
    /// How often each contestant dialled.
    pub runs: usize,
    /// The most that a dial may take.
    pub cap: Duration,
    /// The contestants: the columns.
    pub contestants: Vec<Contestant>,
    /// The versions of curl and OpenSSL.
    pub versions: String,
    /// How busy the machine was.
    pub load: String,
    /// A row for each scenario.
    pub rows: Vec<Row>,
    /// biosock's bars.
    pub bars: Vec<Bar>,
}

/// A scenario, and each contestant's results.
#[derive(Debug)]
pub struct Row {
    /// The scenario.
    pub scenario: Scenario,
    /// The results, in the order of the table's contestants.
    pub cells: Vec<Cell>,
}

/// The results of one contestant in one scenario.
#[derive(Debug)]
pub struct Cell {
    /// The contestant.
    pub contestant: Contestant,
    /// Every dial.
    pub timings: Vec<Timing>,
}

/// A dial that takes longer than this is not repeated.
const LONG: f64 = 5.0;

/// Measures everything.
///
/// # Errors
/// Why it cannot be measured: not root, or a program is missing.
pub fn run(rules: Rules<'_>, contestants: Vec<Contestant>, runs: usize) -> Result<Table> {
    let (versions, cap) = (versions()?, rules.cap);
    let mut table =
        Table { runs, cap, contestants, versions, load: load(), rows: Vec::new(), bars: Vec::new() };
    for scenario in scenario::all() {
        eprintln!("biosock-lab: {}", scenario.name);
        let world = World::build(scenario, Patience::Usual)?;
        let row = row(&world, &table.contestants, rules, runs)?;
        table.bars.extend(bars(&world, &row, rules, runs)?);
        table.rows.push(row);
    }
    Ok(table)
}

/// The bars of a row; one that is missed is measured once more, with more dials, before
/// it counts: a machine with other work has slow periods.
fn bars(world: &World, row: &Row, rules: Rules<'_>, runs: usize) -> Result<Vec<Bar>> {
    let bars = bars::of(world, row, rules)?;
    if bars.iter().all(Bar::is_kept) {
        return Ok(bars);
    }
    for bar in bars.iter().filter(|bar| !bar.is_kept()) {
        eprintln!("biosock-lab: once more, with load {}: {}", load_average(), bar.line(0));
    }
    await_calm();
    let again = self::row(world, &bars::JUDGED, rules, 2 * runs + 1)?;
    let again = bars::of(world, &again, rules)?;
    Ok(bars.into_iter().zip(again).map(|(bar, again)| if bar.is_kept() { bar } else { again }).collect())
}

/// The load; above one for each processor, the times depend on the machine.
fn load() -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!("load {} on {processors} processors", load_average())
}

/// Waits a while until the machine's other work is done.
fn await_calm() {
    let limit = Instant::now() + Duration::from_secs(30);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    while running() > processors && Instant::now() < limit {
        sleep(Duration::from_millis(500));
    }
}

/// How many threads are runnable now, this one included (proc_loadavg(5)).
fn running() -> usize {
    let averages = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let threads = averages.split(' ').nth(3).and_then(|threads| threads.split('/').next());
    threads.and_then(|running| running.parse().ok()).unwrap_or(0)
}

fn load_average() -> String {
    let averages = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').next().unwrap_or("unknown").to_owned()
}

/// The contestants take turns, so that a slow period of the machine affects all alike.
fn row(world: &World, contestants: &[Contestant], rules: Rules<'_>, runs: usize) -> Result<Row> {
    let cell = |&contestant| Cell { contestant, timings: Vec::new() };
    let mut cells: Vec<_> = contestants.iter().map(cell).collect();
    for _ in 0..runs {
        for cell in cells.iter_mut().filter(|cell| !cell.is_long()) {
            cell.timings.push(measure(world, cell.contestant, rules)?);
        }
    }
    Ok(Row { scenario: world.scenario.clone(), cells })
}

impl Table {
    /// The same as JSON.
    pub fn json(&self) -> Value {
        let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
        let bars: Vec<_> = self.bars.iter().map(Bar::json).collect();
        let cap = self.cap.as_secs_f64();
        json!({"runs": self.runs, "cap": cap, "versions": self.versions, "load": self.load,
            "scenarios": rows, "bars": bars})
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![head(&self.contestants)];
        lines.extend(self.rows.iter().map(|row| row.texts(self.cap)));
        grid(f, &lines)?;
        writeln!(f, "\n! ended without a connection")?;
        write!(f, "Medians of {} dials, each by a process of its own; one over {LONG} s is ", self.runs)?;
        writeln!(f, "not\nrepeated. s_client's time has its process's start in it, the others' only")?;
        writeln!(f, "lookup and connect. Of deadlines std has one for each address alone,")?;
        writeln!(f, "s_client none. {}; {}.\n", self.versions, self.load)?;
        let widest = self.bars.iter().map(|bar| bar.what.chars().count()).max().unwrap_or(0);
        self.bars.iter().try_for_each(|bar| writeln!(f, "{}", bar.line(widest)))
    }
}

fn head(contestants: &[Contestant]) -> Vec<String> {
    let fixed = ["seconds to connect", "RTT"];
    let names = contestants.iter().map(|contestant| contestant.name());
    fixed.into_iter().chain(names).map(String::from).collect()
}

/// Lines of cells, with the first column left-aligned.
fn grid(f: &mut fmt::Formatter<'_>, lines: &[Vec<String>]) -> fmt::Result {
    let widest = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..lines[0].len()).map(widest).collect();
    for line in lines {
        write!(f, "{:<width$}", line[0], width = widths[0])?;
        for (text, width) in line.iter().zip(&widths).skip(1) {
            write!(f, "  {text:>width$}")?;
        }
        writeln!(f)?;
    }
    Ok(())
}

impl Row {
    /// The time of a contestant's median dial, if it ended.
    pub fn median(&self, contestant: Contestant) -> Option<f64> {
        let cell = self.cells.iter().find(|cell| cell.contestant == contestant)?;
        match cell.median() {
            Timing::Connected(took) | Timing::Failed(took) => Some(took),
            Timing::Capped => None,
        }
    }

    fn texts(&self, cap: Duration) -> Vec<String> {
        let rtt = format!("{} ms", self.scenario.rtt.as_millis());
        let mut texts = vec![self.scenario.name.to_owned(), rtt];
        texts.extend(self.cells.iter().map(|cell| match cell.median() {
            Timing::Connected(took) => format!("{took:.3}  "),
            Timing::Failed(took) => format!("{took:.3} !"),
            Timing::Capped => format!("> {}  ", cap.as_secs()),
        }));
        texts
    }

    fn json(&self) -> Value {
        let results = self.cells.iter().map(|cell| (cell.contestant.name().to_owned(), cell.json()));
        let results = Value::Object(results.collect());
        json!({"name": self.scenario.name, "rtt": self.scenario.rtt.as_secs_f64(), "results": results})
    }
}

impl Cell {
    fn is_long(&self) -> bool {
        self.timings.last().is_some_and(|last| length(last) > LONG)
    }

    /// The median.
    pub fn median(&self) -> Timing {
        let mut sorted = self.timings.clone();
        sorted.sort_by(|a, b| length(a).total_cmp(&length(b)));
        sorted.get(sorted.len() / 2).copied().unwrap_or(Timing::Capped)
    }

    fn json(&self) -> Value {
        let all: Vec<_> = self.timings.iter().map(|timing| timing_json(*timing)).collect();
        json!({"median": timing_json(self.median()), "all": all})
    }
}

fn length(timing: &Timing) -> f64 {
    match timing {
        Timing::Connected(took) | Timing::Failed(took) => *took,
        Timing::Capped => f64::INFINITY,
    }
}

/// A dial beyond the cap has no time.
fn timing_json(timing: Timing) -> Value {
    match timing {
        Timing::Connected(took) => json!({"connected": true, "seconds": took}),
        Timing::Failed(took) => json!({"connected": false, "seconds": took}),
        Timing::Capped => json!({"connected": false, "seconds": null}),
    }
}
