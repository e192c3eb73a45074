//! One timer in whatever queue serves the place where it is awaited: what `Sleep`, `Timeout` and
//! `Interval` have in common.
//!
//! # Implementation
//!
//! A [`Timer`] is bound at its first wait, not when it is made: first to the timers of the
//! [context](hob_core::context), and to the driver's where there are none or where they are retired.
//! It stays there when its task moves to another worker, since arming works from any thread, and
//! looks again when that queue is retired, also if another runtime uses it by then. A retired queue hands
//! out the waker, so the task is polled.
//!
//! The clock decides, never the queue: a timer that was handed out but is not due by the clock is
//! armed again.

use std::task::{Context, Poll, Waker, ready};

use hob_core::{Instant, Retired, TimerKey, Timers, budget, context};

use crate::driver;

/// A timer, armed or not.
pub(crate) struct Timer {
    armed: Option<Armed>,
}

/// A place in a queue, left when dropped.
struct Armed {
    timers: &'static dyn Timers,
    key: TimerKey,
    /// Whoever waits, so that a reset need not wait for the next poll.
    waker: Waker,
}

impl Timer {
    pub(crate) const fn new() -> Self {
        Self { armed: None }
    }

    /// Waits until the clock has reached `deadline`; the output is what the clock showed.
    ///
    /// It does not ask the budget: a deadline is seen when the body has spent it.
    pub(crate) fn poll_deadline(&mut self, deadline: Instant, cx: &Context<'_>) -> Poll<Instant> {
        let now = self.now();
        if reached(deadline, now) {
            self.disarm();
            return Poll::Ready(now);
        }
        self.arm(deadline, cx.waker());
        Poll::Pending
    }

    /// The same, and a deadline that was reached before anybody waited for it costs budget.
    pub(crate) fn poll_spending(&mut self, deadline: Instant, cx: &Context<'_>) -> Poll<Instant> {
        if self.armed.is_some() {
            return self.poll_deadline(deadline, cx);
        }
        ready!(budget::poll_proceed(cx));
        let polled = self.poll_deadline(deadline, cx);
        if polled.is_ready() {
            budget::spend();
        }
        polled
    }

    /// Whoever waits is woken at `deadline` instead.
    pub(crate) fn reset(&mut self, deadline: Instant) {
        if let Some(armed) = &mut self.armed
            && armed.timers.arm(&mut armed.key, deadline, &armed.waker) == Err(Retired)
        {
            // The queue has handed out the waker: the next poll is under way, and looks for another.
            self.armed = None;
        }
    }

    /// Leaves the queue.
    pub(crate) fn disarm(&mut self) {
        self.armed = None;
    }

    pub(crate) const fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    /// Reads the clock of the queue it stands in, else the context's.
    pub(crate) fn now(&self) -> Instant {
        match &self.armed {
            Some(armed) => armed.timers.now(),
            None => Instant::now(),
        }
    }

    fn arm(&mut self, deadline: Instant, waker: &Waker) {
        if let Some(armed) = &mut self.armed
            && armed.set(deadline, waker).is_ok()
        {
            return;
        }
        let here = context::timers()
            .and_then(|timers| Armed::new(timers, deadline, waker).ok())
            // If the runtime ended meanwhile, the timer may stand in another one's queue.
            .filter(|_| context::timers().is_some());
        self.armed = Some(here.unwrap_or_else(|| {
            Armed::new(driver::timers(), deadline, waker).expect("the driver does not end")
        }));
    }
}

/// [`Instant::NEVER`] is not reached, whatever the clock shows.
pub(crate) fn reached(deadline: Instant, now: Instant) -> bool {
    now >= deadline && !deadline.is_never()
}

impl Armed {
    fn new(timers: &'static dyn Timers, deadline: Instant, waker: &Waker) -> Result<Self, Retired> {
        // Made first, so that a panic on the way leaves no timer behind.
        let mut armed = Self {
            timers,
            key: TimerKey::new(),
            waker: waker.clone(),
        };
        timers.arm(&mut armed.key, deadline, waker)?;
        Ok(armed)
    }

    fn set(&mut self, deadline: Instant, waker: &Waker) -> Result<(), Retired> {
        self.waker.clone_from(waker);
        self.timers.arm(&mut self.key, deadline, waker)
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.timers.disarm(&mut self.key);
    }
}
