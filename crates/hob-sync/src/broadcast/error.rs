//! What goes wrong with a broadcast: nobody listens, nobody will send, or one was too slow.

use std::fmt;

/// Nobody listens: the message comes back.
#[derive(Clone, Copy, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is the message and nothing else"
)]
pub struct SendError<T>(pub T);

/// Why no message was received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "receivers go on after one and end after the other: they match both"
)]
pub enum RecvError {
    /// None is there to be taken, and no sender is left.
    Closed,
    /// So many were missed. The next one is the oldest that is there.
    Lagged(u64),
}

/// Why no message was received at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TryRecvError {
    /// None is there now.
    Empty,
    /// None is there to be taken, and no sender is left.
    Closed,
    /// So many were missed. The next one is the oldest that is there.
    Lagged(u64),
}

/// So many messages were missed. The next one is the oldest that is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is the number and nothing else"
)]
pub struct Lagged(pub u64);

impl From<Lagged> for RecvError {
    fn from(Lagged(missed): Lagged) -> Self {
        Self::Lagged(missed)
    }
}

impl From<RecvError> for TryRecvError {
    fn from(error: RecvError) -> Self {
        match error {
            RecvError::Closed => Self::Closed,
            RecvError::Lagged(missed) => Self::Lagged(missed),
        }
    }
}

impl<T> std::error::Error for SendError<T> {}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the broadcast has no receiver")
    }
}

impl std::error::Error for RecvError {}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the broadcast has no sender"),
            Self::Lagged(missed) => Lagged(*missed).fmt(f),
        }
    }
}

impl std::error::Error for TryRecvError {}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no message is there now"),
            Self::Closed => RecvError::Closed.fmt(f),
            Self::Lagged(missed) => Lagged(*missed).fmt(f),
        }
    }
}

impl std::error::Error for Lagged {}

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the receiver was too slow and missed {} messages",
            self.0
        )
    }
}
