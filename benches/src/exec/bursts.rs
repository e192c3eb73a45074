//! How soon a pool spreads work that comes all at once: microseconds until the last task is done.
//!
//! Tasks so short that moving them hardly pays, and a pool that was busy a moment ago or has slept:
//! this is where a scheduler that saves wake-ups is too late.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::contestant::Timed;
use crate::exec::work::spin;
use crate::meter::{now, quantile};
use crate::workload::{Measured, Missed, Outcome, Size, expect};

/// How long a spinning task waits for its child before it gives up, which counts as that long.
///
/// A child that nobody may steal would wait for ever.
const PATIENCE: Duration = Duration::from_millis(5);

/// So many tasks at once, of so many microseconds each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    pub(super) tasks: usize,
    pub(super) microseconds: u64,
    /// How long the thread in `block_on` sleeps before; not at all, if the burst finds a warm pool.
    pub(super) after: Duration,
}

/// Bursts one after the other: the median.
pub(super) fn burst<C: Timed>(size: Size, burst: Burst) -> Outcome {
    let one = burst.microseconds * burst.tasks as u64;
    let budget = size.window().as_micros() as u64 / (one + burst.after.as_micros() as u64);
    let rounds = budget.max(size.pick(1, 5, 9) as u64);
    C::start()?.block_on(async move {
        let right = spin(burst.microseconds).wrapping_mul(burst.tasks as u64);
        let mut taken = Vec::new();
        for round in 0..=rounds {
            if !burst.after.is_zero() {
                C::sleep(burst.after).await;
            }
            let began = now();
            expect("sum", all_at_once::<C>(burst).await, right)?;
            if round > 0 {
                taken.push(microseconds_since(began));
            }
        }
        Ok(median(taken))
    })
}

async fn all_at_once<C: Timed>(burst: Burst) -> u64 {
    let mut tasks = Vec::with_capacity(burst.tasks);
    for _ in 0..burst.tasks {
        tasks.push(C::spawn(async move { spin(burst.microseconds) }));
    }
    let mut sum = 0_u64;
    for task in tasks {
        sum = sum.wrapping_add(task.await);
    }
    sum
}

/// A task spawns a child and then does not suspend: microseconds until the child starts elsewhere. The
/// 99th of a hundred counts, for what is promised is promised to each.
pub(super) fn child_of_spinner<C: Timed>(size: Size) -> Outcome {
    let rounds = size.pick(2, 100, 300);
    C::start()?.block_on(async move {
        let mut taken = Vec::new();
        for _ in 0..rounds {
            let started: &'static AtomicBool = Box::leak(Box::default());
            let parent = C::spawn(spinner::<C>(started));
            taken.push(parent.await);
        }
        Ok::<_, Missed>(tail(taken))
    })
}

async fn spinner<C: Timed>(started: &'static AtomicBool) -> f64 {
    let began = now();
    C::detach(async { started.store(true, Ordering::Release) });
    while !started.load(Ordering::Acquire) && began.elapsed() < PATIENCE {
        spin_loop();
    }
    microseconds_since(began)
}

fn microseconds_since(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e6
}

fn median(mut taken: Vec<f64>) -> Measured {
    taken.sort_by(f64::total_cmp);
    let measured = Measured::new(quantile(&taken, 0.5));
    measured.extra("max_us", quantile(&taken, 1.0))
}

/// The 99th of a hundred, and how many gave up.
fn tail(mut taken: Vec<f64>) -> Measured {
    taken.sort_by(f64::total_cmp);
    let patience = PATIENCE.as_secs_f64() * 1e6;
    let gave_up = taken.iter().filter(|taken| **taken >= patience).count();
    Measured::new(quantile(&taken, 0.99))
        .extra("p50_us", quantile(&taken, 0.5))
        .extra("max_us", quantile(&taken, 1.0))
        .extra("gave_up", gave_up as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_children_that_start_late_are_not_lost_among_many() {
        let mut taken = vec![10.0; 96];
        taken.extend([3_956.0, 5_000.1, 5_000.2, 5_000.3]);
        let measured = tail(taken);
        assert_eq!(measured.value, 5_000.2);
        let extras = [("p50_us", 10.0), ("max_us", 5_000.3), ("gave_up", 3.0)];
        assert_eq!(measured.extras, extras);
    }
}
