//! The command line.

use crate::parts::{PARTS, Part};
use biosock_conformance::originals::Original;
use std::path::PathBuf;

#[derive(Default)]
pub(crate) struct Options {
    full: bool,
    count: Option<u64>,
    parts: Vec<String>,
    pub(crate) seed: u64,
    pub(crate) originals: Vec<Original>,
    pub(crate) ours: Option<PathBuf>,
    /// Where the totals are written.
    pub(crate) json: Option<PathBuf>,
}

const USAGE: &str = "usage: fuzz [--full] [--seed NUMBER] [--count NUMBER] \
                     [--original 1.1.1|3|4|system]... [--biosock FILE] [--json FILE] [PART]...";

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--full" => options.full = true,
                "--seed" => options.seed = number(args.next())?,
                "--count" => options.count = Some(number(args.next())?),
                "--original" => options.originals.push(original(args.next())?),
                "--json" => options.json = Some(args.next().ok_or(USAGE)?.into()),
                "--biosock" => options.ours = Some(args.next().ok_or(USAGE)?.into()),
                _ => options.parts.push(part(arg)?),
            }
        }
        Ok(options)
    }

    /// The parts asked for, or all.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &'static Part> {
        let wanted = |part: &&Part| self.parts.is_empty() || self.parts.iter().any(|p| p == part.name);
        PARTS.iter().filter(wanted)
    }

    /// How many inputs this run gives a part.
    pub(crate) fn count(&self, part: &Part) -> u64 {
        self.count.unwrap_or(if self.full { part.full } else { part.quick })
    }
}

fn number(text: Option<String>) -> Result<u64, String> {
    let text = text.ok_or(USAGE)?;
    text.parse().map_err(|_| format!("{text:?} is no number: {USAGE}"))
}

fn original(name: Option<String>) -> Result<Original, String> {
    let name = name.ok_or(USAGE)?;
    Original::named(&name).ok_or_else(|| format!("no original is named {name:?}: {USAGE}"))
}

fn part(name: String) -> Result<String, String> {
    if PARTS.iter().any(|part| part.name == name) {
        return Ok(name);
    }
    let names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
    Err(format!("no part is named {name:?}: try {}; {USAGE}", names.join(", ")))
}
