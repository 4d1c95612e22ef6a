//! Worlds for tests, and the reports of dials in them.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::path::Path;
use std::time::Duration;

use biosock_lab::client::Kind;
use biosock_lab::contestants::{Rules, dial};
use biosock_lab::or_skip;
use biosock_lab::scenario::Scenario;
use biosock_lab::world::{self, Patience, World};
use serde_json::Value;

/// The program that dials, and with which drivers. The tests of `adapters/lab` are
/// these, with hickory.
const PROGRAM: (&str, &[Kind]) =
    match (option_env!("CARGO_BIN_EXE_biosock-lab"), option_env!("CARGO_BIN_EXE_biosock-lab-hickory")) {
        (Some(program), _) => (program, &[Kind::Ours, Kind::Tokio]),
        (_, Some(program)) => (program, &[Kind::Hickory]),
        _ => panic!("no program dials"),
    };

/// Each driver.
pub(crate) const DRIVERS: &[Kind] = PROGRAM.1;

/// Only ends what hangs; no test depends on time.
fn rules() -> Rules<'static> {
    Rules { program: Path::new(PROGRAM.0), cap: Duration::from_secs(120) }
}

/// A world, unless the test is skipped.
pub(crate) fn world(test: &str, scenario: Scenario) -> Option<World> {
    or_skip(test, world::possible())?;
    Some(World::build(scenario, Patience::Short).unwrap())
}

/// Checks the outcome of a scenario for each driver, in a world of its own.
pub(crate) fn each_driver(test: &str, scenario: &Scenario, check: impl Fn(&Said)) {
    for &kind in DRIVERS {
        let Some(world) = world(test, scenario.clone()) else { return };
        let said = dialed(&world, kind);
        println!("{kind:?}: {said:?}");
        check(&said);
    }
}

/// The report of a dial.
#[derive(Debug)]
pub(crate) struct Said(pub(crate) Value);

/// Dials the world's name, waits until all threads of the process have ended, and
/// checks that nothing is left. biosock waits longer than usual for IPv6's answer, so
/// that a busy machine does not change the order.
pub(crate) fn dialed(world: &World, kind: Kind) -> Said {
    dialed_to(world, kind, &world.scenario.target())
}

pub(crate) fn dialed_to(world: &World, kind: Kind, target: &str) -> Said {
    let more = ["--settle", "--resolution-delay", "0.5"];
    let said = dial(world, kind, target, rules(), &more).unwrap();
    let said = said.unwrap_or_else(|| panic!("no end after {:?}", rules().cap));
    assert_eq!(said["descriptors"]["before"], said["descriptors"]["after"], "{said:#}");
    assert_eq!(said["threads"], 1, "{said:#}");
    Said(said)
}

impl Said {
    /// The address that won.
    pub(crate) fn winner(&self) -> &str {
        self.0["addr"].as_str().unwrap_or("none")
    }

    /// Why it failed.
    pub(crate) fn failure(&self) -> &str {
        self.0["failure"].as_str().unwrap_or("it did not")
    }

    /// Each attempt as `ADDRESS OUTCOME`.
    pub(crate) fn attempts(&self) -> Vec<String> {
        let text = |attempt: &Value| format!("{} {}", word(&attempt["addr"]), word(&attempt["outcome"]));
        list(&self.0["report"]["attempts"]).map(text).collect()
    }

    /// Each lookup as `FAMILY ANSWER`.
    pub(crate) fn lookups(&self) -> Vec<String> {
        let text = |lookup: &Value| format!("{} {}", word(&lookup["family"]), word(&lookup["answer"]));
        let mut lookups: Vec<_> = list(&self.0["report"]["lookups"]).map(text).collect();
        lookups.sort();
        lookups
    }

    /// The starts of the attempts in order, none before the previous one, and none
    /// after the end.
    pub(crate) fn assert_in_order(&self) {
        let starts: Vec<_> =
            list(&self.0["report"]["attempts"]).filter_map(|a| a["started"].as_f64()).collect();
        assert!(starts.is_sorted(), "{self:?}");
        assert!(starts.iter().all(|start| *start <= self.0["seconds"].as_f64().unwrap()), "{self:?}");
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
