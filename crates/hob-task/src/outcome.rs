//! How a task ended, behind a wall.
//!
//! async-task drops the output of a task that nobody awaits, and aborts the process when that panics.
//! So the output travels in an [`Outcome`], whose destructor contains a panic, and which tells the
//! runtime's hook of a panic of the task that nobody has taken out.

use hob_core::CancelReason;
use hob_core::panic::contain_drop;
use hob_core::unhandled::{self, UnhandledKind};

use crate::join_error::{JoinError, TaskPanic};

/// What async-task takes for the task's output.
pub(crate) struct Outcome<T>(Option<Result<T, JoinError>>);

impl<T> Outcome<T> {
    pub(crate) fn done(value: T) -> Self {
        Self(Some(Ok(value)))
    }

    pub(crate) fn cancelled(reason: CancelReason) -> Self {
        Self(Some(Err(JoinError::Cancelled(reason))))
    }

    pub(crate) fn panicked(panic: TaskPanic) -> Self {
        Self(Some(Err(JoinError::Panicked(panic))))
    }

    pub(crate) fn into_result(mut self) -> Result<T, JoinError> {
        self.0.take().expect("only this method takes it, once")
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        match self.0.take() {
            None | Some(Err(JoinError::Cancelled(_))) => {}
            Some(Err(JoinError::Panicked(panic))) => panic.report(),
            Some(Ok(value)) => {
                unhandled::report_panic(UnhandledKind::DropPanicked, contain_drop(value));
            }
        }
    }
}
