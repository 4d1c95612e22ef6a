//! Cases in which allocations were refused: a step for each outcome, however it came about.

use super::judge::{Judge, is_resolver, list, steps};
use serde_json::Value;
use std::ffi::CStr;

/// Whether a case is one of these.
pub(super) fn is_starved(id: &str) -> bool {
    id.starts_with("starved/")
}

/// Whether each has the outcomes that the other has.
pub(super) fn same(judge: &Judge, original: &Value, ours: &Value) -> bool {
    let (a, b) = (steps(original), steps(ours));
    let known = |one: &Value, others: &[Value], turned: bool| {
        others.iter().any(|other| {
            let (a, b) = if turned { (other, one) } else { (one, other) };
            judge.differing(a, b).is_empty()
        })
    };
    a.iter().all(|one| known(one, b, false)) && b.iter().all(|one| known(one, a, true))
}

/// Whether every outcome of biosock's is one of the original's, or what the rule names: the same
/// result, and what goes with it reported in whole; no memory and no descriptor lost that the
/// original does not lose.
pub(super) fn is_excused(judge: &Judge, rule: &str, original: &Value, ours: &Value) -> bool {
    let theirs = steps(original);
    // 1.1.1 has none of the good outcomes here, and goes on after the bad ones.
    let accepts = rule == "get-accept-socket";
    original["died"] == ours["died"]
        && !steps(ours).is_empty()
        && steps(ours).iter().all(|step| {
            theirs.iter().any(|other| judge.differing(other, step).is_empty())
                || (accepts && is_accepting(step))
                || theirs.iter().any(|other| is_no_worse(judge, accepts, other, step, theirs))
        })
}

/// The outcome of a call that needed no more memory than it got.
fn is_accepting(step: &Value) -> bool {
    step["result"] == "a descriptor"
        && step["opened"] == 1
        && list(&step["queue"]).is_empty()
        && (step["errno"] == "untouched" || step["errno"] == "ENOMEM")
        && step["seen"].as_object().is_some_and(serde_json::Map::is_empty)
}

/// An outcome of biosock's against one of the original's with the same result.
fn is_no_worse(judge: &Judge, accepts: bool, other: &Value, step: &Value, theirs: &[Value]) -> bool {
    let seen = step["seen"].as_object().into_iter().flatten();
    step["result"] == other["result"]
        && step["opened"] == other["opened"]
        && (lost(step) <= 0 || lost(step) <= lost(other))
        && seen.map(|(key, _)| key).all(|key| key == "blocks lost")
        && (is_errno(step, theirs) || (accepts && step["errno"] == "untouched"))
        && is_told(judge, step, other, theirs)
}

/// errno is what the original has with the same result, or ENOMEM; a
/// resolver leaves there what it likes, or nothing.
fn is_errno(step: &Value, theirs: &[Value]) -> bool {
    let asks = |step: &Value| list(&step["trace"]).iter().filter_map(Value::as_str).any(is_resolver);
    let alike = |other: &Value| {
        let untouched = step["errno"] == "untouched" && asks(step) && asks(other);
        other["result"] == step["result"] && (other["errno"] == step["errno"] || untouched)
    };
    step["errno"] == "ENOMEM" || theirs.iter().any(alike)
}

/// The queue has entries that the original has in some outcome of the case, reported in whole, or
/// one that reports that there was no memory. It is empty only where the original's is.
fn is_told(judge: &Judge, step: &Value, other: &Value, theirs: &[Value]) -> bool {
    match list(&step["queue"]) {
        [] => list(&other["queue"]).is_empty(),
        [one] if says_no_memory(one) => true,
        queue => {
            let alike =
                theirs.iter().map(|other| list(&other["queue"])).filter(|other| other.len() == queue.len());
            let alike: Vec<_> = alike.collect();
            let known = |(nth, entry)| alike.iter().any(|other| is_whole(judge, &other[nth], entry));
            queue.iter().enumerate().all(known)
        }
    }
}

/// The allocator's own entry, or the resolver's.
fn says_no_memory(entry: &Value) -> bool {
    const BIO: u64 = 32;
    let of_resolver = entry["lib"] == BIO && entry["reason_text"] == "system lib";
    (entry["reason_text"] == "malloc failure" && entry["data"] == "")
        || (of_resolver && is_data(entry["data"].as_str().unwrap_or_default(), ""))
}

/// The same entry, with the function and the data that the original's may have lost. In an
/// original's queue biosock loses them as well.
fn is_whole(judge: &Judge, known: &Value, entry: &Value) -> bool {
    const SYSTEM: u64 = 2;
    let reason = |entry: &Value| entry["reason"].as_u64().map(|reason| reason & 0xffff);
    let text = |entry: &Value, what: &str| entry[what].as_str().unwrap_or_default().to_owned();
    let [function, theirs] = [entry, known].map(|entry| text(entry, "function"));
    let lost = function.is_empty() && !judge.ours_is_alone;
    let names_function = function == theirs || theirs.is_empty() || lost;
    known["lib"] == entry["lib"]
        && reason(known) == reason(entry)
        && (known["reason_text"] == entry["reason_text"] || entry["lib"] == SYSTEM)
        && (names_function || !judge.same_numbering)
        && is_data(&text(entry, "data"), &text(known, "data"))
}

/// Data of biosock's that go with the original's: those, the resolver's message, or which call
/// failed; with the host's name or without.
fn is_data(ours: &str, theirs: &str) -> bool {
    const ANNOTATION: &str = "host=";
    let plain = ours.split(ANNOTATION).next().unwrap_or_default();
    ours == theirs
        || plain.is_empty()
        || plain == theirs.split(ANNOTATION).next().unwrap_or_default()
        || (plain.starts_with("calling ") && plain.ends_with("()"))
        || resolver_texts().any(|text| text.to_bytes() == plain.as_bytes())
}

/// gai_strerror(3)'s message for each failure, glibc's own among them.
fn resolver_texts() -> impl Iterator<Item = &'static CStr> {
    // netdb.h has it; the libc crate does not.
    const EAI_ADDRFAMILY: libc::c_int = -9;
    const FAILURES: [libc::c_int; 11] = [
        EAI_ADDRFAMILY,
        libc::EAI_AGAIN,
        libc::EAI_BADFLAGS,
        libc::EAI_FAIL,
        libc::EAI_FAMILY,
        libc::EAI_MEMORY,
        libc::EAI_NODATA,
        libc::EAI_NONAME,
        libc::EAI_SERVICE,
        libc::EAI_SOCKTYPE,
        libc::EAI_SYSTEM,
    ];
    FAILURES.into_iter().map(|failure| {
        // SAFETY: any number may be asked about.
        let text = unsafe { libc::gai_strerror(failure) };
        // SAFETY: glibc's texts are static and end with a NUL.
        unsafe { CStr::from_ptr(text) }
    })
}

fn lost(step: &Value) -> i64 {
    let count = step["seen"]["blocks lost"].as_str();
    count.map_or(0, |count| count.parse().unwrap_or(i64::MAX))
}
