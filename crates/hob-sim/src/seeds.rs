//! Which seeds a test runs.

use std::env;
use std::future::Future;
use std::ops::RangeInclusive;

use crate::simulation::run;

/// The seeds that a test runs: `count` of them from 0 up.
///
/// The variable `HOB_SEED` names one that is run alone; `HOB_SEEDS` says how many, whatever `count`
/// is.
///
/// # Panics
///
/// If one of the variables is set and no number, and for no seed at all: nothing would be tested.
///
/// # Examples
///
/// ```
/// for seed in hob_sim::seeds(3) {
///     hob_sim::run(seed, async {});
/// }
/// ```
#[must_use]
#[track_caller]
pub fn seeds(count: u64) -> RangeInclusive<u64> {
    if let Some(seed) = number("HOB_SEED") {
        return seed..=seed;
    }
    let last = number("HOB_SEEDS").unwrap_or(count).checked_sub(1);
    0..=last.expect("without a seed nothing is tested: give 1 or more")
}

/// Runs what `make` makes once for each seed of [`seeds`].
///
/// # Panics
///
/// As [`run`], and as [`seeds`].
///
/// # Examples
///
/// ```
/// hob_sim::for_each_seed(3, || async {
///     hob_task::yield_now().await;
/// });
/// ```
#[track_caller]
pub fn for_each_seed<F: Future<Output = ()>>(count: u64, mut make: impl FnMut() -> F) {
    for seed in seeds(count) {
        run(seed, make());
    }
}

#[track_caller]
fn number(variable: &str) -> Option<u64> {
    let text = env::var_os(variable)?;
    Some(parse(variable, &text.to_string_lossy()))
}

#[track_caller]
fn parse(variable: &str, text: &str) -> u64 {
    let digits = text.trim();
    let number = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    number.unwrap_or_else(|error| {
        panic!("{variable}={text:?} is no number ({error}): give one such as 7 or 0x1f")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_decimal_or_hexadecimal() {
        assert_eq!(parse("HOB_SEED", "7"), 7);
        assert_eq!(parse("HOB_SEED", " 0x1f\n"), 31);
    }

    #[test]
    #[should_panic = "HOB_SEED=\"seven\" is no number"]
    fn what_is_no_number_is_refused() {
        parse("HOB_SEED", "seven");
    }
}
