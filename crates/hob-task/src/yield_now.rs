//! Letting the others have their turn.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Goes to the back of the line: every task that is runnable now runs before this one goes on.
///
/// On a pool that holds for the tasks in this worker's queue; elsewhere it is a promise about all.
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
#[doc(alias = "sleep(0)")]
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
