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
/// - take the task from any thread, without waiting for another thread to run something: from a
///   worker of another runtime, a blocking job, a poll, a thread that is about to end;
/// - never run it inside the call: a task that wakes itself would recurse; and never drop it there: its
///   destructors would run wherever a waker is called, under whatever lock is held;
/// - run every task that was taken, once, until their owner is shut down. None waits for ever behind
///   others that are scheduled again and again. The runtime sees to it that every future is dropped
///   before the shutdown;
/// - run it inside the [context](crate::context) of its runtime, as a
///   [worker](crate::context::Role::Worker), with no lock held that `schedule` takes; and where the
///   surroundings name a [home](crate::env::Parts::home), on that thread only;
/// - take [`Why`] for a hint: it may be wrong;
/// - bear the calls that come late, while their owner is shut down and for ever after. Such a task is
///   never run, neither by its owner nor by whoever uses the same [`SchedulerRef`] next. It may be kept
///   for ever, which is always right. It may be dropped, and its future with it, later, not in the
///   call, and only where that may be: for a runtime with a home, on that thread.
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
    #[inline]
    pub fn schedule(self, task: Runnable<TaskCell>, why: Why) {
        self.0.schedule(task, why);
    }
}

impl fmt::Debug for SchedulerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerRef").finish_non_exhaustive()
    }
}
