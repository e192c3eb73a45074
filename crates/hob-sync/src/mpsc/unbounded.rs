//! The senders of a channel without a limit: they never wait.

use std::fmt;

use crate::mpsc::error::SendError;
use crate::mpsc::state::{Handle, MpscStatistics, WeakHandle, debug};

/// A sender of a channel without a limit, made by [`unbounded`](super::unbounded).
///
/// Clones send into the same channel. When the last sender is dropped, the receiver gets what is
/// there and then the end.
pub struct UnboundedSender<T> {
    handle: Handle<T>,
}

/// A reference to a channel that does not keep it open: see [`UnboundedSender::downgrade`].
pub struct WeakUnboundedSender<T> {
    handle: WeakHandle<T>,
}

impl<T> UnboundedSender<T> {
    pub(super) const fn new(handle: Handle<T>) -> Self {
        Self { handle }
    }

    /// Sends a message. It never waits, so it can be called from anywhere.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the channel was closed or its receiver dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc::{self, SendError};
    /// let (tx, mut rx) = mpsc::unbounded();
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// drop(rx);
    /// assert_eq!(tx.send(2), Err(SendError(2)));
    /// ```
    #[doc(alias = "try_send")]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.handle
            .try_send(message)
            .map_err(|refused| SendError(refused.into_inner()))
    }

    /// Makes a reference that does not keep the channel open.
    #[must_use]
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender {
            handle: self.handle.downgrade(),
        }
    }

    /// Returns `true` once the receiver was closed or dropped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.handle.lock().lock().is_closed()
    }

    /// How many messages are there to be received.
    #[must_use]
    pub fn len(&self) -> usize {
        self.handle.lock().lock().len()
    }

    /// Returns `true` if no message is there to be received.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the counts, and who waits.
    #[must_use]
    pub fn statistics(&self) -> MpscStatistics {
        self.handle.lock().lock().statistics()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self::new(self.handle.clone())
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("UnboundedSender", self.handle.lock(), f)
    }
}

impl<T> WeakUnboundedSender<T> {
    /// A sender, if there is still one.
    #[must_use]
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        self.handle.upgrade().map(UnboundedSender::new)
    }
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
        }
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("WeakUnboundedSender", self.handle.lock(), f)
    }
}
