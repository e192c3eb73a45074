//! What a task weighs: resident bytes for each of many that are parked and hold their waker.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::process;
use std::task::{Context, Poll, Waker};

use crate::contestant::Contestant;
use crate::meeting::Latch;
use crate::memory::resident;
use crate::workload::{Measured, Outcome, Size, expect};

/// Counts those that are yet to park: no task needs to keep a reference to it.
static UNPARKED: Latch = Latch::new();

/// A parked task that keeps nothing but its waker.
pub(super) fn task<C: Contestant>(size: Size) -> Outcome {
    weigh::<C, 0>(size)
}

/// A parked task that keeps 256 bytes besides.
pub(super) fn task_256<C: Contestant>(size: Size) -> Outcome {
    weigh::<C, 256>(size)
}

fn weigh<C: Contestant, const STATE: usize>(size: Size) -> Outcome {
    let count = count(size);
    C::start()?.block_on(async move {
        // What the first task brings with it is not the second one's.
        park_all::<C, STATE>(count / 100).await;
        let before = resident(process::id())?;
        park_all::<C, STATE>(count).await;
        let after = resident(process::id())?;
        expect("tasks that did not park", UNPARKED.left(), 0)?;
        Ok(Measured::new(
            after.saturating_sub(before) as f64 / count as f64,
        ))
    })
}

async fn park_all<C: Contestant, const STATE: usize>(count: usize) {
    UNPARKED.set(count);
    for _ in 0..count {
        C::detach(Parked::<STATE>::new());
    }
    UNPARKED.wait().await;
}

/// Boxed futures, each polled once.
pub(super) fn task_floor(size: Size) -> Outcome {
    weigh_boxes::<0>(size)
}

/// The same with 256 bytes of state.
pub(super) fn task_256_floor(size: Size) -> Outcome {
    weigh_boxes::<256>(size)
}

fn weigh_boxes<const STATE: usize>(size: Size) -> Outcome {
    let count = count(size);
    UNPARKED.set(count);
    let mut cx = Context::from_waker(Waker::noop());
    let before = resident(process::id())?;
    let mut boxes: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut future = Box::pin(Parked::<STATE>::new());
        expect("ready", future.as_mut().poll(&mut cx).is_ready(), false)?;
        boxes.push(future);
    }
    let after = resident(process::id())?;
    expect("futures that did not park", UNPARKED.left(), 0)?;
    expect("boxes", boxes.len(), count)?;
    Ok(Measured::new(
        after.saturating_sub(before) as f64 / count as f64,
    ))
}

fn count(size: Size) -> usize {
    size.pick(1_000, 100_000, 100_000)
}

/// Keeps its waker and its state, and waits for ever: no byte more than that.
struct Parked<const STATE: usize> {
    waker: Option<Waker>,
    state: [u8; STATE],
}

impl<const STATE: usize> Parked<STATE> {
    const fn new() -> Self {
        Self {
            waker: None,
            state: [1; STATE],
        }
    }
}

impl<const STATE: usize> Future for Parked<STATE> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.waker.is_none() {
            self.waker = Some(cx.waker().clone());
            black_box(&mut self.state);
            UNPARKED.count();
        }
        Poll::Pending
    }
}
