//! How a future becomes a task.
//!
//! # Implementation
//!
//! The schedule function that async-task is given has no size: a captured scheduler would cost every
//! wake a reference count. It reads the [`SchedulerRef`] from the task's header and copies it out,
//! because whoever gets the task may free the header before the call returns.
//!
//! A new task is made known in this order: moved into a slot, counted in the census, scheduled. The
//! runtime's own reference to it comes later, when it first suspends; see `task_future.rs`. A runtime that is being
//! emptied sets a flag and then walks the slots; a spawn fills the slot, and then reads the flag in the
//! same step in which it is counted. Either the walk finds the slot, or the spawn the flag: then the
//! task is cancelled at birth.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use async_task::{FallibleTask, Runnable, ScheduleInfo, WithInfo};
use hob_core::context::Local;
use hob_core::env::Admission;
use hob_core::fork::Inherited;
use hob_core::panic::{self, contain_drop};
use hob_core::task::{Cleanup, Occupant, Request};
use hob_core::unhandled::{Unhandled, UnhandledKind};
use hob_core::{
    CancelReason, Env, SchedulerRef, TaskCell, TaskId, TaskLabel, TaskSlot, Why, context,
};

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
/// A task is one allocation; one whose future takes 2 KiB or more is two.
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
        let task = context::with(|local| local.map(|local| self.spawn_on(local.env(), future)));
        match task {
            Some(task) => task,
            None => no_runtime("hob::spawn"),
        }
    }

    /// As [`spawn`], on a given runtime and from any thread.
    pub fn spawn_on<F>(self, env: &Arc<Env>, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let newcomer = Newcomer::new(self);
        match start(env, newcomer, future) {
            Ok(task) => task,
            Err((refused, newcomer)) => cancelled(env, refused, newcomer),
        }
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
        context::with(|local| match local {
            Some(local) => self.try_spawn_on(local.env(), future),
            None => Err(SpawnError {
                future,
                cause: Cause::NoRuntime,
            }),
        })
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
        start(env, Newcomer::new(self), future).map_err(|(refused, _newcomer)| refused)
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
        match context::with(|local| local.map(Local::is_home)) {
            Some(true) => {}
            Some(false) => panic!(
                "hob::spawn_local needs the one thread of a one-thread runtime: use it inside \
                 `hob::run_local(...)`, or `hob::spawn` with a future that is `Send`"
            ),
            None => no_runtime("hob::spawn_local"),
        }
        context::with(|local| {
            let env = local.expect("it was there a moment ago").env();
            match start_local(env, Newcomer::new(self), future) {
                Ok(task) => task,
                Err((refused, newcomer)) => cancelled(env, refused, newcomer),
            }
        })
    }
}

impl Default for Builder {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

/// A task that is about to be started.
struct Newcomer {
    label: TaskLabel,
    parent: Option<TaskId>,
}

impl Newcomer {
    fn new(builder: Builder) -> Self {
        let parent = context::task().and_then(TaskSlot::id);
        Self {
            label: TaskLabel::child(parent, builder.name, builder.place),
            parent,
        }
    }
}

/// A task that was not started.
type Refused<F> = (SpawnError<F>, Newcomer);

fn start<F>(env: &Arc<Env>, newcomer: Newcomer, future: F) -> Result<Task<F::Output>, Refused<F>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (resident, future) = settle(env, newcomer, future)?;
    let (runnable, task) = async_task::Builder::new()
        .metadata(resident.cell)
        .spawn(move |_| future, WithInfo(schedule));
    Ok(resident.launch(runnable, task.fallible()))
}

fn start_local<F>(
    env: &Arc<Env>,
    newcomer: Newcomer,
    future: F,
) -> Result<Task<F::Output>, Refused<F>>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let (resident, future) = settle(env, newcomer, future)?;
    let (runnable, task) = async_task::Builder::new()
        .metadata(resident.cell)
        .spawn_local(move |_| future, WithInfo(schedule));
    Ok(resident.launch(runnable, task.fallible()))
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
    let newcomer = Newcomer::new(Builder {
        name: Some("cleanup".into()),
        place,
    });
    let (resident, future) = match settle(env, newcomer, std::future::ready(())) {
        Ok(settled) => settled,
        Err((SpawnError { cause, .. }, _newcomer)) => {
            return Err(SpawnError {
                future: cleanup,
                cause,
            });
        }
    };
    if resident.cell.slot.push_cleanup(cleanup).is_err() {
        unreachable!("nobody has closed a slot that was just occupied");
    }
    let (runnable, task) = async_task::Builder::new()
        .metadata(resident.cell)
        .spawn(move |_| future, WithInfo(schedule));
    Ok(resident.launch(runnable, task.fallible()))
}

/// A task that has its slot and was counted in.
struct Resident {
    label: TaskLabel,
    cell: TaskCell,
}

/// Moves the task into a slot, counts it in, and puts the future behind its wall.
#[inline]
fn settle<F: Future>(
    env: &Arc<Env>,
    newcomer: Newcomer,
    future: F,
) -> Result<(Resident, TaskFuture<F>), Refused<F>> {
    // First: in a forked process a lock may be held by a thread that is not there.
    if let Some(inherited) = env.inherited() {
        let cause = Cause::Inherited(inherited);
        return Err((SpawnError { future, cause }, newcomer));
    }
    let Some(scheduler) = env.parts().scheduler else {
        let cause = Cause::NoRuntime;
        return Err((SpawnError { future, cause }, newcomer));
    };
    env.list();
    let Newcomer { label, parent } = newcomer;
    let slot = registry::take();
    slot.occupy(Occupant {
        label: label.clone(),
        parent,
        env: env.id(),
    });
    match env.admit() {
        Ok(Admission::Open) => {}
        Ok(Admission::Draining) => {
            slot.request(label.id, Request::Cancel, CancelReason::Shutdown);
        }
        Err(_closed) => {
            // Nothing refers to it yet, and nobody has asked it to keep a waker.
            let _none = slot.future_gone(false);
            drop(slot.vacate());
            registry::give_back(slot);
            let cause = env.inherited().map_or(Cause::Closed, Cause::Inherited);
            return Err((SpawnError { future, cause }, Newcomer { label, parent }));
        }
    }
    let cell = TaskCell { scheduler, slot };
    Ok((Resident { label, cell }, TaskFuture::new(future, slot)))
}

impl Resident {
    /// Schedules the task.
    fn launch<T>(
        self,
        runnable: Runnable<TaskCell>,
        task: FallibleTask<Outcome<T>, TaskCell>,
    ) -> Task<T> {
        let TaskCell { scheduler, slot } = self.cell;
        let task = Task::new(self.label, slot, task);
        scheduler.schedule(runnable, Why::Spawned);
        task
    }
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

/// The handle of a task that was refused.
#[cold]
fn cancelled<F: Future>(env: &Env, refused: SpawnError<F>, newcomer: Newcomer) -> Task<F::Output> {
    let label = newcomer.label;
    if let Err(payload) = contain_drop(refused.future) {
        env.report(&Unhandled::new(
            UnhandledKind::DropPanicked,
            Some(&label),
            panic::message(&payload),
        ));
        panic::discard(payload);
    }
    Task::cancelled(label, refused.cause.reason())
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
