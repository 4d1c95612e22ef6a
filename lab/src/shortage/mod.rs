//! A set of listeners that runs out of descriptors and gets them back, with clients in
//! another process: which were served, and what waiting cost. Needs no root.

pub mod clients;
pub mod server;

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Failure, Result};
use server::Manner;

/// The parameters.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// The laboratory's own program, which plays both sides.
    pub program: &'a Path,
    /// How many clients connect at once.
    pub clients: usize,
    /// How many descriptors the server may have, in all.
    pub descriptors: u64,
    /// How long the shortage lasts.
    pub shortage: Duration,
}

/// The results for one kind of loop.
#[derive(Debug)]
pub struct Row {
    /// The loop.
    pub manner: Manner,
    /// What the clients reported: `connected`, `refused`, `served`, `lost`.
    pub clients: Value,
    /// What the server reported of the shortage: `seconds`, `failed` (accepts),
    /// `cpu` (seconds).
    pub server: Value,
    /// Its system calls during the shortage, if strace(1) counted them.
    pub calls: Option<usize>,
}

impl Row {
    /// The most accepts that may fail during the shortage: the first, and one after
    /// each delay that fits, which doubles from 5 ms up to a second.
    pub fn most_failures(&self) -> u64 {
        let mut left = number(&self.server, "seconds");
        let (mut pause, mut most) = (0.005, 1);
        while left > pause {
            left -= pause;
            most += 1;
            pause = f64::min(pause * 2.0, 1.0);
        }
        most
    }

    /// What is wrong.
    pub fn faults(&self, trial: &Trial<'_>) -> Vec<String> {
        let count = |value: &Value, what: &str| number(value, what) as u64;
        let (all, failed) = (trial.clients as u64, count(&self.server, "failed"));
        let mut faults = Vec::new();
        for (what, expected) in [("connected", all), ("refused", 0), ("served", all), ("lost", 0)] {
            let got = count(&self.clients, what);
            if got != expected {
                faults.push(format!("{got} {what}, not {expected}"));
            }
        }
        if failed == 0 {
            faults.push("there was no shortage".into());
        }
        if failed > self.most_failures() {
            faults.push(format!("{failed} accepts failed, more than {}", self.most_failures()));
        }
        // Some for each accept and its delay; a runtime is woken for each client that arrives.
        let most_calls = 8 * self.most_failures() as usize + 32 + trial.clients;
        if let Some(calls) = self.calls.filter(|calls| *calls > most_calls) {
            faults.push(format!("{calls} system calls, more than {most_calls}"));
        }
        faults
    }

    /// The same as JSON.
    pub fn json(&self, trial: &Trial<'_>) -> Value {
        json!({
            "loop": self.manner.name(), "clients": self.clients, "server": self.server,
            "most_failures": self.most_failures(), "calls": self.calls, "faults": self.faults(trial),
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |value: &Value, what: &str| number(value, what) as u64;
        write!(f, "{:<26}", self.manner.name())?;
        for what in ["connected", "refused", "served", "lost"] {
            write!(f, "  {:>9}", of(&self.clients, what))?;
        }
        let calls = self.calls.map_or("-".into(), |calls| calls.to_string());
        let failed = of(&self.server, "failed");
        let [cpu, seconds] = ["cpu", "seconds"].map(|what| number(&self.server, what));
        write!(f, "  {failed:>14}  {:>7}  {calls:>12}", self.most_failures())?;
        write!(f, "  {:>9.3} ms of {seconds:.3} s", cpu * 1000.0)
    }
}

/// The headings of the columns.
pub fn heads() -> String {
    let clients = ["connected", "refused", "served", "lost"].map(|head| format!("  {head:>9}")).concat();
    format!(
        "{:<26}{clients}  {:>14}  {:>7}  {:>12}  CPU time in the shortage",
        "", "accepts failed", "at most", "system calls"
    )
}

/// Runs one kind of loop: once as it is, and, if `count`, once more under strace(1) to
/// count its system calls.
///
/// # Errors
/// Why it cannot be run.
pub fn run(trial: &Trial<'_>, manner: Manner, count: bool) -> Result<Row> {
    let mut row = run_once(trial, manner, Command::new(trial.program))?;
    if count {
        let record = tempfile::NamedTempFile::new()?;
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o"]).arg(record.path()).arg(trial.program);
        let counted = run_once(trial, manner, strace)?;
        let faults = counted.faults(trial);
        if !faults.is_empty() {
            return Err(Failure::from(format!("under strace: {}", faults.join("; "))));
        }
        row.calls = Some(calls_in_shortage(&std::fs::read_to_string(record.path())?));
    }
    Ok(row)
}

fn run_once(trial: &Trial<'_>, manner: Manner, mut server: Command) -> Result<Row> {
    let descriptors = trial.descriptors.to_string();
    server.args(["shortage-server", manner.word(), "--descriptors", &descriptors]);
    let mut server = Side::start(server)?;
    let listening = server.hear()?;
    let addrs: Vec<_> =
        listening["addrs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();

    let mut clients = Command::new(trial.program);
    clients.args(["shortage-clients", &trial.clients.to_string()]).args(addrs);
    let mut clients = Side::start(clients)?;
    let mut said = clients.hear()?;
    // All are connected or refused; the server has as many as it may have.
    sleep(trial.shortage);
    server.tell("release")?;
    let served = clients.hear()?;
    for what in ["served", "lost"] {
        said[what] = served[what].clone();
    }
    server.tell("stop")?;
    let told = server.hear()?;
    Ok(Row { manner, clients: said, server: told, calls: None })
}

/// A process that reads lines and prints lines of JSON; ended when dropped.
struct Side {
    child: Child,
    lines: BufReader<ChildStdout>,
    input: ChildStdin,
}

impl Side {
    fn start(mut command: Command) -> Result<Self> {
        let what = format!("{:?}", command.get_program());
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = started.map_err(|error| format!("{what}: {error}"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let lines = BufReader::new(output.ok_or("no standard output")?);
        Ok(Self { child, lines, input: input.ok_or("no standard input")? })
    }

    fn hear(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        serde_json::from_str(&line).map_err(|error| format!("one side printed {line:?}: {error}").into())
    }

    fn tell(&mut self, word: &str) -> Result<()> {
        Ok(writeln!(self.input, "{word}")?)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A missing number is larger than any other.
fn number(value: &Value, what: &str) -> f64 {
    value[what].as_f64().unwrap_or(f64::INFINITY)
}

fn calls_in_shortage(record: &str) -> usize {
    let lines = record.lines().skip_while(|line| !line.contains(server::BEGIN)).skip(1);
    lines.take_while(|line| !line.contains(server::END)).filter(|line| !line.contains("resumed>")).count()
}
