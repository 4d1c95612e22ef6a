//! The `biosock` command.

// Not `forbid`: the macro of the crate ctor, which `start` needs to run before
// `main`, allows unsafe code for itself.
#![deny(unsafe_code)]

// Subcommands, and the command line. Each group imports only from itself and the groups below.
mod connect;
mod demo;
mod listen;
mod lookup;
mod pages;
mod usage;

// Connections: establishing, serving and closing them.
mod closing;
mod demo_race;
mod dialing;
mod exec;
mod listeners;
mod progress;
mod relay;
mod serve;
mod socket_file;
mod traffic;
mod transfer;

// Drawing a race.
mod picture;
mod race;
mod scale;
mod svg;
mod timeline;

// Exiting on a signal.
mod interrupt;
mod signal;

// What is printed, and where.
mod messages;
mod output;
mod stderr;
mod stdout;

// Options and their values.
mod args;
mod target;
mod values;

// Shared by all of them.
mod background;
mod call;
mod failure;
mod json;
mod start;
mod table;
mod terminal;
mod text;

use std::process::ExitCode;

use args::{Cli, Command};
use failure::Result;
use output::Output;

fn main() -> ExitCode {
    let status = match usage::parse() {
        Ok(cli) => {
            let out = Output::new(cli.common);
            run(&cli, &out).map_or_else(|failure| out.fail(&failure), |()| ExitCode::SUCCESS)
        }
        Err(status) => status,
    };
    messages::flush(messages::PATIENCE);
    // It cannot be reported any more.
    if messages::have_failed() && status == ExitCode::SUCCESS { ExitCode::FAILURE } else { status }
}

fn run(cli: &Cli, out: &Output) -> Result<()> {
    if signal::is_init() {
        as_init(&cli.command)?;
    }
    match &cli.command {
        Command::Demo => demo::run(out),
        Command::Connect(args) => connect::run(args, out),
        Command::Listen(args) => listen::run(args, out),
        Command::Lookup(args) => lookup::run(args, out),
        Command::Completions(args) => pages::completions(args.shell),
        Command::Man(args) => pages::man(args.directory.as_deref()),
    }
}

/// PID 1 of a container reaps its orphans, and dies only of a signal that it
/// handles. `listen` does both itself, `connect` and `demo` the latter.
fn as_init(command: &Command) -> Result<()> {
    if !matches!(command, Command::Listen(_)) {
        exec::Children::default().reap()?;
    }
    if matches!(command, Command::Lookup(_) | Command::Completions(_) | Command::Man(_)) {
        signal::at_end(|| ()).map_err(|error| failure::Failure::start("handle signals", &error))?;
    }
    Ok(())
}
