//! From asynchronous code to a thread that may block: [`to_thread`].

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hob_core::{Blocking, Job, JobKind, budget, context};

use crate::error::BlockingError;
use crate::job_cell::{JobCell, Runner};
use crate::pool::Pool;
use crate::primitive::Global;

/// The future of [`to_thread`].
#[must_use = "dropping it cancels a job that has not started: `.await` it"]
pub struct ToThread<T> {
    cell: Arc<JobCell<T>>,
    /// Whether a poll has returned `Pending`.
    waited: bool,
}

/// Runs `f` on a thread that may block, and gives its result.
///
/// The job is queued at once, not at the first poll: on the threads of the runtime around, or
/// outside any runtime on those of a pool for the whole process. It runs in the surroundings of its
/// caller, so that it can spawn tasks and use timers.
///
/// # Cancel safety
///
/// Dropping the future before the job starts drops `f` unrun. A job that runs cannot be stopped: it
/// goes on, and its result is dropped when it ends; a panic then reaches the runtime's hook.
///
/// # Errors
///
/// [`BlockingError::Panicked`] if `f` panicked; [`BlockingError::Cancelled`] if it never ran because
/// the pool was shut down or no thread could be started.
///
/// # Examples
///
/// ```
/// # use hob_blocking::to_thread;
/// # futures_lite::future::block_on(async {
/// let sum = to_thread(|| (1..=100).sum::<u32>()).await?;
/// assert_eq!(sum, 5050);
/// # Ok::<(), hob_blocking::BlockingError>(())
/// # }).unwrap();
/// ```
///
/// # References
///
/// - asyncio's `to_thread`, <https://docs.python.org/3/library/asyncio-task.html#asyncio.to_thread>:
///   the name, and the caller's surroundings in the thread.
#[doc(alias = "spawn_blocking")]
#[doc(alias = "run_in_executor")]
#[doc(alias = "unblock")]
#[track_caller]
pub fn to_thread<F, T>(f: F) -> ToThread<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    to_thread_as(JobKind::Thread, f)
}

/// [`to_thread`], for a job of that kind: [`JobKind::Abandon`] if no shutdown should wait for it.
///
/// # Cancel safety
///
/// As [`to_thread`].
///
/// # Errors
///
/// As [`to_thread`].
///
/// # Examples
///
/// ```
/// # use hob_blocking::to_thread_as;
/// # use hob_core::JobKind;
/// # use std::net::ToSocketAddrs;
/// # futures_lite::future::block_on(async {
/// let look_up = || "127.0.0.1:80".to_socket_addrs().map(Iterator::count);
/// assert_eq!(to_thread_as(JobKind::Abandon, look_up).await??, 1);
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[track_caller]
pub fn to_thread_as<F, T>(kind: JobKind, f: F) -> ToThread<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let cell = JobCell::new(Box::new(f), context::env(), Location::caller());
    let runner = Runner::new(Arc::clone(&cell));
    let job: Job = Box::new(move || runner.run());
    let own = cell.env().and_then(|env| env.parts().blocking.as_deref());
    let queued = match own {
        Some(blocking) => blocking.run(job, kind),
        None => outside().run(job, kind),
    };
    // A job that comes back is dropped here, and tells its cell that it never ran.
    drop(queued);
    ToThread {
        cell,
        waited: false,
    }
}

/// The pool for jobs from outside any runtime. Its threads exit when idle; it is never shut down.
fn outside() -> &'static Pool {
    static OUTSIDE: Global<Pool> = Global::new();
    OUTSIDE.get_or_init(Pool::default)
}

impl<T> Future for ToThread<T> {
    type Output = Result<T, BlockingError>;

    /// # Panics
    ///
    /// If it is polled after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { cell, waited } = self.get_mut();
        if !*waited {
            ready!(budget::poll_proceed(cx));
        }
        let Poll::Ready(result) = cell.poll(cx) else {
            *waited = true;
            context::record_wait(&"to_thread", cell.place());
            return Poll::Pending;
        };
        if !*waited {
            budget::spend();
        }
        match result {
            Some(result) => Poll::Ready(result),
            None => panic!(
                "to_thread at {} was polled after it was ready",
                cell.place()
            ),
        }
    }
}

impl<T> Drop for ToThread<T> {
    fn drop(&mut self) {
        self.cell.abandon();
    }
}

impl<T> fmt::Debug for ToThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ToThread").field(&self.cell).finish()
    }
}
