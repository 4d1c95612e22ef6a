//! Compares an original with biosock and prints what differs.
//!
//! `compare [--filter TEXT] [--limit N] [--json FILE] [--overlay FILE | --swap FILE | --broken HOW]
//! ORIGINAL [BIOSOCK]`: ORIGINAL is `1.1.1`, `3`, `4`, `system` or a file; BIOSOCK a library that stands
//! alone. An overlay is tried over the original; `libbiosock_swap.a` is put inside the original;
//! with a way to be broken, the original is broken.

use biosock_conformance::compare::{self, DIVERGENCES, Library, Report, probe};
use biosock_conformance::ended;
use biosock_conformance::originals::{Built, Fallible, Original};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    ended("compare", Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)))
}

#[derive(Default)]
struct Options {
    filter: Option<String>,
    limit: Option<usize>,
    json: Option<PathBuf>,
    overlay: Option<PathBuf>,
    swap: Option<PathBuf>,
    broken: Option<String>,
    names: Vec<String>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Fallible<Self> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--filter" => options.filter = args.next(),
                "--limit" => options.limit = args.next().map(|n| n.parse()).transpose()?,
                "--json" => options.json = args.next().map(PathBuf::from),
                "--overlay" => options.overlay = args.next().map(PathBuf::from),
                "--swap" => options.swap = args.next().map(PathBuf::from),
                "--broken" => options.broken = args.next(),
                _ => options.names.push(arg),
            }
        }
        Ok(options)
    }

    fn original(&self) -> Fallible<Built> {
        let name = self.names.first().ok_or("no original: name 1.1.1, 3, 4, system or a file")?;
        match Original::named(name) {
            Some(original) => original.ensure(),
            None => Ok(Built::at(name)),
        }
    }

    fn ours(&self, original: &Built) -> Fallible<Library> {
        let libcrypto = &original.libcrypto;
        if let Some(overlay) = &self.overlay {
            return Ok(Library::under(libcrypto, overlay));
        }
        if let Some(archive) = &self.swap {
            let directory = std::env::current_exe()?.with_file_name("swapped").join(&original.version);
            return Ok(Library::alone(original.swapped(archive, &directory)?));
        }
        if let Some(how) = &self.broken {
            return Ok(Library::alone(libcrypto).broken(how));
        }
        let ours = self.names.get(1).ok_or("no library of biosock: name a file, --overlay or --swap")?;
        Ok(Library::alone(ours))
    }
}

fn run(options: &Options) -> Fallible<usize> {
    let program = std::env::current_exe()?.with_file_name("probe");
    let original = options.original()?;
    let ours = options.ours(&original)?;
    let filter = options.filter.as_deref();
    let first = probe(&program, &Library::alone(&original.libcrypto), filter)?;
    let second = probe(&program, &ours, filter)?;
    println!("original: {}", first.file);
    println!("biosock:  {} (errors: {})", second.file, second.errors);
    let report = if options.broken.is_some() {
        compare::compare_unguarded(&first, &second)
    } else {
        compare::compare(&first, &second)?
    };
    print(&report, options.limit.unwrap_or(usize::MAX));
    if let Some(file) = &options.json {
        std::fs::write(file, report.totals().to_string())?;
    }
    Ok(report.differences.len() + report.unseen.len())
}

fn print(report: &Report, limit: usize) {
    for difference in report.differences.iter().take(limit) {
        println!("\n{}", difference.text.trim_end());
    }
    for unseen in report.unseen.iter().take(limit) {
        println!("excused, though planted: {unseen}");
    }
    println!();
    for divergence in DIVERGENCES {
        let count = report.deliberate.get(divergence.id).map_or(0, Vec::len);
        println!("{count:6} by design: {} ({})", divergence.id, divergence.why);
    }
    println!("{:6} not comparable", report.not_comparable);
    println!("{:6} the same", report.same);
    println!("{:6} different", report.differences.len());
    println!("{:6} faults planted in excused cases, {} unseen", report.planted, report.unseen.len());
}
