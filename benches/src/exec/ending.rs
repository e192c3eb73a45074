//! How runs and tasks end: `block_on` of little, a cancel, a runtime that is dropped with its tasks.

use std::future::{Future, pending, ready};
use std::hint::black_box;
use std::pin::Pin;

use crate::contestant::Contestant;
use crate::meeting::{CountsWhenDropped, Latch};
use crate::meter::{Laps, Meter};
use crate::workload::{Missed, Outcome, Size, expect};

/// `block_on` of a ready future.
pub(super) fn block_on_ready<C: Contestant>(size: Size) -> Outcome {
    const BATCH: u64 = 1_000;
    let runtime = C::start()?;
    let mut meter = Meter::new(size, BATCH);
    let mut sum = 0;
    while meter.more() {
        for number in 0..BATCH {
            sum += runtime.block_on(ready(black_box(number)));
        }
    }
    expect("sum", sum, meter.operations() * (BATCH - 1) / 2)?;
    Ok(meter.measured())
}

/// `block_on` of one spawn and its join.
pub(super) fn block_on_spawn<C: Contestant>(size: Size) -> Outcome {
    const BATCH: u64 = 100;
    let runtime = C::start()?;
    let mut meter = Meter::new(size, BATCH);
    let mut sum = 0;
    while meter.more() {
        for number in 0..BATCH {
            sum += runtime.block_on(async { C::spawn(async move { number }).await });
        }
    }
    expect("sum", sum, meter.operations() * (BATCH - 1) / 2)?;
    Ok(meter.measured())
}

/// Pending tasks are cancelled one by one, and it ends when the last one's future is dropped.
pub(super) fn cancel<C: Contestant>(size: Size) -> Outcome {
    let count = count(size);
    C::start()?.block_on(async move {
        let (parked, dropped) = (Latch::leaked(), Latch::leaked());
        let mut laps = Laps::new(size);
        let mut tasks = Vec::with_capacity(count);
        while laps.more() {
            parked.set(count);
            dropped.set(count);
            tasks.extend((0..count).map(|_| C::spawn(park(parked, dropped))));
            parked.wait().await;
            laps.start();
            for task in tasks.drain(..) {
                C::cancel(task);
            }
            dropped.wait().await;
            laps.stop(count as u64);
        }
        expect("futures alive", dropped.left(), 0)?;
        Ok::<_, Missed>(laps.measured())
    })
}

/// A runtime is dropped with all its pending tasks.
pub(super) fn drop_runtime<C: Contestant>(size: Size) -> Outcome {
    let count = count(size);
    let (parked, dropped) = (Latch::leaked(), Latch::leaked());
    let mut laps = Laps::new(size);
    while laps.more() {
        let runtime = C::start()?;
        parked.set(count);
        dropped.set(count);
        runtime.block_on(async {
            for _ in 0..count {
                C::detach(park(parked, dropped));
            }
            parked.wait().await;
        });
        laps.start();
        drop(runtime);
        laps.stop(count as u64);
        expect("futures alive", dropped.left(), 0)?;
    }
    Ok(laps.measured())
}

/// Boxed futures are dropped.
pub(super) fn drop_floor(size: Size) -> Outcome {
    let count = count(size);
    let (parked, dropped) = (Latch::leaked(), Latch::leaked());
    let mut laps = Laps::new(size);
    while laps.more() {
        dropped.set(count);
        let boxes = (0..count).map(|_| -> Pin<Box<dyn Future<Output = ()>>> {
            let guard = CountsWhenDropped(dropped);
            Box::pin(async move {
                let _guard = guard;
                park(parked, dropped).await;
            })
        });
        let boxes: Vec<_> = boxes.collect();
        laps.start();
        drop(black_box(boxes));
        laps.stop(count as u64);
        expect("futures alive", dropped.left(), 0)?;
    }
    Ok(laps.measured())
}

fn count(size: Size) -> usize {
    size.pick(100, 20_000, 100_000)
}

/// Says that it has been polled, waits for ever, and says that it is dropped.
async fn park(parked: &'static Latch, dropped: &'static Latch) {
    let _guard = CountsWhenDropped(dropped);
    parked.count();
    pending::<()>().await;
}
