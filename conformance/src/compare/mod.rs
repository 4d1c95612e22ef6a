//! Two libraries, the same cases, and what differs.

mod divergences;
mod fields;
mod forms;
mod judge;
mod library;
mod plant;
mod rules;
mod show;
mod starved;

pub use divergences::{DIVERGENCES, Divergence};
pub use forms::{Form, Suite};
pub use library::{Library, Outcome, probe};

use crate::originals::Fallible;
use judge::{Judge, list, steps};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A case in which the two did not do the same.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The case's name.
    pub id: String,
    /// What was called, what each did: several lines.
    pub text: String,
}

/// How many of the cases that call a function came out the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cases in which both did the same.
    pub same: usize,
    /// Those, and those that differ.
    pub compared: usize,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases in which both did the same.
    pub same: usize,
    /// Cases that mean something else in the other's numbering, or that one cannot run.
    pub not_comparable: usize,
    /// Deliberate differences: the cases that met each.
    pub deliberate: BTreeMap<&'static str, Vec<String>>,
    /// All others.
    pub differences: Vec<Difference>,
    /// Faults planted in the cases of deliberate differences, each in one field.
    pub planted: usize,
    /// Those among them that a rule excused, which none should: case and field.
    pub unseen: Vec<String>,
    /// The cases of each function.
    pub functions: BTreeMap<String, Tally>,
    /// System calls that were made to fail beneath biosock.
    pub faults: u64,
    /// Allocations that were refused to biosock.
    pub refused: u64,
}

impl Report {
    /// Every case that ran on both.
    #[must_use]
    pub fn compared(&self) -> usize {
        self.same + self.by_design() + self.differences.len()
    }

    /// Every case that differs by design.
    #[must_use]
    pub fn by_design(&self) -> usize {
        self.deliberate.values().map(Vec::len).sum()
    }

    /// Whether a deliberate difference was met by the case that should show it.
    #[must_use]
    pub fn shows(&self, divergence: &Divergence) -> bool {
        let cases = self.deliberate.get(divergence.id);
        cases.is_some_and(|cases| cases.iter().any(|case| case == divergence.case))
    }

    /// The counts, as `conformance/totals.json` keeps them.
    #[must_use]
    pub fn totals(&self) -> Value {
        let by_design = self.deliberate.iter().map(|(id, cases)| (*id, cases.len()));
        json!({
            "compared": self.compared(),
            "same": self.same,
            "by design": by_design.collect::<BTreeMap<_, _>>(),
            "not comparable": self.not_comparable,
            "planted": self.planted,
            "faults injected": self.faults,
            "allocations refused": self.refused,
            "differences left": self.differences.len(),
        })
    }

    fn count(&mut self, original: &Value, ours: &Value, same: bool) {
        // A case that ended its process listed no functions, but the other's did.
        let called = [original, ours].into_iter().flat_map(|case| list(&case["functions"]));
        let called: BTreeSet<&str> = called.filter_map(Value::as_str).collect();
        for function in called {
            let tally = self.functions.entry(function.to_owned()).or_default();
            tally.compared += 1;
            tally.same += usize::from(same);
        }
        let sum = |what: &str| steps(ours).iter().filter_map(|step| step[what].as_u64()).sum::<u64>();
        self.faults += sum("faults");
        self.refused += sum("refused");
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
    let same = judge.same_case(id, original, ours);
    report.count(original, ours, same);
    if same {
        report.same += 1;
        return;
    }
    match judge.divergence(id, original, ours) {
        Some(divergence) => {
            report.deliberate.entry(divergence.id).or_default().push(id.to_owned());
            plant(judge, report, id, original, ours);
        }
        None => report
            .differences
            .push(Difference { id: id.to_owned(), text: show::difference(judge, id, original, ours) }),
    }
}

/// A rule excuses fields with their values, and nothing else: whatever else goes wrong in a
/// case that it excuses is to be found.
fn plant(judge: &Judge, report: &mut Report, id: &str, original: &Value, ours: &Value) {
    for (what, planted) in plant::plants(id, original, ours) {
        if judge.same_case(id, original, &planted) {
            // That is what the original does.
            continue;
        }
        report.planted += 1;
        if judge.divergence(id, original, &planted).is_some() {
            report.unseen.push(format!("{id}: {what}"));
        }
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
