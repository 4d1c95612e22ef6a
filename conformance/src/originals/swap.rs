//! An original with biosock inside: its static libcrypto, three of its objects replaced, linked
//! whole into a shared library that can be compared as the original itself is.

use super::{Built, Fallible};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The sources whose objects are replaced; 1.1.1 has the first names, later ones the second.
const REPLACED: [[&str; 3]; 2] =
    [["b_sock.o", "b_sock2.o", "b_addr.o"], ["bio_sock.o", "bio_sock2.o", "bio_addr.o"]];

/// Routines of each replaced object: their code must be another than the original's.
const WITNESSES: [&str; 10] = [
    "BIO_socket",
    "BIO_bind",
    "BIO_connect",
    "BIO_listen",
    "BIO_accept_ex",
    "BIO_closesocket",
    "BIO_lookup_ex",
    "BIO_parse_hostserv",
    "BIO_ADDR_rawmake",
    "BIO_sock_info",
];

/// The names that the swap brings, as its crate lists them.
const EXPORTS: &str = include_str!("../../../crates/libbiosock-swap/exports");

impl Built {
    /// Links this original with `archive` (`libbiosock_swap.a`) in place of its own three
    /// objects, into `directory`, and returns the shared library.
    ///
    /// # Errors
    /// When there is no static libcrypto, when it does not link, and when the result still
    /// holds the original's code.
    pub fn swapped(&self, archive: &Path, directory: &Path) -> Fallible<PathBuf> {
        let archive = fs::canonicalize(archive).map_err(|error| format!("{}: {error}", archive.display()))?;
        fs::create_dir_all(directory)?;
        let directory = fs::canonicalize(directory)?;
        let plain = self.without_objects(&directory)?;
        let made = directory.join("libcrypto.so");
        let trace = output(&mut self.link(&plain, &archive, &made))?;
        fs::remove_file(plain)?;
        must_come_from(&archive, &trace)?;
        must_have_changed(&self.libcrypto, &made)?;
        Ok(made)
    }

    /// The static libcrypto alongside the shared one.
    ///
    /// # Errors
    /// When there is none.
    pub fn archive(&self) -> Fallible<PathBuf> {
        let archive = self.libcrypto.with_file_name("libcrypto.a");
        if archive.is_file() {
            return Ok(archive);
        }
        Err(format!("there is no {}: install libssl-dev, or run scripts/originals", archive.display()).into())
    }

    /// A copy of the static libcrypto that lacks the three objects.
    fn without_objects(&self, directory: &Path) -> Fallible<PathBuf> {
        let whole = self.archive()?;
        let plain = directory.join("libcrypto-without.a");
        fs::copy(&whole, &plain)?;
        let members = output(Command::new("ar").arg("t").arg(&plain))?;
        let replaced: Vec<&str> = members.lines().filter(|member| is_replaced(member)).collect();
        if replaced.len() != 3 {
            let whole = whole.display();
            return Err(format!("{whole} should have three objects to replace, not {replaced:?}").into());
        }
        output(Command::new("ar").arg("d").arg(&plain).args(&replaced))?;
        Ok(plain)
    }

    /// The command that links all of `plain`, and what `archive` promises, as a stock build
    /// links its shared libcrypto.
    fn link(&self, plain: &Path, archive: &Path, made: &Path) -> Command {
        let mut command = Command::new("cc");
        command.args(["-shared", "-Wl,-Bsymbolic", "-Wl,-z,defs", "-Wl,-S", "-Wl,-y,BIO_connect"]);
        if let Some(script) = self.file("build/libcrypto.ld").filter(|script| script.is_file()) {
            command.arg(format!("-Wl,--version-script={}", script.display()));
        }
        command.args(EXPORTS.split_whitespace().map(|name| format!("-Wl,-u,{name}")));
        command.arg("-Wl,--whole-archive").arg(plain).arg("-Wl,--no-whole-archive").arg(archive);
        command.args(["-ldl", "-pthread", "-o"]).arg(made);
        command
    }
}

fn is_replaced(member: &str) -> bool {
    let bare = member.strip_prefix("libcrypto-lib-").unwrap_or(member);
    REPLACED.iter().flatten().any(|name| *name == bare)
}

/// The linker reports which file gave it the routine.
fn must_come_from(archive: &Path, trace: &str) -> Fallible<()> {
    let mut definitions = trace.lines().filter(|line| line.ends_with("definition of BIO_connect"));
    let name = archive.to_string_lossy();
    match (definitions.next(), definitions.next()) {
        (Some(one), None) if one.contains(name.as_ref()) => Ok(()),
        _ => Err(format!("BIO_connect should come from {name} alone; the linker printed:\n{trace}").into()),
    }
}

/// Two compilers give no routine of this length the same code.
fn must_have_changed(original: &Path, made: &Path) -> Fallible<()> {
    let (before, after) = (sizes(original)?, sizes(made)?);
    for name in WITNESSES {
        match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) if before != after => {}
            (before, after) => {
                let made = made.display();
                return Err(
                    format!("{name} has {before:?} bytes in the original, {after:?} in {made}").into()
                );
            }
        }
    }
    Ok(())
}

/// How many bytes of code each routine has.
fn sizes(library: &Path) -> Fallible<BTreeMap<String, u64>> {
    let wanted: BTreeSet<&str> = WITNESSES.into();
    let listed = output(Command::new("nm").args(["-D", "--defined-only", "-S"]).arg(library))?;
    let mut sizes = BTreeMap::new();
    for line in listed.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, size, _, name] = words[..] else { continue };
        let name = name.split('@').next().unwrap_or(name);
        if wanted.contains(name) {
            sizes.insert(name.to_owned(), u64::from_str_radix(size, 16)?);
        }
    }
    Ok(sizes)
}

/// What a tool printed on both streams; its failure is an error.
fn output(command: &mut Command) -> Fallible<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {name}: {error}"))?;
    let text = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    if done.status.success() {
        return Ok(text);
    }
    Err(format!("{name} ended with {}:\n{text}", done.status).into())
}

#[cfg(test)]
mod tests {
    use super::{is_replaced, must_come_from};
    use std::path::Path;

    #[test]
    fn the_three_objects_are_known_by_either_name() {
        assert!(is_replaced("b_addr.o"));
        assert!(is_replaced("libcrypto-lib-bio_sock2.o"));
        assert!(!is_replaced("libcrypto-lib-bss_sock.o"));
    }

    #[test]
    fn a_routine_from_elsewhere_is_noticed() {
        let ours = Path::new("/x/libbiosock_swap.a");
        let from = |file: &str| format!("/usr/bin/ld: {file}: definition of BIO_connect\n");
        assert!(must_come_from(ours, &from("/x/libbiosock_swap.a(biosock.o)")).is_ok());
        assert!(must_come_from(ours, &from("libcrypto.a(b_sock2.o)")).is_err());
        assert!(must_come_from(ours, "").is_err());
    }
}
