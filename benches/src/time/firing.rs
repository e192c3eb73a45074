//! Timers that fire: how late, and for how much work.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::contestant::Timed;
use crate::meeting::Latch;
use crate::meter::{now, quantile};
use crate::workload::{Measured, Missed, Outcome, Size, expect};

/// Timers a second in `random`.
const RATE: u64 = 100_000;

/// How long all are given to be armed, before the first one fires: longer ones on a busy machine.
const HEAD_STARTS: [Duration; 3] = [
    Duration::from_millis(150),
    Duration::from_millis(600),
    Duration::from_millis(2_400),
];

/// Tasks sleep until moments strewn over a stretch: processor nanoseconds a timer, and how late.
///
/// The figure is for all of it, from the spawn of the task to its end. All timers are armed before the
/// first one fires, so that none is late because its task had no turn.
pub(super) fn random<C: Timed>(size: Size) -> Outcome {
    for head_start in HEAD_STARTS {
        if let Some(outcome) = random_after::<C>(fired(size), head_start)? {
            return Ok(outcome);
        }
    }
    let longest = HEAD_STARTS[HEAD_STARTS.len() - 1];
    Err(Missed::Failed(format!(
        "the timers were not armed within {longest:?}"
    )))
}

/// Nothing, if the head start was too short to arm all.
fn random_after<C: Timed>(count: u64, head_start: Duration) -> Result<Option<Measured>, Missed> {
    let late: &'static [AtomicU64] = Vec::leak((0..count).map(|_| AtomicU64::new(0)).collect());
    let used = C::start()?.block_on(async move {
        let (armed, fired) = (Latch::leaked(), Latch::leaked());
        armed.set(late.len());
        fired.set(late.len());
        let before = processor_time();
        let begin = now() + head_start;
        for (number, late) in late.iter().enumerate() {
            let deadline = begin + strewn(number as u64, count);
            C::detach(async move {
                let mut sleep = pin!(C::sleep_until(deadline));
                if poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_pending())).await {
                    armed.count();
                    sleep.await;
                } else {
                    armed.count();
                }
                late.store(lateness_ns(deadline), Ordering::Relaxed);
                fired.count();
            });
        }
        armed.wait().await;
        if now() >= begin {
            return None;
        }
        fired.wait().await;
        Some(processor_time() - before)
    });
    let late = late.iter().map(|late| late.load(Ordering::Relaxed));
    used.map(|used| told(used, late.collect())).transpose()
}

/// The lateness of each tick of an interval, in microseconds.
pub(super) fn interval<C: Timed>(size: Size) -> Outcome {
    C::start()?.block_on(async move {
        let mut interval = C::interval(Duration::from_millis(1));
        let mut late = Vec::new();
        while late.len() < ticks(size) {
            let due = C::tick(&mut interval).await;
            late.push(lateness_ns(due));
        }
        quantiles(late)
    })
}

/// The lateness of sleeps of a millisecond, one after the other.
pub(super) fn sleep<C: Timed>(size: Size) -> Outcome {
    C::start()?.block_on(async move {
        let mut late = Vec::new();
        while late.len() < ticks(size) {
            let due = now() + Duration::from_millis(1);
            C::sleep(Duration::from_millis(1)).await;
            late.push(lateness_ns(due));
        }
        quantiles(late)
    })
}

/// How many timers fire.
pub(super) fn fired(size: Size) -> u64 {
    size.pick(100, RATE as usize / 10, RATE as usize) as u64
}

/// How many ticks are waited for.
pub(super) fn ticks(size: Size) -> usize {
    size.pick(2, 60, 300)
}

/// When the timer of this number fires, from the beginning: in no order, and evenly at [`RATE`].
pub(super) fn strewn(number: u64, count: u64) -> Duration {
    // Prime to every count in use, so that each place is taken once.
    let place = number.wrapping_mul(7_919) % count;
    Duration::from_nanos(place * 1_000_000_000 / RATE)
}

/// How late it is; what is early is `u64::MAX`, which no run can be.
pub(super) fn lateness_ns(deadline: Instant) -> u64 {
    now()
        .checked_duration_since(deadline)
        .map_or(u64::MAX, |late| late.as_nanos() as u64)
}

/// Processor time of all threads of this process.
pub(super) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Says what the processor did a timer, and how late they were.
pub(super) fn told(used: Duration, late: Vec<u64>) -> Outcome {
    let count = late.len();
    let Measured { value, extras, .. } = quantiles(late)?;
    let measured = Measured::new(used.as_secs_f64() * 1e9 / count as f64);
    let measured = measured.extra("p50_us_late", value);
    Ok(extras
        .into_iter()
        .fold(measured, |measured, (name, value)| {
            measured.extra(name, value)
        }))
}

/// The median in microseconds, and the tail.
pub(super) fn quantiles(late_ns: Vec<u64>) -> Outcome {
    expect("fired early", late_ns.contains(&u64::MAX), false)?;
    let mut late: Vec<f64> = late_ns.into_iter().map(|ns| ns as f64 / 1e3).collect();
    late.sort_by(f64::total_cmp);
    let median = Measured::new(quantile(&late, 0.5));
    let median = median.extra("p99_us_late", quantile(&late, 0.99));
    Ok(median.extra("max_us_late", quantile(&late, 1.0)))
}
