//! The senders of a channel without a limit: they never wait.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::blocking::block_on;
use crate::channel::ends::{SenderEnd, WeakEnd};
use crate::channel::error::SendError;
use crate::channel::sending::Closed;
use crate::channel::statistics::ChannelStatistics;

/// A sender of a channel without a limit, made by `unbounded`.
///
/// It is the same type for one receiver ([`mpsc`](crate::mpsc)) and for many ([`mpmc`](crate::mpmc)).
/// Clones send into the same channel. When the last sender is dropped, the receivers get what is there
/// and then the end. There are `u32::MAX` senders at most, as of [`Sender`](crate::mpsc::Sender).
pub struct UnboundedSender<T> {
    end: SenderEnd<T>,
}

/// A reference to a channel that does not keep it open: see [`UnboundedSender::downgrade`].
pub struct WeakUnboundedSender<T> {
    end: WeakEnd<T>,
}

impl<T> UnboundedSender<T> {
    pub(crate) const fn new(end: SenderEnd<T>) -> Self {
        Self { end }
    }

    /// Sends a message. It never waits, so it can be called from anywhere.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the channel was closed or its receivers dropped.
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
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.end
            .try_send(message)
            .map_err(|refused| SendError(refused.into_inner()))
    }

    /// Waits until the channel is closed, or its last receiver dropped. Any number may wait.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future gives up its place and nothing else.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// # futures_lite::future::block_on(async {
    /// let (tx, mut rx) = mpsc::unbounded::<u8>();
    /// rx.close();
    /// tx.closed().await;
    /// assert!(tx.send(1).is_err());
    /// # });
    /// ```
    #[track_caller]
    pub fn closed(&self) -> Closed<'_, T> {
        Closed::new(self.end.channel())
    }

    /// As [`closed`](Self::closed), blocking the thread.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`closed`](Self::closed) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, rx) = mpsc::unbounded::<u8>();
    /// drop(rx);
    /// tx.closed_blocking();
    /// ```
    #[track_caller]
    pub fn closed_blocking(&self) {
        let what = self.end.names().closed_blocking;
        block_on(what, Location::caller(), self.closed());
    }

    /// Closes the channel for all senders: nothing can be sent any more. What is there can still be
    /// received.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, mut rx) = mpsc::unbounded();
    /// tx.send(1).unwrap();
    /// tx.clone().close();
    /// assert!(tx.send(2).is_err());
    /// assert_eq!(rx.recv_blocking(), Some(1));
    /// assert_eq!(rx.recv_blocking(), None);
    /// ```
    pub fn close(&self) {
        self.end.close();
    }

    /// Makes a reference that does not keep the channel open.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, rx) = mpsc::unbounded::<u8>();
    /// let weak = tx.downgrade();
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// assert!(rx.is_closed());
    /// ```
    #[must_use]
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender {
            end: self.end.downgrade(),
        }
    }

    /// Whether `other` sends into the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.end.channel(), other.end.channel())
    }

    /// Returns `true` once the channel was closed, or its last receiver dropped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.end.look(|store| store.is_closed())
    }

    /// How many messages are there to be received.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end.len()
    }

    /// Returns `true` if no message is there to be received.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the counts, and who waits.
    #[must_use]
    pub fn statistics(&self) -> ChannelStatistics {
        self.end.statistics()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self::new(self.end.clone())
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.end.debug("UnboundedSender", f)
    }
}

impl<T> WeakUnboundedSender<T> {
    /// A sender, if there is still one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, mut rx) = mpsc::unbounded();
    /// let weak = tx.downgrade();
    /// weak.upgrade().unwrap().send(7).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(7));
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        self.end.upgrade().map(UnboundedSender::new)
    }
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        Self {
            end: self.end.clone(),
        }
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.end.channel().debug("WeakUnboundedSender", f)
    }
}
