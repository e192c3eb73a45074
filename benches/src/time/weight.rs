//! What a task with an armed timer weighs.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::process;
use std::time::Duration;

use crate::contestant::Timed;
use crate::meeting::Latch;
use crate::memory::resident;
use crate::workload::{Measured, Outcome, Size, expect};

/// Resident bytes for each of many tasks that sleep for an hour.
pub(super) fn timer<C: Timed>(size: Size) -> Outcome {
    let count = size.pick(1_000, 100_000, 100_000);
    C::start()?.block_on(async move {
        let latch = Latch::leaked();
        arm_all::<C>(count / 100, latch).await;
        let before = resident(process::id())?;
        arm_all::<C>(count, latch).await;
        let after = resident(process::id())?;
        expect("timers that are not armed", latch.left(), 0)?;
        Ok(Measured::new(
            after.saturating_sub(before) as f64 / count as f64,
        ))
    })
}

async fn arm_all<C: Timed>(count: usize, latch: &'static Latch) {
    latch.set(count);
    for _ in 0..count {
        C::detach(async {
            let mut sleep = pin!(C::sleep(Duration::from_secs(3600)));
            let mut armed = false;
            poll_fn(|cx| {
                let polled = sleep.as_mut().poll(cx);
                if !armed && polled.is_pending() {
                    armed = true;
                    latch.count();
                }
                polled.map(drop)
            })
            .await;
        });
    }
    latch.wait().await;
}
