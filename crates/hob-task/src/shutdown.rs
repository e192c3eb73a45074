//! How a runtime is emptied.
//!
//! # Implementation
//!
//! First every task is asked to end, and tasks that are spawned meanwhile are cancelled at birth.
//! Then the census is awaited; when it says that nobody is left, the door is closed and the census is
//! asked again, because a task may have been counted in between. At the deadline the cleanups that still run are abandoned too; a task
//! that suspends is gone soon after. What is left then is inside a poll that does not return.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hob_core::task::Request;
use hob_core::unhandled::{Unhandled, UnhandledKind};
use hob_core::{CancelReason, Env, Instant, TaskLabel, TimerKey, Timers};

use crate::inspect::tasks_of;
use crate::registry;

/// How long an abandoned task has to be dropped before it is called stuck.
const LAST_CALL: Duration = Duration::from_millis(15);

/// Asks every task of a runtime to end and waits until all are gone, up to `deadline`.
///
/// What did not end is reported to the runtime's hook and returned. The runtime takes no more tasks
/// afterwards.
///
/// Without timers in `env` there is no deadline.
pub fn drain(env: Arc<Env>, deadline: Instant) -> Drain {
    Drain {
        timers: env.parts().timers,
        env,
        deadline,
        key: TimerKey::new(),
        stage: Stage::Start,
    }
}

/// The future of [`drain`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Drain {
    env: Arc<Env>,
    timers: Option<&'static dyn Timers>,
    deadline: Instant,
    key: TimerKey,
    stage: Stage,
}

/// A task that did not end before the deadline.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeftBehind {
    /// The task.
    pub task: TaskLabel,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Start,
    /// Every task was asked to end.
    Asked,
    /// The cleanups were abandoned.
    Abandoned,
}

impl Drain {
    /// Whether no task is alive and none will come; if not, sees to it that the last one wakes us.
    fn is_empty(&self, cx: &Context<'_>) -> bool {
        if self.env.poll_empty(cx).is_pending() {
            return false;
        }
        // Close the door, then count again: somebody may have come in between. He is cancelled at
        // birth, and waited for; nobody follows him.
        self.env.close();
        self.env.poll_empty(cx).is_ready()
    }

    /// Whether the stage's time is up; if not, sees to it that somebody wakes us when it is.
    fn is_over(&mut self, cx: &Context<'_>) -> bool {
        let deadline = self.deadline;
        self.timers.is_some_and(|timers| {
            timers.now() >= deadline
                // A retired queue: nobody would wake us, so this is the end.
                || timers.arm(&mut self.key, deadline, cx.waker()).is_err()
        })
    }

    /// The end of the last call: that of a deadline which passed long ago begins only now.
    fn last_call(&self) -> Instant {
        let now = self.timers.map_or(self.deadline, Timers::now);
        self.deadline.max(now) + LAST_CALL
    }

    fn finish(&self) -> Vec<LeftBehind> {
        self.env.close();
        tasks_of(&self.env)
            .into_iter()
            .map(|task| {
                let wait = task
                    .wait
                    .map_or_else(String::new, |wait| format!("last wait: {wait}"));
                self.env.report(&Unhandled::new(
                    UnhandledKind::LeftBehind,
                    Some(&task.label),
                    &wait,
                ));
                LeftBehind { task: task.label }
            })
            .collect()
    }
}

impl Future for Drain {
    type Output = Vec<LeftBehind>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if let Stage::Start = this.stage {
                this.env.drain();
                ask(&this.env, Request::Cancel);
                this.stage = Stage::Asked;
            }
            if this.is_empty(cx) {
                return Poll::Ready(this.finish());
            }
            if !this.is_over(cx) {
                return Poll::Pending;
            }
            match this.stage {
                Stage::Start | Stage::Asked => {
                    // Who came after the walk would be asked by nobody.
                    this.env.close();
                    ask(&this.env, Request::Abandon);
                    this.deadline = this.last_call();
                    this.stage = Stage::Abandoned;
                }
                Stage::Abandoned => return Poll::Ready(this.finish()),
            }
        }
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        if let Some(timers) = self.timers {
            timers.disarm(&mut self.key);
        }
    }
}

/// Asks in the order in which the tasks were spawned: where they lie in the table depends on what the
/// process did before, and a simulation must not.
fn ask(env: &Env, request: Request) {
    let alive = registry::slots().filter_map(|slot| Some((slot.alive_in(env.id())?, slot)));
    let mut alive: Vec<_> = alive.collect();
    alive.sort_unstable_by_key(|(id, _)| *id);
    for (id, slot) in alive {
        slot.request(id, request, CancelReason::Shutdown);
    }
}

impl std::fmt::Debug for Drain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drain")
            .field("env", &self.env)
            .field("deadline", &self.deadline)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}
