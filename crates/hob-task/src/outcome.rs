//! How a task ended, behind a wall.
//!
//! async-task drops the output of a task that nobody awaits, and aborts the process when that panics.
//! So the output travels in an [`Outcome`], whose destructor contains a panic, and which tells the
//! runtime's hook of it, and of a panic of the task that nobody has taken out.
//!
//! An outcome carries the task's slot on, from the end of the future until somebody has the output or
//! nobody wants it: so a handle finds in the slot what is known of its task, and a report its name.

use std::mem;
use std::sync::Arc;

use hob_core::env;
use hob_core::panic::{self, contain_drop};
use hob_core::unhandled::UnhandledKind;
use hob_core::{CancelReason, TaskSlot};

use crate::join_error::{JoinError, TaskPanic, tell};
use crate::registry;

/// What async-task takes for the task's output.
pub(crate) struct Outcome<T> {
    end: End<T>,
    /// The task's slot; it is vacated when the outcome goes.
    slot: &'static TaskSlot,
}

enum End<T> {
    Done(T),
    /// The reason stands in the slot.
    Cancelled,
    Panicked(TaskPanic),
    Taken,
}

impl<T> Outcome<T> {
    pub(crate) const fn done(slot: &'static TaskSlot, value: T) -> Self {
        let end = End::Done(value);
        Self { end, slot }
    }

    pub(crate) const fn cancelled(slot: &'static TaskSlot) -> Self {
        let end = End::Cancelled;
        Self { end, slot }
    }

    pub(crate) const fn panicked(slot: &'static TaskSlot, panic: TaskPanic) -> Self {
        let end = End::Panicked(panic);
        Self { end, slot }
    }

    pub(crate) fn into_result(mut self) -> Result<T, JoinError> {
        let end = mem::replace(&mut self.end, End::Taken);
        let reason = self.leave();
        match end {
            End::Done(value) => Ok(value),
            End::Cancelled => Err(JoinError::Cancelled(
                reason.unwrap_or(CancelReason::Shutdown),
            )),
            End::Panicked(panic) => Err(JoinError::Panicked(panic)),
            End::Taken => unreachable!("only this method takes it, once"),
        }
    }

    /// Gives the slot up, once.
    fn leave(&self) -> Option<CancelReason> {
        let reason = self.slot.vacate();
        registry::give_back(self.slot);
        reason
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        match mem::replace(&mut self.end, End::Taken) {
            // It left when the output was taken.
            End::Taken => return,
            End::Cancelled => {}
            End::Panicked(panic) => panic.report(),
            End::Done(value) => {
                if mem::needs_drop::<T>()
                    && let Err(payload) = contain_drop(value)
                {
                    report(self.slot, panic::message(&payload));
                    panic::discard(payload);
                }
            }
        }
        drop(self.leave());
    }
}

#[cold]
fn report(slot: &TaskSlot, message: &str) {
    let label = slot.label().expect("the slot is ours until it is vacated");
    let env = env::find(slot.env(), |env| env.map(Arc::clone));
    tell(env.as_ref(), UnhandledKind::DropPanicked, &label, message);
}
