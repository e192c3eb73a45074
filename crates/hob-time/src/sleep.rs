//! Waiting until a moment.
//!
//! # Implementation
//!
//! A [`Sleep`] is a deadline and a [`Timer`]; the timer's module says where it is armed. There are two
//! special cases: a sleep of no length at all gives others a turn, and one that is polled for the first
//! time, as a rule right after it was made, does not read the clock again.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hob_core::task::What;
use hob_core::{Instant, context};

use crate::timer::{Timer, reached};

/// Waits for `duration`, counted from this call.
///
/// It is never early. `sleep(Duration::ZERO)` lets others run once and completes at its second poll; a
/// duration too long for the clock, such as [`Duration::MAX`], never ends.
///
/// A `sleep` is never ready at its first poll, even if it was kept for so long that its time is up by then: the
/// first poll does not look at the clock. That of [`sleep_until`] does.
///
/// # Cancel safety
///
/// Cancel safe: dropping the future removes its timer and nothing else.
///
/// # Panics
///
/// The call does not panic. The first poll outside any runtime starts the thread that drives timers
/// there, and panics with the system's error if that fails.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use hob_time::{Instant, sleep};
/// # futures_lite::future::block_on(async {
/// let before = Instant::now();
/// sleep(Duration::from_millis(2)).await;
/// assert!(before.elapsed() >= Duration::from_millis(2));
/// # });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let stage = if duration.is_zero() {
        Stage::OwesTurn
    } else {
        Stage::Fresh
    };
    Sleep::new(Instant::now() + duration, stage, Kind::Sleep)
}

/// Waits until `deadline`.
///
/// It is never early. A deadline that has passed completes at the first poll;
/// [`Instant::NEVER`] does not complete.
///
/// # Cancel safety
///
/// Cancel safe: dropping the future removes its timer and nothing else.
///
/// # Panics
///
/// As with [`sleep`].
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use hob_time::{Instant, sleep_until};
/// # futures_lite::future::block_on(async {
/// let deadline = Instant::now() + Duration::from_millis(2);
/// sleep_until(deadline).await;
/// assert!(Instant::now() >= deadline);
/// # });
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::new(deadline, Stage::ByClock, Kind::SleepUntil)
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// It can be [moved to another deadline](Self::reset), before and after it completed. A sleep that
/// has completed is complete at each further poll.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Sleep {
    deadline: Instant,
    timer: Timer,
    place: &'static Location<'static>,
    stage: Stage,
    kind: Kind,
}

/// What a poll does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// It has no length, and lets others run first.
    OwesTurn,
    /// It is complete, or will be at the next poll, whatever the clock shows.
    Complete,
    /// The clock was read when it was made: the first poll waits without another look.
    Fresh,
    ByClock,
}

/// What made it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Sleep,
    SleepUntil,
}

impl Sleep {
    #[track_caller]
    #[inline]
    fn new(deadline: Instant, stage: Stage, kind: Kind) -> Self {
        Self {
            deadline,
            timer: Timer::new(),
            place: Location::caller(),
            stage,
            kind,
        }
    }

    /// Until when it sleeps.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns `true` once the clock has reached the deadline. It reads the clock, which a first poll of
    /// [`sleep()`] does not.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        reached(self.deadline, self.timer.now())
    }

    /// Moves it to another deadline, in place.
    ///
    /// A task that waits is woken at the new deadline, whether or not it polls in between. A sleep that was
    /// not polled yet, has woken its task or has completed waits from its next poll on. To a later deadline
    /// it costs next to nothing: an idle timeout is best a `Sleep` that is reset with each message.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use hob_time::{Instant, sleep};
    /// # futures_lite::future::block_on(async {
    /// let mut idle = sleep(Duration::MAX);
    /// idle.reset(Instant::now() + Duration::from_millis(1));
    /// (&mut idle).await;
    /// assert!(idle.is_elapsed());
    /// # });
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.stage = Stage::ByClock;
        self.timer.reset(deadline);
    }

    fn poll_elapsed(&mut self, cx: &Context<'_>) -> Poll<()> {
        match self.stage {
            Stage::ByClock => {
                ready!(self.timer.poll_spending(self.deadline, cx));
                self.stage = Stage::Complete;
                Poll::Ready(())
            }
            Stage::Fresh => {
                self.stage = Stage::ByClock;
                self.timer.arm(self.deadline, cx.waker());
                Poll::Pending
            }
            Stage::Complete => Poll::Ready(()),
            Stage::OwesTurn => {
                self.stage = Stage::Complete;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    const fn what(&self) -> What {
        match self.kind {
            Kind::Sleep => &"sleep",
            Kind::SleepUntil => &"sleep_until",
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.poll_elapsed(cx);
        if polled.is_pending() {
            context::record_wait(self.what(), self.place);
        }
        polled
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline)
            .field("armed", &self.timer.is_armed())
            .finish_non_exhaustive()
    }
}
