//! The handle of a task.
//!
//! # Implementation
//!
//! The output comes from async-task, and so does the wake of whoever awaits it. async-task aborts the
//! process when that waker panics. The wakers of hob's own polls do not; any other is put behind a wall.
//!
//! A handle refers to the task's slot and number. The slot is the task's until the output is taken or
//! dropped; after that it may be another task's, and the number no longer fits.

use std::fmt;
use std::future::Future;
use std::mem;
use std::ops::Deref;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use async_task::FallibleTask;
use hob_core::panic::{contain, contain_drop};
use hob_core::task::Request;
use hob_core::unhandled::{self, UnhandledKind};
use hob_core::{CancelReason, TaskCell, TaskId, TaskLabel, TaskSlot, context};

use crate::deep;
use crate::join_error::JoinError;
use crate::outcome::Outcome;

/// A handle to a task: a future of its output.
///
/// Awaiting it gives `Ok` with the output, or says that the task was cancelled or panicked; a panic
/// never passes through. Dropping it detaches the task, which goes on running; see
/// [`cancel_on_drop`](Self::cancel_on_drop) for the other kind.
///
/// # Cancel safety
///
/// Cancel safe: awaiting `&mut task` and dropping that wait loses nothing.
///
/// # Panics
///
/// When it is polled after it was ready.
#[must_use = "dropping a task detaches it: say `.detach()` if that is meant"]
pub struct Task<T> {
    label: TaskLabel,
    state: State<T>,
}

enum State<T> {
    Live(Live<T>),
    /// It was refused, and is cancelled from the start.
    Refused(CancelReason),
    /// The output, or the error, was taken out.
    Taken(Taken),
}

/// What was taken out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Taken {
    Output,
    Cancelled,
}

struct Live<T> {
    slot: &'static TaskSlot,
    inner: FallibleTask<Outcome<T>, TaskCell>,
    /// Whether async-task has a waker of ours.
    is_awaited: bool,
    /// The wall around the last waker that was not one of hob's.
    wall: Option<Arc<Wall>>,
}

/// A small handle that can cancel a task and keeps nothing alive.
#[derive(Clone)]
pub struct Canceller {
    id: TaskId,
    slot: Option<&'static TaskSlot>,
}

/// A [`Task`] that is cancelled when its handle is dropped.
#[derive(Debug)]
#[must_use = "dropping it cancels the task"]
pub struct CancelOnDrop<T>(Task<T>);

impl<T> Task<T> {
    pub(crate) fn new(
        label: TaskLabel,
        slot: &'static TaskSlot,
        inner: FallibleTask<Outcome<T>, TaskCell>,
    ) -> Self {
        Self {
            label,
            state: State::Live(Live {
                slot,
                inner,
                is_awaited: false,
                wall: None,
            }),
        }
    }

    /// A task that was refused: it is cancelled already.
    pub(crate) fn cancelled(label: TaskLabel, reason: CancelReason) -> Self {
        Self {
            label,
            state: State::Refused(reason),
        }
    }

    /// Asks the task to end, and says why.
    ///
    /// Its future is dropped instead of being polled again, then its cleanups run; await the handle
    /// to know when that is over. A task that finishes in the poll that runs now has finished: its
    /// output wins. The first reason sticks. Returns `false` if the task had ended already.
    #[doc(alias = "abort")]
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.canceller().cancel(reason)
    }

    /// Lets the task go on by itself; a panic of it reaches the runtime's hook.
    pub fn detach(self) {
        drop(self);
    }

    /// Ties the task to its handle: dropping that cancels it.
    pub fn cancel_on_drop(self) -> CancelOnDrop<T> {
        CancelOnDrop(self)
    }

    /// A small handle that can cancel the task.
    #[must_use]
    #[doc(alias = "abort_handle")]
    pub fn canceller(&self) -> Canceller {
        Canceller {
            id: self.label.id,
            slot: match &self.state {
                State::Live(live) => Some(live.slot),
                State::Refused(_) | State::Taken(_) => None,
            },
        }
    }

    /// The task's number.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.label.id
    }

    /// The task's name, if it was given one.
    #[must_use]
    #[doc(alias = "get_name")]
    pub fn name(&self) -> Option<&str> {
        self.label.name.as_deref()
    }

    /// Where it was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.label.place
    }

    /// Number, name and place in one, for messages.
    #[must_use]
    pub const fn label(&self) -> &TaskLabel {
        &self.label
    }

    /// Returns `true` once the output is there, or the task has ended without one.
    #[must_use]
    #[doc(alias = "done")]
    pub fn is_finished(&self) -> bool {
        match &self.state {
            State::Live(live) => live.inner.is_finished(),
            State::Refused(_) | State::Taken(_) => true,
        }
    }

    /// Returns `true` if the task was asked to end; it may still be running, or have finished first.
    #[must_use]
    #[doc(alias = "cancelling")]
    pub fn is_cancelled(&self) -> bool {
        match &self.state {
            // One that has left its slot while nobody had its output was dropped unfinished.
            State::Live(live) => live.slot.requested_of(self.label.id) != Some(Request::None),
            State::Refused(_) => true,
            State::Taken(taken) => *taken == Taken::Cancelled,
        }
    }
}

impl<T> Live<T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        let is_ours = context::with(|local| local.is_some_and(|local| local.trusts(cx.waker())));
        let polled = if is_ours {
            Pin::new(&mut self.inner).poll(cx)
        } else {
            let wall = Waker::from(self.wall(cx.waker()));
            Pin::new(&mut self.inner).poll(&mut Context::from_waker(&wall))
        };
        match polled {
            Poll::Pending => {
                self.is_awaited = true;
                Poll::Pending
            }
            Poll::Ready(Some(outcome)) => Poll::Ready(outcome.into_result()),
            // The executor dropped the task instead of running it to its end.
            Poll::Ready(None) => Poll::Ready(Err(JoinError::Cancelled(CancelReason::Shutdown))),
        }
    }

    /// The wall around `waker`: the last one, if that does.
    fn wall(&mut self, waker: &Waker) -> Arc<Wall> {
        if let Some(wall) = &self.wall
            && wall.0.as_ref().is_some_and(|last| last.will_wake(waker))
        {
            return Arc::clone(wall);
        }
        let wall = Arc::new(Wall(Some(waker.clone())));
        self.wall = Some(Arc::clone(&wall));
        wall
    }

    /// Lets go of a task that nobody will await.
    fn leave(mut self) {
        if self.is_awaited && !self.inner.is_finished() {
            // In exchange for the waker that async-task would keep until the task has ended.
            let mut nobody = Context::from_waker(Waker::noop());
            if let Poll::Ready(outcome) = Pin::new(&mut self.inner).poll(&mut nobody) {
                return drop(outcome);
            }
        }
        if mem::needs_drop::<T>() && self.inner.is_finished() {
            deep::drop_finished(self.inner);
        } else {
            self.inner.detach();
        }
    }
}

/// A foreign waker that may panic; what it does is contained and reported.
struct Wall(Option<Waker>);

impl Wake for Wall {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(waker) = &self.0 {
            let woken = contain(|| waker.wake_by_ref());
            unhandled::report_panic(UnhandledKind::CallbackPanicked, woken);
        }
    }
}

impl Drop for Wall {
    fn drop(&mut self) {
        let dropped = contain_drop(self.0.take());
        unhandled::report_panic(UnhandledKind::CallbackPanicked, dropped);
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let place = self.label.place;
        let result = match &mut self.state {
            State::Live(live) => match live.poll(cx) {
                Poll::Ready(result) => result,
                Poll::Pending => {
                    context::record_wait(&"a task's end, spawned", place);
                    return Poll::Pending;
                }
            },
            State::Refused(reason) => Err(JoinError::Cancelled(reason.clone())),
            State::Taken(_) => panic!("{}, was polled after it was ready", self.label),
        };
        self.state = State::Taken(match &result {
            Err(JoinError::Cancelled(_)) => Taken::Cancelled,
            Ok(_) | Err(_) => Taken::Output,
        });
        Poll::Ready(result)
    }
}

impl<T> Unpin for Task<T> {}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        let state = mem::replace(&mut self.state, State::Taken(Taken::Output));
        if let State::Live(live) = state {
            live.leave();
        }
    }
}

impl Canceller {
    /// Asks the task to end; see [`Task::cancel`].
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.slot
            .is_some_and(|slot| slot.request(self.id, Request::Cancel, reason.into()))
    }

    /// The task's number.
    #[must_use]
    pub const fn id(&self) -> TaskId {
        self.id
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the slot: it may be another task's by now.
        f.debug_tuple("Canceller").field(&self.id).finish()
    }
}

impl<T> CancelOnDrop<T> {
    /// Takes the plain handle back.
    pub fn into_inner(mut self) -> Task<T> {
        let empty = Task {
            label: self.0.label.clone(),
            state: State::Taken(Taken::Output),
        };
        mem::replace(&mut self.0, empty)
    }
}

impl<T> Deref for CancelOnDrop<T> {
    type Target = Task<T>;

    fn deref(&self) -> &Task<T> {
        &self.0
    }
}

impl<T> Future for CancelOnDrop<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for CancelOnDrop<T> {
    fn drop(&mut self) {
        self.0.cancel("its handle was dropped");
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.label.id)
            .field("name", &self.label.name)
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
