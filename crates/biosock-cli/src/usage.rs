//! Parsing the command line, and the error if it is wrong.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::args::{Cli, Command, Common, ConnectArgs, Family, ListenArgs, StreamArgs};
use crate::failure::Failure;
use crate::output::Output;
use crate::stdout;
use crate::target::Target;
use crate::terminal::colour;
use crate::text::{escape, without_invalid_bytes};

/// Parses the command line. If there is nothing to run (help, usage error), prints
/// the help or the error and returns the exit status.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    let args: Vec<OsString> = std::env::args_os().collect();
    Cli::try_parse_from(&args).and_then(checked).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            let text = if colour(&std::io::stdout()) { text.ansi().to_string() } else { text.to_string() };
            match stdout::write_text(text.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => usage_output(&args).fail(&failure),
            }
        }
        _ => usage_output(&args).fail(&usage(&args)),
    })
}

/// Options that do not apply to a Unix socket are refused for one.
fn checked(cli: Cli) -> Result<Cli, clap::Error> {
    let inapplicable = match &cli.command {
        Command::Connect(args) => args.not_for_unix(),
        Command::Listen(args) => args.not_for_unix().or_else(|| args.conflict()),
        Command::Lookup(args) => args.family.not_for_unix(&args.target),
        _ => None,
    };
    match inapplicable {
        Some(message) => Err(clap::Error::raw(ErrorKind::ArgumentConflict, message)),
        None => Ok(cli),
    }
}

impl ConnectArgs {
    fn not_for_unix(&self) -> Option<String> {
        let stream = self.stream.not_for_unix(&self.target);
        let mine =
            [(!self.bind.is_empty(), "--bind"), (self.device.is_some(), "--device"), (self.mptcp, "--mptcp")];
        self.family.not_for_unix(&self.target).or(stream).or_else(|| inapplicable(&self.target, &mine))
    }
}

impl ListenArgs {
    fn not_for_unix(&self) -> Option<String> {
        let target = self.target.as_ref()?;
        let stream = self.stream.not_for_unix(target);
        let mine = [(self.v6only, "--v6only"), (self.device.is_some(), "--device")];
        self.family.not_for_unix(target).or(stream).or_else(|| inapplicable(target, &mine))
    }

    fn conflict(&self) -> Option<String> {
        let other = if self.echo { "--echo" } else { "--exec" };
        (self.transfer.progress && (self.echo || self.exec.is_some()))
            .then(|| format!("'--progress' cannot be used with '{other}'"))
    }
}

impl Family {
    fn not_for_unix(self, target: &Target) -> Option<String> {
        inapplicable(target, &[(self.ipv4, "--ipv4"), (self.ipv6, "--ipv6")])
    }
}

impl StreamArgs {
    fn not_for_unix(self, target: &Target) -> Option<String> {
        inapplicable(target, &[(self.nodelay, "--nodelay"), (self.tfo, "--tfo")])
    }
}

fn inapplicable(target: &Target, options: &[(bool, &str)]) -> Option<String> {
    let Target::Unix(addr) = target else { return None };
    let (_, option) = options.iter().find(|(given, _)| *given)?;
    Some(format!("'{option}' is for IP addresses, not for '{addr}'"))
}

/// The error in the arguments. They are parsed again with their control
/// characters escaped, so that the message has none.
fn usage(args: &[OsString]) -> Failure {
    let escaped = |arg: &OsString| escape(&without_invalid_bytes(arg)).into_owned();
    let args: Vec<_> = args.iter().map(escaped).collect();
    match Cli::try_parse_from(&args).and_then(checked) {
        Err(error) if error.kind() == ErrorKind::MissingSubcommand => {
            Failure::usage("missing subcommand").hint(format!("use one of {}", subcommands().join(", ")))
        }
        Err(error) => usage_failure(&error, &args),
        Ok(_) => Failure::usage("control characters in the arguments"),
    }
}

/// clap's message as one line, with its tip, or a pointer to the help, as the hint.
fn usage_failure(error: &clap::Error, args: &[String]) -> Failure {
    let text = error.render().to_string();
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more information").next().unwrap_or_default();
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let (text, tip) =
        text.split_once("\n\n  tip: ").or_else(|| text.split_once("\n  hint: ")).unwrap_or((text, ""));
    // How to pass a mistyped option as a value does not help.
    let hint = if tip.is_empty() || tip.starts_with("to pass ") { help_hint(args) } else { one_line(tip) };
    Failure::usage(one_line(text)).hint(hint)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn help_hint(args: &[String]) -> String {
    let known = subcommands();
    match args.iter().skip(1).find(|arg| known.contains(arg)) {
        Some(subcommand) => format!("see 'biosock {subcommand} --help'"),
        None => String::from("see 'biosock --help'"),
    }
}

fn subcommands() -> Vec<String> {
    let command = Cli::command();
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    shown.map(|sub| sub.get_name().to_owned()).collect()
}

fn usage_output(args: &[OsString]) -> Output {
    let json = args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    Output::new(Common { json, verbose: false })
}
