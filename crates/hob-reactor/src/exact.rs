//! Sleeps in an epoll that end when they should.
//!
//! # Implementation
//!
//! Linux ends a timed sleep late by the thread's *timer slack*, 50 µs as a rule, so that it can wake
//! several threads at once. In an epoll it is a thousandth of the time asked for, if that is more, a
//! 200th for a thread that is nice to others, and at most 100 ms.
//!
//! So a long sleep is cut in stretches. Each but the last is asked for less than is left, by more than the
//! system may add to it. The last one is short enough for the thousandth not to matter, and while it lasts
//! the thread's slack is a nanosecond. (A thread whose own slack is more than a tenth of a millisecond may
//! oversleep in the first stretch by that.) Before the call returns to anybody the slack is what it was: nothing
//! that runs on the thread, and no thread or process that it starts, inherits ours.
//!
//! Asking for the slack, setting it and setting it back are three calls of some 0.2 µs each, beside
//! several microseconds for going to sleep and waking.
//!
//! # References
//!
//! - `PR_SET_TIMERSLACK(2const)`, <https://man7.org/linux/man-pages/man2/PR_SET_TIMERSLACK.2const.html>
//! - `select_estimate_accuracy` in the kernel's `fs/select.c`.

use std::num::NonZeroU64;
use std::time::Duration;

use rustix::thread::{current_timer_slack, set_current_timer_slack};

/// A sleep that lasts no longer is the last stretch.
const LAST_MAX: Duration = Duration::from_millis(16);
/// The part of a stretch that it is asked for less: more than the system adds, which is a 200th at the most.
const PART: u32 = 128;
/// More than the system ever adds.
const LESS_MAX: Duration = Duration::from_millis(128);

/// A part of a sleep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stretch {
    /// There is some left after it.
    First(Duration),
    /// It ends the sleep; for ever, if there is no time.
    Last(Option<Duration>),
}

impl Stretch {
    /// The next stretch of a sleep of which so much is left.
    pub(crate) fn of(left: Option<Duration>) -> Self {
        match left {
            Some(left) if left > LAST_MAX => Self::First(left - (left / PART).min(LESS_MAX)),
            _ => Self::Last(left),
        }
    }

    /// How long it is; `None` means for ever.
    pub(crate) fn time(self) -> Option<Duration> {
        match self {
            Self::First(time) => Some(time),
            Self::Last(time) => time,
        }
    }

    /// Makes this thread wake on time, for as long as what is returned lives, if it matters here.
    pub(crate) fn make_exact(self) -> Option<Exact> {
        match self {
            Self::Last(Some(time)) if !time.is_zero() => Exact::begin(),
            Self::First(_) | Self::Last(_) => None,
        }
    }
}

/// The timed sleeps of this thread end on time while it lives. The parker of hob-executor has the same guard; its
/// `exact.rs` says why.
#[must_use = "the slack is put back when it is dropped"]
pub(crate) struct Exact {
    slack_before: NonZeroU64,
}

impl Exact {
    /// `None` where there is nothing to put back: the thread is exact as it is, or the system, or a sandbox,
    /// refuses, and sleeps are as late as they are.
    fn begin() -> Option<Self> {
        let slack_before = NonZeroU64::new(current_timer_slack().ok()?)?;
        if slack_before == NonZeroU64::MIN {
            return None;
        }
        set_current_timer_slack(Some(NonZeroU64::MIN)).ok()?;
        Some(Self { slack_before })
    }
}

impl Drop for Exact {
    fn drop(&mut self) {
        // What was allowed a moment ago is allowed now.
        let _put_back = set_current_timer_slack(Some(self.slack_before));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn slack() -> u64 {
        current_timer_slack().expect("Linux tells")
    }

    #[test]
    fn the_slack_is_put_back() {
        let before = slack();
        let last = Stretch::Last(Some(Duration::from_millis(1)));
        let exact = last.make_exact();
        assert_eq!(slack(), 1);
        assert!(last.make_exact().is_none(), "it is exact already");
        drop(exact);
        assert_eq!(slack(), before);
    }

    #[test]
    fn only_the_last_stretch_is_made_exact() {
        let before = slack();
        for stretch in [
            Stretch::First(Duration::from_secs(1)),
            Stretch::Last(None),
            Stretch::Last(Some(Duration::ZERO)),
        ] {
            assert!(stretch.make_exact().is_none());
            assert_eq!(slack(), before, "{stretch:?}");
        }
    }

    /// What the system adds to a sleep, at the worst, beside the slack.
    fn added(asked: Duration) -> Duration {
        (asked / 200).min(Duration::from_millis(100))
    }

    #[test]
    fn a_first_stretch_ends_in_time_for_the_last_one() {
        let slack = Duration::from_micros(50);
        for milliseconds in [17, 20, 100, 1_000, 60_000, 86_400_000] {
            let left = Duration::from_millis(milliseconds);
            let Stretch::First(asked) = Stretch::of(Some(left)) else {
                panic!("{left:?} in one stretch");
            };
            assert!(asked + added(asked).max(slack) < left, "{left:?}");
        }
    }

    #[test]
    fn the_longest_sleep_takes_few_stretches() {
        let mut left = Duration::MAX;
        let mut stretches = 1;
        while let Stretch::First(asked) = Stretch::of(Some(left)) {
            left -= asked;
            stretches += 1;
        }
        assert_eq!(stretches, 3);
        assert_eq!(Stretch::of(None), Stretch::Last(None));
        assert_eq!(Stretch::of(Some(left)), Stretch::Last(Some(left)));
    }
}
