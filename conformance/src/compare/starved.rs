//! Cases in which allocations were refused: a step for each outcome, however it came about.

use super::judge::{Judge, list, steps};
use serde_json::Value;

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

/// Whether ours does nothing worse than the original: it gives no result that the original
/// does not give, loses no memory and no descriptor that the original does not lose, is not
/// silent where the original never is, and does not die.
pub(super) fn is_no_worse(original: &Value, ours: &Value) -> bool {
    let alike = |step: &Value| {
        let result = step["result"].clone();
        steps(original).iter().filter(move |other| other["result"] == result).collect::<Vec<_>>()
    };
    !steps(ours).is_empty()
        && steps(ours).iter().all(|step| {
            let alike = alike(step);
            !died(step)
                && !alike.is_empty()
                && (lost(step) <= 0 || alike.iter().any(|other| lost(other) >= lost(step)))
                && alike.iter().any(|other| step["opened"].as_i64() <= other["opened"].as_i64())
                && (is_told(step) || alike.iter().any(|other| !is_told(other)))
        })
}

/// Whether a signal ended the process.
fn died(step: &Value) -> bool {
    step["result"].as_str().is_some_and(|result| result.starts_with("died"))
}

fn lost(step: &Value) -> i64 {
    step["seen"]["blocks lost"].as_str().and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn is_told(step: &Value) -> bool {
    !list(&step["queue"]).is_empty()
}

#[cfg(test)]
mod tests {
    use super::is_no_worse;
    use serde_json::{Value, json};

    fn case(steps: &[(&str, &str, bool)]) -> Value {
        let step = |(result, lost, told): &(&str, &str, bool)| {
            let queue = if *told { vec![json!({})] } else { Vec::new() };
            json!({ "result": result, "seen": { "blocks lost": lost }, "queue": queue, "opened": 0 })
        };
        json!({ "steps": steps.iter().map(step).collect::<Vec<_>>() })
    }

    #[test]
    fn what_is_worse_is_told_from_what_is_not() {
        let original = case(&[("0", "0", true), ("1", "0", false)]);
        assert!(is_no_worse(&original, &case(&[("0", "0", true)])));
        assert!(is_no_worse(&original, &case(&[("0", "-1", true), ("1", "0", false)])));
        for worse in [("0", "1", true), ("0", "0", false), ("2", "0", true), ("died of signal 6", "0", true)]
        {
            assert!(!is_no_worse(&original, &case(&[worse])), "{worse:?}");
        }
        assert!(!is_no_worse(&original, &case(&[])));
    }
}
