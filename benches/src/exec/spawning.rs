//! Tasks that do nothing but exist: what a spawn, a join and an end cost.

use crate::contestant::Contestant;
use crate::meeting::Latch;
use crate::meter::Meter;
use crate::workload::{Missed, Outcome, Size, expect};

/// How many tasks are joined together.
const WAVE: u64 = 1_000;

/// How many detached ones run together.
const WAVE_DETACHED: usize = 10_000;

/// How deep a chain of tasks goes, each spawning the next.
const CHAIN: u64 = 1_000;

/// How many fan out, and how many each of them.
const FAN: u64 = 32;

/// Waves of trivial tasks, spawned from `block_on`, all awaited.
pub(super) fn join<C: Contestant>(size: Size) -> Outcome {
    C::start()?.block_on(joined_waves::<C>(size))
}

/// The same from inside a task.
pub(super) fn join_inside<C: Contestant>(size: Size) -> Outcome {
    C::start()?.block_on(async move { C::spawn(joined_waves::<C>(size)).await })
}

async fn joined_waves<C: Contestant>(size: Size) -> Outcome {
    let mut meter = Meter::new(size, WAVE);
    let mut tasks = Vec::with_capacity(WAVE as usize);
    let mut sum = 0;
    while meter.more() {
        for number in 0..WAVE {
            tasks.push(C::spawn(async move { number }));
        }
        for task in tasks.drain(..) {
            sum += task.await;
        }
    }
    expect("sum", sum, meter.operations() * (WAVE - 1) / 2)?;
    Ok(meter.measured())
}

/// Waves of detached tasks, spawned from `block_on`; a latch that the last one opens is awaited.
pub(super) fn detach<C: Contestant>(size: Size) -> Outcome {
    C::start()?.block_on(detached_waves::<C>(size))
}

/// The same from inside a task.
pub(super) fn detach_inside<C: Contestant>(size: Size) -> Outcome {
    C::start()?.block_on(async move { C::spawn(detached_waves::<C>(size)).await })
}

async fn detached_waves<C: Contestant>(size: Size) -> Outcome {
    let wave = size.pick(100, WAVE_DETACHED, WAVE_DETACHED);
    let latch = Latch::leaked();
    let mut meter = Meter::new(size, wave as u64);
    while meter.more() {
        latch.set(wave);
        for _ in 0..wave {
            C::detach(async { latch.count() });
        }
        latch.wait().await;
    }
    expect("tasks missing", latch.left(), 0)?;
    Ok(meter.measured())
}

/// Pairs of tasks, a thousand in flight: one is spawned, spawns the other, and a question and an
/// answer go between them through two oneshots.
///
/// The oneshots are tokio's for all contestants, since they are the quickest that run anywhere.
pub(super) fn ping<C: Contestant>(size: Size) -> Outcome {
    let wave = size.pick(20, 1_000, 1_000);
    C::start()?.block_on(async move {
        let latch = Latch::leaked();
        let answers = Latch::leaked();
        let mut meter = Meter::new(size, wave as u64);
        while meter.more() {
            latch.set(wave);
            answers.set(wave);
            for _ in 0..wave {
                C::detach(async {
                    let (ask, asked) = tokio::sync::oneshot::channel();
                    let (answer, answered) = tokio::sync::oneshot::channel();
                    C::detach(async move {
                        let question: u64 = asked.await.unwrap_or(0);
                        // Nobody to answer shows as an answer that is missing.
                        let _gone = answer.send(question + 1);
                    });
                    if ask.send(41).is_ok() && answered.await == Ok(42) {
                        answers.count();
                    }
                    latch.count();
                });
            }
            latch.wait().await;
            expect("answers missing", answers.left(), 0)?;
        }
        Ok(meter.measured())
    })
}

/// Each task spawns the next, a thousand deep.
pub(super) fn chain<C: Contestant>(size: Size) -> Outcome {
    C::start()?.block_on(async move {
        let latch = Latch::leaked();
        let mut meter = Meter::new(size, CHAIN);
        while meter.more() {
            latch.set(CHAIN as usize);
            link::<C>(CHAIN, latch);
            latch.wait().await;
        }
        expect("links missing", latch.left(), 0)?;
        Ok(meter.measured())
    })
}

fn link<C: Contestant>(left: u64, latch: &'static Latch) {
    C::detach(async move {
        if left > 1 {
            link::<C>(left - 1, latch);
        }
        latch.count();
    });
}

/// Some tasks spawn as many each and join them.
pub(super) fn fan_out_in<C: Contestant>(size: Size) -> Outcome {
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, FAN * FAN);
        let mut sum = 0;
        while meter.more() {
            sum += C::spawn(fan::<C>()).await;
        }
        expect("sum", sum, meter.operations() * (FAN - 1) / 2)?;
        Ok::<_, Missed>(meter.measured())
    })
}

async fn fan<C: Contestant>() -> u64 {
    let mut outer = Vec::with_capacity(FAN as usize);
    for _ in 0..FAN {
        outer.push(C::spawn(async {
            let mut inner = Vec::with_capacity(FAN as usize);
            for number in 0..FAN {
                inner.push(C::spawn(async move { number }));
            }
            let mut sum = 0;
            for task in inner {
                sum += task.await;
            }
            sum
        }));
    }
    let mut sum = 0;
    for task in outer {
        sum += task.await;
    }
    sum
}
