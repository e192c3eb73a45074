//! Why a task has no output.

use std::fmt;
use std::sync::{Arc, PoisonError};

use hob_core::panic::{self, Payload, contain_drop};
use hob_core::unhandled::{self, Unhandled, UnhandledKind};
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
pub struct TaskPanic(Box<Panic>);

/// Boxed, so that the outcome of a task, and with it the task, stays small.
struct Panic {
    label: TaskLabel,
    message: Box<str>,
    /// In a lock only to be `Sync`, so that errors which contain it can be shared. `None` only after
    /// it was taken out, which consumes the panic.
    payload: Global<Option<Payload>>,
    /// Who is told if nobody looks; without it, the default hook.
    env: Option<Arc<Env>>,
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
    pub(crate) fn new(payload: Payload, label: TaskLabel, env: Option<Arc<Env>>) -> Self {
        Self(Box::new(Panic {
            label,
            message: panic::message(&payload).into(),
            payload: Global::new(Some(payload)),
            env,
        }))
    }

    /// The task that panicked.
    #[must_use]
    pub fn task(&self) -> &TaskLabel {
        &self.0.label
    }

    /// The panic's message, or a placeholder if the payload is no string.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What the panic carried.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic")]
    pub fn into_payload(mut self) -> Payload {
        self.0
            .take_payload()
            .expect("only this method takes it, once")
    }

    /// Tells the runtime's hook that nobody will see this panic.
    pub(crate) fn report(self) {
        self.0.tell(UnhandledKind::TaskPanicked, &self.0.message);
    }
}

impl Panic {
    fn take_payload(&mut self) -> Option<Payload> {
        self.payload
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn tell(&self, kind: UnhandledKind, message: &str) {
        tell(self.env.as_ref(), kind, &self.label, message);
    }
}

/// Tells a runtime's hook, or, when the runtime is gone, the default one.
pub(crate) fn tell(env: Option<&Arc<Env>>, kind: UnhandledKind, task: &TaskLabel, message: &str) {
    let unhandled = Unhandled::new(kind, Some(task), message);
    match env {
        Some(env) => env.report(&unhandled),
        None => unhandled::print(&unhandled),
    }
}

impl Drop for Panic {
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
            Self::Panicked(panic) => write!(f, "{}, panicked: {}", panic.task(), panic.message()),
        }
    }
}

impl fmt::Debug for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskPanic")
            .field("task", self.task())
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}

impl From<JoinError> for std::io::Error {
    fn from(error: JoinError) -> Self {
        Self::other(error)
    }
}
