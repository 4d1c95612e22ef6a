//! The differences that are meant: see DIVERGENCES.md.

use crate::compare::Seen;
use crate::parts::{Part, errors, lookup};
use biosock_conformance::originals::Original;

/// The name of the meant difference that was seen, if it is one.
pub(crate) fn meant(part: &Part, original: Original, input: &[u8], seen: &Seen) -> Option<&'static str> {
    match part.name {
        "lookup" => path_too_long(original, input, seen).then_some("path without room"),
        "errors" if text_of_another_library(seen) => Some("text of another library"),
        "errors" if newer_text(original, seen) => Some("newer text"),
        "errors" if flags_in_number(original, input, seen) => Some("flags in a number"),
        _ => None,
    }
}

/// A path of 108 bytes fills the field, without a NUL: ours takes it, 4.0 does not. A longer one
/// fails in both. OpenSSL before 4.0 goes on with an empty path for either.
fn path_too_long(original: Original, input: &[u8], seen: &Seen) -> bool {
    const ROOM: usize = 108;
    match lookup::path(input).map_or(0, |path| path.len()) {
        ROOM => seen.ours.begins_with("returned: 1"),
        len => len > ROOM && original != Original::V4 && seen.ours.begins_with("returned: 0"),
    }
}

/// OpenSSL knows the reasons of all its libraries; ours those of BIO, of the system and the
/// common ones, and says `reason(123)` of the rest.
fn text_of_another_library(seen: &Seen) -> bool {
    errors::has_reason(&seen.theirs) && !errors::has_reason(&seen.ours)
}

/// OpenSSL has gained reasons with each version; ours has those of 4.0.
fn newer_text(original: Original, seen: &Seen) -> bool {
    original != Original::V4 && errors::has_reason(&seen.ours) && !errors::has_reason(&seen.theirs)
}

/// `reason(123)` of an unknown one has shown the reason's flags in OpenSSL 3.0; since then, and
/// in ours, it does not. Nothing else may differ.
fn flags_in_number(original: Original, input: &[u8], seen: &Seen) -> bool {
    original == Original::System
        && errors::has_flags(input)
        && errors::all_but_written(&seen.theirs).eq(errors::all_but_written(&seen.ours))
}
