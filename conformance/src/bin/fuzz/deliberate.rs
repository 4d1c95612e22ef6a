//! The deliberate differences: see DIVERGENCES.md. Each states what biosock has to have done,
//! line by line; anything else is an unintended difference.

use crate::compare::Seen;
use crate::log::Log;
use crate::parts::{Part, errors, lookup};
use biosock_conformance::originals::{Fallible, Original};

/// The name of the deliberate difference that was seen, if it is one.
pub(crate) fn by_design(part: &Part, original: Original, input: &[u8], seen: &Seen) -> Option<&'static str> {
    match part.name {
        "lookup" => path_too_long(original, input, seen).then_some("path without room"),
        "errors" if text_of_another_library(input, seen) => Some("text of another library"),
        "errors" if newer_text(original, input, seen) => Some("newer text"),
        "errors" if flags_in_number(original, input, seen) => Some("flags in a number"),
        _ => None,
    }
}

/// Plants faults in what biosock did in a case that differs by design: none may be excused.
pub(crate) fn must_find_planted(part: &Part, original: Original, input: &[u8], seen: &Seen) -> Fallible<()> {
    for (what, ours) in planted(&seen.ours) {
        let seen = Seen { theirs: seen.theirs.clone(), ours };
        if let Some(rule) = by_design(part, original, input, &seen) {
            let input = (part.show)(input);
            return Err(format!("{rule:?} excuses {what}, planted in {input}").into());
        }
    }
    Ok(())
}

/// What biosock did, with one line wrong.
fn planted(ours: &Log) -> Vec<(String, Log)> {
    let lines: Vec<&[u8]> = ours.bytes().split_inclusive(|byte| *byte == b'\n').collect();
    let changed = (0..lines.len()).map(|nth| {
        let mut wrong = lines.clone();
        wrong[nth] = b"planted: 1\n";
        (format!("line {nth} changed"), ours.with(wrong.concat()))
    });
    let more = [("a line more".to_owned(), ours.with([ours.bytes(), b"planted: 1\n"].concat()))];
    changed.chain(more).collect()
}

/// A path of 108 bytes fills the field, without a NUL: biosock takes it, 4.0 does not. A longer one
/// fails in both. OpenSSL before 4.0 goes on with an empty path for either.
fn path_too_long(original: Original, input: &[u8], seen: &Seen) -> bool {
    const ROOM: usize = 108;
    let Some(path) = lookup::path(input) else { return false };
    let nowhere = lookup::found(input, None);
    match path.len() {
        ROOM if original == Original::V4 => {
            lookup::is_too_long(&seen.theirs) && seen.ours.bytes() == lookup::found(input, Some(&path))
        }
        ROOM => seen.theirs.bytes() == nowhere && seen.ours.bytes() == lookup::found(input, Some(&path)),
        len => len > ROOM && seen.theirs.bytes() == nowhere && lookup::is_too_long(&seen.ours),
    }
}

/// OpenSSL knows the reasons of all its libraries; biosock those of BIO, of the system and the
/// common ones, and prints `reason(123)` for the rest.
fn text_of_another_library(input: &[u8], seen: &Seen) -> bool {
    errors::has_reason(&seen.theirs) && !errors::has_reason(&seen.ours) && only_the_reason(input, seen)
}

/// OpenSSL has gained reasons with each version; biosock has those of 4.0.
fn newer_text(original: Original, input: &[u8], seen: &Seen) -> bool {
    original != Original::V4
        && errors::has_reason(&seen.ours)
        && !errors::has_reason(&seen.theirs)
        && only_the_reason(input, seen)
}

/// Nothing but the reason's text and what is written of it.
fn only_the_reason(input: &[u8], seen: &Seen) -> bool {
    errors::all_but_reason(&seen.theirs).eq(errors::all_but_reason(&seen.ours))
        && errors::is_written_in_full(input, &seen.ours)
}

/// `reason(123)` of an unknown one has shown the reason's flags in OpenSSL 3.0; since then, and
/// in biosock, it does not. Nothing else may differ.
fn flags_in_number(original: Original, input: &[u8], seen: &Seen) -> bool {
    original == Original::System
        && errors::has_flags(input)
        && errors::all_but_written(&seen.theirs).eq(errors::all_but_written(&seen.ours))
        && errors::is_written_in_full(input, &seen.ours)
}
