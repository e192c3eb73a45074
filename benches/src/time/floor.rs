//! The same by hand: the clock, a bucket of a wheel, and the system's own sleep.
//!
//! On Linux the system may let a thread sleep 50 µs longer than it asked, unless the thread says
//! otherwise: its timer slack. A `timerfd`, as async-io has one, knows of no such thing. For
//! [`interval`] and [`sleep`] the slack is set to 1 ns, so that nothing can be more punctual.

use std::hint::black_box;
use std::io;
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use rustix::thread::set_current_timer_slack;
use rustix::thread::{NanosleepRelativeResult, Timespec, nanosleep};

use super::firing::{fired, lateness_ns, processor_time, quantiles, strewn, ticks, told};
use crate::meter::{Meter, now};
use crate::workload::{Outcome, Size, expect};

const BATCH: u64 = 1_000;
const FAR: Duration = Duration::from_secs(3600);
const BUCKETS: usize = 4096;

/// A deadline: the clock and an addition.
pub(super) fn create(size: Size) -> Outcome {
    let mut meter = Meter::new(size, BATCH);
    while meter.more() {
        for _ in 0..BATCH {
            black_box(now() + black_box(FAR));
        }
    }
    Ok(meter.measured())
}

/// A deadline goes into its bucket of a wheel, and out again.
pub(super) fn arm(size: Size) -> Outcome {
    arm_among(size, 0)
}

/// The same with ten thousand in the wheel.
pub(super) fn arm_among_10k(size: Size) -> Outcome {
    arm_among(size, 10_000)
}

fn arm_among(size: Size, background: u64) -> Outcome {
    let began = now();
    let bucket = |deadline: Instant| (deadline - began).as_millis() as usize % BUCKETS;
    let mut wheel: Vec<Vec<Instant>> = vec![Vec::new(); BUCKETS];
    for number in 0..background {
        let deadline = began + FAR + Duration::from_millis(number);
        wheel[bucket(deadline)].push(deadline);
    }
    let mut meter = Meter::new(size, BATCH);
    let mut dropped = 0;
    while meter.more() {
        for _ in 0..BATCH {
            let deadline = now() + FAR;
            let bucket = &mut wheel[bucket(deadline)];
            bucket.push(deadline);
            dropped += u64::from(black_box(bucket).pop() == Some(deadline));
        }
    }
    expect("timers", dropped, meter.operations())?;
    Ok(meter.measured())
}

/// A later deadline is stored.
pub(super) fn reset(size: Size) -> Outcome {
    let mut deadlines = vec![now(); 10_000];
    let mut meter = Meter::new(size, deadlines.len() as u64);
    while meter.more() {
        for deadline in &mut deadlines {
            *black_box(deadline) = now() + FAR;
        }
    }
    Ok(meter.measured())
}

/// One thread sleeps from deadline to deadline.
pub(super) fn random(size: Size) -> Outcome {
    let count = fired(size);
    let mut deadlines: Vec<Duration> = (0..count).map(|number| strewn(number, count)).collect();
    deadlines.sort();
    let begin = now();
    let before = processor_time();
    let late = deadlines.into_iter().map(|after| {
        sleep_until(begin + after);
        lateness_ns(begin + after)
    });
    let late = late.collect();
    told(processor_time() - before, late)
}

/// One thread sleeps until each tick.
pub(super) fn interval(size: Size) -> Outcome {
    be_punctual()?;
    let begin = now();
    let late = (1..=ticks(size)).map(|tick| {
        let due = begin + Duration::from_millis(1) * tick as u32;
        sleep_until(due);
        lateness_ns(due)
    });
    quantiles(late.collect())
}

/// The system's own sleep.
pub(super) fn sleep(size: Size) -> Outcome {
    be_punctual()?;
    let late = (0..ticks(size)).map(|_| {
        let due = now() + Duration::from_millis(1);
        sleep_until(due);
        lateness_ns(due)
    });
    quantiles(late.collect())
}

/// Leaves the system no slack in waking this thread, where it takes any.
fn be_punctual() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    set_current_timer_slack(Some(NonZeroU64::MIN))?;
    Ok(())
}

fn sleep_until(deadline: Instant) {
    while let Some(left) = deadline.checked_duration_since(now()) {
        if left.is_zero() {
            return;
        }
        let left = Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: left.subsec_nanos().into(),
        };
        if !matches!(nanosleep(&left), NanosleepRelativeResult::Ok) {
            // A signal: the loop computes what is left.
        }
    }
}
