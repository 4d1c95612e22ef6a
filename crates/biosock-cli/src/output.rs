//! What the command prints: messages, JSON, logged calls. Nothing from the
//! network or the arguments reaches the terminal unescaped.

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::args::Common;
use crate::call::{Call, Routine, timed};
use crate::failure::{Failure, Kind, Result};
use crate::json;
use crate::messages;
use crate::stdout;
use crate::table::Table;
use crate::terminal::colour;
use crate::text::{clipped, duration, escape};

/// What to print, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    common: Common,
    start: Instant,
}

impl Output {
    pub(crate) fn new(common: Common) -> Self {
        messages::set_json(common.json);
        if common.json || common.verbose {
            messages::require();
        }
        Self { common, start: Instant::now() }
    }

    pub(crate) fn json(&self) -> bool {
        self.common.json
    }

    pub(crate) fn verbose(&self) -> bool {
        self.common.verbose
    }

    /// Makes a library call, and logs it with --verbose.
    pub(crate) fn call<T>(
        &self,
        routine: Routine,
        arguments: impl Into<String>,
        run: impl FnOnce() -> biosock::Result<T>,
        describe: impl FnOnce(&T) -> String,
    ) -> biosock::Result<T> {
        let (call, result) = timed(routine, arguments.into(), run, describe);
        self.trace(&call);
        result
    }

    pub(crate) fn trace(&self, call: &Call) {
        self.trace_at(self.elapsed(), call);
    }

    /// How long the command has been running, as logged.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Logs a call that ended at this time, with --verbose.
    pub(crate) fn trace_at(&self, at: Duration, call: &Call) {
        if !self.common.verbose {
            return;
        }
        let at = at.as_secs_f64();
        if self.common.json {
            let object = json::merged(json!({ "event": "call", "at": at }), call.to_json());
            return messages::post(&json::message_line(&object));
        }
        let Call { routine, arguments, result, elapsed, .. } = call;
        let took = duration(*elapsed);
        let head = format!("{at:>10.6}  {:<15}  {:<20}", routine.c, routine.rust);
        let (arguments, result) = (clipped(arguments), clipped(result));
        messages::post(&escape(&format!("{head}  {arguments}: {result} ({took})")));
    }

    /// Prints an event on standard error: the object with --json, else the
    /// string, if there is one.
    pub(crate) fn event(&self, object: &Value, text: Option<&str>) {
        match text {
            _ if self.common.json => messages::post(&json::message_line(object)),
            Some(text) => messages::post(&clipped(&escape(text))),
            None => {}
        }
    }

    /// Reports a failure, and returns the exit status for it.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        self.report(failure, messages::post);
        ExitCode::from(if failure.kind == Kind::Usage { 2 } else { 1 })
    }

    /// Reports a failure that a peer can cause any number of times.
    pub(crate) fn fail_of(&self, peer: &str, failure: &Failure) {
        let kind = clipped(&escape(&failure.message().replace(peer, "a peer"))).into_owned();
        self.report(failure, |line| messages::post_of_kind(&kind, line));
    }

    fn report(&self, failure: &Failure, post: impl FnOnce(&str)) {
        match failure.kind {
            // The reader went away and knows.
            Kind::OutputClosed | Kind::Reported => {}
            _ if self.common.json => post(&json::message_line(&failure.to_json())),
            _ => post(&message(failure, colour(&io::stderr()))),
        }
    }

    /// Writes results on standard output.
    pub(crate) fn lines(&self, lines: impl IntoIterator<Item = String>) -> Result<()> {
        let text: String = lines.into_iter().map(|line| line + "\n").collect();
        stdout::write_text(text.as_bytes())
    }
}

fn message(failure: &Failure, colour: bool) -> String {
    let paint = |code, text| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { String::from(text) };
    let (text, attempts, hint) = failure.lines();
    let bounded = |text: &str| clipped(&escape(text)).into_owned();
    let mut lines = vec![format!("{} {}", paint("1;31", "biosock:"), bounded(text))];
    let mut table = Table::indented(2);
    attempts.iter().for_each(|cells| table.row(cells.iter().map(|cell| bounded(cell))));
    lines.extend(table.lines());
    lines.extend(hint.map(|hint| format!("  {} {}", paint("36", "hint:"), bounded(hint))));
    lines.join("\n")
}
