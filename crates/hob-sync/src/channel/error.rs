//! What goes wrong with a channel; what was to be sent comes back.

use std::fmt;

/// The channel is closed, or its receiver gone: the message comes back.
#[derive(Clone, Copy, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is the message and nothing else"
)]
pub struct SendError<T>(pub T);

/// Why a message was not sent at once; it comes back.
#[derive(Clone, Copy, Eq, PartialEq)]
#[non_exhaustive]
pub enum TrySendError<T> {
    /// There is no free slot, or others wait for it.
    Full(T),
    /// The channel is closed, or its receiver gone.
    Closed(T),
}

/// Why no message was received at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TryRecvError {
    /// None is there now.
    Empty,
    /// None is there, and none will come.
    Closed,
}

impl<T> TrySendError<T> {
    /// The message.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(message) | Self::Closed(message) => message,
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
        f.write_str("the channel is closed")
    }
}

impl<T> std::error::Error for TrySendError<T> {}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the channel is full, or others wait for a slot",
            Self::Closed(_) => "the channel is closed",
        })
    }
}

impl std::error::Error for TryRecvError {}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no message is there now",
            Self::Closed => "the channel is closed and empty",
        })
    }
}
