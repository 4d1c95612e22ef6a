//! Two libraries, the same cases, and what differs.

mod divergences;
mod judge;
mod library;
mod show;

pub use divergences::{DIVERGENCES, Divergence};
pub use library::{Library, Outcome, probe};

use crate::originals::Fallible;
use judge::Judge;
use serde_json::Value;
use std::collections::BTreeMap;

/// A case in which the two did not do the same.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The case's name.
    pub id: String,
    /// What was called, what each did: several lines.
    pub text: String,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases in which both did the same.
    pub same: usize,
    /// Cases that mean something else in the other's numbering, or that one cannot run.
    pub not_comparable: usize,
    /// Deliberate differences: how often each was met.
    pub deliberate: BTreeMap<&'static str, usize>,
    /// All others.
    pub differences: Vec<Difference>,
}

impl Report {
    /// Every case that ran on both.
    #[must_use]
    pub fn compared(&self) -> usize {
        self.same + self.deliberate.values().sum::<usize>() + self.differences.len()
    }
}

/// Compares what `ours` did with what the original did, case by case.
///
/// # Errors
/// When the two are one and the same library, or one of them ran no case.
pub fn compare(original: &Outcome, ours: &Outcome) -> Fallible<Report> {
    must_differ(original, ours)?;
    Ok(compare_unguarded(original, ours))
}

/// The same for two that are known to be one library: a run against a broken run of itself.
#[must_use]
pub fn compare_unguarded(original: &Outcome, ours: &Outcome) -> Report {
    let judge = Judge::new(original, ours);
    let mut report = Report::default();
    for (id, case) in &original.cases {
        match ours.cases.get(id) {
            Some(other) if judge.is_comparable(id) => {
                one(&judge, &mut report, id, case, other);
            }
            _ => report.not_comparable += 1,
        }
    }
    report
}

fn one(judge: &Judge, report: &mut Report, id: &str, original: &Value, ours: &Value) {
    if judge.same_case(original, ours) {
        report.same += 1;
        return;
    }
    match judge.divergence(id, original, ours) {
        Some(divergence) => *report.deliberate.entry(divergence.id).or_default() += 1,
        None => report
            .differences
            .push(Difference { id: id.to_owned(), text: show::difference(judge, id, original, ours) }),
    }
}

/// A comparison of a library with itself always succeeds and proves nothing.
fn must_differ(original: &Outcome, ours: &Outcome) -> Fallible<()> {
    if original.file == ours.file {
        return Err(format!("both are {}: nothing would be compared", ours.file).into());
    }
    let same = std::fs::read(&original.file)? == std::fs::read(&ours.file)?;
    if same {
        let (a, b) = (&original.file, &ours.file);
        return Err(format!("{a} and {b} hold the same code: nothing would be compared").into());
    }
    if original.cases.is_empty() || ours.cases.is_empty() {
        return Err("one of the two ran no case".into());
    }
    Ok(())
}
