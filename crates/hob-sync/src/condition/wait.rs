//! The futures that wait at a condition.
//!
//! # Implementation
//!
//! [`Wait`] is a wait for a notification, and then one for the lock, both made with the place of the
//! caller. [`WaitWhile`] makes one after the other as long as its closure says so. A notification that
//! was received and has not led to a guard yet is a [`Received`], whose `Drop` passes it on.

use std::fmt;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hob_core::budget;
use hob_core::task::What;
use pin_project_lite::pin_project;

use crate::condition::Condition;
use crate::condition::guard::Guard;
use crate::condition::line::Line;
use crate::epoch::Epoch;
use crate::notification::Notification;
use crate::wait_queue::{self, polled_after_ready};

pin_project! {
    /// The future of [`Condition::wait`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Wait<'c, G: Guard> {
        line: &'c Line,
        // Until it stands in line.
        guard: Option<G>,
        #[pin]
        wait: wait_queue::Wait<&'c Line>,
        // As long as it waits for the lock.
        received: Option<Received<'c>>,
        #[pin]
        lock: G::Lock,
    }
}

pin_project! {
    /// The future of [`Condition::wait_while`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WaitWhile<'c, G: Guard, F> {
        condition: &'c Condition,
        predicate: F,
        // Before the first wait.
        guard: Option<G>,
        // The poll of its task in which it yielded for want of a budget, before its first look. In the
        // next one it looks.
        yielded_in: Option<u32>,
        #[pin]
        wait: Option<Wait<'c, G>>,
        place: &'static Location<'static>,
    }
}

/// A notification, for another if this is dropped.
struct Received<'c> {
    line: &'c Line,
    notification: Notification,
}

impl<'c, G: Guard> Wait<'c, G> {
    pub(super) fn new(
        condition: &'c Condition,
        guard: G,
        what: What,
        place: &'static Location<'static>,
    ) -> Self {
        let line = &condition.line;
        Self {
            line,
            lock: guard.lock_again(place),
            guard: Some(guard),
            wait: wait_queue::Wait::new_at(line, Epoch::NOT_IN_LINE, what, place),
            received: None,
        }
    }
}

impl<G: Guard> Future for Wait<'_, G> {
    type Output = G;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.received.is_none() {
            let Poll::Ready(notification) = this.wait.poll(cx) else {
                // It stands in line now, so it misses nothing.
                drop(this.guard.take());
                return Poll::Pending;
            };
            *this.received = Some(Received {
                line: this.line,
                notification,
            });
        }
        // It was granted the notification, so it locks whatever its budget: see the module above.
        let guard = ready!(budget::unlimited(|| this.lock.poll(cx)));
        if let Some(received) = this.received.take() {
            received.has_served();
        }
        Poll::Ready(guard)
    }
}

impl<G: Guard> fmt::Debug for Wait<'_, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("wait", &self.wait)
            .field("lock", &self.lock)
            .finish_non_exhaustive()
    }
}

impl Received<'_> {
    /// Its receiver has the lock, so it is for nobody else.
    fn has_served(mut self) {
        self.notification = Notification::All;
    }
}

impl Drop for Received<'_> {
    fn drop(&mut self) {
        if self.notification == Notification::One {
            self.line.notify(1);
        }
    }
}

impl<'c, G: Guard, F> WaitWhile<'c, G, F> {
    pub(super) const fn new(
        condition: &'c Condition,
        guard: G,
        predicate: F,
        place: &'static Location<'static>,
    ) -> Self {
        Self {
            condition,
            predicate,
            guard: Some(guard),
            yielded_in: None,
            wait: None,
            place,
        }
    }
}

const WAIT_WHILE: What = &"Condition::wait_while";

impl<G, F> Future for WaitWhile<'_, G, F>
where
    G: Guard,
    F: FnMut(&mut G::Target) -> bool,
{
    type Output = G;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut is_paid = false;
        if this.guard.is_some() {
            is_paid = budget::try_spend();
            let poll = budget::this_poll();
            if !is_paid && this.yielded_in.is_none_or(|before| before == poll) {
                *this.yielded_in = Some(poll);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        loop {
            if let Some(wait) = this.wait.as_mut().as_pin_mut() {
                *this.guard = Some(ready!(wait.poll(cx)));
                this.wait.set(None);
            }
            let Some(mut guard) = this.guard.take() else {
                polled_after_ready(WAIT_WHILE, this.place);
            };
            if !(this.predicate)(&mut guard) {
                return Poll::Ready(guard);
            }
            if mem::take(&mut is_paid) {
                budget::refund();
            }
            let wait = Wait::new(this.condition, guard, WAIT_WHILE, this.place);
            this.wait.set(Some(wait));
        }
    }
}

impl<G: Guard, F> fmt::Debug for WaitWhile<'_, G, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitWhile")
            .field("wait", &self.wait)
            .field("place", &format_args!("{}", self.place))
            .finish_non_exhaustive()
    }
}
