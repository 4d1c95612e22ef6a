//! Compares every form of biosock with every original, and prints how many cases came out how.
//!
//! `totals [--libraries DIRECTORY] [--json FILE] [--limit N] [ORIGINAL]...`: the directory holds what
//! `scripts/build-c` leaves, and is this program's own by default; an ORIGINAL is `1.1.1`, `3`,
//! `4` or `system`, by default each that is built. The status is 1 if anything differs
//! otherwise than by design, or if no original meets a deliberate difference.

use biosock_conformance::compare::{DIVERGENCES, Form, Report, Suite};
use biosock_conformance::ended;
use biosock_conformance::originals::{Built, Fallible, Original};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;

fn main() -> ExitCode {
    ended("totals", Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)))
}

#[derive(Default)]
struct Options {
    libraries: Option<PathBuf>,
    json: Option<PathBuf>,
    limit: Option<usize>,
    originals: Vec<Original>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Fallible<Self> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--libraries" => options.libraries = args.next().map(PathBuf::from),
                "--json" => options.json = args.next().map(PathBuf::from),
                "--limit" => options.limit = args.next().map(|n| n.parse()).transpose()?,
                name => {
                    let unknown =
                        || format!("no original is named {name:?}: choose from 1.1.1, 3, 4, system");
                    options.originals.push(Original::named(name).ok_or_else(unknown)?);
                }
            }
        }
        Ok(options)
    }

    /// The originals asked for, or all that are there; what is missing is printed.
    fn chosen(&self) -> Fallible<Vec<Built>> {
        if !self.originals.is_empty() {
            return self.originals.iter().map(|one| one.ensure()).collect();
        }
        let present = Original::ALL.iter().filter_map(|one| {
            let built = one.present();
            match built.as_ref().map(Built::archive) {
                None => {
                    println!("skipped: OpenSSL {0} (not built: scripts/originals {0} does it)", one.name())
                }
                Some(Err(why)) => println!("skipped: the swap in OpenSSL {} ({why})", one.name()),
                Some(Ok(_)) => {}
            }
            built
        });
        Ok(present.collect())
    }
}

/// How many things are wrong.
fn run(options: &Options) -> Fallible<usize> {
    let program = std::env::current_exe()?;
    let beside = program.parent().ok_or("this program is in no directory")?.to_owned();
    let suite = Suite {
        program: &program.with_file_name("probe"),
        libraries: options.libraries.clone().unwrap_or_else(|| beside.clone()),
        scratch: beside.join("swapped"),
        filter: None,
    };
    let originals = options.chosen()?;
    if originals.is_empty() {
        return Err("no original is there to compare with".into());
    }
    let alone = OnceLock::new();
    let mut wrong = 0;
    let mut met = BTreeSet::new();
    let mut found = Map::new();
    println!("{}", heading());
    for original in &originals {
        let reports = suite.against(original, &alone)?;
        for (form, report) in &reports {
            println!("{}", line(&original.version, *form, report));
            met.extend(DIVERGENCES.iter().filter(|one| report.shows(one)).map(|one| one.id));
            wrong += report.differences.len() + report.unseen.len();
        }
        show(&reports, options.limit.unwrap_or(10));
        found.insert(original.version.clone(), totals(&reports));
    }
    if originals.len() == Original::ALL.len() {
        wrong += never_met(&met);
    }
    if let Some(file) = &options.json {
        std::fs::write(file, format!("{:#}\n", Value::Object(found)))?;
    }
    Ok(wrong)
}

fn heading() -> String {
    ["original", "form", "compared", "the same", "by design", "planted", "faults", "refused", "different"]
        .map(|word| format!("{word:>9}"))
        .join("  ")
}

fn line(original: &str, form: Form, report: &Report) -> String {
    [
        original.to_owned(),
        form.name().to_owned(),
        report.compared().to_string(),
        report.same.to_string(),
        report.by_design().to_string(),
        report.planted.to_string(),
        report.faults.to_string(),
        report.refused.to_string(),
        report.differences.len().to_string(),
    ]
    .map(|word| format!("{word:>9}"))
    .join("  ")
}

fn show(reports: &[(Form, Report)], limit: usize) {
    for (form, report) in reports {
        for difference in report.differences.iter().take(limit) {
            println!("\n{}: {}", form.name(), difference.text.trim_end());
        }
        for unseen in report.unseen.iter().take(limit) {
            println!("\n{}: excused, though planted: {unseen}", form.name());
        }
    }
}

/// A rule whose case shows no difference any more is out of date.
fn never_met(met: &BTreeSet<&str>) -> usize {
    let never: Vec<_> = DIVERGENCES.iter().map(|one| one.id).filter(|id| !met.contains(id)).collect();
    if !never.is_empty() {
        println!("deliberate differences that their case does not show: {}", never.join(", "));
    }
    never.len()
}

fn totals(reports: &[(Form, Report)]) -> Value {
    let forms: Map<String, Value> =
        reports.iter().map(|(form, report)| (form.name().to_owned(), report.totals())).collect();
    json!({ "forms": forms, "functions": functions(reports) })
}

/// Of each function, how many cases of all forms came out the same, and how many were compared.
fn functions(reports: &[(Form, Report)]) -> BTreeMap<&str, [usize; 2]> {
    let mut sums: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (name, tally) in reports.iter().flat_map(|(_, report)| &report.functions) {
        let [same, compared] = sums.entry(name).or_default();
        *same += tally.same;
        *compared += tally.compared;
    }
    sums
}
