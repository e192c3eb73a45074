//! How far the wait of an end that stands in no line is, and whether its next poll needs a budget.
//!
//! # Implementation
//!
//! It is the rule of [`Wait`](crate::wait_queue::Wait), for the receiver of an `mpsc` and the ends of a
//! `oneshot`, which leave a waker where the other end finds it.

use std::task::{Context, Poll};

use hob_core::budget;

/// What the last poll of an end came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pace {
    /// It was ready, or there was none, or its wait was given up.
    Idle,
    /// It could have been served in that poll of its task, and yielded for want of a budget. In the next
    /// one it takes what is there, though others in the task may have used the budget up again.
    Yielded { poll: u32 },
    /// Its waker was filed.
    Waits,
}

impl Pace {
    /// Whether the next poll takes what is there whatever the budget.
    #[inline]
    pub(crate) fn is_due(self) -> bool {
        match self {
            Self::Idle => false,
            Self::Yielded { poll } => poll != budget::this_poll(),
            Self::Waits => true,
        }
    }

    /// Yields, with the task woken: what could be taken now is to be taken in its next poll.
    #[cold]
    pub(crate) fn yields<R>(&mut self, cx: &Context<'_>) -> Poll<R> {
        let poll = budget::this_poll();
        *self = Self::Yielded { poll };
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
