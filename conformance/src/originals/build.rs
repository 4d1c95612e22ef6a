//! Building an OpenSSL: configure, compile, link shared, put the results in place.

use super::place::{self, stamp};
use super::{Built, Fallible, Original, Source};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The defaults of a plain `./Configure` but for what no comparison needs.
const OPTIONS: [&str; 4] = ["no-shared", "no-tests", "--prefix=/usr/local", "--openssldir=/usr/local/ssl"];

/// Cryptography that neither a socket nor a handshake of today needs: a fifth of the build.
const LEFT_OUT: [&str; 24] = [
    "no-aria",
    "no-bf",
    "no-blake2",
    "no-camellia",
    "no-cast",
    "no-cms",
    "no-ct",
    "no-dsa",
    "no-gost",
    "no-idea",
    "no-md4",
    "no-mdc2",
    "no-ocb",
    "no-rc2",
    "no-rc4",
    "no-rmd160",
    "no-scrypt",
    "no-seed",
    "no-sm2",
    "no-sm3",
    "no-sm4",
    "no-srp",
    "no-ts",
    "no-whirlpool",
];
/// The same of what 1.1.1 does not know.
const LEFT_OUT_SINCE_3: [&str; 5] = ["no-cmp", "no-ml-dsa", "no-ml-kem", "no-siv", "no-slh-dsa"];

/// OpenSSL's name of the platform; 1.1.1 does not guess it.
const TARGET: &str = if cfg!(target_arch = "aarch64") { "linux-aarch64" } else { "linux-x86_64" };

/// What `./Configure` is given; kept with the result, so that a build by another recipe is
/// not taken for one by this.
fn recipe(original: Original) -> Vec<&'static str> {
    let mut words = OPTIONS.to_vec();
    words.extend(LEFT_OUT);
    words.push(TARGET);
    if original != Original::V111 {
        // 1.1.1 knows neither word. The crates lack a file that modules need, and TCP Fast
        // Open is left out unless asked for.
        words.extend(["no-module", "enable-tfo"]);
        words.extend(LEFT_OUT_SINCE_3);
    }
    words
}

pub(super) fn ensure(original: Original) -> Fallible<Built> {
    let Some(source) = original.source() else {
        return place::present(original).ok_or_else(|| missing(original).into());
    };
    let dir = place::root().join(&source.version);
    fs::create_dir_all(&dir)?;
    let dir = fs::canonicalize(dir)?;
    // Two test programs may want the same original at once; the second waits for the first.
    let lock = File::create(dir.join("lock"))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)?;
    if fs::read_to_string(stamp(&dir)).is_ok_and(|text| text == recipe(original).join(" ")) {
        return Ok(place::at(dir, source.version));
    }
    build(original, &source, dir)
}

fn missing(original: Original) -> String {
    let name = original.name();
    format!(
        "no OpenSSL {name} is built: run scripts/originals {name}, or enable the feature \
         original-{}",
        name.replace('.', "")
    )
}

fn build(original: Original, source: &Source, dir: PathBuf) -> Fallible<Built> {
    let start = Instant::now();
    let work = Work {
        tree: dir.join("build"),
        log: dir.join("build.log"),
        soname: soname(original, &source.version),
        recipe: recipe(original),
    };
    if !work.is_begun() {
        work.unpack(source)?;
        work.configure()?;
    }
    work.compile()?;
    for part in ["lib", "bin", "include"] {
        fs::create_dir_all(dir.join(part))?;
    }
    work.link_shared("libcrypto", &[])?;
    work.link_shared("libssl", &["-L../lib", "-l:libcrypto.so", "libcrypto.a"])?;
    work.install(&dir)?;
    point(original, &dir)?;
    fs::write(stamp(&dir), work.recipe.join(" "))?;
    let took = Some(start.elapsed());
    Ok(Built { took, ..place::at(dir, source.version.clone()) })
}

/// What follows `.so.` in the names of the shared libraries.
fn soname(original: Original, version: &str) -> String {
    let parts = if original == Original::V111 { 2 } else { 1 };
    version.split('.').take(parts).collect::<Vec<_>>().join(".")
}

/// One build in progress.
///
/// A shared build would compile everything twice and needs tools that the crates leave out;
/// the static libraries are position independent too, so they are linked once more.
struct Work {
    tree: PathBuf,
    log: PathBuf,
    soname: String,
    recipe: Vec<&'static str>,
}

impl Work {
    /// Whether an interrupted build by this recipe may go on where it was.
    fn is_begun(&self) -> bool {
        let begun = fs::read_to_string(self.tree.join("recipe"));
        begun.is_ok_and(|text| text == self.recipe.join(" "))
    }

    fn unpack(&self, source: &Source) -> Fallible<()> {
        if self.tree.exists() {
            fs::remove_dir_all(&self.tree)?;
        }
        File::create(&self.log)?;
        self.run(Command::new("cp").arg("-r").arg(&source.dir).arg(&self.tree))
    }

    fn configure(&self) -> Fallible<()> {
        self.run(self.here("perl").arg("./Configure").args(&self.recipe))?;
        Ok(fs::write(self.tree.join("recipe"), self.recipe.join(" "))?)
    }

    /// One goal after the other: each starts a make of its own, and two would trip each other.
    fn compile(&self) -> Fallible<()> {
        self.run(self.here("make").args(["-j2", "build_libs"]))?;
        self.run(self.here("make").args(["-j2", "apps/openssl"]))
    }

    /// Links `NAME.a` whole into `NAME.so`, symbolic and with versions as a stock build does.
    fn link_shared(&self, name: &str, more: &[&str]) -> Fallible<()> {
        let script = self.version_script(name)?;
        self.run(
            self.here("cc")
                .args(["-shared", "-Wl,-Bsymbolic", "-Wl,-z,defs"])
                .arg(format!("-Wl,-soname,{name}.so.{}", self.soname))
                .args(script)
                .arg("-Wl,--whole-archive")
                .arg(format!("{name}.a"))
                .arg("-Wl,--no-whole-archive")
                .args(more)
                .args(["-ldl", "-pthread", "-o"])
                .arg(format!("../lib/{name}.so")),
        )
    }

    /// The linker's option for the library's versions; the 1.1.1 crate has no list of them.
    fn version_script(&self, name: &str) -> Fallible<Option<String>> {
        let list = self.tree.join(format!("util/{name}.num"));
        if !list.exists() {
            return Ok(None);
        }
        let script = format!("{name}.ld");
        let text = version_script(&fs::read_to_string(list)?);
        fs::write(self.tree.join(&script), text)?;
        Ok(Some(format!("-Wl,--version-script={script}")))
    }

    fn install(&self, dir: &Path) -> Fallible<()> {
        for name in ["libcrypto", "libssl"] {
            fs::copy(self.tree.join(format!("{name}.a")), dir.join(format!("lib/{name}.a")))?;
            let link = dir.join("lib").join(format!("{name}.so.{}", self.soname));
            if !link.exists() {
                std::os::unix::fs::symlink(format!("{name}.so"), link)?;
            }
        }
        fs::copy(self.tree.join("apps/openssl"), dir.join("bin/openssl"))?;
        let headers = self.tree.join("include/openssl");
        self.run(Command::new("cp").arg("-r").arg(headers).arg(dir.join("include")))
    }

    fn here(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.tree);
        command
    }

    /// Runs one step with its output in the log; a caller's make job server is not for it.
    fn run(&self, command: &mut Command) -> Fallible<()> {
        let log = File::options().append(true).open(&self.log)?;
        let status = command
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .env_remove("CARGO_MAKEFLAGS")
            .stdin(std::process::Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .status()
            .map_err(|error| format!("cannot start {command:?}: {error}"))?;
        if status.success() {
            return Ok(());
        }
        Err(format!("{command:?} ended with {status}: see {}", self.log.display()).into())
    }
}

/// `1.1.1 -> 1.1.1w`, so that others need not know the full version.
fn point(original: Original, dir: &Path) -> Fallible<()> {
    let link = place::link(original);
    let name = dir.file_name().ok_or("an original's directory has a name")?;
    if fs::read_link(&link).is_ok_and(|to| to == Path::new(name)) {
        return Ok(());
    }
    if link.symlink_metadata().is_ok() {
        fs::remove_file(&link)?;
    }
    Ok(std::os::unix::fs::symlink(name, link)?)
}

/// A linker version script from OpenSSL's list of public names
/// (`NAME NUMBER 3_0_0 EXIST:…` a line), each version depending on the one before.
fn version_script(numbers: &str) -> String {
    let mut script = String::new();
    let mut previous: Option<String> = None;
    for (version, names) in by_version(numbers) {
        let node = node(&version);
        let hide = if previous.is_none() { " local: *;" } else { "" };
        let after = previous.map(|p| format!(" {p}")).unwrap_or_default();
        let names = names.join("; ");
        let _infallible = writeln!(script, "{node} {{ global: {names};{hide} }}{after};");
        previous = Some(node);
    }
    script
}

/// A version as numbers and what letter follows the last: `1_1_0d` is 1, 1, 0, "d".
type Version = (Vec<u32>, String);

/// `OPENSSL_1_1_0d` before version 3, `OPENSSL_3.0.0` since.
fn node((numbers, letter): &Version) -> String {
    let between = if numbers.first() < Some(&3) { "_" } else { "." };
    let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    format!("OPENSSL_{}{letter}", numbers.join(between))
}

fn by_version(numbers: &str) -> BTreeMap<Version, Vec<&str>> {
    let mut nodes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in numbers.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(_), Some(version)) = (words.next(), words.next(), words.next()) {
            nodes.entry(parse_version(version)).or_default().push(name);
        }
    }
    nodes
}

fn parse_version(text: &str) -> Version {
    let bare = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let numbers = bare.split('_').filter_map(|part| part.parse().ok());
    (numbers.collect(), text[bare.len()..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_versions_depend_on_earlier_ones() {
        let script = version_script("b 2 3_2_0 EXIST::\na 1 3_0_0 EXIST::\n");
        assert_eq!(
            script,
            "OPENSSL_3.0.0 { global: a; local: *; };\nOPENSSL_3.2.0 { global: b; } OPENSSL_3.0.0;\n"
        );
    }

    #[test]
    fn letters_follow_the_numbers() {
        assert_eq!(node(&parse_version("1_1_0d")), "OPENSSL_1_1_0d");
    }
}
