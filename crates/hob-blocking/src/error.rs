//! Why a blocking job has no result.

use std::fmt;
use std::io;
use std::sync::PoisonError;

use hob_core::panic::{self, Payload, contain_drop};
use hob_core::unhandled::{self, UnhandledKind};

use crate::primitive::Exclusive;

/// Why a blocking job has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum BlockingError {
    /// It never ran: its pool was shut down first, or no thread could be started for it.
    Cancelled,
    /// It panicked.
    Panicked(JobPanic),
}

/// A panic that ended a blocking job.
pub struct JobPanic {
    message: Box<str>,
    /// `None` once it was taken out.
    payload: Exclusive<Option<Payload>>,
}

impl BlockingError {
    pub(crate) fn panicked(payload: Payload) -> Self {
        Self::Panicked(JobPanic {
            message: panic::message(&payload).into(),
            payload: Exclusive::new(Some(payload)),
        })
    }

    /// Returns `true` if the job never ran.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// Returns `true` if the job panicked.
    #[must_use]
    pub const fn is_panic(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// What the panic carried, for [`std::panic::resume_unwind`].
    ///
    /// # Errors
    ///
    /// The error itself, if the job did not panic.
    pub fn into_panic(self) -> Result<Payload, Self> {
        match self {
            Self::Panicked(panic) => Ok(panic.into_payload()),
            other @ Self::Cancelled => Err(other),
        }
    }
}

impl JobPanic {
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
}

impl Drop for JobPanic {
    fn drop(&mut self) {
        // A payload is foreign code too: whoever only looks at the error must not die of it.
        let dropped = contain_drop(self.take_payload());
        unhandled::report_panic(UnhandledKind::DropPanicked, dropped);
    }
}

impl std::error::Error for BlockingError {}

impl fmt::Display for BlockingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str(
                "the blocking job never ran: its pool was shut down, or no thread could be started",
            ),
            Self::Panicked(panic) => write!(f, "the blocking job panicked: {}", panic.message),
        }
    }
}

impl fmt::Debug for JobPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobPanic")
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl From<BlockingError> for io::Error {
    fn from(error: BlockingError) -> Self {
        Self::other(error)
    }
}
