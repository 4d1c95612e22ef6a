//! What differs between two cases, field by field.

use super::judge::{Judge, list, steps};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a side has that lacks the call, or the field.
pub(super) const ABSENT: &str = "absent";

/// A field in which a call of biosock's differs from the original's.
pub(super) struct Field<'a> {
    /// `died`, `call`, `result`, `opened`, `errno`, `queue`, `seen.WHAT` or, of what a socket
    /// was seen to be, `socket.WHAT`.
    pub(super) name: String,
    /// In words, as the original has it.
    pub(super) original: String,
    /// In words, as biosock has it.
    pub(super) ours: String,
    /// How many calls of the case come before this one.
    pub(super) step: usize,
    /// The whole call of the original; null where it made none.
    pub(super) theirs: &'a Value,
    /// The whole call of biosock's.
    pub(super) call: &'a Value,
}

impl Field<'_> {
    /// Whether it is this field, with these values.
    pub(super) fn is(&self, name: &str, original: &str, ours: &str) -> bool {
        self.name == name && self.original == original && self.ours == ours
    }

    /// The queue that biosock left.
    pub(super) fn queue(&self) -> &[Value] {
        list(&self.call["queue"])
    }

    /// The queue that the original left.
    pub(super) fn queue_before(&self) -> &[Value] {
        list(&self.theirs["queue"])
    }

    /// The call's last system call.
    pub(super) fn asked_last(&self) -> &str {
        list(&self.call["trace"]).last().and_then(Value::as_str).unwrap_or_default()
    }
}

/// Every field in which the two differ; none if they are the same.
pub(super) fn fields<'a>(judge: &Judge, original: &'a Value, ours: &'a Value) -> Vec<Field<'a>> {
    let mut found = Vec::new();
    let (a, b) = (steps(original), steps(ours));
    if original["died"] != ours["died"] {
        let [first, second] = [original, ours].map(|case| words(&case["died"]));
        let (theirs, call) = (&Value::Null, &Value::Null);
        found.push(Field { name: "died".into(), original: first, ours: second, step: 0, theirs, call });
    }
    for step in 0..a.len().max(b.len()) {
        let [theirs, call] = [a, b].map(|steps| steps.get(step).unwrap_or(&Value::Null));
        for part in judge.differing(theirs, call) {
            let pairs = pairs(part, theirs, call);
            found.extend(pairs.into_iter().map(|(name, original, ours)| Field {
                name,
                original,
                ours,
                step,
                theirs,
                call,
            }));
        }
    }
    found
}

/// The name of each field of a part, with both values.
fn pairs(part: &str, theirs: &Value, call: &Value) -> Vec<(String, String, String)> {
    if part != "seen" {
        return vec![(part.to_owned(), words(&theirs[part]), words(&call[part]))];
    }
    let mut found = Vec::new();
    for key in keys(&theirs[part], &call[part]) {
        let [a, b] = [theirs, call].map(|step| words(&step[part][key]));
        match (properties(key, &a), properties(key, &b)) {
            _ if a == b => {}
            (Some(a), Some(b)) => found.extend(differing_properties(&a, &b)),
            _ => found.push((format!("seen.{key}"), a, b)),
        }
    }
    found
}

fn keys<'a>(a: &'a Value, b: &'a Value) -> BTreeSet<&'a str> {
    [a, b].into_iter().filter_map(Value::as_object).flatten().map(|(key, _)| key.as_str()).collect()
}

/// `nonblock=0 cloexec=0 ...`, as a socket is described; `None` of anything else.
fn properties<'a>(key: &str, text: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    if key != "socket" {
        return None;
    }
    text.split(' ').map(|property| property.split_once('=')).collect()
}

fn differing_properties(a: &[(&str, &str)], b: &[(&str, &str)]) -> Vec<(String, String, String)> {
    let names: BTreeSet<&str> = a.iter().chain(b).map(|(name, _)| *name).collect();
    let of = |side: &[(&str, &str)], name: &str| {
        let found: Vec<_> =
            side.iter().filter(|(known, _)| *known == name).map(|(_, value)| *value).collect();
        if found.is_empty() { ABSENT.to_owned() } else { found.join(" ") }
    };
    let both = names.into_iter().map(|name| (format!("socket.{name}"), of(a, name), of(b, name)));
    both.filter(|(_, a, b)| a != b).collect()
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => ABSENT.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
