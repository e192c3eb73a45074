//! The runtime of several threads.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hob_core::{Env, context};
use hob_executor::Executor;
use hob_task::Task;

use crate::builder::Builder;
use crate::fork;
use crate::handle::Handle;
use crate::report::ShutdownReport;
use crate::stop::Stop;
use crate::teardown::Engines;

#[doc(inline)]
pub use hob_blocking::PoolStatistics as BlockingStatistics;
#[doc(inline)]
pub use hob_executor::{ExecutorStatistics, WorkerStatistics};

/// A pool of workers with its poller, timers and threads for blocking jobs.
///
/// Tasks run from the moment they are spawned, also while nobody is in
/// [`block_on`](Self::block_on). Several runtimes may live in one process.
///
/// # Dropping
///
/// Dropping a runtime shuts it down: every task is cancelled, cleanups run, and all threads end. On a
/// plain thread the drop waits for that, up to the shutdown time. On a thread of any hob runtime,
/// inside a task, a blocking job or a `block_on`, waiting could be waiting for itself: there the
/// shutdown goes on in a thread of its own, and the drop returns at once.
///
/// # Forking
///
/// A runtime is its process's. In a child that was forked, and has called no `exec`, waiting for it is a
/// panic that names both processes; a task that is spawned there is cancelled for that reason; and
/// dropping it reports that, leaves everything to the parent, and does not wait. A new runtime can be
/// made there.
///
/// # Examples
///
/// ```
/// let runtime = hob::Runtime::new()?;
/// let task = runtime.spawn(async { 6 * 7 });
/// let answer = runtime.block_on(task);
/// assert_eq!(answer.expect("the task does not panic"), 42);
/// # std::io::Result::Ok(())
/// ```
pub struct Runtime {
    env: Arc<Env>,
    stop: Arc<Stop>,
    shutdown_time: Duration,
    /// `None` once a shutdown has taken it.
    running: Option<Running>,
}

/// What a shutdown takes apart.
struct Running {
    executor: Executor,
    engines: Engines,
}

/// A snapshot of a [`Runtime`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuntimeStatistics {
    /// Tasks that are alive.
    pub tasks_alive: usize,
    /// What the workers do.
    pub executor: ExecutorStatistics,
    /// What the threads for blocking jobs do.
    pub blocking: BlockingStatistics,
    /// Timers that are armed; 0 where they are not hob's own, see [`Builder::timers`].
    pub timers_armed: usize,
}

impl Runtime {
    pub(crate) const fn assemble(
        executor: Executor,
        env: Arc<Env>,
        engines: Engines,
        stop: Arc<Stop>,
        shutdown_time: Duration,
    ) -> Self {
        Self {
            env,
            stop,
            shutdown_time,
            running: Some(Running { executor, engines }),
        }
    }

    /// Makes a runtime with the [builder](Self::builder)'s defaults.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// Sets up a runtime.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn start(&self) -> io::Result<()> {
        self.running().executor.start(&self.env)
    }

    /// Runs `future` on this thread, inside the runtime, until it is ready.
    ///
    /// It need be neither `Send` nor `'static`. Tasks that are left when it is ready go on.
    ///
    /// While a worker sleeps this thread may run tasks in its place: what the future spawns and wakes,
    /// while it waits itself. The future has its turn among them. So one that blocks the thread, which
    /// none should, may keep the future waiting; all others are taken over by the workers.
    ///
    /// # Panics
    ///
    /// In a task of this very runtime, which would wait for itself. A panic of `future` passes
    /// through. And in a process that was forked from the one that made the runtime.
    #[track_caller]
    #[doc(alias = "run_until_complete")]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        fork::refuse(&self.env);
        self.running().executor.block_on(&self.env, future)
    }

    /// Blocks this thread until [`Handle::stop`] is called; one that came before counts.
    #[track_caller]
    pub fn run_forever(&self) {
        self.block_on(self.stop.taken_down());
    }

    /// Starts a task; see [`hob::spawn`](crate::spawn).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        hob_task::Builder::new().spawn_on(&self.env, future)
    }

    /// A way into the runtime from anywhere.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.env))
    }

    /// What the runtime has done and does.
    #[must_use]
    pub fn statistics(&self) -> RuntimeStatistics {
        let Running { executor, engines } = self.running();
        RuntimeStatistics {
            tasks_alive: self.env.tasks_alive(),
            executor: executor.statistics(),
            blocking: engines.blocking.statistics(),
            timers_armed: engines.queues.timers_armed(),
        }
    }

    /// Shuts the runtime down and waits for that, at the most for `time`.
    ///
    /// What had not ended by then is returned, and reported to the hook for what goes unhandled. In a
    /// task or a blocking job of this very runtime that task or job is among it.
    pub fn shutdown_timeout(mut self, time: Duration) -> ShutdownReport {
        match self.take_running() {
            Ok(Some(running)) => running.shut_down(&self.env, time),
            Ok(None) => ShutdownReport::default(),
            Err(report) => report,
        }
    }

    /// Shuts the runtime down and waits for that, up to its shutdown time; what was left has been
    /// reported to the hook.
    pub(crate) fn shut_down(self) -> ShutdownReport {
        let time = self.shutdown_time;
        self.shutdown_timeout(time)
    }

    /// Shuts the runtime down in a thread of its own and returns at once.
    pub fn shutdown_background(mut self) {
        self.shut_down_elsewhere();
    }

    /// What is to be shut down; nothing, if it was taken before, or is another process's.
    fn take_running(&mut self) -> Result<Option<Running>, ShutdownReport> {
        let running = self.running.take();
        running.map_or(Ok(None), |running| {
            fork::leave(&self.env, running).map(Some)
        })
    }

    fn running(&self) -> &Running {
        self.running
            .as_ref()
            .expect("only methods that consume the runtime take it")
    }

    fn shut_down_elsewhere(&mut self) {
        // What another process owns was reported to the hook.
        let Ok(Some(running)) = self.take_running() else {
            return;
        };
        // In a shared place, so that it is still there if the thread cannot be started.
        let running = Arc::new(Mutex::new(Some(running)));
        let thread_takes = Arc::clone(&running);
        let env = Arc::clone(&self.env);
        let time = self.shutdown_time;
        let started = thread::Builder::new()
            .name(format!("{}-shutdown", env.parts().name))
            .spawn(move || {
                if let Some(running) = take(&thread_takes) {
                    running.shut_down(&env, time);
                }
            });
        if started.is_err()
            && let Some(running) = take(&running)
        {
            // Without a thread to wait in, the tasks are asked to end, but not waited for.
            running.shut_down(&self.env, Duration::ZERO);
        }
    }
}

fn take(running: &Mutex<Option<Running>>) -> Option<Running> {
    running
        .lock()
        .expect("nothing panics under this lock")
        .take()
}

impl Running {
    fn shut_down(self, env: &Arc<Env>, time: Duration) -> ShutdownReport {
        let Self { executor, engines } = self;
        engines.shut_down(
            env,
            time,
            |drain| executor.wait_for(env, drain),
            |deadline| executor.stop(env, deadline),
        )
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if context::env().is_some() {
            self.shut_down_elsewhere();
        } else if let Ok(Some(running)) = self.take_running() {
            // What was left has been reported to the hook.
            running.shut_down(&self.env, self.shutdown_time);
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("env", &self.env)
            .finish_non_exhaustive()
    }
}
