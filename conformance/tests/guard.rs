//! The comparison itself is put to the test: it must not compare a library with itself, and
//! must catch one that misbehaves.

mod common;

use biosock_conformance::compare::{Library, compare, compare_unguarded};
use biosock_conformance::originals::Original;
use common::{original, ours, run};

/// Each way to misbehave, and cases in which it shows.
const BROKEN: [(&str, &str); 5] = [
    ("option", "connect/tcp4/fresh/listening/"),
    ("value", "set_tcp_ndelay/"),
    ("queue", "bind/tcp4/"),
    ("errno", "listen/tcp4/"),
    ("leak", "closesocket/"),
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
    let overlay = ours("libbiosock-overlay");
    let plain = run(&Library::alone(&path), Some("closesocket/number"));
    let over = run(&Library::under(&path, &overlay), Some("closesocket/number"));
    assert_eq!(plain.file, path.to_string_lossy());
    assert_eq!(over.file, overlay.to_string_lossy());
    assert_eq!(over.errors, path.to_string_lossy());
    assert!(compare(&plain, &over).is_ok());
}
