//! The differences that are meant: see DIVERGENCES.md.

use crate::compare::Seen;
use crate::parts::{Part, addr, errors, lookup};
use biosock_conformance::originals::Original;

/// Whether what was seen is one of them.
pub(crate) fn is_meant(part: &Part, original: Original, input: &[u8], seen: &Seen) -> bool {
    if spare_errno(seen) {
        return true;
    }
    match part.name {
        "lookup" => path_too_long(original, input),
        "addr" => path_with_nul(input),
        "errors" => {
            text_of_another_library(seen)
                || newer_text(original, seen)
                || flags_in_number(original, input, seen)
        }
        _ => false,
    }
}

/// OpenSSL lets the C library change errno where no system call failed, as for a name that is
/// unknown; ours leaves it as it was.
fn spare_errno(seen: &Seen) -> bool {
    seen.theirs.lines_but_spare_errno().eq(seen.ours.lines_but_spare_errno())
        && seen.ours.bytes().len() < seen.theirs.bytes().len()
}

/// A path that AF_UNIX has no room for: OpenSSL before 4.0 goes on with an empty one; ours
/// fails, as 4.0 does.
fn path_too_long(original: Original, input: &[u8]) -> bool {
    original != Original::V4 && lookup::is_long_path(input)
}

/// OpenSSL ignores the length and reads a path to its NUL; ours takes the bytes that it was given.
fn path_with_nul(input: &[u8]) -> bool {
    addr::is_path_with_nul(input)
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
