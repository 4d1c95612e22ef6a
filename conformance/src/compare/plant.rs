//! Faults planted in what biosock did: a rule that excuses a case must not excuse them.

use super::judge::{list, steps};
use super::starved;
use serde_json::{Value, json};

/// What no library does.
const PLANTED: &str = "planted";

/// Copies of a case, each with one thing that the original never does, and what that is.
pub(super) fn plants(id: &str, original: &Value, ours: &Value) -> Vec<(String, Value)> {
    let mut found = vec![altered(ours, "died", |case| case["died"] = json!(PLANTED))];
    for (nth, step) in steps(ours).iter().enumerate() {
        for (what, planted) in changed_steps(id, original, step) {
            let name = format!("{what} of call {nth}");
            found.push(altered(ours, &name, |case| case["steps"][nth] = planted));
        }
    }
    found
}

fn altered(ours: &Value, what: &str, change: impl FnOnce(&mut Value)) -> (String, Value) {
    let mut case = ours.clone();
    change(&mut case);
    (what.to_owned(), case)
}

/// Each change that can be made to one call.
fn changed_steps(id: &str, original: &Value, step: &Value) -> Vec<(String, Value)> {
    let with = |what: &str, change: &dyn Fn(&mut Value)| altered(step, what, |step| change(step));
    let mut found = vec![
        with("result", &|step| step["result"] = json!(PLANTED)),
        with("opened", &|step| step["opened"] = json!(step["opened"].as_i64().unwrap_or(0) + 7)),
        with("blocks lost", &|step| step["seen"]["blocks lost"] = json!("7")),
        with("an entry more on the queue", &|step| {
            if let Value::Array(queue) = &mut step["queue"] {
                queue.push(foreign_entry());
            }
        }),
    ];
    if !asked_a_resolver(step) {
        // What a resolver leaves in errno is compared with nothing.
        found.push(with("errno", &|step| step["errno"] = json!(PLANTED)));
    }
    if !list(&step["queue"]).is_empty() && !is_silent_too(id, original, step) {
        found.push(with("an entry less on the queue", &|step| {
            if let Value::Array(queue) = &mut step["queue"] {
                queue.pop();
            }
        }));
        found.push(with("the last entry", &|step| {
            if let Value::Array(queue) = &mut step["queue"] {
                queue.pop();
                queue.push(foreign_entry());
            }
        }));
    }
    for (key, value) in step["seen"].as_object().into_iter().flatten() {
        found.push(with(&format!("seen.{key}"), &|step| step["seen"][key] = json!(PLANTED)));
        let text = value.as_str().unwrap_or_default();
        for property in text.split(' ').filter(|property| key == "socket" && property.contains('=')) {
            let name = property.split('=').next().unwrap_or_default();
            let planted = text.replace(property, &format!("{name}={PLANTED}"));
            found.push(with(&format!("socket.{name}"), &|step| step["seen"][key] = json!(planted)));
        }
    }
    found
}

/// Short of memory the original may leave nothing on the queue, and then biosock may.
fn is_silent_too(id: &str, original: &Value, step: &Value) -> bool {
    let shorter = list(&step["queue"]).len() - 1;
    let alike = |other: &&Value| list(&other["queue"]).len() == shorter && other["result"] == step["result"];
    starved::is_starved(id) && steps(original).iter().find(alike).is_some()
}

fn foreign_entry() -> Value {
    json!({ "code": PLANTED, "lib": 99, "reason": 99, "function": PLANTED, "data": PLANTED,
        "lib_text": PLANTED, "reason_text": PLANTED })
}

fn asked_a_resolver(step: &Value) -> bool {
    let calls = list(&step["trace"]).iter().filter_map(Value::as_str);
    calls.into_iter().any(super::judge::is_resolver)
}
