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
//! armed again. Only whoever has read the clock just now to compute the deadline does not read it again,
//! and arms at once.

use std::task::{Context, Poll, Waker, ready};

use hob_core::{Instant, Retired, TimerKey, Timers, budget, context};

use crate::driver;

/// A timer, armed or not; dropped, it leaves its queue.
pub(crate) struct Timer {
    /// Where it was armed last.
    queue: Option<&'static dyn Timers>,
    key: TimerKey,
}

impl Timer {
    pub(crate) const fn new() -> Self {
        Self {
            queue: None,
            key: TimerKey::new(),
        }
    }

    /// Waits until the clock has reached `deadline`; the output is what the clock showed.
    ///
    /// It does not ask the budget: a deadline is seen when the body has spent it.
    pub(crate) fn poll_deadline(&mut self, deadline: Instant, cx: &Context<'_>) -> Poll<Instant> {
        let now = self.now();
        self.poll_deadline_at(now, deadline, cx)
    }

    /// The same, for whoever has read the clock just now.
    pub(crate) fn poll_deadline_at(
        &mut self,
        now: Instant,
        deadline: Instant,
        cx: &Context<'_>,
    ) -> Poll<Instant> {
        if reached(deadline, now) {
            self.disarm();
            return Poll::Ready(now);
        }
        self.arm(deadline, cx.waker());
        Poll::Pending
    }

    /// The same, and a deadline that was reached before anybody waited for it costs budget.
    pub(crate) fn poll_spending(&mut self, deadline: Instant, cx: &Context<'_>) -> Poll<Instant> {
        if self.is_armed() {
            return self.poll_deadline(deadline, cx);
        }
        ready!(budget::poll_proceed(cx));
        let polled = self.poll_deadline(deadline, cx);
        if polled.is_ready() {
            budget::spend();
        }
        polled
    }

    /// Has `waker` woken at `deadline`.
    pub(crate) fn arm(&mut self, deadline: Instant, waker: &Waker) {
        if let Some(queue) = self.queue
            && self.is_armed()
            && self.arm_in(queue, deadline, waker).is_ok()
        {
            return;
        }
        if self.arm_here(deadline, waker).is_err() {
            self.arm_in(driver::timers(), deadline, waker)
                .expect("the driver does not end");
        }
    }

    /// Arms in the queue of the context, if there is one.
    fn arm_here(&mut self, deadline: Instant, waker: &Waker) -> Result<(), Retired> {
        context::with(|local| {
            let local = local.ok_or(Retired)?;
            self.arm_in(local.timers().ok_or(Retired)?, deadline, waker)?;
            if local.env().is_ended() {
                // Meanwhile: this may be another runtime's queue by now.
                self.disarm();
                return Err(Retired);
            }
            Ok(())
        })
    }

    fn arm_in(
        &mut self,
        queue: &'static dyn Timers,
        deadline: Instant,
        waker: &Waker,
    ) -> Result<(), Retired> {
        // Noted first, so that a panic on the way leaves no timer behind.
        self.queue = Some(queue);
        queue.arm(&mut self.key, deadline, waker)
    }

    /// Whoever waits is woken at `deadline` instead; who has been woken is to poll.
    pub(crate) fn reset(&mut self, deadline: Instant) {
        if let Some(queue) = self.queue
            && self.is_armed()
        {
            queue.reset(&mut self.key, deadline);
        }
    }

    /// Leaves the queue.
    #[inline]
    pub(crate) fn disarm(&mut self) {
        if let Some(queue) = self.queue
            && self.is_armed()
        {
            queue.disarm(&mut self.key);
        }
    }

    /// Whether it was armed, and neither disarmed nor found to have fired since.
    pub(crate) const fn is_armed(&self) -> bool {
        !self.key.is_empty()
    }

    /// Reads the clock of the queue it stands in, else the context's.
    pub(crate) fn now(&self) -> Instant {
        match self.queue {
            Some(queue) if self.is_armed() => queue.now(),
            _ => Instant::now(),
        }
    }
}

impl Drop for Timer {
    #[inline]
    fn drop(&mut self) {
        self.disarm();
    }
}

/// [`Instant::NEVER`] is not reached, whatever the clock shows.
pub(crate) fn reached(deadline: Instant, now: Instant) -> bool {
    now >= deadline && !deadline.is_never()
}
