//! Whole programs in the simulator, each with many seeds: `cargo xtask sim` runs thousands.
//!
//! A scenario does what programs do, with delays, cancels and timeouts that the seed draws, and then
//! asks whether anything is lost: permits, messages, tasks, cleanups. A wake that was lost is a
//! deadlock, which the simulator tells by itself.

mod channels;
mod locks;
mod network;
mod programs;
mod tasks;
mod time;

use std::future::Future;
use std::time::Duration;

use fastrand::Rng;
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
