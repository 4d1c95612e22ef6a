//! The laboratory's command.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use biosock_lab::client::{self, Kind, Manner};
use biosock_lab::contestants::Rules;
use biosock_lab::{Result, bench};
use clap::{Parser, Subcommand};

/// Dials through broken networks of its own, beside curl, std and OpenSSL.
///
/// Needs root, iproute2, curl, openssl and strace. Everything happens in
/// network namespaces that end with this process.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the table of times; fail if a bar is missed.
    Table {
        /// How often everybody dials each.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
        runs: u16,
        /// Wait for the slowest, which takes about an hour, instead of 6 s each.
        #[arg(long)]
        full: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Dial, and say how it went: what the table's processes do.
    #[command(hide = true)]
    Client {
        kind: Kind,
        target: String,
        #[arg(long, value_parser = seconds)]
        deadline: Option<Duration>,
        #[arg(long, value_parser = seconds)]
        resolution_delay: Option<Duration>,
        #[arg(long)]
        settle: bool,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Table { runs, full, json } => table(runs.into(), full, json),
        Command::Client { kind, target, deadline, resolution_delay, settle } => {
            dial(kind, &target, Manner { deadline, resolution_delay, settle })
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("biosock-lab: {error}");
        ExitCode::from(2)
    })
}

/// More than ten addresses that are silent for 131 s each.
const FULL: Duration = Duration::from_secs(3600);
/// Beyond the 5 s after which the C library's resolver asks again.
const QUICK: Duration = Duration::from_secs(6);

fn table(runs: usize, full: bool, json: bool) -> Result<ExitCode> {
    let program = std::env::current_exe()?;
    let cap = if full { FULL } else { QUICK };
    let table = bench::run(Rules { program: &program, cap }, runs)?;
    if json {
        println!("{:#}", table.json());
    } else {
        print!("{table}");
    }
    let kept = table.bars.iter().all(biosock_lab::bars::Bar::is_kept);
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn dial(kind: Kind, target: &str, manner: Manner) -> Result<ExitCode> {
    println!("{}", client::run(kind, target, manner)?);
    Ok(ExitCode::SUCCESS)
}

fn seconds(text: &str) -> Result<Duration> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}
