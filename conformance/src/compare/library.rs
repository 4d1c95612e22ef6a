//! Running the probe on a library and reading what it prints.

use crate::originals::Fallible;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What to load: a library, and what comes before it.
#[derive(Clone, Debug)]
pub struct Library {
    /// The library that has every function.
    pub library: PathBuf,
    /// A library whose `BIO_*` are to be tried in place of the other's.
    pub overlay: Option<PathBuf>,
    /// How it is to misbehave on purpose.
    pub broken: Option<String>,
    /// Whether its texts are left unloaded.
    pub cold: bool,
}

impl Library {
    /// A library that stands alone.
    #[must_use]
    pub fn alone(library: impl Into<PathBuf>) -> Self {
        Self { library: library.into(), overlay: None, broken: None, cold: false }
    }

    /// An overlay upon a library.
    #[must_use]
    pub fn under(library: impl Into<PathBuf>, overlay: impl Into<PathBuf>) -> Self {
        Self { overlay: Some(overlay.into()), ..Self::alone(library) }
    }

    /// The same, before anything has started it.
    #[must_use]
    pub fn cold(self) -> Self {
        Self { cold: true, ..self }
    }

    /// The same, misbehaving.
    #[must_use]
    pub fn broken(self, how: &str) -> Self {
        Self { broken: Some(how.to_owned()), ..self }
    }
}

/// What the probe printed.
#[derive(Debug)]
pub struct Outcome {
    /// The file that holds `BIO_connect`, as the loader reports.
    pub file: String,
    /// Where in that file the routine's code begins.
    pub offset: u64,
    /// The file that holds `ERR_get_error`.
    pub errors: String,
    /// How its error codes are packed: `3` or `1.1.1`.
    pub numbering: String,
    /// The functions of the family that it has.
    pub functions: BTreeSet<String>,
    /// Each case by its name.
    pub cases: BTreeMap<String, Value>,
}

/// Runs `program` (the probe) on a library; `filter` chooses cases by a part of their names.
///
/// # Errors
/// When the probe cannot run, ends badly, or prints something else than it should.
pub fn probe(program: &Path, library: &Library, filter: Option<&str>) -> Fallible<Outcome> {
    let mut command = Command::new(program);
    if let Some(filter) = filter {
        command.args(["--filter", filter]);
    }
    if let Some(how) = &library.broken {
        command.args(["--broken", how]);
    }
    if library.cold {
        command.arg("--cold");
    }
    command.arg(&library.library).args(&library.overlay);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    if !output.status.success() {
        let last = text.lines().last().unwrap_or("nothing");
        return Err(format!("{command:?} ended with {}; it printed last: {last}", output.status).into());
    }
    read(&text)
}

fn read(text: &str) -> Fallible<Outcome> {
    let mut lines = text.lines();
    let header: Value = serde_json::from_str(lines.next().ok_or("the probe printed nothing")?)?;
    let mut outcome = Outcome {
        file: word(&header, "library")?,
        offset: header["offset"].as_u64().ok_or("the probe did not report where BIO_connect is")?,
        errors: word(&header, "errors")?,
        numbering: word(&header, "numbering")?,
        functions: words(&header["functions"]),
        cases: BTreeMap::new(),
    };
    for line in lines {
        let case: Value = serde_json::from_str(line)?;
        let id = word(&case, "id")?;
        if outcome.cases.insert(id.clone(), case).is_some() {
            return Err(format!("two cases are named {id}").into());
        }
    }
    Ok(outcome)
}

fn word(value: &Value, name: &str) -> Fallible<String> {
    let word = value[name].as_str().ok_or_else(|| format!("the probe did not report {name:?}"))?;
    Ok(word.to_owned())
}

fn words(value: &Value) -> BTreeSet<String> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
