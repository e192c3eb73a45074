//! The limits: the standard library's and `parking_lot`'s own, with threads in place of tasks.

use std::hint::black_box;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, mpsc};
use std::thread;

use crate::meter::Meter;
use crate::sync::channel_work::Shape;
use crate::workload::{Outcome, Size, expect};

/// Threads that send numbers, and this one, which adds them up: nanoseconds a message.
pub(super) fn mpsc(size: Size, shape: Shape) -> Outcome {
    let messages = match shape.capacity {
        Some(1) => size.pick(50, 2_000, 5_000),
        _ => size.pick(200, 10_000, 50_000),
    };
    let each = messages as u64 / shape.senders;
    let mut meter = Meter::new(size, each * shape.senders);
    let mut sum = 0;
    while meter.more() {
        sum += match shape.capacity {
            Some(capacity) => {
                let (sender, receiver) = mpsc::sync_channel(capacity);
                let send = move |number| sender.send(number).is_ok();
                run(shape.senders, each, send, &receiver)?
            }
            None => {
                let (sender, receiver) = mpsc::channel();
                let send = move |number| sender.send(number).is_ok();
                run(shape.senders, each, send, &receiver)?
            }
        };
    }
    expect("sum", sum, meter.operations() * (each - 1) / 2)?;
    Ok(meter.measured())
}

fn run(
    senders: u64,
    each: u64,
    send: impl Fn(u64) -> bool + Clone + Send,
    receiver: &mpsc::Receiver<u64>,
) -> io::Result<u64> {
    thread::scope(|scope| {
        for _ in 0..senders {
            let send = send.clone();
            let send_all = move || (0..each).all(send);
            thread::Builder::new().spawn_scoped(scope, send_all)?;
        }
        drop(send);
        Ok(receiver.iter().sum())
    })
}

/// A value in a box, taken out again.
pub(super) fn oneshot(size: Size) -> Outcome {
    const BATCH: u64 = 1_000;
    let mut meter = Meter::new(size, BATCH);
    let mut sum = 0;
    while meter.more() {
        for number in 0..BATCH {
            sum += *black_box(Box::new(number));
        }
    }
    expect("sum", sum, meter.operations() * (BATCH - 1) / 2)?;
    Ok(meter.measured())
}

/// A mutex of the standard library that nobody else wants.
pub(super) fn mutex(size: Size) -> Outcome {
    let mutex = Mutex::new(0);
    alone(size, || {
        let mut guard = black_box(&mutex)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *guard += 1;
        *guard
    })
}

/// A mutex of `parking_lot` that nobody else wants.
pub(super) fn parking_lot_mutex(size: Size) -> Outcome {
    let mutex = parking_lot::Mutex::new(0);
    alone(size, || {
        let mut guard = black_box(&mutex).lock();
        *guard += 1;
        *guard
    })
}

/// A read-write lock of the standard library with one reader.
pub(super) fn rwlock(size: Size) -> Outcome {
    let (lock, entered) = (RwLock::new(0), AtomicU64::new(0));
    alone(size, || {
        let guard = black_box(&lock)
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        count(&entered, *guard)
    })
}

/// A read-write lock of `parking_lot` with one reader.
pub(super) fn parking_lot_rwlock(size: Size) -> Outcome {
    let (lock, entered) = (parking_lot::RwLock::new(0), AtomicU64::new(0));
    alone(size, || {
        let guard = black_box(&lock).read();
        count(&entered, *guard)
    })
}

/// Counts a reader, as those who read in tasks are counted; `written` is zero, as nobody writes.
fn count(entered: &AtomicU64, written: u64) -> u64 {
    let one = u64::from(written == 0);
    entered.fetch_add(one, Ordering::Relaxed) + one
}

/// Enters a lock that nobody else wants, which counts: nanoseconds each.
fn alone(size: Size, mut enter: impl FnMut() -> u64) -> Outcome {
    const BATCH: u64 = 1_000;
    let mut meter = Meter::new(size, BATCH);
    let mut entered = 0;
    while meter.more() {
        for _ in 0..BATCH {
            entered = enter();
        }
    }
    expect("entered", entered, meter.operations())?;
    Ok(meter.measured())
}
