//! How long a batch takes, after a warm-up, for as long as the run's [`Size`] says.
//!
//! [`Meter`] is for work that repeats without pause; [`Laps`] is for work that must be set up each
//! time, where only a part of each lap counts.

use std::time::{Duration, Instant};

use crate::workload::{Measured, Size};

/// Times batches, one after the other: `while meter.more() { batch }`.
#[derive(Debug)]
pub(crate) struct Meter {
    size: Size,
    operations_per_batch: u64,
    started: Option<Instant>,
    elapsed: Duration,
    warm: bool,
    batches: u64,
    batches_measured: u64,
}

/// Times a part of each lap: `while laps.more() { set up; laps.start(); work; laps.stop(n) }`.
#[derive(Debug)]
pub(crate) struct Laps {
    size: Size,
    began: Instant,
    started: Option<Instant>,
    warm: bool,
    elapsed: Duration,
    operations: u64,
}

/// Reads the clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the contestants are measured with one clock, which is none of theirs"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl Meter {
    /// Every batch does so many operations.
    pub(crate) const fn new(size: Size, operations_per_batch: u64) -> Self {
        Self {
            size,
            operations_per_batch,
            started: None,
            elapsed: Duration::ZERO,
            warm: false,
            batches: 0,
            batches_measured: 0,
        }
    }

    /// Whether another batch is to be done. It reads the clock.
    pub(crate) fn more(&mut self) -> bool {
        let now = now();
        let started = *self.started.get_or_insert(now);
        let elapsed = now - started;
        if self.warm {
            self.batches_measured += 1;
            if elapsed >= self.size.window() {
                self.elapsed = elapsed;
                return false;
            }
        } else if self.batches > 0 && elapsed >= self.size.warm_up() {
            self.warm = true;
            self.started = Some(now);
        }
        self.batches += 1;
        true
    }

    /// How many operations were done, the warm-up included: what the answer must account for.
    pub(crate) const fn operations(&self) -> u64 {
        self.batches * self.operations_per_batch
    }

    /// Nanoseconds an operation.
    pub(crate) fn measured(&self) -> Measured {
        let operations = self.batches_measured * self.operations_per_batch;
        Measured::new(per(self.elapsed, operations))
    }
}

impl Laps {
    /// Begins.
    pub(crate) fn new(size: Size) -> Self {
        Self {
            size,
            began: now(),
            started: None,
            warm: false,
            elapsed: Duration::ZERO,
            operations: 0,
        }
    }

    /// Whether another lap is to be done: until what counts is enough, or all of it too much.
    pub(crate) fn more(&self) -> bool {
        let window = self.size.window();
        self.operations == 0 || (self.elapsed < window && self.began.elapsed() < window * 4)
    }

    /// What counts begins.
    pub(crate) fn start(&mut self) {
        self.started = Some(now());
    }

    /// What counts ends; it was so many operations. The first lap is the warm-up.
    pub(crate) fn stop(&mut self, operations: u64) {
        let Some(started) = self.started.take() else {
            return;
        };
        let elapsed = now() - started;
        if self.warm {
            self.elapsed += elapsed;
            self.operations += operations;
        }
        self.warm = true;
    }

    /// Nanoseconds an operation.
    pub(crate) fn measured(&self) -> Measured {
        Measured::new(per(self.elapsed, self.operations))
    }
}

/// Nanoseconds an operation.
fn per(elapsed: Duration, operations: u64) -> f64 {
    elapsed.as_secs_f64() * 1e9 / operations.max(1) as f64
}

/// What stands at a share of the way through sorted figures: the median at 0.5.
///
/// # Panics
///
/// Without figures.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    sorted[(last as f64 * share).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_counts_the_warm_up_among_the_operations_and_not_in_the_figure() {
        let mut meter = Meter::new(Size::Smoke, 10);
        let mut batches = 0;
        while meter.more() {
            batches += 1;
        }
        assert!(batches >= 2);
        assert_eq!(meter.operations(), batches * 10);
        assert_eq!(meter.batches_measured, batches - 1);
        assert!(meter.elapsed >= Size::Smoke.window());
    }

    #[test]
    fn the_first_lap_does_not_count() {
        let mut laps = Laps::new(Size::Smoke);
        laps.start();
        laps.stop(1_000);
        assert_eq!(laps.operations, 0);
        assert!(laps.more());
        laps.start();
        laps.stop(7);
        assert_eq!(laps.operations, 7);
    }

    #[test]
    fn a_quantile_stands_where_it_should() {
        let sorted = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(quantile(&sorted, 0.5), 3.0);
        assert_eq!(quantile(&sorted, 1.0), 5.0);
    }
}
