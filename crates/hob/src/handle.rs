//! A way into a runtime from anywhere.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use hob_core::Env;
use hob_core::context::{self, Local, Role};
use hob_task::{SpawnError, Task, TaskTree};

use crate::fork;

/// A reference to a runtime: it spawns from any thread and keeps nothing running.
///
/// After the runtime has ended a handle is harmless: [`spawn`](Self::spawn) gives a task that is
/// already cancelled, [`try_spawn`](Self::try_spawn) gives the future back. It is as harmless in a
/// process that was forked from the runtime's; there the reason says so.
///
/// # Examples
///
/// ```
/// let doubled = hob::run(async {
///     let handle = hob::Handle::current();
///     hob::to_thread(move || handle.spawn(async { 21 * 2 }))
///         .await
///         .expect("the job does not panic")
///         .await
/// });
/// assert_eq!(doubled.expect("the task does not panic"), 42);
/// ```
#[derive(Clone)]
pub struct Handle {
    env: Arc<Env>,
}

/// This thread is in no runtime.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NoRuntime;

impl Handle {
    pub(crate) const fn new(env: Arc<Env>) -> Self {
        Self { env }
    }

    /// The runtime that this thread is in.
    ///
    /// # Panics
    ///
    /// Outside any runtime; [`try_current`](Self::try_current) says so instead.
    #[must_use]
    #[track_caller]
    #[doc(alias = "get_running_loop")]
    pub fn current() -> Self {
        Self::try_current().expect("`Handle::current` needs a runtime: call it inside `hob::run`")
    }

    /// The runtime that this thread is in, if any.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`] outside any runtime.
    pub fn try_current() -> Result<Self, NoRuntime> {
        context::env().map(Self::new).ok_or(NoRuntime)
    }

    /// Starts a task there; see [`hob::spawn`](crate::spawn).
    #[track_caller]
    #[doc(alias("run_coroutine_threadsafe", "call_soon_threadsafe"))]
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        hob_task::Builder::new().spawn_on(&self.env, future)
    }

    /// Starts a task there, or gives the future back.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] once the runtime takes no more tasks.
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<Task<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        hob_task::Builder::new().try_spawn_on(&self.env, future)
    }

    /// Runs `inside` with this thread in the runtime: `hob::spawn`, timers and sockets that `inside`
    /// uses are the runtime's.
    ///
    /// # Panics
    ///
    /// In a process that was forked from the runtime's.
    #[track_caller]
    pub fn enter<R>(&self, inside: impl FnOnce() -> R) -> R {
        fork::refuse(&self.env);
        // Where this thread is in that very runtime already, its task and its role stay known.
        let there =
            context::with(|local| local.is_some_and(|local| local.env().id() == self.env.id()));
        if there {
            inside()
        } else {
            context::enter(&Local::new(&self.env, Role::Guest), inside)
        }
    }

    /// The tasks that are alive there, each below the task that spawned it.
    ///
    /// Printed, it is a dump that says of each task what it waits for, and where.
    ///
    /// # Examples
    ///
    /// ```
    /// hob::run_local(async {
    ///     let task = hob::spawn(std::future::pending::<()>());
    ///     let tree = hob::Handle::current().tasks();
    ///     assert_eq!(tree.len(), 1);
    ///     assert!(tree.to_string().contains("not polled yet"));
    ///     task.cancel("it never ends");
    /// });
    /// ```
    #[must_use]
    #[doc(alias("all_tasks", "pstree", "print_call_graph"))]
    pub fn tasks(&self) -> TaskTree {
        TaskTree::new(hob_task::tasks_of(&self.env))
    }

    /// Ends a `run_forever` there: the one that runs, or the next. A forked process stops nobody.
    pub fn stop(&self) {
        if self.env.inherited().is_none()
            && let Some(stop) = &self.env.parts().stop
        {
            stop();
        }
    }

    /// The runtime's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.env.parts().name
    }

    /// Returns `true` once the runtime takes no more tasks.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.env.is_closed()
    }
}

impl std::error::Error for NoRuntime {}

impl fmt::Display for NoRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this thread is in no hob runtime")
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("runtime", &self.env.parts().name)
            .field("tasks_alive", &self.env.tasks_alive())
            .field("closed", &self.env.is_closed())
            .finish()
    }
}
