//! The cost of one dial: system calls by strace(1), allocations by a counter.

use std::path::Path;
use std::process::Command;

use allocation_counter::AllocationInfo;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::{Caller, connect, dialer};
use crate::client::{Hickory, mark};
use crate::{Failure, Result};

/// The cost of one dial, including closing its connection.
#[derive(Clone, Debug)]
pub struct Cost {
    /// System calls, including those of its threads.
    calls: f64,
    /// Allocations of the dialling thread.
    allocations: f64,
}

impl Cost {
    pub(super) fn texts(&self) -> (String, String) {
        (format!("{:.1}", self.calls), format!("{:.1}", self.allocations))
    }

    pub(super) fn json(&self) -> Value {
        json!({"calls": self.calls, "allocations": self.allocations})
    }
}

/// Enough that rare events count little.
const DIALS: u32 = 50;

/// The cost of a dial; `None` if strace(1) is not installed.
pub(super) fn of(program: &Path, caller: Caller, target: &str) -> Result<Option<Cost>> {
    if Command::new("strace").arg("-V").output().is_err() {
        return Ok(None);
    }
    let record = tempfile::NamedTempFile::new()?;
    let caller = caller.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(record.path()).arg(program).args(["spend", &caller, target]);
    let ended = command.output()?;
    if !ended.status.success() {
        return Err(Failure::from(format!("strace: {}", String::from_utf8_lossy(&ended.stderr))));
    }
    let said: Value = serde_json::from_slice(&ended.stdout)?;
    let allocations = said["allocations"].as_f64().ok_or("no count of allocations")?;
    let record = std::fs::read_to_string(record.path())?;
    let lines = record.lines().skip_while(|line| !line.contains("\"/mark/begin\"")).skip(1);
    let between = lines.take_while(|line| !line.contains("\"/mark/end\""));
    // A call that another thread interrupts has two lines, the second with "resumed".
    let calls = between.filter(|line| line.contains('(') && !line.contains(" resumed>")).count();
    Ok(Some(Cost { calls: calls as f64 / f64::from(DIALS), allocations }))
}

/// What the watched copy of this program does: dials one after the other, and
/// reports the allocations of each.
///
/// # Errors
/// A dial fails.
pub fn spend(caller: Caller, hickory: Option<Hickory>, target: &str) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let dialer = runtime.block_on(async { dialer(caller, hickory) })?;
    let dial = || -> std::result::Result<(), String> {
        match caller {
            Caller::Std | Caller::Ours => connect(caller, &dialer, target).map(drop),
            Caller::Tokio => runtime
                .block_on(tokio::net::TcpStream::connect(target))
                .map(drop)
                .map_err(|error| error.to_string()),
            _ => runtime
                .block_on(dialer.dial_stream_async(target))
                .map(drop)
                .map_err(|error| error.to_string()),
        }
    };
    dial()?;
    let mut ended = Ok(());
    mark("begin");
    let AllocationInfo { count_total, .. } = allocation_counter::measure(|| {
        ended = (0..DIALS).try_for_each(|_| dial());
    });
    mark("end");
    ended?;
    Ok(json!({"allocations": count_total as f64 / f64::from(DIALS)}))
}
