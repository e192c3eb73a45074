//! The seam between a task that became runnable and the executor that will run it.

use std::fmt;

/// A task that is to be polled once.
#[doc(no_inline)]
pub use async_task::Runnable;

use crate::task::TaskCell;

/// Why a task was scheduled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Why {
    /// It was spawned, and will be polled for the first time.
    Spawned,
    /// Something that it waits for has happened.
    Woken,
    /// It was woken while it was being polled: as a rule because it yields.
    Yielded,
}

/// What takes runnable tasks: a pool, a local queue, a simulator, a `Vec` in a test.
///
/// # Contract
///
/// Implementations must
///
/// - take the task from any thread, without waiting for another thread to run something;
/// - never run it inside the call: a task that wakes itself would recurse;
/// - run every task that was taken, once, until their owner is shut down. The runtime sees to it
///   that every future is dropped before that.
pub trait Schedule: Send + Sync {
    /// Queues `task`.
    fn schedule(&self, task: Runnable<TaskCell>, why: Why);
}

/// A thin, `Copy` reference to a [`Schedule`], small enough for every task's header.
///
/// It is copied out of the header before the task is handed over, since whoever gets the task may
/// free the header while the call still runs.
#[derive(Clone, Copy)]
pub struct SchedulerRef(&'static &'static dyn Schedule);

impl SchedulerRef {
    /// Makes the reference, and leaks one fat pointer for it.
    ///
    /// Make one for each scheduler and keep it beside the scheduler: both are recycled together.
    #[must_use]
    pub fn leak(scheduler: &'static dyn Schedule) -> Self {
        Self(Box::leak(Box::new(scheduler)))
    }

    /// Queues `task` there.
    pub fn schedule(self, task: Runnable<TaskCell>, why: Why) {
        self.0.schedule(task, why);
    }
}

impl fmt::Debug for SchedulerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerRef").finish_non_exhaustive()
    }
}
