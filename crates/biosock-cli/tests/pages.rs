//! Help, completions and manual pages.

mod common;

use std::fs;
use std::path::Path;

use common::{has, run};

const SUBCOMMANDS: [&str; 5] = ["demo", "connect", "listen", "lookup", "completions"];

#[test]
fn every_help_has_examples() {
    for subcommand in SUBCOMMANDS {
        for flag in ["-h", "--help"] {
            let help = run([subcommand, flag], b"").ok().out();
            let (_, examples) = help.split_once("\nExamples:\n").expect("examples");
            assert!(examples.contains(&format!("biosock {subcommand}")), "{help}");
            assert!(!help.contains('\x1b'), "no colour but on a terminal");
        }
    }
    let help = run(["--help"], b"").ok().out();
    for subcommand in SUBCOMMANDS {
        assert!(help.contains(&format!("\n  {subcommand} ")), "{help}");
    }
}

/// A failed write is an error, on closed descriptors too. A shell runs each
/// command, since it leaves the descriptors as set up.
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let results = [
        "--help",
        "--version",
        "connect --help",
        "completions bash",
        "man",
        "demo",
        "demo --json",
        "lookup 127.0.0.1:1",
        "lookup --json 127.0.0.1:1",
    ];
    let results =
        results.iter().flat_map(|args| [(*args, ">/dev/full"), (*args, ">&-"), (*args, "1</dev/null")]);
    let messages = ["lookup --verbose 127.0.0.1:1", "lookup --verbose --json 127.0.0.1:1"];
    let messages =
        messages.iter().flat_map(|args| [(*args, "2>/dev/full"), (*args, "2>&-"), (*args, "2</dev/null")]);
    for (args, place) in results.chain(messages) {
        let ended = in_shell(&format!("exec \"$0\" {args} {place}"));
        assert_eq!(ended.code(), Some(1), "{args} {place}");
        if !place.starts_with('2') {
            assert!(ended.stderr.contains("write standard output: "), "{args} {place}: {}", ended.stderr);
        }
    }
    // /dev/null is fine, even opened for both directions.
    for place in [">/dev/null", "1<>/dev/null", "2>&- >/dev/null"] {
        in_shell(&format!("exec \"$0\" lookup 127.0.0.1:1 {place}")).ok();
    }
}

fn in_shell(script: &str) -> common::Ended {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_biosock")]);
    common::Process::start(&mut command, std::process::Stdio::null()).finish()
}

#[test]
fn the_version_is_that_of_the_crate() {
    let version = run(["--version"], b"").ok().out();
    assert_eq!(version, concat!("biosock ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(["completions", shell], b"").ok().out();
        for word in ["connect", "listen", "reuseaddr"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn bash_accepts_its_completions() {
    if !has("bash") {
        return;
    }
    let script = run(["completions", "bash"], b"").ok().stdout;
    let check = "source /dev/stdin; COMP_WORDS=(biosock li); COMP_CWORD=1; _biosock biosock li biosock; \
                 echo ${COMPREPLY[@]}";
    let mut command = std::process::Command::new("bash");
    let mut bash = common::Process::start(command.args(["-c", check]), std::process::Stdio::piped());
    bash.give(&script);
    assert_eq!(bash.finish().ok().out(), "listen\n");
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../man/man1"))
}

fn names(directory: &Path) -> Vec<String> {
    let entries = directory.read_dir().expect("the directory exists");
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.starts_with("biosock"));
    names.sort();
    names
}

#[test]
fn the_manual_pages_are_up_to_date() {
    let written = tempfile::tempdir().unwrap();
    run([Path::new("man"), written.path()], b"").ok();
    assert_eq!(names(written.path()), names(directory()));
    for name in names(directory()) {
        let (written, kept) = (fs::read(written.path().join(&name)), fs::read(directory().join(&name)));
        assert!(written.unwrap() == kept.unwrap(), "{name} is out of date; run: biosock man man/man1");
    }
    let first = run(["man"], b"").ok().stdout;
    assert_eq!(first, fs::read(directory().join("biosock.1")).unwrap());
}

#[test]
fn the_manual_pages_render_without_a_warning() {
    let pages = names(directory());
    let pages = pages.iter().map(|name| directory().join(name));
    for (program, args) in [("man", &["-l", "--warnings"][..]), ("mandoc", &["-T", "lint", "-W", "warning"])]
    {
        if !has(program) {
            continue;
        }
        for page in pages.clone() {
            let mut command = std::process::Command::new(program);
            command.args(args).arg(&page).env("MANPAGER", "cat");
            let ended = common::Process::start(&mut command, std::process::Stdio::null()).finish().ok();
            assert_eq!(ended.stderr, "", "{program} {}", page.display());
            if program == "mandoc" {
                assert_eq!(ended.out(), "");
            }
        }
    }
}
