//! How a task ended, behind a wall.
//!
//! async-task drops the output of a task that nobody awaits, and aborts the process when that panics.
//! So the output travels in an [`Outcome`], whose destructor contains a panic, and which tells the
//! runtime's hook of it, and of a panic of the task that nobody has taken out.

use std::sync::Arc;

use hob_core::panic::{self, contain_drop};
use hob_core::unhandled::{Unhandled, UnhandledKind};
use hob_core::{CancelReason, Env, TaskLabel};

use crate::join_error::{JoinError, TaskPanic};

/// What async-task takes for the task's output.
pub(crate) struct Outcome<T>(Option<End<T>>);

/// Where an output comes from, in case its destructor panics.
pub(crate) struct Origin {
    pub(crate) label: TaskLabel,
    pub(crate) env: Arc<Env>,
}

enum End<T> {
    Done(T, Origin),
    Failed(JoinError),
}

impl<T> Outcome<T> {
    pub(crate) fn done(value: T, origin: Origin) -> Self {
        Self(Some(End::Done(value, origin)))
    }

    pub(crate) fn cancelled(reason: CancelReason) -> Self {
        Self(Some(End::Failed(JoinError::Cancelled(reason))))
    }

    pub(crate) fn panicked(panic: TaskPanic) -> Self {
        Self(Some(End::Failed(JoinError::Panicked(panic))))
    }

    pub(crate) fn into_result(mut self) -> Result<T, JoinError> {
        match self.0.take().expect("only this method takes it, once") {
            End::Done(value, _origin) => Ok(value),
            End::Failed(error) => Err(error),
        }
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        match self.0.take() {
            None | Some(End::Failed(JoinError::Cancelled(_))) => {}
            Some(End::Failed(JoinError::Panicked(panic))) => panic.report(),
            Some(End::Done(value, origin)) => {
                if let Err(payload) = contain_drop(value) {
                    origin.report(panic::message(&payload));
                    panic::discard(payload);
                }
            }
        }
    }
}

impl Origin {
    fn report(&self, message: &str) {
        let kind = UnhandledKind::DropPanicked;
        self.env
            .report(&Unhandled::new(kind, Some(&self.label), message));
    }
}
