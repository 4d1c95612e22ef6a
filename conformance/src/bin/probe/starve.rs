//! Trying a call again and again, each time with another of its allocations refused.
//!
//! Every try has a process of its own: what one does to the library, to the resolver or to
//! the process is not to meet the next.

use crate::api::{Api, quietly};
use crate::interpose::memory::{Refusal, count, live, refused};
use crate::record::Record;
use crate::run::{Run, in_child, print};
use crate::world::{Keep, Place};
use serde_json::{Value, json};

/// How often one process makes the call: twice so that nothing is done for the first time,
/// then with the refusal.
pub(crate) const TIMES: usize = 3;

/// No call of the family allocates as often; more would mean that a refusal is never reached.
const MOST: u64 = 500;

/// A call, the words for its result, and how the result is given back.
pub(crate) struct Attempt<C, T, G> {
    call: C,
    tell: T,
    give_back: G,
}

/// `call` makes the call and allocates nothing by itself, `tell` puts the result into words,
/// `give_back` frees what the caller owns now.
pub(crate) fn attempt<R, C, T, G>(call: C, tell: T, give_back: G) -> Attempt<C, T, G>
where
    C: Fn(&Api) -> R,
    T: Fn(R) -> String,
    G: Fn(&Api, R),
{
    Attempt { call, tell, give_back }
}

/// Runs one case: `prepare` makes the attempt, in the process that is to make it.
pub(crate) fn starve<R, C, T, G>(run: &Run, what: &str, prepare: impl Fn(&mut Keep) -> Attempt<C, T, G>)
where
    R: Copy,
    C: Fn(&Api) -> R,
    T: Fn(R) -> String,
    G: Fn(&Api, R),
{
    let id = format!("starved/{what}");
    if !run.wanted(&id) {
        return;
    }
    let mut outcomes = Outcomes::default();
    for rest in [false, true] {
        for nth in 1..=MOST {
            let refusal = Refusal { nth, rest };
            let tried = in_child(|| one(&run.api, what, refusal, &prepare));
            let reached = tried["refused"].as_u64() != Some(0);
            outcomes.add(tried);
            if !reached {
                break;
            }
            assert!(nth < MOST, "{id} allocates without an end");
        }
    }
    print(&outcomes.finish(&id).to_string());
    crate::run::clean_directory();
}

/// The distinct outcomes of a case.
#[derive(Default)]
struct Outcomes {
    steps: Vec<Value>,
    functions: Value,
}

impl Outcomes {
    fn add(&mut self, mut tried: Value) {
        let functions = tried["functions"].take();
        if !functions.is_null() {
            self.functions = functions;
        }
        // A process that a signal ended was refused something, or the call is broken by itself.
        let refused = tried["refused"].as_u64().unwrap_or(1);
        let known = self.steps.iter_mut().find(|step| is_same(step, &tried));
        match known {
            Some(step) => step["refused"] = json!(step["refused"].as_u64().unwrap_or(0) + refused),
            None => {
                tried["refused"] = json!(refused);
                self.steps.push(tried);
            }
        }
    }

    /// In an order that does not depend on which allocation led to what.
    fn finish(mut self, id: &str) -> Value {
        let entries = |step: &Value| step["queue"].as_array().map_or(0, Vec::len);
        self.steps.sort_by_key(|step| {
            (step["result"].to_string(), entries(step), step["errno"].to_string(), step["queue"].to_string())
        });
        json!({ "id": id, "functions": self.functions, "steps": self.steps })
    }
}

fn is_same(one: &Value, other: &Value) -> bool {
    ["result", "errno", "queue", "opened", "seen"].iter().all(|part| one[part] == other[part])
}

/// One try: the call with the refusal, and what is left of it afterwards.
fn one<R, C, T, G>(
    api: &Api,
    what: &str,
    refusal: Refusal,
    prepare: impl Fn(&mut Keep) -> Attempt<C, T, G>,
) -> Value
where
    R: Copy,
    C: Fn(&Api) -> R,
    T: Fn(R) -> String,
    G: Fn(&Api, R),
{
    let mut record = Record::new(api);
    let attempt = prepare(&mut record.keep);
    for _ in 1..TIMES {
        (attempt.give_back)(api, (attempt.call)(api));
    }
    quietly(|| warm_queue(api));
    let call = format!("{what} with an allocation refused");
    let mut result = None;
    record.call_on(call, &attempt.tell, || {
        let got = count(Some(refusal), || (attempt.call)(api));
        result = Some(got);
        got
    });
    let count_of_refused = refused();
    count(None, || {
        result.inspect(|result| (attempt.give_back)(api, *result));
        quietly(|| api.ERR_clear_error());
    });
    let lost = live();
    if lost != 0 {
        record.see("blocks lost", lost);
    }
    let mut done = record.finish("");
    let mut step = done["steps"][0].take();
    step["refused"] = json!(count_of_refused);
    step["functions"] = done["functions"].take();
    step
}

/// An entry's data stays in memory until its place is used again: every place has had some
/// before anything is counted.
fn warm_queue(api: &Api) {
    const MORE_THAN_THERE_ARE: usize = 20;
    for _ in 0..MORE_THAN_THERE_ARE {
        api.BIO_bind(crate::world::closed_descriptor(), Place::v4([127, 0, 0, 1], 0).as_addr(), 0);
    }
    api.ERR_clear_error();
}
