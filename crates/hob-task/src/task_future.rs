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
//! limited together. A task without cleanups goes straight from `Body` to `Gone`.
//!
//! When the stage becomes `Gone` the task gives up its place in the census. Its slot goes on to the
//! outcome if there is one; a task that is dropped without one vacates it.
//!
//! The runtime's reference to the task is stored in the slot before the first `Pending` is returned,
//! and never for a task that ends in its first poll: until then the queue, or whoever runs the task,
//! holds it. Here is also where a task that was asked to end before that learns of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hob_core::panic::{self, Payload, contain, contain_drop};
use hob_core::task::{Cleanup, Request};
use hob_core::unhandled::UnhandledKind;
use hob_core::{Env, Instant, Retired, TaskSlot, TimerKey, Timers, context, env};
use pin_project_lite::pin_project;

use crate::join_error::{TaskPanic, tell};
use crate::outcome::Outcome;
use crate::registry;

pin_project! {
    pub(crate) struct TaskFuture<F>
    where
        F: Future,
    {
        #[pin]
        stage: Stage<F>,
        slot: &'static TaskSlot,
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
        // Boxed: it is big and rare.
        Cleanup { cleaning: Box<Cleaning<F::Output>> },
        Gone,
    }
}

/// The cleanups of a task whose body is gone.
struct Cleaning<T> {
    /// `None` once all is over.
    ended: Option<Ended<T>>,
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

impl<F: Future> TaskFuture<F> {
    /// Wraps `future`, whose slot is occupied and which is enrolled with its runtime.
    pub(crate) const fn new(future: F, slot: &'static TaskSlot) -> Self {
        Self {
            stage: Stage::Body { future },
            slot,
        }
    }

    fn step(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<F::Output>> {
        let mut this = self.as_mut().project();
        let slot = *this.slot;
        if let StageProjection::Body { future } = this.stage.as_mut().project() {
            let Poll::Ready(ended) = poll_body(future, slot, cx) else {
                return Poll::Pending;
            };
            // This drops the body, which may register cleanups.
            note(
                slot,
                UnhandledKind::DropPanicked,
                contain(|| this.stage.set(Stage::Gone)),
            );
            if !slot.has_cleanups() {
                return Poll::Ready(ended);
            }
            let cleaning = Box::new(Cleaning::new(ended));
            this.stage.set(Stage::Cleanup { cleaning });
        }
        let StageProjection::Cleanup { cleaning } = this.stage.as_mut().project() else {
            unreachable!("async-task does not poll a future that was ready");
        };
        if cleaning.poll(slot, cx).is_pending() {
            return Poll::Pending;
        }
        let ended = cleaning.ended.take().expect("it is taken here, once");
        this.stage.set(Stage::Gone);
        Poll::Ready(ended)
    }

    /// The destructor: drops what is left without polling it.
    fn abandon(self: Pin<&mut Self>) {
        let mut this = self.project();
        if matches!(this.stage.as_mut().project(), StageProjection::Gone) {
            return;
        }
        let slot = *this.slot;
        in_task(slot, None, || {
            if let StageProjection::Cleanup { cleaning } = this.stage.as_mut().project() {
                cleaning.abandon(slot);
            }
            note(
                slot,
                UnhandledKind::DropPanicked,
                contain(|| this.stage.set(Stage::Gone)),
            );
            drop_cleanups(slot);
            // async-task holds a reference while it drops us: this one is not the last.
            drop(slot.future_gone(true));
            discharge(slot);
        });
        drop(slot.vacate());
        registry::give_back(slot);
    }
}

impl<F: Future> Future for TaskFuture<F> {
    type Output = Outcome<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let slot = self.slot;
        let is_first = slot.count_poll() == 1;
        let waker = cx.waker();
        in_task(slot, Some(waker), || {
            match self.step(&mut Context::from_waker(waker)) {
                Poll::Ready(ended) => Poll::Ready(leave(slot, ended, !is_first)),
                Poll::Pending => {
                    if is_first {
                        slot.keep_alive(waker.clone());
                        // Who asked before that found no waker.
                        if slot.requested() > Request::None {
                            waker.wake_by_ref();
                        }
                    }
                    Poll::Pending
                }
            }
        })
    }
}

impl<T> Cleaning<T> {
    const fn new(ended: Ended<T>) -> Self {
        Self {
            ended: Some(ended),
            current: None,
            limit: None,
            done: 0,
        }
    }

    fn poll(&mut self, slot: &TaskSlot, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(cleanup) = self.next(slot) else {
                self.limit = None;
                return Poll::Ready(());
            };
            match contain(|| cleanup.as_mut().poll(cx)) {
                Ok(Poll::Pending) if self.is_over(slot, cx) => self.cut(slot),
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(())) => self.drop_current(slot),
                Err(payload) => {
                    note(slot, UnhandledKind::CleanupPanicked, Err(payload));
                    self.drop_current(slot);
                }
            }
            // One that registers the next one could go on for ever.
            self.done += 1;
            if self.done.is_multiple_of(CLEANUPS_PER_POLL) {
                if self.is_over(slot, cx) {
                    self.cut(slot);
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

    fn drop_current(&mut self, slot: &TaskSlot) {
        let dropped = contain_drop(self.current.take());
        note(slot, UnhandledKind::DropPanicked, dropped);
    }

    /// Drops what there is, each by itself: two destructors that panic together would abort. A panic that
    /// nobody will learn of from the outcome is reported.
    fn abandon(&mut self, slot: &TaskSlot) {
        self.drop_current(slot);
        match self.ended.take() {
            Some(Ended::Panicked(payload)) => panic_of(slot, payload).report(),
            Some(Ended::Done(value)) => {
                note(slot, UnhandledKind::DropPanicked, contain_drop(value));
            }
            Some(Ended::Cancelled) | None => {}
        }
    }

    /// Whether the time is up; if not, sees to it that somebody wakes us when it is.
    fn is_over(&mut self, slot: &TaskSlot, cx: &Context<'_>) -> bool {
        if slot.requested() == Request::Abandon {
            return true;
        }
        env::find(slot.env(), |env| {
            // Once the runtime has ended nobody would wake us.
            env.is_none_or(|env| env.is_ended() || self.is_late(env, cx))
        })
    }

    fn is_late(&mut self, env: &Env, cx: &Context<'_>) -> bool {
        let timers = context::timers().or_else(|| env.parts().timers);
        let limit = match (&mut self.limit, timers) {
            (Some(limit), _) => limit,
            (none, Some(timers)) => none.insert(Limit::new(timers, env.parts().cleanup_time)),
            // An executor without a clock: nothing limits the cleanups but a shutdown.
            (None, None) => return false,
        };
        // A retired queue says the same.
        limit.is_over() || limit.arm(cx).is_err()
    }

    /// Drops the cleanups that are left and says so.
    fn cut(&mut self, slot: &TaskSlot) {
        let left = slot.close_cleanups();
        for cleanup in self
            .current
            .take()
            .into_iter()
            .chain(left.into_iter().rev())
        {
            report(slot, UnhandledKind::CleanupCut, "");
            note(slot, UnhandledKind::DropPanicked, contain_drop(cleanup));
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

/// Gives up the place in the census, and says how the task ended.
fn leave<T>(slot: &'static TaskSlot, ended: Ended<T>, suspended: bool) -> Outcome<T> {
    let outcome = match ended {
        Ended::Done(value) => Outcome::done(slot, value),
        Ended::Cancelled => Outcome::cancelled(slot),
        Ended::Panicked(payload) => Outcome::panicked(slot, panic_of(slot, payload)),
    };
    if slot.has_cleanups() {
        drop_cleanups(slot);
    }
    // Not the last reference: async-task holds one while it polls us.
    drop(slot.future_gone(suspended));
    discharge(slot);
    outcome
}

#[cold]
fn panic_of(slot: &TaskSlot, payload: Payload) -> TaskPanic {
    let label = slot.label().expect("the slot is ours until it is vacated");
    let env = env::find(slot.env(), |env| env.map(Arc::clone));
    TaskPanic::new(payload, label, env)
}

/// Drops the cleanups that nobody will run, and takes no more.
#[cold]
fn drop_cleanups(slot: &TaskSlot) {
    for cleanup in slot.close_cleanups().into_iter().rev() {
        note(slot, UnhandledKind::DropPanicked, contain_drop(cleanup));
    }
}

/// Counts the task out, if its runtime is still there.
fn discharge(slot: &TaskSlot) {
    env::find(slot.env(), |env| {
        if let Some(env) = env {
            env.discharge();
        }
    });
}

/// Reports a contained panic.
fn note(slot: &TaskSlot, kind: UnhandledKind, contained: Result<(), Payload>) {
    if let Err(payload) = contained {
        report(slot, kind, panic::message(&payload));
        panic::discard(payload);
    }
}

#[cold]
fn report(slot: &TaskSlot, kind: UnhandledKind, message: &str) {
    let label = slot.label().expect("the slot is ours until it is vacated");
    env::find(slot.env(), |env| tell(env, kind, &label, message));
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
fn in_task<R>(slot: &'static TaskSlot, waker: Option<&Waker>, inside: impl FnOnce() -> R) -> R {
    context::with(|local| match (local, waker) {
        (Some(local), Some(waker)) => local.in_task_with(slot, waker, inside),
        (Some(local), None) => local.in_task(slot, inside),
        (None, _) => inside(),
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::any::Any;
    use std::future::Ready;
    use std::task::Waker;

    use hob_core::TaskCell;

    use super::*;

    /// What glibc takes from the heap for a task, given what async-task asks for: its header of five
    /// words, the cell, and the larger one of future and output.
    fn chunk<F: Future>() -> usize {
        let header = 5 * size_of::<usize>() + size_of::<TaskCell>();
        let output = size_of::<Result<Outcome<F::Output>, Box<dyn Any + Send>>>();
        let asked = header + size_of::<TaskFuture<F>>().max(output);
        (asked + 8).next_multiple_of(16)
    }

    /// A future of one waker.
    struct Parked(#[expect(dead_code, reason = "it counts by its size")] Option<Waker>);

    impl Future for Parked {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            Poll::Pending
        }
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_parked_task_that_holds_its_waker_takes_168_bytes() {
        assert_eq!(size_of::<TaskFuture<Ready<()>>>(), 24);
        assert_eq!(size_of::<TaskFuture<Parked>>(), 32);
        assert_eq!(size_of::<Outcome<()>>(), 24);
        assert_eq!(chunk::<Parked>() + size_of::<TaskSlot>(), 96 + 72);
    }
}
