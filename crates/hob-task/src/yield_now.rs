//! Letting the others have their turn.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use hob_core::{budget, context};

/// Goes to the back of the line: every task that waits in the same queue runs before this one goes on.
///
/// On one thread that is every runnable task; on a pool it is those of this worker. The future of
/// `block_on` is no task, and lets those run that wait on its thread: all of a one-thread runtime, and on a
/// pool what it has spawned itself and nobody has taken over.
///
/// # Cancel safety
///
/// Cancel safe: there is nothing to lose.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// hob_task::yield_now().await;
/// # });
/// ```
#[track_caller]
#[doc(alias = "sleep(0)")]
pub fn yield_now() -> YieldNow {
    YieldNow {
        yielded: false,
        place: Location::caller(),
    }
}

/// Whether the task has had its share of this poll: then a loop of its own, such as that of an executor
/// within the task, does well to [yield](yield_now).
///
/// hob's own operations ask by themselves. It stays `true` until the poll ends. Outside any task it is
/// always `false`, and a request to end does not change it.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// let mut jobs = vec![1, 2, 3];
/// while let Some(job) = jobs.pop() {
///     assert!(job > 0);
///     if hob_task::should_yield() {
///         hob_task::yield_now().await;
///     }
/// }
/// assert!(!hob_task::should_yield(), "this is no task");
/// # });
/// ```
#[must_use]
#[doc(alias("has_budget_remaining", "coop"))]
pub fn should_yield() -> bool {
    budget::is_spent()
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct YieldNow {
    yielded: bool,
    place: &'static Location<'static>,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        context::record_wait(&"yield_now", self.place);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
