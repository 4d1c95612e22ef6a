//! Feeds the same generated inputs to an original libcrypto and to libbiosock.so, both
//! loaded into this process, and compares everything that can be seen of each call.
//!
//! `fuzz [--full] [--seed NUMBER] [--count NUMBER] [--original NAME]... [--biosock FILE] [--json FILE]
//! [PART]...`: the quick run takes seconds. The same seed gives the same inputs. Inputs begin with the
//! corpus in `fuzz/corpus/`; one that makes a difference is added to it. The status is 1 if a
//! difference is not deliberate, 2 if nothing could be compared.

mod api;
mod compare;
mod corpus;
mod deliberate;
mod guard;
mod log;
mod options;
mod parts;
mod resolver;
mod rng;

use biosock_conformance::ended;
use biosock_conformance::originals::{Built, Fallible, Original};
use compare::{Pair, Totals};
use options::Options;
use parts::Part;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    ended("fuzz", Options::parse(std::env::args().skip(1)).map_err(Into::into).and_then(|o| fuzz(&o)))
}

/// The number of differences that are not deliberate.
fn fuzz(options: &Options) -> Fallible<usize> {
    resolver::must_be_in_place()?;
    let ours = options.ours.clone().map_or_else(our_library, Ok)?;
    let mut sum = Totals::default();
    let mut found: BTreeMap<String, BTreeMap<&str, Value>> = BTreeMap::new();
    for (original, built) in chosen(options)? {
        let pair = Pair::load(original, &built, &ours)?;
        guard::must_be_two(&pair)?;
        for part in options.parts() {
            if let Some(why) = (part.unlike)(original) {
                println!("{:10} {:14} nothing to compare: {why}", part.name, pair.name);
                continue;
            }
            guard::must_catch_a_broken_one(part, &pair)?;
            let totals = run(part, &pair, options)?;
            found.entry(built.version.clone()).or_default().insert(part.name, totals.json());
            sum += totals;
        }
    }
    println!("{sum}");
    if let Some(file) = &options.json {
        std::fs::write(file, json!(found).to_string())?;
    }
    Ok(usize::try_from(sum.different)?)
}

fn run(part: &Part, pair: &Pair, options: &Options) -> Fallible<Totals> {
    let seeds = corpus::load(part)?;
    let totals = compare::run(part, pair, &seeds, options.count(part), options.seed)?;
    println!("{:10} {:14} {totals}", part.name, pair.name);
    Ok(totals)
}

/// The originals asked for, or all that are built.
fn chosen(options: &Options) -> Fallible<Vec<(Original, Built)>> {
    let mut found = Vec::new();
    for one in &options.originals {
        found.push((*one, one.ensure()?));
    }
    if options.originals.is_empty() {
        found = Original::ALL.iter().filter_map(|one| present_or_told(*one)).collect();
        let strict = std::env::var("BIOSOCK_REQUIRE_ALL").is_ok_and(|value| value == "1");
        if found.is_empty() || (strict && found.len() < Original::ALL.len()) {
            return Err("an original is missing: run scripts/originals first".into());
        }
    }
    Ok(found)
}

fn present_or_told(one: Original) -> Option<(Original, Built)> {
    let built = one.present();
    if built.is_none() {
        println!("skipped: fuzzing against {0} (not built: scripts/originals {0} does it)", one.name());
    }
    Some((one, built?))
}

/// The libbiosock.so alongside this program, built now if cargo started it.
fn our_library() -> Fallible<PathBuf> {
    let here = std::env::current_exe()?;
    let path = here.with_file_name("libbiosock.so");
    if let Some(cargo) = std::env::var_os("CARGO") {
        build(&cargo, path.parent().is_some_and(|directory| directory.ends_with("release")))?;
    }
    if path.is_file() {
        return Ok(path);
    }
    let path = path.display();
    Err(format!("there is no {path}: run cargo build --release -p libbiosock, or give --biosock").into())
}

fn build(cargo: &std::ffi::OsStr, release: bool) -> Fallible<()> {
    let status = Command::new(cargo)
        .args(["build", "--quiet", "-p", "libbiosock"])
        .args(release.then_some("--release"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .status()?;
    if status.success() { Ok(()) } else { Err("cannot build libbiosock".into()) }
}
