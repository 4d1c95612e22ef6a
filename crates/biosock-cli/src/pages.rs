//! `biosock completions` and `biosock man`.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};

use crate::args::Cli;
use crate::failure::{Failure, Result};
use crate::stdout;

/// When the pages last changed.
const DATE: &str = "2026-11-28";

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "biosock", &mut script);
    stdout::write_text(&script)
}

/// Writes every page into a directory, or the first to standard output.
pub(crate) fn man(directory: Option<&Path>) -> Result<()> {
    let pages = pages()?;
    let Some(directory) = directory else { return stdout::write_text(&pages[0].1) };
    fs::create_dir_all(directory).map_err(|error| write_failure(directory, &error))?;
    for (name, page) in pages {
        let path = directory.join(name);
        fs::write(&path, page).map_err(|error| write_failure(&path, &error))?;
    }
    Ok(())
}

fn write_failure(path: &Path, error: &std::io::Error) -> Failure {
    Failure::io(&format!("write {}", path.display()), error)
}

/// Name and content of each page, the command's own first.
fn pages() -> Result<Vec<(String, Vec<u8>)>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned();
    let commands: Vec<_> = std::iter::once(command.clone()).chain(shown).collect();
    commands.into_iter().map(page).collect()
}

fn page(command: Command) -> Result<(String, Vec<u8>)> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let man = clap_mangen::Man::new(command).title(name.to_uppercase()).date(DATE).manual("biosock manual");
    let man = man.source(concat!("biosock ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render(&mut text).map_err(|error| Failure::io("write manual page", &error))?;
    Ok((format!("{name}.1"), tidy(&String::from_utf8_lossy(&text)).into_bytes()))
}

/// clap_mangen's output with the examples under their usual heading, and without
/// the breaks that mandoc warns of.
fn tidy(page: &str) -> String {
    page.replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n").replace(".br\n\n.br\n", ".sp\n")
}
