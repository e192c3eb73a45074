//! How long things take that must not take long, whatever the other tasks do.
//!
//! The figures are of a machine that does nothing else. Each test prints what it measured, and asserts
//! it of the median; single values have more room, and where a busy machine counts it is measured too. In a
//! scheduler
//! that does not serve what it tests, the median is off by an order of magnitude.

#![expect(
    clippy::print_stderr,
    reason = "the figures are printed for whoever asks with --nocapture"
)]

mod among_spinners;
mod behind_a_stuck_worker;
mod beside_ping_pong;
#[path = "../support/ping_pong.rs"]
mod ping_pong;
#[path = "../support/mod.rs"]
mod support;

use std::fmt;
use std::time::Duration;

/// What was measured, again and again.
struct Samples<T>(Vec<T>);

impl<T: Copy + Ord + fmt::Debug> Samples<T> {
    fn new(values: impl IntoIterator<Item = T>) -> Self {
        let mut values: Vec<T> = values.into_iter().collect();
        values.sort_unstable();
        assert!(!values.is_empty(), "something was measured");
        Self(values)
    }

    fn at(&self, percent: usize) -> T {
        self.0[(self.0.len() - 1) * percent / 100]
    }

    /// Fails unless the median and the 99th of a hundred are small enough.
    #[track_caller]
    fn check(&self, what: &str, median: T, rarely: T) {
        let Self(values) = self;
        let (p50, p99) = (self.at(50), self.at(99));
        let text = format!("{what}: {} times, p50 {p50:?}, p99 {p99:?}", values.len());
        eprintln!("{text}, at most {:?}", values[values.len() - 1]);
        assert!(p50 <= median, "{text}; the median may be {median:?}");
        assert!(p99 <= rarely, "{text}; the 99th may be {rarely:?}");
    }
}

/// Only what hangs takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
