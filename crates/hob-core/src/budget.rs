//! How much a task may do in one poll before others get their turn.
//!
//! A future that is always ready, such as a receive from a full channel, would keep its worker for
//! ever. So each poll of a task has a budget. A leaf future asks [`poll_proceed`] on its fast path,
//! and calls [`spend`] when it completed there. Once spent, the budget stays spent until the poll
//! ends; the task has been woken, so it runs again after those who wait.
//!
//! A waiter that was already granted what it waits for completes whatever the budget says: otherwise
//! it would hold a lock that it does not know of.
//!
//! # References
//!
//! - Tokio's cooperative budget, <https://docs.rs/tokio/latest/tokio/task/coop/index.html>.

use std::task::{Context, Poll};

use crate::context;

/// Completions that a poll may have before it is asked to yield.
pub const BUDGET_PER_POLL: u32 = 128;

/// The budget outside any task, which is never spent.
pub(crate) const UNLIMITED: u32 = u32::MAX;

/// Asks whether a fast path may go on: `Pending`, with the task woken, once the budget is spent.
///
/// Outside any task it is always `Ready`.
pub fn poll_proceed(cx: &Context<'_>) -> Poll<()> {
    let spent = context::with(|local| local.is_some_and(|local| local.budget() == 0));
    if spent {
        cx.waker().wake_by_ref();
        Poll::Pending
    } else {
        Poll::Ready(())
    }
}

/// Notes that an operation completed without waiting; does nothing outside a task.
pub fn spend() {
    context::with(|local| {
        if let Some(local) = local
            && local.budget() != UNLIMITED
        {
            local.set_budget(local.budget().saturating_sub(1));
        }
    });
}
