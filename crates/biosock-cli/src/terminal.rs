//! What an output's terminal can display.

use std::env;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// In columns.
    pub(crate) width: usize,
    /// It can display more than ASCII.
    pub(crate) unicode: bool,
    pub(crate) colour: bool,
}

/// The width if none is reported.
const USUAL: usize = 80;

impl Terminal {
    pub(crate) fn of<S: AsFd + IsTerminal>(stream: &S) -> Self {
        Self { width: width(stream), unicode: unicode(), colour: colour(stream) }
    }

    pub(crate) fn paint(&self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}

/// COLUMNS, else what the terminal reports.
fn width(stream: &impl AsFd) -> usize {
    let columns = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col));
    columns.filter(|&columns| columns > 0).or_else(|| asked().filter(|&columns| columns > 0)).unwrap_or(USUAL)
}

/// Whether the locale's character set is UTF-8 (locale(7)): the first set variable decides.
fn unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env::var_os);
    let locale = set.into_iter().find(|value| !value.is_empty()).unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Colour is for terminals, unless the user turned it off (no-color.org).
pub(crate) fn colour(stream: &impl IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    stream.is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}
