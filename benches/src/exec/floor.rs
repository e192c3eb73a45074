//! The same answers with no executor at all.

use std::future::{Future, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_lite::future::yield_now;

use crate::meter::Meter;
use crate::workload::{Outcome, Size, expect};

/// A future made for each, in a box, polled once, dropped: what tasks that end at once come down to.
pub(super) fn boxed(size: Size) -> Outcome {
    const BATCH: u64 = 1_000;
    let mut meter = Meter::new(size, BATCH);
    let mut cx = Context::from_waker(Waker::noop());
    let mut sum = 0;
    while meter.more() {
        for number in 0..BATCH {
            let future: Pin<Box<dyn Future<Output = u64>>> = Box::pin(async move { number });
            if let Poll::Ready(number) = pin!(black_box(future)).poll(&mut cx) {
                sum += number;
            }
        }
    }
    expect("sum", sum, meter.operations() * (BATCH - 1) / 2)?;
    Ok(meter.measured())
}

/// Boxed futures that yield, polled in turn.
pub(super) fn yields(size: Size, tasks: usize) -> Outcome {
    let each = 20_000 / tasks;
    let mut meter = Meter::new(size, (tasks * each) as u64);
    let mut yielded = 0;
    while meter.more() {
        let futures = (0..tasks).map(|_| async move {
            for _ in 0..each {
                yield_now().await;
            }
        });
        yielded += poll_in_turn(futures);
    }
    expect("yields", yielded, meter.operations())?;
    Ok(meter.measured())
}

/// Pairs that hand a turn to and fro: the same, two boxes a pair.
pub(super) fn turns(size: Size, pairs: usize) -> Outcome {
    yields(size, 2 * pairs)
}

/// Polls all until each is ready, and returns how often one was not.
fn poll_in_turn<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) -> u64 {
    let mut futures: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    let mut cx = Context::from_waker(Waker::noop());
    let mut pending = 0;
    while !futures.is_empty() {
        futures.retain_mut(|future| {
            let waits = black_box(future).as_mut().poll(&mut cx).is_pending();
            pending += u64::from(waits);
            waits
        });
    }
    pending
}

/// A ready future, polled.
pub(super) fn ready_future(size: Size) -> Outcome {
    const BATCH: u64 = 10_000;
    let mut meter = Meter::new(size, BATCH);
    let mut cx = Context::from_waker(Waker::noop());
    let mut sum = 0;
    while meter.more() {
        for number in 0..BATCH {
            if let Poll::Ready(number) = pin!(ready(black_box(number))).poll(&mut cx) {
                sum += number;
            }
        }
    }
    expect("sum", sum, meter.operations() * (BATCH - 1) / 2)?;
    Ok(meter.measured())
}
