//! The `biosock` command.

#![forbid(unsafe_code)]

mod args;
mod bound;
mod call;
mod closing;
mod connect;
mod demo;
mod demo_race;
mod dialing;
mod exec;
mod failure;
mod interrupt;
mod listen;
mod lookup;
mod output;
mod pages;
mod picture;
mod progress;
mod race;
mod relay;
mod scale;
mod serve;
mod signal;
mod socket_file;
mod svg;
mod table;
mod target;
mod terminal;
mod timeline;
mod transfer;
mod usage;
mod values;

use std::process::ExitCode;

use args::{Cli, Command};
use failure::Result;
use output::Output;

fn main() -> ExitCode {
    let cli = match usage::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let out = Output::new(cli.common);
    match run(&cli, &out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => out.fail(&failure),
    }
}

fn run(cli: &Cli, out: &Output) -> Result<()> {
    match &cli.command {
        Command::Demo => demo::run(out),
        Command::Connect(args) => connect::run(args, out),
        Command::Listen(args) => listen::run(args, out),
        Command::Lookup(args) => lookup::run(args, out),
        Command::Completions(args) => pages::completions(args.shell),
        Command::Man(args) => pages::man(args.folder.as_deref()),
    }
}
