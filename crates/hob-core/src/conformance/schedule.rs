//! The suite of [`Schedule`](crate::Schedule).
//!
//! # Implementation
//!
//! Each check takes a fresh owner and brings tasks of its own, made as `hob-task` makes them: a header
//! of two words and a schedule function without size. Each of its tasks looks, at every poll, whether
//! it is run where it may be; what it finds is noted and not thrown, since a panic would end whoever
//! runs it. That a task is run twice for one call is left to the type of
//! [`Runnable`](crate::Runnable), which cannot be used twice.
//!
//! Nothing is measured and nobody sleeps. The clock is only asked how long the suite has waited for
//! something that did not come: see [`ScheduleRig::patience`].

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::env::Env;

use self::bench::Bench;
use self::ends::{
    two_owners_do_not_mix, what_comes_late_is_never_run,
    what_comes_while_the_owner_ends_harms_nobody,
};
use self::places::{
    a_call_does_not_wait_for_a_busy_owner, a_poll_may_schedule, a_thread_that_ends_may_schedule,
    any_thread_ends_the_sleep_of_the_owner, any_thread_may_schedule, the_main_future_may_schedule,
    what_was_scheduled_before_the_owner_runs_is_run,
};
use self::wakes::{
    a_cancelled_task_is_taken_like_any_other, a_task_that_wakes_itself_does_not_recurse,
    a_task_that_yields_for_ever_starves_nobody, a_wake_before_the_poll_returns_is_not_lost,
    no_wake_of_many_threads_is_lost, the_reason_is_a_hint,
};

mod bench;
mod crew;
mod ends;
mod places;
mod wakes;

/// An owner of tasks that is put to the test: a pool, the executor of one thread, a simulator, a
/// queue that the test works off by itself.
///
/// The suite makes, uses and finishes it on one thread.
///
/// # Examples
///
/// A queue, and whoever works it off on the thread of the test:
///
/// ```
/// use std::collections::VecDeque;
/// use std::pin::Pin;
/// use std::sync::{Arc, Mutex};
/// use std::task::{Context, Wake};
/// use std::thread::{self, Thread};
///
/// use hob_core::conformance::{self, ScheduleRig};
/// use hob_core::context::{self, Local, Role};
/// use hob_core::{Env, Runnable, Schedule, SchedulerRef, TaskCell, Why, env::Parts};
///
/// struct Queue(Mutex<VecDeque<Runnable<TaskCell>>>, Thread);
///
/// impl Schedule for Queue {
///     fn schedule(&self, task: Runnable<TaskCell>, _why: Why) {
///         self.0.lock().unwrap().push_back(task);
///         self.1.unpark();
///     }
/// }
///
/// struct Awake(Thread);
///
/// impl Wake for Awake {
///     fn wake(self: Arc<Self>) {
///         self.0.unpark();
///     }
/// }
///
/// struct Rig(&'static Queue, Arc<Env>);
///
/// impl ScheduleRig for Rig {
///     fn env(&self) -> &Arc<Env> {
///         &self.1
///     }
///
///     fn block_on(&self, mut main: Pin<&mut dyn Future<Output = ()>>) {
///         let waker = Arc::new(Awake(thread::current())).into();
///         let pop = || self.0.0.lock().unwrap().pop_front();
///         context::enter(&Local::new(&self.1, Role::Worker), || {
///             while main.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
///                 match pop() {
///                     Some(task) => drop(task.run()),
///                     None => thread::park(),
///                 }
///             }
///         });
///     }
///
///     fn finish(self: Box<Self>) {}
/// }
///
/// conformance::schedule(|| {
///     let queue: &Queue = Box::leak(Box::new(Queue(Mutex::default(), thread::current())));
///     let env = Env::new(Parts {
///         scheduler: Some(SchedulerRef::leak(queue)),
///         home: Some(thread::current().id()),
///         ..Parts::default()
///     });
///     Box::new(Rig(queue, Arc::new(env)))
/// });
/// ```
pub trait ScheduleRig {
    /// The surroundings of its tasks. The scheduler is the one in their
    /// [`Parts`](crate::env::Parts).
    fn env(&self) -> &Arc<Env>;

    /// Runs tasks, on this thread or on others, until `main` is ready. This thread polls `main`, at
    /// first and whenever it was woken, and not from inside a task.
    fn block_on(&self, main: Pin<&mut dyn Future<Output = ()>>);

    /// Shuts the owner down, although tasks may be alive. Nobody runs a task once this has returned.
    fn finish(self: Box<Self>);

    /// How long the suite waits for what must come, before it says that it was lost.
    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// Checks every sentence of the contract of [`Schedule`](crate::Schedule).
///
/// `make` makes an owner that nobody else uses; up to four are there at the same time.
///
/// # Panics
///
/// With the sentence that does not hold. An owner that calls a task under its own lock hangs it.
pub fn schedule(make: impl Fn() -> Box<dyn ScheduleRig>) {
    what_was_scheduled_before_the_owner_runs_is_run(Bench::new(&make));
    any_thread_may_schedule(Bench::new(&make));
    any_thread_ends_the_sleep_of_the_owner(Bench::new(&make));
    a_thread_that_ends_may_schedule(Bench::new(&make));
    a_poll_may_schedule(Bench::new(&make));
    the_main_future_may_schedule(Bench::new(&make));
    a_call_does_not_wait_for_a_busy_owner(Bench::new(&make));
    a_task_that_wakes_itself_does_not_recurse(Bench::new(&make));
    a_wake_before_the_poll_returns_is_not_lost(Bench::new(&make));
    no_wake_of_many_threads_is_lost(Bench::new(&make));
    the_reason_is_a_hint(Bench::new(&make));
    a_cancelled_task_is_taken_like_any_other(Bench::new(&make));
    a_task_that_yields_for_ever_starves_nobody(Bench::new(&make));
    two_owners_do_not_mix(Bench::new(&make), Bench::new(&make));
    what_comes_late_is_never_run(Bench::new(&make), || Bench::new(&make));
    what_comes_while_the_owner_ends_harms_nobody(Bench::new(&make), || Bench::new(&make));
}
