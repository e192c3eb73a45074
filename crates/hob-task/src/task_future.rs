//! The future that async-task sees: a wall around the user's.
//!
//! # Implementation
//!
//! async-task aborts the process when a future panics in its destructor, and its own `cancel` closes
//! a task at once. So it never sees a user's future, only this one, which contains every panic and
//! takes a cancellation as a request that it reads before each poll:
//!
//! ```text
//!            Ready, panic, or a request: the body is dropped in place
//!   Body ───────────────────────────────────────────────► Cleanup ───────► Gone
//!    │ poll                                                  │ poll          the outcome is out
//!    └─┘ Pending                                             └─┘ Pending
//! ```
//!
//! Work that has finished wins over a request: it is asked for before a poll, not after. Cleanups run
//! one by one, the last first, and no request stops them but [`Request::Abandon`]; their time is
//! limited together. The task's slot and its place in the census are given up when the stage becomes
//! `Gone`, whether that happens in a poll or in the destructor.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hob_core::panic::{self, Payload, contain, contain_drop};
use hob_core::task::{Cleanup, Request, Vacancy};
use hob_core::unhandled::{Unhandled, UnhandledKind};
use hob_core::{
    CancelReason, Env, Instant, Retired, TaskLabel, TaskSlot, TimerKey, Timers, context,
};
use pin_project_lite::pin_project;

use crate::join_error::TaskPanic;
use crate::outcome::{Origin, Outcome};
use crate::registry;

pin_project! {
    pub(crate) struct TaskFuture<F>
    where
        F: Future,
    {
        #[pin]
        stage: Stage<F>,
        resident: Resident,
    }

    impl<F> PinnedDrop for TaskFuture<F>
    where
        F: Future,
    {
        fn drop(this: Pin<&mut Self>) {
            this.abandon();
        }
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F>
    where
        F: Future,
    {
        Body { #[pin] future: F },
        Cleanup { cleaning: Cleaning<F::Output> },
        Gone,
    }
}

/// The cleanups of a task whose body is gone.
struct Cleaning<T> {
    ended: Ended<T>,
    current: Option<Cleanup>,
    limit: Option<Limit>,
    /// How many have ended, for [`CLEANUPS_PER_POLL`].
    done: u32,
}

/// After that many the task yields.
const CLEANUPS_PER_POLL: u32 = 16;

/// How the body ended.
enum Ended<T> {
    Done(T),
    Cancelled,
    Panicked(Payload),
}

/// A timer that limits the cleanups.
struct Limit {
    deadline: Instant,
    timers: &'static dyn Timers,
    key: TimerKey,
}

/// The task's slot and its place in the census.
struct Resident {
    slot: &'static TaskSlot,
    /// `None` once both were given up.
    env: Option<Arc<Env>>,
}

impl<F: Future> TaskFuture<F> {
    /// Wraps `future`, whose slot is occupied and which is enrolled with `env`.
    pub(crate) fn new(future: F, slot: &'static TaskSlot, env: Arc<Env>) -> Self {
        Self {
            stage: Stage::Body { future },
            resident: Resident {
                slot,
                env: Some(env),
            },
        }
    }

    fn step(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<F::Output>> {
        let mut this = self.as_mut().project();
        if let StageProjection::Body { future } = this.stage.as_mut().project() {
            let Poll::Ready(ended) = poll_body(future, this.resident.slot, cx) else {
                return Poll::Pending;
            };
            let cleaning = Cleaning::new(ended);
            // This drops the body.
            let dropped = contain(|| this.stage.set(Stage::Cleanup { cleaning }));
            this.resident.note(UnhandledKind::DropPanicked, dropped);
        }
        let StageProjection::Cleanup { cleaning } = this.stage.as_mut().project() else {
            unreachable!("async-task does not poll a future that was ready");
        };
        if cleaning.poll(this.resident, cx).is_pending() {
            return Poll::Pending;
        }
        let ended = mem::replace(&mut cleaning.ended, Ended::Cancelled);
        this.stage.set(Stage::Gone);
        Poll::Ready(this.resident.leave_with(ended))
    }

    /// The destructor: drops what is left without polling it.
    fn abandon(self: Pin<&mut Self>) {
        let mut this = self.project();
        if this.resident.env.is_none() {
            return;
        }
        in_task(this.resident.slot, || {
            let dropped = contain(|| this.stage.set(Stage::Gone));
            this.resident.note(UnhandledKind::DropPanicked, dropped);
            this.resident.leave();
        });
    }
}

impl<F: Future> Future for TaskFuture<F> {
    type Output = Outcome<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let slot = self.resident.slot;
        slot.count_poll();
        in_task(slot, || self.step(cx))
    }
}

impl<T> Cleaning<T> {
    const fn new(ended: Ended<T>) -> Self {
        Self {
            ended,
            current: None,
            limit: None,
            done: 0,
        }
    }

    fn poll(&mut self, resident: &Resident, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(cleanup) = self.next(resident.slot) else {
                self.limit = None;
                return Poll::Ready(());
            };
            match contain(|| cleanup.as_mut().poll(cx)) {
                Ok(Poll::Pending) if self.is_over(resident, cx) => self.cut(resident),
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(())) => self.drop_current(resident),
                Err(payload) => {
                    resident.note(UnhandledKind::CleanupPanicked, Err(payload));
                    self.drop_current(resident);
                }
            }
            // One that registers the next one could go on for ever.
            self.done += 1;
            if self.done.is_multiple_of(CLEANUPS_PER_POLL) {
                if self.is_over(resident, cx) {
                    self.cut(resident);
                } else {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }

    /// The cleanup to run: the one that is under way, else the one that was added last.
    fn next(&mut self, slot: &TaskSlot) -> Option<&mut Cleanup> {
        if self.current.is_none() {
            self.current = slot.pop_cleanup();
        }
        self.current.as_mut()
    }

    fn drop_current(&mut self, resident: &Resident) {
        resident.note(
            UnhandledKind::DropPanicked,
            contain_drop(self.current.take()),
        );
    }

    /// Whether the time is up; if not, sees to it that somebody wakes us when it is.
    fn is_over(&mut self, resident: &Resident, cx: &Context<'_>) -> bool {
        // Once the runtime has ended nobody would wake us.
        if resident.slot.requested() == Request::Abandon || resident.env().is_ended() {
            return true;
        }
        let timers = context::timers().or_else(|| resident.env().parts().timers);
        let limit = match (&mut self.limit, timers) {
            (Some(limit), _) => limit,
            (none, Some(timers)) => {
                none.insert(Limit::new(timers, resident.env().parts().cleanup_time))
            }
            // An executor without a clock: nothing limits the cleanups but a shutdown.
            (None, None) => return false,
        };
        // A retired queue says the same.
        limit.is_over() || limit.arm(cx).is_err()
    }

    /// Drops the cleanups that are left and says so.
    fn cut(&mut self, resident: &Resident) {
        let left = resident.slot.close_cleanups();
        for cleanup in self
            .current
            .take()
            .into_iter()
            .chain(left.into_iter().rev())
        {
            resident.tell(UnhandledKind::CleanupCut, "");
            resident.note(UnhandledKind::DropPanicked, contain_drop(cleanup));
        }
    }
}

impl Limit {
    fn new(timers: &'static dyn Timers, time: std::time::Duration) -> Self {
        Self {
            deadline: timers.now() + time,
            timers,
            key: TimerKey::new(),
        }
    }

    fn is_over(&self) -> bool {
        self.timers.now() >= self.deadline
    }

    fn arm(&mut self, cx: &Context<'_>) -> Result<(), Retired> {
        self.timers.arm(&mut self.key, self.deadline, cx.waker())
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        self.timers.disarm(&mut self.key);
    }
}

impl Resident {
    fn env(&self) -> &Arc<Env> {
        self.env
            .as_ref()
            .expect("it is given up last, when nothing is left to run")
    }

    /// Gives up the slot and the place in the census, and says how the task ended.
    fn leave_with<T>(&mut self, ended: Ended<T>) -> Outcome<T> {
        let label = self.label();
        let reason = self.slot.reason();
        let env = self.leave().expect("a task is polled until it leaves");
        match ended {
            Ended::Done(value) => Outcome::done(value, Origin { label, env }),
            Ended::Cancelled => Outcome::cancelled(reason.unwrap_or(CancelReason::Shutdown)),
            Ended::Panicked(payload) => Outcome::panicked(TaskPanic::new(payload, label, env)),
        }
    }

    fn label(&self) -> TaskLabel {
        self.slot
            .label()
            .expect("the slot is ours until `future_gone`")
    }

    /// Reports a contained panic.
    fn note(&self, kind: UnhandledKind, contained: Result<(), Payload>) {
        if let Err(payload) = contained {
            self.tell(kind, panic::message(&payload));
            panic::discard(payload);
        }
    }

    fn tell(&self, kind: UnhandledKind, message: &str) {
        let label = self.label();
        self.env()
            .report(&Unhandled::new(kind, Some(&label), message));
    }

    /// Gives up the slot and the place in the census, once.
    fn leave(&mut self) -> Option<Arc<Env>> {
        self.env.as_ref()?;
        for cleanup in self.slot.close_cleanups().into_iter().rev() {
            self.note(UnhandledKind::DropPanicked, contain_drop(cleanup));
        }
        let (vacancy, waker) = self.slot.future_gone();
        // Not the last reference: async-task holds one while it polls or drops us.
        drop(waker);
        if vacancy == Vacancy::Free {
            registry::give_back(self.slot);
        }
        let env = self.env.take()?;
        env.discharge();
        Some(env)
    }
}

fn poll_body<F: Future>(
    future: Pin<&mut F>,
    slot: &TaskSlot,
    cx: &mut Context<'_>,
) -> Poll<Ended<F::Output>> {
    if slot.requested() > Request::None {
        return Poll::Ready(Ended::Cancelled);
    }
    match contain(|| future.poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ended::Done(value)),
        Err(payload) => Poll::Ready(Ended::Panicked(payload)),
    }
}

/// Runs `inside` as this task, where the thread has entered a runtime.
fn in_task<R>(slot: &'static TaskSlot, inside: impl FnOnce() -> R) -> R {
    context::with(|local| match local {
        Some(local) => local.in_task(slot, inside),
        None => inside(),
    })
}
