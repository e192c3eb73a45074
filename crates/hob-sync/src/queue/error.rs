//! What goes wrong with a queue; what was to be put comes back.

use std::fmt;

/// The queue is closed: the value comes back.
#[derive(Clone, Copy, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is the value and nothing else"
)]
pub struct PutError<T>(pub T);

/// Why a value was not put at once; it comes back.
#[derive(Clone, Copy, Eq, PartialEq)]
#[non_exhaustive]
pub enum TryPutError<T> {
    /// There is no room, or others wait for it.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

/// The queue is closed, and nothing is left in it.
///
/// An item that somebody has in hand may still be [requeued](super::Item::requeue); a new `get` finds it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct GetError;

/// Why there was nothing to get at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TryGetError {
    /// Nothing is there now, or others wait for it.
    Empty,
    /// The queue is closed, and nothing is left in it.
    Closed,
}

/// The queue was closed by `close_now` and takes nothing back: the value comes back, and counts as
/// done.
#[derive(Clone, Copy, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is the value and nothing else"
)]
pub struct RequeueError<T>(pub T);

/// It was said of every value that was got by a plain handle that it is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct TaskDoneError;

impl<T> TryPutError<T> {
    /// The value.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }
}

impl<T> std::error::Error for PutError<T> {}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is closed")
    }
}

impl<T> std::error::Error for TryPutError<T> {}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the queue is full, or others wait for room",
            Self::Closed(_) => "the queue is closed",
        })
    }
}

impl std::error::Error for GetError {}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is closed and empty")
    }
}

impl std::error::Error for TryGetError {}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty, or others wait for an item",
            Self::Closed => "the queue is closed and empty",
        })
    }
}

impl<T> std::error::Error for RequeueError<T> {}

impl<T> fmt::Debug for RequeueError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequeueError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for RequeueError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue was closed and takes nothing back")
    }
}

impl std::error::Error for TaskDoneError {}

impl fmt::Display for TaskDoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value was done twice, or is not out of the queue yet")
    }
}
