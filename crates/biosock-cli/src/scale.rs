//! The time axis of a drawn race.

use std::time::Duration;

use crate::race::Row;

/// From zero to the end of the last row, in a suitable unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    total: Duration,
    unit: Unit,
}

#[derive(Clone, Copy, Debug)]
struct Unit {
    name: &'static str,
    nanos: f64,
    decimals: usize,
}

const UNITS: [Unit; 3] = [
    Unit { name: "s", nanos: 1e9, decimals: 3 },
    Unit { name: "ms", nanos: 1e6, decimals: 1 },
    Unit { name: "µs", nanos: 1e3, decimals: 0 },
];

impl Scale {
    pub(crate) fn of(rows: &[Row], elapsed: Duration) -> Self {
        let last = rows.iter().map(Row::ended).max().unwrap_or_default();
        let total = elapsed.max(last).max(Duration::from_micros(1));
        let fits = |unit: &&Unit| total.as_nanos() as f64 >= unit.nanos;
        Self { total, unit: *UNITS.iter().find(fits).unwrap_or(&UNITS[2]) }
    }

    /// The position of a time, from 0 to 1.
    pub(crate) fn share(&self, time: Duration) -> f64 {
        (time.as_nanos() as f64 / self.total.as_nanos() as f64).min(1.0)
    }

    /// A time in this unit; all have the same number of decimals.
    pub(crate) fn number(&self, time: Duration) -> String {
        format!("{:.*}", self.unit.decimals, time.as_nanos() as f64 / self.unit.nanos)
    }

    pub(crate) fn unit(&self) -> &'static str {
        self.unit.name
    }

    /// At most `most` round times at equal distances, from zero.
    pub(crate) fn ticks(&self, most: usize) -> Vec<Duration> {
        let step = self.step(most.max(1) as u128);
        (0..).map(|n| n * step).take_while(|at| *at <= self.total.as_nanos()).map(nanos).collect()
    }

    /// A tick's label, such as `0 s`, `50 ms` or `0.5 s`.
    pub(crate) fn tick(&self, time: Duration) -> String {
        let number = time.as_nanos() as f64 / self.unit.nanos;
        format!("{number} {}", self.unit.name)
    }

    /// The smallest of 1, 2, 5, 10, 20, 50, … ns that makes at most this many steps.
    fn step(&self, most: u128) -> u128 {
        let total = self.total.as_nanos();
        let mut ten = 1;
        loop {
            match [ten, 2 * ten, 5 * ten].into_iter().find(|step| total / step < most) {
                Some(step) => return step,
                None => ten *= 10,
            }
        }
    }
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(millis: u64, most: usize) -> Vec<String> {
        let scale = Scale::of(&[], Duration::from_millis(millis));
        scale.ticks(most).into_iter().map(|tick| scale.tick(tick)).collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(271, 4), ["0 ms", "100 ms", "200 ms"]);
        assert_eq!(ticks(2000, 5), ["0 s", "0.5 s", "1 s", "1.5 s", "2 s"]);
        assert_eq!(ticks(2000, 4), ["0 s", "1 s", "2 s"]);
        assert_eq!(ticks(271, 1), ["0 ms"]);
    }

    #[test]
    fn a_dial_that_took_no_time_has_an_axis() {
        let scale = Scale::of(&[], Duration::ZERO);
        assert_eq!((scale.unit(), scale.share(Duration::ZERO)), ("µs", 0.0));
        assert!(!scale.ticks(8).is_empty() && scale.ticks(8).len() <= 8);
    }

    #[test]
    fn all_numbers_of_an_axis_have_the_same_unit() {
        let scale = Scale::of(&[], Duration::from_secs(2));
        assert_eq!(scale.number(Duration::from_micros(1500)), "0.002");
        assert_eq!(scale.number(Duration::from_secs(2)), "2.000");
    }
}
