//! The measurements, for humans and for programs.

use std::fmt;

use serde_json::{Value, json};

use super::{Amount, Cost, Left, Row, Table};

impl Table {
    /// Whether every dial of every row ended with a connection, and nothing is left.
    pub fn is_good(&self) -> bool {
        self.rows.iter().all(Row::is_good)
    }

    /// A row's median time relative to its rival's, for the same target.
    fn ratio(&self, row: &Row) -> f64 {
        let rival = self.rows.iter().find(|other| other.caller == row.caller.rival() && other.way == row.way);
        rival.map_or(f64::NAN, |rival| row.median() / rival.median())
    }

    /// The same as JSON.
    pub fn json(&self) -> Value {
        let rows: Vec<_> = self.rows.iter().map(|row| self.row_json(row)).collect();
        let Amount { tasks, blocking, threads, rounds } = self.amount;
        json!({"tasks": tasks, "blocking": blocking, "threads": threads, "rounds": rounds,
            "rows": rows, "good": self.is_good()})
    }

    fn row_json(&self, row: &Row) -> Value {
        let Left { descriptors, threads, tasks } = row.left;
        json!({"caller": row.caller.name(), "target": row.way.name(), "dials": row.dials, "failed": row.failed,
            "first_failure": row.first_failure, "seconds": row.median(), "all": row.times,
            "ratio": self.ratio(row), "cost": row.cost.as_ref().map(Cost::json),
            "left": {"descriptors": descriptors, "threads": threads, "tasks": tasks}})
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Amount { tasks, blocking, threads, rounds } = self.amount;
        writeln!(
            f,
            "{tasks} dials at once under tokio, {blocking} blocking by {threads} threads; medians of {rounds}"
        )?;
        writeln!(
            f,
            "{:<26} {:<10} {:>6} {:>6} {:>8} {:>6} {:>6} {:>6}  left: fds, threads, tasks",
            "", "to", "dials", "failed", "us each", "ratio", "calls", "allocs"
        )?;
        for row in &self.rows {
            let each = row.median() * 1e6 / row.dials as f64;
            let Left { descriptors, threads, tasks } = row.left;
            let (calls, allocations) = row.cost.as_ref().map_or(("-".into(), "-".into()), Cost::texts);
            write!(
                f,
                "{:<26} {:<10} {:>6} {:>6} ",
                row.caller.name(),
                row.way.name(),
                row.dials,
                row.failed
            )?;
            write!(f, "{each:>8.1} {:>6.2} {calls:>6} {allocations:>6}", self.ratio(row))?;
            writeln!(f, "  {descriptors}, {threads}, {tasks}")?;
        }
        writeln!(f, "\nratio: to std's or tokio's own to the same; calls: of the system, a dial alone")?;
        writeln!(f, "and its threads; allocs: of the dialling thread")?;
        for row in self.rows.iter().filter(|row| row.failed > 0) {
            writeln!(
                f,
                "{} to {}: {}",
                row.caller.name(),
                row.way.name(),
                row.first_failure.as_deref().unwrap_or("?")
            )?;
        }
        writeln!(
            f,
            "{}",
            if self.is_good() { "all ended, nothing is left" } else { "NOT all ended, or something is left" }
        )
    }
}
