//! The order in which a runtime is taken apart.
//!
//! 1. Every task is asked to end; cleanups run; at the deadline they are abandoned.
//! 2. No more blocking jobs are taken, those in line are dropped, those that run are waited for.
//! 3. The runtime is marked as ended, then poller and timers are retired: objects that outlive it look
//!    for others, and nobody is offered these any more.
//! 4. The workers end, and with the seat the poller's descriptors are closed.
//! 5. What is recycled goes back on its shelf, unless somebody who is stuck may still use it.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use hob_blocking::Pool;
use hob_core::context::{self, Local, Role};
use hob_core::unhandled::{self, Unhandled, UnhandledKind};
use hob_core::{Env, Instant, JobKind, Reactor, Timers};
use hob_time::Heap;

use crate::report::{LeftBehind, ShutdownReport};

/// Everything of a runtime but its executor.
pub(crate) struct Engines {
    pub(crate) heaps: Vec<&'static Heap>,
    pub(crate) reactor: &'static dyn Reactor,
    pub(crate) blocking: Arc<Pool>,
}

/// What a shutdown does not do to the millisecond: threads need a moment to end.
const SLACK: Duration = Duration::from_millis(15);

impl Engines {
    /// Takes a runtime apart by `deadline`. `empty` waits until the tasks are gone, `stop` ends the
    /// workers, by the deadline that it is given, and says how many are stuck.
    pub(crate) fn shut_down(
        self,
        env: &Arc<Env>,
        time: Duration,
        empty: impl FnOnce(hob_task::Drain) -> Vec<hob_task::LeftBehind>,
        stop: impl FnOnce(Instant) -> usize,
    ) -> ShutdownReport {
        let deadline = Instant::system() + time;
        let tasks = empty(hob_task::drain(Arc::clone(env), deadline));
        let mut jobs = self.blocking.shutdown(deadline - Instant::system());
        // The others are meant to be left: a look-up of a name, a read from a terminal.
        jobs.retain(|job| job.kind == JobKind::Thread);
        self.retire(env);
        let workers_stuck = stop(deadline.max(Instant::system() + SLACK));
        if workers_stuck == 0 {
            for heap in self.heaps {
                heap.close();
            }
        }
        for job in &jobs {
            let text = job.to_string();
            env.report(&Unhandled::new(UnhandledKind::LeftBehind, None, &text));
        }
        let tasks = tasks.into_iter().map(LeftBehind::Task);
        ShutdownReport {
            left_behind: tasks.chain(jobs.into_iter().map(LeftBehind::Job)).collect(),
            workers_stuck,
        }
    }

    fn retire(&self, env: &Arc<Env>) {
        env.end();
        let mut woken: Vec<Waker> = Vec::new();
        self.reactor.retire(&mut woken);
        for heap in &self.heaps {
            heap.retire(&mut woken);
        }
        // Inside the runtime, whose hook hears of a waker that panics.
        context::enter(&Local::new(env, Role::Guest), || {
            unhandled::wake_all(&mut woken);
        });
    }
}
