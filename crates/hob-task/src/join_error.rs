//! Why a task has no output.

use std::fmt;
use std::sync::{Arc, PoisonError};

use hob_core::panic::{self, Payload, contain_drop};
use hob_core::unhandled::{Unhandled, UnhandledKind};
use hob_core::{CancelReason, Env, TaskLabel};

use crate::primitive::Global;

/// Why a task has no output.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// It was cancelled.
    Cancelled(CancelReason),
    /// It panicked.
    Panicked(TaskPanic),
}

/// A panic that ended a task.
pub struct TaskPanic {
    label: TaskLabel,
    message: Box<str>,
    /// In a lock only to be `Sync`, so that errors which contain it can be shared. `None` only after
    /// it was taken out, which consumes the panic.
    payload: Global<Option<Payload>>,
    /// Who is told if nobody looks.
    env: Arc<Env>,
}

impl JoinError {
    /// Returns `true` if the task was cancelled.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// Returns `true` if the task panicked.
    #[must_use]
    pub const fn is_panic(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// The reason of the cancellation.
    #[must_use]
    pub const fn reason(&self) -> Option<&CancelReason> {
        match self {
            Self::Cancelled(reason) => Some(reason),
            Self::Panicked(_) => None,
        }
    }

    /// What the panic carried, for [`std::panic::resume_unwind`].
    ///
    /// # Errors
    ///
    /// The error itself, if the task was cancelled.
    pub fn into_panic(self) -> Result<Payload, Self> {
        match self {
            Self::Panicked(panic) => Ok(panic.into_payload()),
            other @ Self::Cancelled(_) => Err(other),
        }
    }
}

impl TaskPanic {
    pub(crate) fn new(payload: Payload, label: TaskLabel, env: Arc<Env>) -> Self {
        Self {
            label,
            message: panic::message(&payload).into(),
            payload: Global::new(Some(payload)),
            env,
        }
    }

    /// The task that panicked.
    #[must_use]
    pub const fn task(&self) -> &TaskLabel {
        &self.label
    }

    /// The panic's message, or a placeholder if the payload is no string.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the panic carried.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic")]
    pub fn into_payload(mut self) -> Payload {
        self.take_payload()
            .expect("only this method takes it, once")
    }

    fn take_payload(&mut self) -> Option<Payload> {
        self.payload
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Tells the runtime's hook that nobody will see this panic.
    pub(crate) fn report(self) {
        self.tell(UnhandledKind::TaskPanicked, &self.message);
    }

    fn tell(&self, kind: UnhandledKind, message: &str) {
        self.env
            .report(&Unhandled::new(kind, Some(&self.label), message));
    }
}

impl Drop for TaskPanic {
    fn drop(&mut self) {
        // A payload is foreign code too: whoever only looks at the error must not die of it.
        if let Some(payload) = self.take_payload()
            && let Err(second) = contain_drop(payload)
        {
            self.tell(UnhandledKind::DropPanicked, panic::message(&second));
            panic::discard(second);
        }
    }
}

impl std::error::Error for JoinError {}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled(reason) => write!(f, "the task was cancelled: {reason}"),
            Self::Panicked(panic) => write!(f, "{}, panicked: {}", panic.label, panic.message),
        }
    }
}

impl fmt::Debug for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskPanic")
            .field("task", &self.label)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl From<JoinError> for std::io::Error {
    fn from(error: JoinError) -> Self {
        Self::other(error)
    }
}
