//! What goes wrong with a semaphore: it was closed, or the number is out of bounds.

use std::fmt;

/// Why no permits were acquired.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AcquireError {
    /// The semaphore was closed.
    Closed,
    /// More than [`PERMITS_MAX`](super::Semaphore::PERMITS_MAX) were asked for, which can never be there.
    TooManyPermits,
}

/// Why no permits were acquired at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TryAcquireError {
    /// There are not enough permits, or others wait for them.
    NoPermits,
    /// The semaphore was closed.
    Closed,
    /// More than [`PERMITS_MAX`](super::Semaphore::PERMITS_MAX) were asked for, which can never be there.
    TooManyPermits,
}

/// There would be more than [`PERMITS_MAX`](super::Semaphore::PERMITS_MAX) permits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct AddPermitsError;

impl std::error::Error for AcquireError {}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the semaphore is closed",
            Self::TooManyPermits => "no semaphore can have so many permits",
        })
    }
}

impl std::error::Error for TryAcquireError {}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPermits => "there are not enough permits, or others wait for them",
            Self::Closed => "the semaphore is closed",
            Self::TooManyPermits => "no semaphore can have so many permits",
        })
    }
}

impl std::error::Error for AddPermitsError {}

impl fmt::Display for AddPermitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no semaphore can have so many permits")
    }
}
