//! Work that a second core can take.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use crate::contestant::Contestant;
use crate::exec::work::spin;
use crate::meter::Meter;
use crate::workload::{Outcome, Size, expect};

/// Work for two threads, wave by wave.
#[derive(Debug, Default)]
struct Waves {
    /// How much of the wave nobody has taken yet.
    left: AtomicUsize,
    sum: AtomicU64,
    /// How much was done, in all waves.
    done: AtomicU64,
    ended: AtomicBool,
}

impl Waves {
    /// Works until nothing is left of the wave.
    fn work(&self) {
        let take = || {
            let one_less = |left: usize| left.checked_sub(1);
            self.left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
        };
        while take().is_ok() {
            self.sum.fetch_add(spin(10), Ordering::Relaxed);
            // Pairs with the Acquire of whoever waits for the end of the wave, and then reads the sum.
            self.done.fetch_add(1, Ordering::Release);
        }
    }
}

/// One task spawns tasks of 10 µs of work each: nanoseconds a task, 5 µs at best on two cores.
pub(super) fn steal<C: Contestant>(size: Size) -> Outcome {
    let wave = size.pick(20, 500, 500) as u64;
    C::start()?.block_on(async move {
        C::spawn(async move {
            let mut meter = Meter::new(size, wave);
            let mut tasks = Vec::with_capacity(wave as usize);
            let mut sum = 0_u64;
            while meter.more() {
                for _ in 0..wave {
                    tasks.push(C::spawn(async { spin(10) }));
                }
                for task in tasks.drain(..) {
                    sum = sum.wrapping_add(task.await);
                }
            }
            expect("sum", sum, spin(10).wrapping_mul(meter.operations()))?;
            Ok(meter.measured())
        })
        .await
    })
}

/// Two threads take numbers from a counter.
pub(super) fn steal_floor(size: Size) -> Outcome {
    let wave = size.pick(20, 5_000, 20_000);
    let mut meter = Meter::new(size, wave as u64);
    let waves = Waves::default();
    thread::scope(|scope| {
        thread::Builder::new().spawn_scoped(scope, || {
            while !waves.ended.load(Ordering::Relaxed) {
                waves.work();
                thread::yield_now();
            }
        })?;
        while meter.more() {
            waves.left.store(wave, Ordering::Relaxed);
            waves.work();
            while waves.done.load(Ordering::Acquire) < meter.operations() {
                thread::yield_now();
            }
        }
        waves.ended.store(true, Ordering::Relaxed);
        Ok::<_, io::Error>(())
    })?;
    let right = spin(10).wrapping_mul(meter.operations());
    expect("sum", waves.sum.into_inner(), right)?;
    Ok(meter.measured())
}
