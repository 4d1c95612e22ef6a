//! biosock does what each original does, on every case of the probe.

mod common;

use biosock_conformance::compare::{DIVERGENCES, Report};
use biosock_conformance::originals::Original;
use common::{built, suite, whole};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// How many differences a failing test shows.
const SHOWN: usize = 20;

fn check(what: &str, report: &Report) {
    println!(
        "{what}: {} compared, {} the same, {} by design {:?}, {} not comparable",
        report.compared(),
        report.same,
        report.by_design(),
        report.deliberate.iter().map(|(id, cases)| (*id, cases.len())).collect::<Vec<_>>(),
        report.not_comparable,
    );
    let shown: Vec<_> = report.differences.iter().take(SHOWN).map(|d| d.text.as_str()).collect();
    assert!(
        report.differences.is_empty(),
        "{what}: {} differences, the first of them:\n{}",
        report.differences.len(),
        shown.join("\n")
    );
    assert!(report.planted > 1000, "{what}: only {} faults planted in excused cases", report.planted);
    let unseen: Vec<_> = report.unseen.iter().take(SHOWN).map(String::as_str).collect();
    assert!(unseen.is_empty(), "{what}: faults that a rule excuses:\n{}", unseen.join("\n"));
    assert!(report.compared() > 30_000, "{what}: only {} cases", report.compared());
}

/// Every original, in every form; each deliberate difference is met somewhere.
#[test]
fn ours_does_what_the_originals_do() {
    let mut met = BTreeSet::new();
    let mut tried = BTreeSet::new();
    let suite = suite();
    let alone = OnceLock::new();
    for which in Original::ALL {
        let Some(original) = built(which) else { continue };
        // Where it lacks its static library, that is printed, and the other forms are compared.
        whole(which);
        let name = which.name();
        for (form, report) in suite.against(&original, &alone).unwrap() {
            check(&format!("{} against {name}", form.name()), &report);
            met.extend(DIVERGENCES.iter().filter(|one| report.shows(one)).map(|one| one.id));
        }
        tried.insert(name);
    }
    assert!(!tried.is_empty(), "no original was there to compare with");
    if tried.len() == Original::ALL.len() {
        let all: BTreeSet<_> = DIVERGENCES.iter().map(|one| one.id).collect();
        let never: Vec<_> = all.difference(&met).collect();
        assert!(never.is_empty(), "deliberate differences that their case does not show: {never:?}");
    }
}
