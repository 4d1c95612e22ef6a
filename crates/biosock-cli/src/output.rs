//! What the command says: messages, JSON, the trace of calls. Nothing that
//! comes from the network or the arguments gets to the terminal unescaped.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use biosock::needs_escape;
use rustix::event::{EventfdFlags, eventfd};
use rustix::stdio::dup2_stdout;
use serde_json::{Value, json};

use crate::args::Common;
use crate::call::{Call, Routine, timed};
use crate::failure::{Failure, Kind, Result};
use crate::messages;
use crate::start;
use crate::table::Table;

/// How the user wants to be told.
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
            return messages::post(&message_json(&object));
        }
        let Call { routine, arguments, result, elapsed, .. } = call;
        let (page, ours, took) = (routine.page, routine.ours, duration(*elapsed));
        let head = format!("{at:>10.6}  {page:<15}  {ours:<20}");
        let (arguments, result) = (clipped(arguments), clipped(result));
        messages::post(&escape(&format!("{head}  {arguments}: {result} ({took})")));
    }

    /// Tells on standard error what happened: the object with --json, the
    /// text, if there is one, without.
    pub(crate) fn event(&self, object: &Value, text: Option<&str>) {
        match text {
            _ if self.common.json => messages::post(&message_json(object)),
            Some(text) => messages::post(&clipped(&escape(text))),
            None => {}
        }
    }

    /// Reports a failure, and gives the exit status for it.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        self.report(failure, messages::post);
        ExitCode::from(if failure.kind == Kind::Usage { 2 } else { 1 })
    }

    /// Reports a failure that one of many peers may bring about as often as it
    /// likes.
    pub(crate) fn fail_of(&self, peer: &str, failure: &Failure) {
        let kind = clipped(&escape(&failure.message().replace(peer, "a peer"))).into_owned();
        self.report(failure, |line| messages::post_of_kind(&kind, line));
    }

    fn report(&self, failure: &Failure, post: impl FnOnce(&str)) {
        match failure.kind {
            // Its reader wants no more of it, and knows.
            Kind::OutputClosed | Kind::Reported => {}
            _ if self.common.json => post(&message_json(&failure.to_json())),
            _ => post(&message(failure, colour(&io::stderr()))),
        }
    }

    /// Writes results on standard output.
    pub(crate) fn lines(&self, lines: impl IntoIterator<Item = String>) -> Result<()> {
        let mut text: String = lines.into_iter().map(|line| line + "\n").collect();
        stdout_text(std::mem::take(&mut text).as_bytes())
    }
}

/// Writes to standard output, after the messages that came before.
pub(crate) fn stdout_text(text: &[u8]) -> Result<()> {
    messages::flush(messages::PATIENCE);
    stdout().and_then(|mut stdout| write_all(&mut stdout, text)).map_err(|error| Failure::output(&error))
}

/// Standard output without std's buffer, and without its view that what goes
/// to a closed descriptor is written.
pub(crate) fn stdout() -> io::Result<File> {
    start::check_open(start::OUTPUT)?;
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Closes standard output, given what [`stdout`] gave for it, so that its reader
/// sees the end though the process goes on.
pub(crate) fn close_stdout(output: File) -> io::Result<()> {
    // Reports what a network file system could not write (close(2)).
    let closed = nix::unistd::close(output);
    // Takes the number, so that no file gets it. It needs no /dev, and fails
    // what would be written there.
    dup2_stdout(eventfd(0, EventfdFlags::CLOEXEC)?)?;
    Ok(closed?)
}

/// Writes all, also to a descriptor that someone has made non-blocking.
pub(crate) fn write_all(output: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                biosock::fd::wait(output.as_fd(), biosock::Interest::Write, None)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
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

/// Colour is for terminals, and for who wants it (no-color.org).
pub(crate) fn colour(stream: &impl IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    stream.is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

/// Text with what [`needs_escape`] in the form `\u{1b}`.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(needs_escape) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if needs_escape(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// A message's text where it is longer than anybody reads, as a text from
/// outside can make it: its beginning and its end, which says what was wrong.
pub(crate) fn clipped(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let (mut head, mut tail) = (LONGEST * 2 / 3, text.len() - LONGEST / 3);
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    Cow::Owned(format!("{} … {}", &text[..head], &text[tail..]))
}

/// The longest text in a message, in bytes.
const LONGEST: usize = 1024;

/// Bytes that are no UTF-8 in the form that an address' text has for them.
pub(crate) fn without_invalid_bytes(text: &OsStr) -> String {
    let mut out = String::new();
    for chunk in text.as_bytes().utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|b| out.push_str(&format!(r"\x{b:02x}")));
    }
    out
}

/// One object on one line. serde_json escapes C0; the rest is done here.
pub(crate) fn json_line(object: &Value) -> String {
    let text = object.to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if needs_escape(c) {
            // RFC 8259, section 7: two escapes for what is beyond the basic plane.
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// As [`json_line`], with no text longer than a message's.
fn message_json(object: &Value) -> String {
    fn clip(value: &mut Value) {
        match value {
            Value::String(text) if text.len() > LONGEST => *text = clipped(text).into_owned(),
            Value::Array(values) => values.iter_mut().for_each(clip),
            Value::Object(fields) => fields.iter_mut().for_each(|(_, value)| clip(value)),
            _ => {}
        }
    }
    let mut object = object.clone();
    clip(&mut object);
    json_line(&object)
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
        let invisible = "\u{61c}\u{feff}\u{ad}\u{180e}\u{e0041}";
        assert_eq!(escape(invisible), r"\u{61c}\u{feff}\u{ad}\u{180e}\u{e0041}");
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        let long = format!("begins {} ends", "ä".repeat(100_000));
        let text = clipped(&long);
        assert!(text.len() <= LONGEST + 8 && text.starts_with("begins ä") && text.ends_with("ä ends"));
        assert!(message_json(&json!([{ "a": long }])).len() < 2 * LONGEST);
    }

    #[test]
    fn json_has_no_control_character_and_reads_back() {
        let object = json!({ "name": "\x1b\x7f\u{9b}\u{2028}ä\u{61c}\u{feff}\u{ad}\u{180e}\u{e0041}" });
        let line = json_line(&object);
        assert!(!line.contains(needs_escape), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), object);
    }
}
