//! Waiting with a whole thread: what the `x_blocking` twins share.
//!
//! # Implementation
//!
//! The future is polled on the calling thread, which parks in between. The flag tells a wake from
//! other unparks of the thread, and keeps a wake that comes before the thread parks. A thread keeps its
//! parker from one wait to the next, so that waiting allocates nothing. A waker that somebody has kept
//! since an earlier wait only makes the thread look once more.

use std::cell::Cell;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use hob_core::{budget, context};

use crate::primitive::{AtomicBool, Ordering, Thread, current, park, per_thread};

struct Parker {
    thread: Thread,
    woken: AtomicBool,
}

/// A parker that is in use: the thread has it back afterwards.
struct InUse(Arc<Parker>);

per_thread! {
    /// The thread's parker, while it is not in use.
    static IDLE: Cell<Option<Arc<Parker>>> = const { Cell::new(None) };
}

/// Runs `future` to its end on this thread. Panics on a worker, which would stop the tasks that may
/// have to run first.
pub(crate) fn block_on<F: Future>(
    what: &'static str,
    place: &'static Location<'static>,
    future: F,
) -> F::Output {
    refuse_on_worker(what, place);
    let parker = InUse::take();
    let waker = Waker::from(Arc::clone(&parker.0));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = budget::unlimited(|| future.as_mut().poll(&mut cx)) {
            return output;
        }
        // Pairs with the Release swap in `wake_by_ref`.
        while !parker.0.woken.swap(false, Ordering::Acquire) {
            park();
        }
    }
}

impl InUse {
    fn take() -> Self {
        let idle = IDLE.with(Cell::take);
        Self(idle.unwrap_or_else(|| {
            Arc::new(Parker {
                thread: current(),
                woken: AtomicBool::new(false),
            })
        }))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        IDLE.with(|idle| idle.set(Some(Arc::clone(&self.0))));
    }
}

fn refuse_on_worker(what: &'static str, place: &'static Location<'static>) {
    if !context::on_worker() {
        return;
    }
    let label = context::task().and_then(|task| task.label());
    match label {
        Some(task) => panic!(
            "{what} at {place} would block a thread that runs tasks, in {task}: \
             use the form that is awaited, or a thread for blocking jobs"
        ),
        None => panic!(
            "{what} at {place} would block a thread that runs tasks: \
             use the form that is awaited, or a thread for blocking jobs"
        ),
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}
