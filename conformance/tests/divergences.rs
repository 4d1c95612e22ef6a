//! DIVERGENCES.md: its claims hold, and the cases that it names exist.

mod common;

use biosock_conformance::compare::{Form, Library, Outcome};
use biosock_conformance::originals::Original;
use common::{original, ours, run};
use serde_json::Value;
use std::path::{Path, PathBuf};

const DOCUMENT: &str = include_str!("../../DIVERGENCES.md");

/// The original, and biosock alone.
fn both() -> Option<(PathBuf, PathBuf)> {
    Some((original(Original::V111)?, ours(Form::Alone)))
}

/// What the library asked the system for in a case's first call.
fn asked(outcome: &Outcome, case: &str) -> Vec<String> {
    let trace = outcome.cases[case]["steps"][0]["trace"].as_array().cloned().unwrap_or_default();
    trace
        .iter()
        .filter_map(Value::as_str)
        .map(|line| line.split('(').next().unwrap_or(line).to_owned())
        .collect()
}

fn text(outcome: &Outcome, case: &str) -> String {
    outcome.cases[case]["steps"][0]["result"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn numeric_addresses_need_no_resolver() {
    const CASE: &str = "lookup_ex/\"127.0.0.1\"/\"443\"/CLIENT/INET/STREAM/0";
    let Some((original, ours)) = both() else { return };
    let (original, ours) = [original, ours].map(|library| run(&Library::alone(library), Some(CASE))).into();
    assert_eq!(asked(&original, CASE), ["getaddrinfo"]);
    assert!(asked(&ours, CASE).is_empty(), "{:?}", asked(&ours, CASE));
}

#[test]
fn accepting_is_one_call() {
    const CASE: &str = "accept_ex/tcp4/blocking/peer/NONBLOCK";
    let Some((original, ours)) = both() else { return };
    let (original, ours) = [original, ours].map(|library| run(&Library::alone(library), Some(CASE))).into();
    assert_eq!(asked(&original, CASE), ["accept", "ioctl"]);
    assert_eq!(asked(&ours, CASE), ["accept4"]);
}

#[test]
fn texts_need_no_start() {
    const CASE: &str = "texts/before any call";
    let Some((original, ours)) = both() else { return };
    let cold = |library: PathBuf| run(&Library::alone(library).cold(), Some(CASE));
    assert_eq!(text(&cold(original), CASE), "NULL");
    assert_eq!(text(&cold(ours), CASE), "connect error");
}

/// Each name in backticks in the last column is a case, a test of this directory, or a
/// script that CI runs.
#[test]
fn the_cases_named_exist() {
    let names = named();
    assert!(names.len() > 10, "read only {names:?}");
    let library = Library::alone(ours(Form::Alone));
    for name in names {
        match name.split_once("::") {
            Some((file, test)) => assert!(has_test(file, test), "there is no test {name}"),
            None if name.starts_with("scripts/") => assert!(is_run(&name), "CI does not run {name}"),
            None => assert!(run(&library, Some(&name)).cases.contains_key(&name), "there is no case {name}"),
        }
    }
}

fn has_test(file: &str, test: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file).with_extension("rs");
    std::fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("#[test]\nfn {test}()")))
}

fn is_run(script: &str) -> bool {
    let ci = include_str!("../../.ci/run");
    let runs = |line: &str| ["check ", "begin "].iter().any(|how| line.starts_with(how));
    ci.lines().any(|line| runs(line) && line.split(' ').any(|word| word == script))
}

/// The last cells of the table of the C library.
fn named() -> Vec<String> {
    let table = DOCUMENT.lines().skip_while(|line| !line.starts_with("| difference |"));
    let rows = table.skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.trim_end_matches(['|', ' ']).rsplit('|').next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The fuzzer's own list of deliberate differences.
#[test]
fn the_document_has_what_the_fuzzer_excuses() {
    let source = include_str!("../src/bin/fuzz/deliberate.rs");
    let (_, body) = source.split_once("fn by_design(").unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    // The arms call each rule with what was seen.
    let calls = body.split("seen)").filter_map(|text| text.rsplit_once('(')?.0.rsplit(' ').next());
    let rules: Vec<&str> = calls.filter(|word| word.contains('_')).collect();
    assert_eq!(rules.len(), 4, "{rules:?}");
    for rule in rules {
        assert!(DOCUMENT.contains(&format!("`{rule}`")), "DIVERGENCES.md lacks {rule}");
    }
}
