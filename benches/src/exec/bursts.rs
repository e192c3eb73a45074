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

/// A task spawns a child and then does not suspend: microseconds until the child starts elsewhere.
pub(super) fn child_of_spinner<C: Timed>(size: Size) -> Outcome {
    let rounds = size.pick(2, 50, 300);
    C::start()?.block_on(async move {
        let mut taken = Vec::new();
        for _ in 0..rounds {
            let started: &'static AtomicBool = Box::leak(Box::default());
            let parent = C::spawn(spinner::<C>(started));
            taken.push(parent.await);
        }
        Ok::<_, Missed>(median(taken))
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
