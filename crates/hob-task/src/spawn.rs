//! How a future becomes a task.
//!
//! # Implementation
//!
//! The schedule function that async-task is given has no size: a captured scheduler would cost every
//! wake a reference count. It reads the [`SchedulerRef`] from the task's header and copies it out,
//! because whoever gets the task may free the header before the call returns.
//!
//! A new task is made known in this order: counted in the census, moved into a slot, given the
//! runtime's reference, scheduled. A runtime that is being emptied sets a flag and then walks the
//! slots; a spawn fills the slot and then looks at the flag. Both touch the slot under its lock, so
//! one of the two sees the other and the task is cancelled.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use async_task::{FallibleTask, Runnable, ScheduleInfo, WithInfo};
use hob_core::fork::Inherited;
use hob_core::panic::{self, contain_drop};
use hob_core::task::{Cleanup, Occupant, Request};
use hob_core::unhandled::{Unhandled, UnhandledKind};
use hob_core::{CancelReason, Env, SchedulerRef, TaskCell, TaskLabel, TaskSlot, Why, context};

use crate::outcome::Outcome;
use crate::registry;
use crate::task::Task;
use crate::task_future::TaskFuture;

/// Starts a task on the runtime that this thread is in.
///
/// The task runs at once and by itself; the handle awaits its output. Dropping the handle detaches
/// the task: it goes on, and the runtime keeps owning it. On a runtime that is shutting down the
/// returned task is already cancelled, for the reason [`CancelReason::Shutdown`].
///
/// # Panics
///
/// Outside any runtime. [`try_spawn`] gives the future back instead.
///
/// # Examples
///
/// ```
/// async fn answer() -> u32 {
///     let task = hob_task::spawn(async { 42 });
///     task.await.expect("it neither panics nor is cancelled")
/// }
/// # drop(answer());
/// ```
#[track_caller]
#[doc(alias("create_task", "ensure_future", "go"))]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Builder::new().spawn(future)
}

/// Starts a task on the runtime that this thread is in, or gives the future back.
///
/// # Errors
///
/// [`SpawnError`], which holds the future, if the thread is in no runtime or the runtime takes no
/// more tasks.
#[track_caller]
pub fn try_spawn<F>(future: F) -> Result<Task<F::Output>, SpawnError<F>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Builder::new().try_spawn(future)
}

/// Starts a task that need not be `Send`, on a runtime of one thread and from that thread.
///
/// # Panics
///
/// Anywhere else: outside any runtime, on a pool, on another thread.
#[track_caller]
pub fn spawn_local<F>(future: F) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    Builder::new().spawn_local(future)
}

/// What a task is given before it starts.
///
/// # Examples
///
/// ```
/// # async fn example() {
/// let task = hob_task::Builder::new().name("fetch").spawn(async { 1 });
/// assert_eq!(task.name(), Some("fetch"));
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder {
    name: Option<Box<str>>,
    place: &'static Location<'static>,
}

/// A task could not be started; the future is given back.
pub struct SpawnError<F> {
    /// The future that was not spawned.
    pub future: F,
    cause: Cause,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cause {
    NoRuntime,
    Closed,
    /// The runtime is another process's.
    Inherited(Inherited),
}

impl Builder {
    /// Starts with no name, and the caller's line as the place where the task is spawned.
    #[track_caller]
    pub fn new() -> Self {
        Self {
            name: None,
            place: Location::caller(),
        }
    }

    /// Names the task, for messages and dumps.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// As [`spawn`].
    ///
    /// # Panics
    ///
    /// Outside any runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let label = self.label();
        match context::env() {
            Some(env) => or_cancelled(&env, start(&env, label.clone(), future), label),
            None => no_runtime("hob::spawn"),
        }
    }

    /// As [`spawn`], on a given runtime and from any thread.
    pub fn spawn_on<F>(self, env: &Arc<Env>, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let label = self.label();
        or_cancelled(env, start(env, label.clone(), future), label)
    }

    /// As [`try_spawn`].
    ///
    /// # Errors
    ///
    /// As [`try_spawn`].
    pub fn try_spawn<F>(self, future: F) -> Result<Task<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match context::env() {
            Some(env) => start(&env, self.label(), future),
            None => Err(SpawnError {
                future,
                cause: Cause::NoRuntime,
            }),
        }
    }

    /// As [`try_spawn`], on a given runtime and from any thread.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] if the runtime takes no more tasks.
    pub fn try_spawn_on<F>(
        self,
        env: &Arc<Env>,
        future: F,
    ) -> Result<Task<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        start(env, self.label(), future)
    }

    /// As [`spawn_local`].
    ///
    /// # Panics
    ///
    /// As [`spawn_local`].
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let label = self.label();
        let Some(env) = context::env() else {
            no_runtime("hob::spawn_local");
        };
        assert!(
            env.is_home(),
            "hob::spawn_local needs the one thread of a one-thread runtime: use it inside \
             `hob::run_local(...)`, or `hob::spawn` with a future that is `Send`"
        );
        or_cancelled(&env, start_local(&env, label.clone(), future), label)
    }

    fn label(self) -> TaskLabel {
        TaskLabel::new(self.name, self.place)
    }
}

impl Default for Builder {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

fn start<F>(env: &Arc<Env>, label: TaskLabel, future: F) -> Result<Task<F::Output>, SpawnError<F>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let future = enroll(env, future)?;
    let (cell, future) = settle(env, &label, future)?;
    let (runnable, task) = async_task::Builder::new()
        .metadata(cell)
        .spawn(move |_| future, WithInfo(schedule));
    Ok(launch(env, label, runnable, task.fallible()))
}

fn start_local<F>(
    env: &Arc<Env>,
    label: TaskLabel,
    future: F,
) -> Result<Task<F::Output>, SpawnError<F>>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let future = enroll(env, future)?;
    let (cell, future) = settle(env, &label, future)?;
    let (runnable, task) = async_task::Builder::new()
        .metadata(cell)
        .spawn_local(move |_| future, WithInfo(schedule));
    Ok(launch(env, label, runnable, task.fallible()))
}

/// Starts a task that has nothing to do but `cleanup`.
///
/// The cleanup is in the slot before the task is scheduled, so that a request to end, however early,
/// finds it there and lets it run. A runtime that takes no more tasks drops it.
pub(crate) fn start_cleanup(
    env: &Arc<Env>,
    place: &'static Location<'static>,
    cleanup: Cleanup,
) -> Result<Task<()>, SpawnError<Cleanup>> {
    let label = TaskLabel::new(Some("cleanup".into()), place);
    let cleanup = enroll(env, cleanup)?;
    let (cell, future) = match settle(env, &label, std::future::ready(())) {
        Ok(settled) => settled,
        Err(SpawnError { cause, .. }) => {
            return Err(SpawnError {
                future: cleanup,
                cause,
            });
        }
    };
    if cell.slot.push_cleanup(cleanup).is_err() {
        unreachable!("nobody has closed a slot that was just occupied");
    }
    let (runnable, task) = async_task::Builder::new()
        .metadata(cell)
        .spawn(move |_| future, WithInfo(schedule));
    Ok(launch(env, label, runnable, task.fallible()))
}

/// Counts the task in.
fn enroll<F>(env: &Arc<Env>, future: F) -> Result<F, SpawnError<F>> {
    match env.enroll() {
        Ok(()) => Ok(future),
        Err(_closed) => Err(SpawnError {
            future,
            cause: env.inherited().map_or(Cause::Closed, Cause::Inherited),
        }),
    }
}

/// Moves the task into a slot, and the future behind its wall.
fn settle<F: Future>(
    env: &Arc<Env>,
    label: &TaskLabel,
    future: F,
) -> Result<(TaskCell, TaskFuture<F>), SpawnError<F>> {
    let Some(scheduler) = env.parts().scheduler else {
        env.discharge();
        return Err(SpawnError {
            future,
            cause: Cause::NoRuntime,
        });
    };
    let slot = registry::take();
    slot.occupy(Occupant {
        label: label.clone(),
        parent: context::task().and_then(TaskSlot::id),
        env: env.id(),
    });
    let cell = TaskCell { scheduler, slot };
    Ok((cell, TaskFuture::new(future, slot, Arc::clone(env))))
}

/// Keeps the task alive, cancels it if its runtime is being emptied, and schedules it.
fn launch<T>(
    env: &Env,
    label: TaskLabel,
    runnable: Runnable<TaskCell>,
    task: FallibleTask<Outcome<T>, TaskCell>,
) -> Task<T> {
    let TaskCell { scheduler, slot } = *runnable.metadata();
    slot.keep_alive(runnable.waker());
    if env.is_draining() {
        slot.request(label.id, Request::Cancel, CancelReason::Shutdown);
    }
    let task = Task::new(label, slot, task);
    scheduler.schedule(runnable, Why::Spawned);
    task
}

/// What async-task calls when a task was woken. It has no size.
fn schedule(task: Runnable<TaskCell>, info: ScheduleInfo) {
    let scheduler: SchedulerRef = task.metadata().scheduler;
    let why = if info.woken_while_running {
        Why::Yielded
    } else {
        Why::Woken
    };
    scheduler.schedule(task, why);
}

fn or_cancelled<F: Future>(
    env: &Env,
    started: Result<Task<F::Output>, SpawnError<F>>,
    label: TaskLabel,
) -> Task<F::Output> {
    started.unwrap_or_else(|refused| {
        if let Err(payload) = contain_drop(refused.future) {
            env.report(&Unhandled::new(
                UnhandledKind::DropPanicked,
                Some(&label),
                panic::message(&payload),
            ));
            panic::discard(payload);
        }
        Task::cancelled(label, refused.cause.reason())
    })
}

#[track_caller]
fn no_runtime(what: &str) -> ! {
    panic!(
        "{what} needs a runtime: call it inside `hob::run(...)`, `hob::run_local(...)` or \
         `Runtime::block_on(...)`, or spawn through a `Handle`"
    )
}

impl Cause {
    /// Why a task that could not be started is cancelled.
    fn reason(self) -> CancelReason {
        match self {
            Self::Inherited(inherited) => format!("of its runtime: {inherited}").into(),
            Self::NoRuntime | Self::Closed => CancelReason::Shutdown,
        }
    }
}

impl<F> std::error::Error for SpawnError<F> {}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Cause::NoRuntime => f.write_str("this thread is in no runtime that takes tasks"),
            Cause::Closed => f.write_str("the runtime has shut down and takes no more tasks"),
            Cause::Inherited(inherited) => write!(f, "the runtime takes no task here: {inherited}"),
        }
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnError")
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}
