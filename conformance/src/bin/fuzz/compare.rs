//! Both libraries, and what differs between them.

use crate::api::Api;
use crate::corpus;
use crate::deliberate;
use crate::log::Log;
use crate::parts::Part;
use crate::rng::Rng;
use biosock_conformance::originals::{Built, Fallible, Original};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::path::Path;
use std::time::{Duration, Instant};

/// After so many differences a part is given up: they have one cause.
const ENOUGH: u64 = 500;

/// In so many cases of each deliberate difference faults are planted.
const PLANTED: u64 = 1000;

/// So many are shown and kept.
const SHOWN: u64 = 10;

/// The original, and biosock.
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) original: Original,
    pub(crate) theirs: Api,
    pub(crate) ours: Api,
}

impl Pair {
    pub(crate) fn load(original: Original, built: &Built, ours: &Path) -> Fallible<Self> {
        Ok(Self {
            name: format!("OpenSSL {}", built.version),
            original,
            theirs: Api::load(&built.libcrypto)?,
            ours: Api::load(ours)?,
        })
    }
}

/// What both sides did with one input.
pub(crate) struct Seen {
    pub(crate) theirs: Log,
    pub(crate) ours: Log,
}

impl Seen {
    pub(crate) fn new(pair: &Pair) -> Self {
        let parts_only = pair.theirs.is_old();
        Self { theirs: Log::new(parts_only), ours: Log::new(parts_only) }
    }

    /// Whether both did the same.
    pub(crate) fn observe(&mut self, part: &Part, pair: &Pair, ours: &Api, input: &[u8]) -> bool {
        self.theirs.clear();
        self.ours.clear();
        (part.observe)(&pair.theirs, input, &mut self.theirs);
        (part.observe)(ours, input, &mut self.ours);
        self.theirs.bytes() == self.ours.bytes()
    }
}

/// Counts of one run, or of all.
#[derive(Default)]
pub(crate) struct Totals {
    inputs: u64,
    /// How often each deliberate difference was seen.
    deliberate: BTreeMap<&'static str, u64>,
    pub(crate) different: u64,
    took: Duration,
}

impl Totals {
    /// As `conformance/totals.json` keeps them.
    pub(crate) fn json(&self) -> Value {
        json!({
            "inputs": self.inputs,
            "by design": self.deliberate.values().sum::<u64>(),
            "differences left": self.different,
        })
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.inputs += other.inputs;
        for (name, count) in other.deliberate {
            *self.deliberate.entry(name).or_default() += count;
        }
        self.different += other.different;
        self.took += other.took;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inputs, deliberate, different, took } = self;
        let took = took.as_secs_f64();
        write!(f, "{inputs} inputs, {different} differ, {took:.1} s")?;
        deliberate.iter().try_for_each(|(name, count)| write!(f, "; by design: {name} {count}"))
    }
}

/// Feeds the seeds, then `count` generated inputs.
pub(crate) fn run(part: &Part, pair: &Pair, seeds: &[Vec<u8>], count: u64, seed: u64) -> Fallible<Totals> {
    let start = Instant::now();
    let mut totals = Totals::default();
    let mut seen = Seen::new(pair);
    let mut rng = Rng::new(seed, part.name);
    let mut input = Vec::new();
    for seed in seeds {
        one(part, pair, seed, &mut seen, &mut totals)?;
    }
    while totals.inputs < count && totals.different < ENOUGH {
        input.clear();
        (part.generate)(&mut rng, seeds, &mut input);
        one(part, pair, &input, &mut seen, &mut totals)?;
    }
    totals.took = start.elapsed();
    Ok(totals)
}

fn one(part: &Part, pair: &Pair, input: &[u8], seen: &mut Seen, totals: &mut Totals) -> Fallible<()> {
    totals.inputs += 1;
    if seen.observe(part, pair, &pair.ours, input) {
        return Ok(());
    }
    if let Some(name) = deliberate::by_design(part, pair.original, input, seen) {
        let count = totals.deliberate.entry(name).or_default();
        *count += 1;
        if *count <= PLANTED {
            deliberate::must_find_planted(part, pair.original, input, seen)?;
        }
        return Ok(());
    }
    totals.different += 1;
    if totals.different <= SHOWN {
        show(part, pair, input, seen);
        println!("kept as {}", corpus::keep(part, input)?.display());
    }
    Ok(())
}

fn show(part: &Part, pair: &Pair, input: &[u8], seen: &Seen) {
    println!("{} differs: {}", part.name, (part.show)(input));
    for (who, log) in [(pair.name.as_str(), &seen.theirs), ("biosock", &seen.ours)] {
        println!("  {who}:");
        for line in log.bytes().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            println!("    {}", line.escape_ascii());
        }
    }
}
