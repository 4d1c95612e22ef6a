//! The comparison itself is put to the test: it must not compare a library with itself, and
//! must catch one that misbehaves.

mod common;

use biosock_conformance::compare::{Form, Library, compare, compare_unguarded};
use biosock_conformance::originals::Original;
use common::{original, ours, run, whole};
use std::path::Path;

/// Each way to misbehave, and cases in which it shows.
const BROKEN: [(&str, &str); 6] = [
    ("option", "connect/tcp4/fresh/listening/"),
    ("value", "set_tcp_ndelay/"),
    ("queue", "bind/tcp4/"),
    ("errno", "listen/tcp4/"),
    ("leak", "closesocket/"),
    ("loss", "starved/BIO_ADDR_new"),
];

#[test]
fn a_library_that_misbehaves_is_caught() {
    let Some(path) = original(Original::V111) else { return };
    for (how, filter) in BROKEN {
        let good = run(&Library::alone(&path), Some(filter));
        let again = run(&Library::alone(&path), Some(filter));
        let bad = run(&Library::alone(&path).broken(how), Some(filter));
        let same = compare_unguarded(&good, &again);
        assert!(same.differences.is_empty(), "two runs of one library differ in {filter}");
        let caught = compare_unguarded(&good, &bad);
        assert!(!caught.differences.is_empty(), "broken by {how}, but {filter} did not show it");
    }
}

/// Originals without TCP Fast Open ignore its flag, so that every case with it differs. What
/// else goes wrong in such a case is found all the same.
#[test]
fn a_fault_in_an_excused_case_is_found() {
    let Some(path) = original(Original::V111) else { return };
    let ours = ours(Form::Alone);
    for (how, filter, wanted) in [
        ("reuse", "listen/tcp4/fresh/free/", "listen/tcp4/fresh/free/REUSEADDR|KEEPALIVE|TFO"),
        ("retry", "EPROTO", "fault/BIO_connect/tcp4/connect after 0/EPROTO/"),
    ] {
        let original = run(&Library::alone(&path), Some(filter));
        let good = compare(&original, &run(&Library::alone(&ours), Some(filter))).unwrap();
        assert!(good.differences.is_empty(), "{}", good.differences[0].text);
        let excused = |id: &String| id.starts_with(wanted) && id.contains("TFO");
        assert!(good.deliberate["fast-open"].iter().any(excused), "no case of {wanted} is excused");
        let bad = compare(&original, &run(&Library::alone(&ours).broken(how), Some(filter))).unwrap();
        let found = bad.differences.iter().any(|difference| excused(&difference.id));
        assert!(found, "broken by {how}, but no case of {wanted} with TFO shows it");
    }
}

#[test]
fn a_library_is_not_compared_with_itself() {
    let Some(path) = original(Original::V111) else { return };
    let one = run(&Library::alone(&path), Some("closesocket/number"));
    let two = run(&Library::alone(&path), Some("closesocket/number"));
    assert!(compare(&one, &two).is_err());
}

#[test]
fn the_functions_tried_are_those_of_the_library_named() {
    let Some(path) = original(Original::V111) else { return };
    let overlay = ours(Form::Overlay);
    let plain = run(&Library::alone(&path), Some("closesocket/number"));
    let over = run(&Library::under(&path, &overlay), Some("closesocket/number"));
    assert_eq!(plain.file, path.to_string_lossy());
    assert_eq!(over.file, overlay.to_string_lossy());
    assert_eq!(over.errors, path.to_string_lossy());
    assert!(compare(&plain, &over).is_ok());
}

#[test]
fn the_swap_is_compared_and_not_the_original() {
    let Some(original) = whole(Original::V111) else { return };
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guard");
    let swapped = original.swapped(&ours(Form::Swap), &directory).unwrap();
    let plain = run(&Library::alone(&original.libcrypto), Some("closesocket/number"));
    let inside = run(&Library::alone(&swapped), Some("closesocket/number"));
    assert_eq!(inside.file, swapped.to_string_lossy());
    assert_eq!(inside.errors, swapped.to_string_lossy());
    assert_ne!((&plain.file, plain.offset), (&inside.file, inside.offset));
    assert!(compare(&plain, &inside).is_ok());
}

/// The original's own archive in place of biosock's: the linking itself must refuse it.
#[test]
fn an_archive_that_is_not_ours_is_refused() {
    let Some(original) = whole(Original::V111) else { return };
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guard-same");
    let error = original.swapped(&original.archive().unwrap(), &directory).unwrap_err().to_string();
    assert!(error.contains("BIO_connect") || error.contains("bytes in the original"), "{error}");
}
