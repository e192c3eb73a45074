//! Ticks, one a period.
//!
//! # Implementation
//!
//! An [`Interval`] knows the instant of its next tick and has one timer. The next instant is counted
//! from the tick that was due, not from when it was noticed, so ticks do not drift. What happens when
//! a tick is noticed more than a period late, [`MissedTicks`] says, in whole nanoseconds and with
//! saturating arithmetic throughout.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use hob_core::{Instant, context};

use crate::timer::Timer;

/// Ticks once every `period`, the first time at once.
///
/// # Panics
///
/// If `period` is zero.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use hob_time::interval;
/// # futures_lite::future::block_on(async {
/// let mut ticks = interval(Duration::from_millis(1));
/// let first = ticks.tick().await;
/// let second = ticks.tick().await;
/// assert!(second - first >= Duration::from_millis(1));
/// # });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks once every `period`, the first time at `start`.
///
/// # Panics
///
/// If `period` is zero.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use hob_time::{Instant, interval_at};
/// # futures_lite::future::block_on(async {
/// let start = Instant::now() + Duration::from_millis(1);
/// let mut ticks = interval_at(start, Duration::from_secs(3600));
/// assert_eq!(ticks.tick().await, start);
/// assert_eq!(ticks.next_tick(), start + Duration::from_secs(3600));
/// # });
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "the period of an interval is not zero");
    Interval {
        next: start,
        period,
        policy: MissedTicks::default(),
        statistics: IntervalStatistics::default(),
        timer: Timer::new(),
        place: Location::caller(),
    }
}

/// A source of ticks, made by [`interval()`] and [`interval_at`].
///
/// It is also an endless [`Stream`] of the instants of its ticks.
pub struct Interval {
    next: Instant,
    period: Duration,
    policy: MissedTicks,
    statistics: IntervalStatistics,
    timer: Timer,
    place: &'static Location<'static>,
}

/// The future of [`Interval::tick`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Tick<'a> {
    interval: &'a mut Interval,
    place: &'static Location<'static>,
}

/// What an [`Interval`] does when a tick is noticed a period late or more.
///
/// With a period of 10, and the tick of 10 noticed at 35:
///
/// | | the ticks that follow | missed |
/// |---|---|---|
/// | `Skip` | 40, 50, 60 | 2 |
/// | `Burst` | 20 and 30 at once, then 40, 50 | 0 |
/// | `Delay` | 45, 55, 65 | 2 |
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "these are the three there are")]
pub enum MissedTicks {
    /// Leaves them out and stays on the beat.
    #[default]
    Skip,
    /// Makes up for them as fast as they are taken.
    Burst,
    /// Counts the next period from now.
    Delay,
}

/// A snapshot of an [`Interval`], for dumps and tests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct IntervalStatistics {
    /// How many ticks there were.
    pub ticks: u64,
    /// How many were left out since nobody took them in time.
    pub missed: u64,
}

impl Interval {
    /// Sets what happens to ticks that nobody takes in time.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use hob_time::{MissedTicks, interval};
    /// let ticks = interval(Duration::from_secs(1)).missed_ticks(MissedTicks::Burst);
    /// assert_eq!(ticks.missed(), 0);
    /// ```
    #[must_use]
    pub fn missed_ticks(mut self, policy: MissedTicks) -> Self {
        self.policy = policy;
        self
    }

    /// Waits for the next tick and returns the instant at which it was due.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future removes its timer. A tick is only taken by a future that
    /// completes, so the next call returns it.
    ///
    /// # Panics
    ///
    /// As with [`sleep`](crate::sleep()).
    #[track_caller]
    pub fn tick(&mut self) -> Tick<'_> {
        Tick {
            interval: self,
            place: Location::caller(),
        }
    }

    /// Takes the next tick, or has the task woken when it is due.
    ///
    /// # Panics
    ///
    /// As with [`sleep`](crate::sleep()).
    pub fn poll_tick(&mut self, cx: &Context<'_>) -> Poll<Instant> {
        self.poll_from(cx, self.place)
    }

    /// Puts the next tick at `start`; the others follow it, one a period.
    pub fn reset(&mut self, start: Instant) {
        self.next = start;
        self.timer.reset(start);
    }

    /// When the next tick is due.
    #[must_use]
    pub const fn next_tick(&self) -> Instant {
        self.next
    }

    /// The time from one tick to the next.
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// How many ticks were left out so far, since nobody took them in time.
    #[must_use]
    pub const fn missed(&self) -> u64 {
        self.statistics.missed
    }

    /// Returns how many ticks there were, and how many were left out.
    #[must_use]
    pub const fn statistics(&self) -> IntervalStatistics {
        self.statistics
    }

    fn poll_from(&mut self, cx: &Context<'_>, place: &'static Location<'static>) -> Poll<Instant> {
        let polled = self.timer.poll_spending(self.next, cx);
        if polled.is_pending() {
            context::record_wait(&"Interval::tick", place);
        }
        let now = ready!(polled);
        let tick = self.next;
        let (next, missed) = self.policy.after(tick, self.period, now);
        self.next = next;
        self.statistics.ticks = self.statistics.ticks.saturating_add(1);
        self.statistics.missed = self.statistics.missed.saturating_add(missed);
        Poll::Ready(tick)
    }
}

impl MissedTicks {
    /// The tick that follows `tick`, which was noticed at `now`, and how many are left out between.
    fn after(self, tick: Instant, period: Duration, now: Instant) -> (Instant, u64) {
        let period_nanos = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        let late_nanos = now.as_nanos().saturating_sub(tick.as_nanos());
        let passed = late_nanos / period_nanos;
        match self {
            Self::Skip => {
                let on_the_beat = late_nanos - late_nanos % period_nanos;
                (tick + Duration::from_nanos(on_the_beat) + period, passed)
            }
            Self::Burst => (tick + period, 0),
            Self::Delay if passed == 0 => (tick + period, 0),
            Self::Delay => (now + period, passed),
        }
    }
}

impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval")
            .field("next", &self.next)
            .field("period", &self.period)
            .field("policy", &self.policy)
            .field("statistics", &self.statistics)
            .finish_non_exhaustive()
    }
}

impl Future for Tick<'_> {
    type Output = Instant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        let place = self.place;
        self.interval.poll_from(cx, place)
    }
}

impl Drop for Tick<'_> {
    fn drop(&mut self) {
        self.interval.timer.disarm();
    }
}

impl fmt::Debug for Tick<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tick")
            .field("due", &self.interval.next)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ticks that follow the one of 10, noticed at `now`, each of them noticed at once.
    fn check(policy: MissedTicks, now: u64, expected: [u64; 4], missed: u64) {
        let period = Duration::from_nanos(10);
        let mut now = Instant::from_nanos(now);
        let mut tick = Instant::from_nanos(10);
        let mut missed_in_all = 0;
        let follow = [(); 4].map(|()| {
            let (next, missed) = policy.after(tick, period, now);
            missed_in_all += missed;
            now = now.max(next);
            tick = next;
            next.as_nanos()
        });
        assert_eq!(follow, expected, "{policy:?} noticed at {now:?}");
        assert_eq!(missed_in_all, missed, "{policy:?} noticed at {now:?}");
    }

    #[test]
    fn ticks_taken_in_time_are_one_period_apart() {
        for policy in [MissedTicks::Skip, MissedTicks::Burst, MissedTicks::Delay] {
            check(policy, 10, [20, 30, 40, 50], 0);
            check(policy, 19, [20, 30, 40, 50], 0);
        }
    }

    #[test]
    fn missed_ticks_are_skipped_made_up_for_or_put_off() {
        check(MissedTicks::Skip, 35, [40, 50, 60, 70], 2);
        check(MissedTicks::Skip, 30, [40, 50, 60, 70], 2);
        check(MissedTicks::Burst, 35, [20, 30, 40, 50], 0);
        check(MissedTicks::Delay, 35, [45, 55, 65, 75], 2);
    }

    #[test]
    fn the_longest_and_the_shortest_period_do_not_overflow() {
        let late = Instant::NEVER - Duration::from_nanos(1);
        let start = Instant::from_nanos(0);
        for policy in [MissedTicks::Skip, MissedTicks::Burst, MissedTicks::Delay] {
            let (next, _) = policy.after(late, Duration::MAX, late);
            assert_eq!(next, Instant::NEVER);
            let (next, _) = policy.after(start, Duration::from_nanos(1), late);
            assert!(next > start);
        }
    }
}
