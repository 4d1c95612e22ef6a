//! What BIO_connect(3)'s routines cost: instructions, system calls and time for each library.
//!
//! `costs [LIBRARY]`: the libbiosock.so to measure [default: the one alongside this program].
//! The status is 1 when a bar is missed.

use biosock_conformance::ended;
use biosock_conformance::originals::{Fallible, Original, root};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const WORKS: [Work; 3] = [
    Work {
        name: "cycle",
        words: "socket + connect(KEEPALIVE, NODELAY, NONBLOCK) + accept(NONBLOCK) + 2 closes",
        instructions: None,
    },
    Work { name: "refused", words: "socket + connect refused + close", instructions: None },
    Work { name: "literal", words: "lookup of 127.0.0.1:443 + free", instructions: Some(400.0) },
];

/// Of the subjects, the one that biosock must not cost more than.
const OPENSSL_111: usize = 1;

/// One kind of work.
struct Work {
    name: &'static str,
    words: &'static str,
    /// The instructions that biosock may cost at most; without, fewer than those of OpenSSL 1.1.1w.
    instructions: Option<f64>,
}

/// A program that does the works by one library.
struct Subject {
    name: String,
    program: PathBuf,
}

/// What one work costs one subject.
#[derive(Clone, Copy)]
struct Cost {
    instructions: f64,
    calls: f64,
    nanoseconds: f64,
}

fn main() -> ExitCode {
    ended("costs", measure())
}

/// How many bars are missed.
fn measure() -> Fallible<usize> {
    let subjects = subjects()?;
    let mut missed = Vec::new();
    for work in &WORKS {
        let mut costs = Vec::new();
        for subject in &subjects {
            costs.push(cost(subject, work)?);
        }
        times(&subjects, work, &mut costs)?;
        print(work, &subjects, &costs);
        if let [.., ours] = costs.as_slice() {
            missed.extend(judge(work, &costs[OPENSSL_111], ours));
        }
    }
    for bar in &missed {
        println!("MISSED {bar}");
    }
    if missed.is_empty() {
        println!("every bar is kept");
    }
    Ok(missed.len())
}

/// Raw libc first, then OpenSSL 1.1.1w, biosock last.
fn subjects() -> Fallible<Vec<Subject>> {
    let mut subjects = vec![compile("libc", &["-DRAW"], None)?];
    for original in [Original::V111, Original::V3] {
        let built = original.ensure()?;
        let include = built.file("include").ok_or("an original has headers")?;
        let name = format!("OpenSSL {}", built.version);
        subjects.push(compile(&name, &[&format!("-I{}", include.display())], Some(&built.libcrypto))?);
    }
    let ours = ours()?;
    let include = format!("-I{}", Path::new(env!("CARGO_MANIFEST_DIR")).join("../include").display());
    subjects.push(compile("biosock", &[&include], Some(&ours))?);
    Ok(subjects)
}

fn ours() -> Fallible<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("libbiosock.so");
    let path = std::env::args_os().nth(1).map_or(beside, PathBuf::from);
    let hint = "build it: cargo build --release -p libbiosock";
    Ok(path.canonicalize().map_err(|e| format!("{}: {e}: {hint}", path.display()))?)
}

fn compile(name: &str, options: &[&str], library: Option<&Path>) -> Fallible<Subject> {
    let directory = root().join("costs");
    std::fs::create_dir_all(&directory)?;
    let program = directory.join(name.replace(' ', "-"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/costs.c");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"]).args(options).arg(source);
    if let Some(library) = library {
        let directory = library.parent().ok_or("a library is in a directory")?;
        cc.arg(library).arg(format!("-Wl,-rpath,{}", directory.display()));
    }
    output(cc.arg("-o").arg(&program))?;
    Ok(Subject { name: name.to_owned(), program })
}

/// Instructions and calls by the difference of two runs, so that starting costs nothing.
fn cost(subject: &Subject, work: &Work) -> Fallible<Cost> {
    let per = |few: f64, many: f64, times: u32| (many - few) / f64::from(times);
    let few = instructions(subject, work, 100)?;
    let many = instructions(subject, work, 1100)?;
    let few_calls = calls(subject, work, 100)?;
    let many_calls = calls(subject, work, 300)?;
    Ok(Cost { instructions: per(few, many, 1000), calls: per(few_calls, many_calls, 200), nanoseconds: 0.0 })
}

fn command(program: &str, subject: &Subject) -> Command {
    let mut command = Command::new(program);
    // Names are bound before the first call, as they are in a program that has run a while.
    command.env("LD_BIND_NOW", "1").env_remove("LD_PRELOAD");
    if program == "valgrind" || program == "strace" {
        return command;
    }
    Command::new(&subject.program)
}

fn instructions(subject: &Subject, work: &Work, count: u32) -> Fallible<f64> {
    let mut valgrind = command("valgrind", subject);
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let text = output(valgrind.arg(&subject.program).arg(work.name).arg(count.to_string()))?;
    let line = text.lines().find_map(|line| line.split_once("Collected :"));
    let number = line.ok_or("callgrind gave no count")?.1.trim();
    Ok(number.parse()?)
}

fn calls(subject: &Subject, work: &Work, count: u32) -> Fallible<f64> {
    let mut strace = command("strace", subject);
    let trace = output(strace.arg("-q").arg(&subject.program).arg(work.name).arg(count.to_string()))?;
    Ok(trace.lines().filter(|line| line.contains(" = ")).count() as f64)
}

/// Medians, the subjects taking turns so that a busy moment meets all.
fn times(subjects: &[Subject], work: &Work, costs: &mut [Cost]) -> Fallible<()> {
    const ROUNDS: usize = 9;
    let mut all = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for (subject, times) in subjects.iter().zip(&mut all) {
            let mut command = Command::new(&subject.program);
            let text = output(command.env("LD_BIND_NOW", "1").args([work.name, "3000"]))?;
            times.push(text.trim().parse::<f64>()?);
        }
    }
    for (cost, times) in costs.iter_mut().zip(&mut all) {
        times.sort_by(f64::total_cmp);
        cost.nanoseconds = times[ROUNDS / 2];
    }
    Ok(())
}

/// What a command printed, both ways; tools report on standard error.
fn output(command: &mut Command) -> Fallible<String> {
    let output = command.output().map_err(|e| format!("cannot run {command:?}: {e}"))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("{command:?} ended with {}:\n{text}", output.status).into())
}

fn print(work: &Work, subjects: &[Subject], costs: &[Cost]) {
    let mut text = format!("{}\n", work.words);
    for (subject, cost) in subjects.iter().zip(costs) {
        let _infallible = writeln!(
            text,
            "  {:16} {:8.0} instructions {:6.1} system calls {:9.2} µs",
            subject.name,
            cost.instructions,
            cost.calls,
            cost.nanoseconds / 1000.0
        );
    }
    println!("{text}");
}

fn judge(work: &Work, openssl: &Cost, ours: &Cost) -> Vec<String> {
    let mut missed = Vec::new();
    let name = work.name;
    let instructions = ours.instructions.round();
    match work.instructions {
        Some(most) if instructions > most => {
            missed.push(format!("{name}: {instructions} instructions, at most {most}"));
        }
        None if instructions >= openssl.instructions.round() => {
            let most = openssl.instructions;
            missed.push(format!(
                "{name}: {instructions} instructions, fewer than the {most:.0} of OpenSSL 1.1.1w"
            ));
        }
        _ => {}
    }
    if ours.calls.round() > openssl.calls.round() {
        missed.push(format!("{name}: {:.1} system calls, OpenSSL 1.1.1w {:.1}", ours.calls, openssl.calls));
    }
    missed
}
