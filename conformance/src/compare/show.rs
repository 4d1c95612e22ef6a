//! A difference in words.

use super::judge::{Judge, list, steps};
use super::starved;
use serde_json::Value;
use std::fmt::Write as _;

/// What was called, what the original did, what biosock did: only the parts that differ.
pub(super) fn difference(judge: &Judge, id: &str, original: &Value, ours: &Value) -> String {
    let mut text = format!("{id}\n");
    if original["died"] != ours["died"] {
        let _infallible = writeln!(text, "  original: {}", ending(original));
        let _infallible = writeln!(text, "  biosock:  {}", ending(ours));
    }
    let (a, b) = (steps(original), steps(ours));
    if starved::is_starved(id) {
        outcomes(&mut text, "original", a);
        outcomes(&mut text, "biosock", b);
        return text;
    }
    for (a, b) in a.iter().zip(b) {
        step(&mut text, judge, a, b);
    }
    if a.len() != b.len() && original["died"] == ours["died"] {
        let _infallible = writeln!(text, "  {} calls by the original, {} by biosock", a.len(), b.len());
    }
    text
}

/// Each way in which a call with refused memory came out.
fn outcomes(text: &mut String, who: &str, steps: &[Value]) {
    for step in steps {
        let parts = ["result", "errno", "opened", "queue", "seen"].map(|part| in_words(step, part));
        let _infallible = writeln!(text, "  {who:9} {}", parts.join("  "));
    }
}

fn ending(case: &Value) -> String {
    match case["died"].as_str() {
        Some(died) => died.to_owned(),
        None => steps(case).iter().map(summary).collect::<Vec<_>>().join("; "),
    }
}

fn summary(step: &Value) -> String {
    format!("{} -> {}{}", words(&step["call"]), words(&step["result"]), queue(&step["queue"]))
}

fn step(text: &mut String, judge: &Judge, original: &Value, ours: &Value) {
    let differing = judge.differing(original, ours);
    if differing.is_empty() {
        return;
    }
    let _infallible = writeln!(text, "  {}", words(&original["call"]));
    for (who, step) in [("original", original), ("biosock", ours)] {
        let parts: Vec<String> = differing.iter().map(|part| in_words(step, part)).collect();
        let _infallible = writeln!(text, "    {who:9} {}", parts.join("  "));
    }
    for (who, step) in [("original", original), ("biosock", ours)] {
        let trace: Vec<String> = list(&step["trace"]).iter().map(words).collect();
        let _infallible = writeln!(text, "    {who:9} asked the system: {}", trace.join("; "));
    }
}

fn in_words(step: &Value, part: &str) -> String {
    match part {
        "queue" => format!("queue:{}", queue(&step["queue"])),
        "seen" => format!("seen {}", step["seen"]),
        _ => format!("{part} {}", words(&step[part])),
    }
}

fn queue(entries: &Value) -> String {
    let entries = list(entries);
    if entries.is_empty() {
        return " empty".to_owned();
    }
    entries.iter().map(entry).collect()
}

fn entry(entry: &Value) -> String {
    format!(
        " [{} {} {:?} data {:?}]",
        words(&entry["code"]),
        words(&entry["function"]),
        words(&entry["reason_text"]),
        words(&entry["data"])
    )
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
