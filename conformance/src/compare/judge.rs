//! What counts as the same.

use super::divergences::{DIVERGENCES, Divergence};
use super::fields::fields;
use super::library::Outcome;
use super::starved;
use serde_json::Value;

/// How two outcomes are compared.
pub(super) struct Judge {
    /// Both pack error codes alike, so codes and data are compared too.
    pub(super) same_numbering: bool,
    /// The original has TCP Fast Open, which came together with `BIO_ADDR_dup`.
    pub(super) original_is_new: bool,
    /// The original is 1.1.1.
    pub(super) original_is_111: bool,
    /// biosock brings its own queue and allocator.
    pub(super) ours_is_alone: bool,
}

impl Judge {
    pub(super) fn new(original: &Outcome, ours: &Outcome) -> Self {
        Self {
            same_numbering: original.numbering == ours.numbering,
            original_is_new: original.functions.contains("BIO_ADDR_dup"),
            original_is_111: original.numbering == "1.1.1",
            // Whatever is an OpenSSL, or lies in or over one, has this.
            ours_is_alone: !ours.functions.contains("OpenSSL_version_num"),
        }
    }

    /// Whether the case means the same in both libraries.
    pub(super) fn is_comparable(&self, id: &str) -> bool {
        const OF_THE_NUMBERING: [&str; 5] = ["texts/", "truncation/", "print/", "peek", "marks/"];
        self.same_numbering || !OF_THE_NUMBERING.iter().any(|group| id.starts_with(group))
    }

    pub(super) fn same_case(&self, id: &str, original: &Value, ours: &Value) -> bool {
        if starved::is_starved(id) {
            return original["died"] == ours["died"] && starved::same(self, original, ours);
        }
        let (a, b) = (steps(original), steps(ours));
        original["died"] == ours["died"]
            && a.len() == b.len()
            && a.iter().zip(b).all(|(a, b)| self.differing(a, b).is_empty())
    }

    /// The parts of a step that differ.
    pub(super) fn differing(&self, original: &Value, ours: &Value) -> Vec<&'static str> {
        let mut parts = Vec::new();
        for part in ["call", "result", "opened", "seen"] {
            if original[part] != ours[part] {
                parts.push(part);
            }
        }
        if !same_errno(original, ours) {
            parts.push("errno");
        }
        if !self.same_queue(&original["queue"], &ours["queue"]) {
            parts.push("queue");
        }
        parts
    }

    fn same_queue(&self, original: &Value, ours: &Value) -> bool {
        let (a, b) = (list(original), list(ours));
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same_entry(a, b))
    }

    fn same_entry(&self, original: &Value, ours: &Value) -> bool {
        if self.same_numbering {
            return original == ours;
        }
        // A reason of any library has another number in each packing but for its last byte,
        // and data was added to system entries only in 3.0.
        let reason = |entry: &Value| entry["reason"].as_u64().map(|r| r & 0xffff);
        let system = original["lib"] == 2;
        original["lib"] == ours["lib"]
            && reason(original) == reason(ours)
            && (system || original["reason_text"] == ours["reason_text"])
            && (system || ends_alike(&original["data"], &ours["data"]))
    }

    /// The deliberate difference that excuses every field in which the two differ.
    pub(super) fn divergence(&self, id: &str, original: &Value, ours: &Value) -> Option<&'static Divergence> {
        let mut covering = DIVERGENCES.iter().filter(|one| (one.covers)(self, id));
        if starved::is_starved(id) {
            return covering.find(|one| starved::is_excused(self, one.id, original, ours));
        }
        let fields = fields(self, original, ours);
        covering.find(|one| fields.iter().all(|field| (one.excuses)(self, id, field)))
    }
}

/// errno: as the original leaves it, or as it was. Resolvers leave there what they like.
fn same_errno(original: &Value, ours: &Value) -> bool {
    let resolver = |step: &Value| list(&step["trace"]).iter().filter_map(Value::as_str).any(is_resolver);
    let failed = matches!(original["result"].as_str(), Some("0" | "-1" | "-2" | "NULL"));
    original["errno"] == ours["errno"]
        || (!failed && ours["errno"] == "untouched")
        || (resolver(original) && (ours["errno"] == "untouched" || resolver(ours)))
}

/// Whether a call of the trace is the system resolver's.
pub(super) fn is_resolver(call: &str) -> bool {
    ["getaddrinfo", "getnameinfo", "gethostbyname"].iter().any(|name| call.starts_with(name))
}

/// 1.1.1 replaces data where later versions add to it.
fn ends_alike(original: &Value, ours: &Value) -> bool {
    let (a, b) = (original.as_str().unwrap_or_default(), ours.as_str().unwrap_or_default());
    b == a || (!a.is_empty() && b.ends_with(a))
}

pub(super) fn steps(case: &Value) -> &[Value] {
    list(&case["steps"])
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
