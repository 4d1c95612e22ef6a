//! `biosock connect`.

use std::io;
use std::time::Duration;

use biosock::dial::{Attempt, DialError, DialFailure, Dialed, Report};
use serde_json::json;

use crate::args::ConnectArgs;
use crate::call::{Call, DIAL_CONNECT, and_options};
use crate::dialing::Dial;
use crate::failure::Result;
use crate::interrupt::Interrupt;
use crate::messages;
use crate::output::Output;
use crate::picture::Picture;
use crate::race::{self, End, Row};
use crate::relay::Turn;
use crate::svg;
use crate::terminal::Terminal;
use crate::text::duration;
use crate::timeline;
use crate::transfer;

pub(crate) fn run(args: &ConnectArgs, out: &Output) -> Result<()> {
    let Dialed { socket, addr, .. } = reach(args, out)?;
    let local = socket.local_addr().map_or(String::new(), |addr| addr.to_string());
    out.event(&json!({ "event": "connected", "peer": addr.to_string(), "local": local }), None);
    transfer::standard_streams(&socket, &addr, args.transfer, Turn::Last, out)
}

/// Dials, and reports the race as requested.
fn reach(args: &ConnectArgs, out: &Output) -> Result<Dialed> {
    let picture = args.trace_svg.as_deref().map(Picture::prepare).transpose()?;
    let interrupt = Interrupt::watch()?;
    let dial = Dial::prepare(args, interrupt.cancel(), out)?;
    let begun = out.elapsed();
    let dialed = dial.run();
    let course = Course::of(args, &dial, &dialed);
    course.log_calls(begun, out);
    course.report(out);
    picture.map_or(Ok(()), |picture| picture.write(&course.svg()))?;
    let drawn = course.is_drawn(out);
    let failed = match dialed {
        Ok(dialed) => return Ok(dialed),
        Err(error) => error,
    };
    let failure = dial.failure(&failed, drawn);
    if matches!(failed.failure(), DialFailure::Cancelled) {
        out.fail(&failure);
        interrupt.end();
    }
    Err(failure)
}

/// A finished race, as reported.
struct Course<'a> {
    args: &'a ConnectArgs,
    target: String,
    report: &'a Report,
    rows: Vec<Row>,
    /// The winner, or why there is none.
    ended: Result<String, String>,
}

impl<'a> Course<'a> {
    fn of(args: &'a ConnectArgs, dial: &Dial<'_>, dialed: &'a Result<Dialed, DialError>) -> Self {
        let (report, ended) = match dialed {
            Ok(Dialed { addr, report, .. }) => (report, Ok(addr.to_string())),
            Err(error) => (error.report(), Err(dial.failure(error, false).message().to_owned())),
        };
        Self { args, target: args.target.to_string(), report, rows: race::rows(report), ended }
    }

    /// Logs the attempts as library calls; the lookups are logged already.
    fn log_calls(&self, begun: Duration, out: &Output) {
        let rows = self.rows.iter().filter(|row| !row.is_lookup);
        for (Attempt { addr, started, took, .. }, row) in self.report.attempts.iter().zip(rows) {
            let arguments = format!("to {addr}{}", and_options(&self.args.stream.names()));
            let (result, ok) = (row.note.clone(), row.end == End::Connected);
            let call = Call { routine: DIAL_CONNECT, arguments, result, ok, elapsed: *took };
            out.trace_at(begun + *started + *took, &call);
        }
    }

    fn report(&self, out: &Output) {
        if self.is_drawn(out) {
            let lines = timeline::draw(&self.rows, self.report.elapsed, &Terminal::of(&io::stderr()));
            messages::require();
            lines.iter().for_each(|line| messages::post(line));
            if self.ended.is_ok() {
                messages::post(&self.outcome());
            }
        }
        out.event(&race::to_json(&self.target, self.report, self.ended.as_deref()), None);
    }

    /// With --json, the data replaces the drawing.
    fn is_drawn(&self, out: &Output) -> bool {
        self.args.trace && !self.rows.is_empty() && !out.json()
    }

    fn svg(&self) -> String {
        svg::draw(&self.target, &self.outcome(), &self.rows, self.report.elapsed)
    }

    fn outcome(&self) -> String {
        match &self.ended {
            Ok(addr) => format!("connected to {addr} after {}", duration(self.report.elapsed)),
            // The title already names the target.
            Err(message) => {
                let intent = format!("connect to {}: ", self.target);
                message.strip_prefix(&intent).unwrap_or(message).to_owned()
            }
        }
    }
}
