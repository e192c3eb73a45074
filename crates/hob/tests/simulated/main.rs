//! Whole programs in the simulator, each with many seeds: `cargo xtask sim` runs thousands.
//!
//! A scenario does what programs do, with delays, cancels and timeouts that the seed draws, and then
//! asks whether anything is lost: permits, messages, tasks, cleanups. A wake that was lost is a
//! deadlock, which the simulator tells by itself.

mod broadcasts;
mod cells;
mod channels;
mod conditions;
mod exchange;
mod locks;
mod meetings;
mod models;
mod network;
mod notifications;
mod programs;
mod queues;
mod rwlocks;
/// The programs that hob-sync's own tests run under other executors.
#[path = "../../../hob-sync/tests/support/programs.rs"]
mod sync_programs;
mod tasks;
mod time;
mod watches;

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use fastrand::Rng;
use hob::Task;
use hob::sim::Simulation;

/// Runs a scenario with each seed, and one in fifty of them twice: the two runs must not differ.
///
/// After ten minutes all faults end, and it must end too. In the end no socket is open.
fn scenario<F: Future<Output = ()>>(make: impl Fn() -> F) {
    let make = || async {
        make().await;
        hob::test::settle().await;
        assert_eq!(hob::sim::net::statistics().sockets_open, 0);
    };
    for seed in hob::sim::seeds(40) {
        let ten_minutes = Duration::from_secs(600);
        let simulation = Simulation::new(seed).heal(ten_minutes, ten_minutes);
        if seed % 50 == 0 {
            simulation.check_twice(make);
        } else {
            simulation.run(make());
        }
    }
}

/// Random numbers that the seed decides, for the `number`th of those who draw.
fn rng(number: u64) -> Rng {
    let seed = hob::sim::seed().expect("a scenario runs in the simulator");
    Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Waits for a while, or not at all.
async fn dawdle(rng: &mut Rng) {
    match rng.u8(..4) {
        0 => {}
        1 => hob::yield_now().await,
        _ => hob::sleep(Duration::from_micros(rng.u64(..2_000))).await,
    }
}

/// Some time between none and `millis` milliseconds, for those who give up after it.
fn patience(rng: &mut Rng, millis: u64) -> Duration {
    Duration::from_micros(rng.u64(..millis * 1_000))
}

/// Waits for less than so many milliseconds, or as long as it takes. Then no clock makes up for a wake
/// that is lost.
async fn wait<F: Future>(rng: &mut Rng, millis: u64, future: F) -> Option<F::Output> {
    if rng.u8(..4) == 0 {
        return Some(future.await);
    }
    hob::timeout(patience(rng, millis), future).await.ok()
}

/// Cancels some of the tasks, at any time, and waits for the end of all.
async fn cancel_some(tasks: Vec<Task<()>>) {
    let mut rng = rng(99);
    for task in &tasks {
        dawdle(&mut rng).await;
        if rng.bool() {
            task.cancel("the scenario wants it");
        }
    }
    for task in tasks {
        end_of(task).await;
    }
}

/// Waits for the end of a task that may have been cancelled. If it panicked, so does this.
async fn end_of(task: Task<()>) {
    if let Err(error) = task.await
        && let Ok(panic) = error.into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

/// Whoever is in has nobody beside him. It counts who is in.
struct Alone<'a>(&'a Cell<u32>);

impl<'a> Alone<'a> {
    fn enter(inside: &'a Cell<u32>) -> Self {
        assert_eq!(inside.replace(1), 0, "two are in");
        Self(inside)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.set(0);
    }
}
