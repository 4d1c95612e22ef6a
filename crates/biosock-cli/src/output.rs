//! What the command says: messages, JSON, the trace of calls. Nothing that
//! comes from the network or the arguments gets to the terminal unescaped.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{self, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::args::Common;
use crate::call::{Call, Routine, timed};
use crate::failure::{Failure, Kind, Result};
use crate::table::Table;

/// How the user wants to be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    common: Common,
    start: Instant,
}

impl Output {
    pub(crate) fn new(common: Common) -> Self {
        Self { common, start: Instant::now() }
    }

    pub(crate) fn json(&self) -> bool {
        self.common.json
    }

    pub(crate) fn verbose(&self) -> bool {
        self.common.verbose
    }

    /// Makes a library call, and tells of it if asked to.
    pub(crate) fn call<T>(
        &self,
        routine: Routine,
        arguments: impl Into<String>,
        run: impl FnOnce() -> biosock::Result<T>,
        tell: impl FnOnce(&T) -> String,
    ) -> biosock::Result<T> {
        let (call, result) = timed(routine, arguments.into(), run, tell);
        self.trace(&call);
        result
    }

    pub(crate) fn trace(&self, call: &Call) {
        self.trace_at(self.elapsed(), call);
    }

    /// How long the command has been running: the times of the trace.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Tells of a call that ended then, if asked to.
    pub(crate) fn trace_at(&self, at: Duration, call: &Call) {
        if !self.common.verbose {
            return;
        }
        let at = at.as_secs_f64();
        if self.common.json {
            let object = merged(json!({ "event": "call", "at": at }), call.to_json());
            return stderr_line(&json_line(&object));
        }
        let Call { routine, arguments, result, elapsed, .. } = call;
        let (page, ours, took) = (routine.page, routine.ours, duration(*elapsed));
        let head = format!("{at:>10.6}  {page:<15}  {ours:<20}");
        stderr_line(&escape(&format!("{head}  {arguments}: {result} ({took})")));
    }

    /// Tells on standard error what happened: the object with --json, the
    /// text, if there is one, without.
    pub(crate) fn event(&self, object: &Value, text: Option<&str>) {
        match text {
            _ if self.common.json => stderr_line(&json_line(object)),
            Some(text) => stderr_line(&escape(text)),
            None => {}
        }
    }

    /// Tells of a failure, and gives the exit status for it.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        match failure.kind {
            Kind::OutputClosed => return ExitCode::SUCCESS,
            Kind::Reported => {}
            _ if self.common.json => stderr_line(&json_line(&failure.to_json())),
            _ => stderr_line(&message(failure, colour(&io::stderr()))),
        }
        ExitCode::from(if failure.kind == Kind::Usage { 2 } else { 1 })
    }

    /// Writes results on standard output.
    pub(crate) fn lines(&self, lines: impl IntoIterator<Item = String>) -> Result<()> {
        let mut text: String = lines.into_iter().map(|line| line + "\n").collect();
        stdout_text(std::mem::take(&mut text).as_bytes())
    }
}

pub(crate) fn stdout_text(text: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text).and_then(|()| stdout.flush()).map_err(|error| Failure::output(&error))
}

/// One line, in one write, so that lines of several threads stay whole.
pub(crate) fn stderr_line(line: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

fn message(failure: &Failure, colour: bool) -> String {
    let paint = |code, text| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { String::from(text) };
    let (text, attempts, hint) = failure.lines();
    let mut lines = vec![format!("{} {}", paint("1;31", "biosock:"), escape(text))];
    let mut table = Table::indented(2);
    attempts.iter().for_each(|cells| table.row(cells.iter().map(|cell| escape(cell))));
    lines.extend(table.lines());
    lines.extend(hint.map(|hint| format!("  {} {}", paint("36", "hint:"), escape(hint))));
    lines.join("\n")
}

/// Colour is for terminals, and for who wants it (no-color.org).
pub(crate) fn colour(stream: &impl IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    stream.is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

/// Text with its control characters, and those that turn the direction of
/// writing, in the form `\u{1b}`.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Bytes that are no UTF-8 in the form that an address' text has for them.
pub(crate) fn without_invalid_bytes(text: &OsStr) -> String {
    let mut out = String::new();
    for chunk in text.as_bytes().utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|b| out.push_str(&format!(r"\x{b:02x}")));
    }
    out
}

fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One object on one line. serde_json escapes C0; the rest is done here.
pub(crate) fn json_line(object: &Value) -> String {
    let text = object.to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // All of these are within the basic plane: one \u each.
        if is_unsafe(c) { out.push_str(&format!("\\u{:04x}", u32::from(c))) } else { out.push(c) }
    }
    out
}

/// Two objects as one, the fields of `first` first.
pub(crate) fn merged(mut first: Value, second: Value) -> Value {
    if let (Value::Object(first), Value::Object(second)) = (&mut first, second) {
        first.extend(second);
    }
    first
}

/// A time with the unit that suits it.
pub(crate) fn duration(time: Duration) -> String {
    match time.as_nanos() {
        0..1_000_000 => format!("{:.1} µs", time.as_secs_f64() * 1e6),
        1_000_000..1_000_000_000 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_drives_a_terminal() {
        assert_eq!(escape("a\x1b[2Jb\u{9b}\u{202e}\n"), "a\\u{1b}[2Jb\\u{9b}\\u{202e}\\n");
        assert_eq!(escape("häuser – ok"), "häuser – ok");
    }

    #[test]
    fn json_has_no_control_character_and_reads_back() {
        let object = json!({ "name": "\x1b\x7f\u{9b}\u{2028}ä" });
        let line = json_line(&object);
        assert!(!line.contains(is_unsafe), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), object);
    }
}
