//! The runtime of one thread.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hob_core::Env;
use hob_executor::LocalExecutor;
use hob_task::Task;

use crate::builder::Builder;
use crate::fork;
use crate::handle::Handle;
use crate::report::ShutdownReport;
use crate::teardown::Engines;

#[doc(inline)]
pub use hob_executor::LocalStatistics;

/// One thread, the caller's, that runs tasks in strict order of arrival.
///
/// This is asyncio's own shape: tasks need not be `Send`, they run only while the thread is in
/// [`block_on`](Self::block_on) or [`run_forever`](Self::run_forever), and stay where they are
/// between two runs.
///
/// Between two runs nobody drives its timers and sockets either: a sleep that began to wait here fires
/// in the next run at the earliest, also if another thread or runtime awaits it meanwhile.
///
/// # Dropping
///
/// Dropping it cancels every task and runs their cleanups, on this thread and up to the shutdown time:
/// what is not `Send` can be dropped nowhere else.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// let runtime = hob::LocalRuntime::new()?;
/// let answer = runtime.block_on(async {
///     let shared = Rc::new(42);
///     hob::spawn_local(async move { *shared }).await
/// });
/// assert_eq!(answer.expect("the task does not panic"), 42);
/// # std::io::Result::Ok(())
/// ```
#[doc(alias("event loop", "LocalSet", "current_thread"))]
pub struct LocalRuntime {
    env: Arc<Env>,
    shutdown_time: Duration,
    /// `None` once a shutdown has taken it.
    running: Option<Running>,
}

/// What a shutdown takes apart.
struct Running {
    executor: LocalExecutor,
    engines: Engines,
}

impl LocalRuntime {
    pub(crate) const fn assemble(
        executor: LocalExecutor,
        env: Arc<Env>,
        engines: Engines,
        shutdown_time: Duration,
    ) -> Self {
        Self {
            env,
            shutdown_time,
            running: Some(Running { executor, engines }),
        }
    }

    /// Makes a runtime of this thread with the builder's defaults.
    ///
    /// # Errors
    ///
    /// As [`Builder::build_local`].
    pub fn new() -> io::Result<Self> {
        Builder::new().build_local()
    }

    /// Runs `future` on this thread until it is ready, and the tasks beside it.
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

    /// Runs tasks until [`Handle::stop`] is called.
    ///
    /// The stop ends the pass that runs; what that pass queued stays for the next run. Stopped before
    /// it runs, it makes exactly one pass.
    ///
    /// # Panics
    ///
    /// In a task of this very runtime, which would wait for itself; in a forked process.
    #[track_caller]
    pub fn run_forever(&self) {
        fork::refuse(&self.env);
        self.running().executor.run_forever(&self.env);
    }

    /// Starts a task that need not be `Send`.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let builder = hob_task::Builder::new();
        self.handle().enter(|| builder.spawn_local(future))
    }

    /// A way into the runtime from anywhere.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.env))
    }

    /// What the executor has done and does.
    #[must_use]
    pub fn statistics(&self) -> LocalStatistics {
        self.running().executor.statistics()
    }

    /// Shuts the runtime down, at the most for `time`, and says what had not ended by then.
    pub fn shutdown_timeout(mut self, time: Duration) -> ShutdownReport {
        self.shut_down(time)
    }

    fn running(&self) -> &Running {
        self.running
            .as_ref()
            .expect("only methods that consume the runtime take it")
    }

    fn shut_down(&mut self, time: Duration) -> ShutdownReport {
        let Some(running) = self.running.take() else {
            return ShutdownReport::default();
        };
        let Running { executor, engines } = match fork::leave(&self.env, running) {
            Ok(running) => running,
            Err(report) => return report,
        };
        let executor = std::cell::RefCell::new(Some(executor));
        engines.shut_down(
            &self.env,
            time,
            |drain| {
                let executor = executor.borrow();
                let executor = executor.as_ref().expect("`stop` comes later");
                executor.block_on(&self.env, drain)
            },
            |_deadline| {
                if let Some(executor) = executor.take() {
                    executor.close(&self.env);
                }
                0
            },
        )
    }
}

impl Drop for LocalRuntime {
    fn drop(&mut self) {
        // What was left has been reported to the hook.
        let _report = self.shut_down(self.shutdown_time);
    }
}

impl fmt::Debug for LocalRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRuntime")
            .field("env", &self.env)
            .finish_non_exhaustive()
    }
}
