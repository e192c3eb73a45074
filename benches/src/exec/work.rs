//! Work that takes a known time and that nobody can shorten.

use std::hint::black_box;

/// Steps that take about a microsecond on the machine of the first record.
const STEPS_PER_US: u64 = 900;

/// Works for so many microseconds: a chain of multiplications, each of which needs the one before.
pub(super) fn spin(microseconds: u64) -> u64 {
    (0..black_box(microseconds * STEPS_PER_US)).fold(1, |state: u64, step| {
        black_box(state.wrapping_mul(6_364_136_223_846_793_005) ^ step)
    })
}
