//! A dial's race, as rows to draw or list and as JSON.

use std::time::Duration;

use biosock::Operation;
use biosock::dial::{Attempt, LookupReport, Outcome, Report};
use serde_json::{Value, json};

use crate::failure::Tried;

/// One lookup or attempt. Times are since the start of the dial.
#[derive(Debug)]
pub(crate) struct Row {
    /// The address, or the lookup's family.
    pub(crate) label: String,
    pub(crate) started: Duration,
    pub(crate) took: Duration,
    pub(crate) end: End,
    /// The outcome.
    pub(crate) note: String,
    /// A shorter form: the symbol of an error.
    pub(crate) short: String,
    pub(crate) is_lookup: bool,
    error: Option<Parts>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A lookup was answered.
    Answered,
    /// This attempt won.
    Connected,
    Failed,
    /// The dial ended first.
    Silent,
}

impl Row {
    pub(crate) fn ended(&self) -> Duration {
        self.started + self.took
    }

    fn tried(&self) -> Tried {
        let (started, took) = (self.started.as_secs_f64(), self.took.as_secs_f64());
        let times = format!("{started:.3} + {took:>6.3} s");
        Tried { cells: vec![times, self.label.clone(), self.note.clone()], data: self.attempt_json() }
    }

    /// A failed attempt as JSON; a lookup has none.
    fn attempt_json(&self) -> Option<Value> {
        let (errno, symbol) = self.error.as_ref().map_or((None, None), |error| (error.errno, error.symbol));
        let (started, seconds) = (self.started.as_secs_f64(), self.took.as_secs_f64());
        let json = json!({
            "address": self.label, "started": started, "seconds": seconds,
            "cause": self.note, "errno": errno, "symbol": symbol,
        });
        (!self.is_lookup).then_some(json)
    }

    fn lookup(lookup: &LookupReport, elapsed: Duration) -> Self {
        let label = format!("lookup {}", lookup.family);
        let (started, took) = (Duration::ZERO, lookup.took.unwrap_or(elapsed));
        match &lookup.answer {
            None => Self::plain(label, started, took, End::Silent, "no answer"),
            Some(Ok(count)) => Self::plain(label, started, took, End::Answered, &addresses(*count)),
            Some(Err(error)) => match Parts::of(error) {
                // The name exists, but not in this family.
                Parts { symbol: Some("EAI_ADDRFAMILY" | "EAI_NODATA"), .. } => {
                    Self::plain(label, started, took, End::Answered, "no address")
                }
                parts => Self::failed(label, started, took, parts),
            },
        }
    }

    fn attempt(attempt: &Attempt) -> Self {
        let Attempt { addr, started, took, outcome, .. } = attempt;
        let label = addr.to_string();
        match outcome {
            Outcome::Connected => Self::plain(label, *started, *took, End::Connected, "connected"),
            Outcome::NoAnswer => Self::plain(label, *started, *took, End::Silent, "no answer"),
            Outcome::Failed(error) => Self::failed(label, *started, *took, Parts::of(error)),
            other => Self::plain(label, *started, *took, End::Silent, &other.to_string()),
        }
    }

    fn plain(label: String, started: Duration, took: Duration, end: End, note: &str) -> Self {
        Self {
            label,
            started,
            took,
            end,
            note: note.into(),
            short: note.into(),
            is_lookup: false,
            error: None,
        }
    }

    fn failed(label: String, started: Duration, took: Duration, parts: Parts) -> Self {
        let (note, short) = (parts.text.clone(), parts.short());
        Self { label, started, took, end: End::Failed, note, short, is_lookup: false, error: Some(parts) }
    }
}

/// The rows of a report: lookups, then attempts.
pub(crate) fn rows(report: &Report) -> Vec<Row> {
    let lookups = report.lookups.iter().map(|lookup| Row::lookup(lookup, report.elapsed));
    let lookups = lookups.map(|row| Row { is_lookup: true, ..row });
    lookups.chain(report.attempts.iter().map(Row::attempt)).collect()
}

/// The lookups and attempts that failed or were not answered, which explain a
/// failed dial.
pub(crate) fn tried(report: &Report) -> Vec<Tried> {
    let rows = rows(report).into_iter().filter(|row| matches!(row.end, End::Failed | End::Silent));
    rows.map(|row| row.tried()).collect()
}

/// The race as one object; `ended` is the winner, or why there is none.
pub(crate) fn to_json(target: &str, report: &Report, ended: Result<&str, &String>) -> Value {
    let lookups: Vec<_> = report.lookups.iter().map(lookup_json).collect();
    let attempts: Vec<_> = report.attempts.iter().map(attempt_json).collect();
    json!({
        "event": "race", "target": target, "seconds": report.elapsed.as_secs_f64(),
        "winner": ended.ok(), "error": ended.err(),
        "lookups": lookups, "attempts": attempts,
    })
}

fn lookup_json(lookup: &LookupReport) -> Value {
    let (count, error) = match &lookup.answer {
        None => (None, None),
        Some(Ok(count)) => (Some(*count), None),
        Some(Err(error)) => (None, Some(Parts::of(error).to_json())),
    };
    let seconds = lookup.took.map(|took| took.as_secs_f64());
    json!({ "family": lookup.family.to_string(), "seconds": seconds, "addresses": count, "error": error })
}

fn attempt_json(attempt: &Attempt) -> Value {
    let (outcome, error) = match &attempt.outcome {
        Outcome::Connected => ("connected", None),
        Outcome::Failed(error) => ("failed", Some(Parts::of(error).to_json())),
        _ => ("no answer", None),
    };
    json!({
        "address": attempt.addr.to_string(), "started": attempt.started.as_secs_f64(),
        "seconds": attempt.took.as_secs_f64(), "outcome": outcome, "error": error,
    })
}

fn addresses(count: usize) -> String {
    match count {
        0 => String::from("no address"),
        1 => String::from("1 address"),
        count => format!("{count} addresses"),
    }
}

/// What a row shows of an error, without the address.
#[derive(Debug)]
struct Parts {
    text: String,
    errno: Option<i32>,
    symbol: Option<&'static str>,
    /// What failed, unless the row implies it.
    verb: Option<String>,
}

impl Parts {
    fn of(error: &biosock::Error) -> Self {
        let symbol = error.system().and_then(|it| it.name());
        let symbol = symbol.or_else(|| error.resolver().and_then(|it| it.name()));
        let expected = matches!(error.operation(), Operation::Connect | Operation::Lookup);
        let text = if expected { error.why().to_string() } else { error.to_string() };
        let verb = (!expected).then(|| text.split_once(' ').map_or("", |(verb, _)| verb).to_owned());
        Self { text, errno: error.raw_os_error(), symbol, verb }
    }

    fn short(&self) -> String {
        match (&self.verb, self.symbol) {
            (Some(verb), Some(symbol)) => format!("{verb}: {symbol}"),
            (None, Some(symbol)) => symbol.into(),
            (_, None) => self.text.clone(),
        }
    }

    fn to_json(&self) -> Value {
        json!({ "message": self.text, "errno": self.errno, "symbol": self.symbol })
    }
}
