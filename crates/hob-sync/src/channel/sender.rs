//! The senders of a channel with a limit: they wait for room, in order of arrival.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::blocking::block_on;
use crate::channel::ends::{SenderEnd, WeakEnd};
use crate::channel::error::{SendError, TrySendError};
use crate::channel::permit::{OwnedPermit, Permit};
use crate::channel::sending::{Closed, Reserve, ReserveOwned, Sending};
use crate::channel::statistics::ChannelStatistics;

/// A sender of a channel with a limit, made by `bounded` or `rendezvous`.
///
/// It is the same type for one receiver ([`mpsc`](crate::mpsc)) and for many ([`mpmc`](crate::mpmc)).
/// Clones send into the same channel. When the last sender is dropped, the receivers get what is there
/// and then the end.
///
/// Of each kind of end a channel has `u32::MAX` at most: to clone one more, or upgrade to it, panics.
pub struct Sender<T> {
    end: SenderEnd<T>,
}

/// A reference to a channel that does not keep it open: see [`Sender::downgrade`].
pub struct WeakSender<T> {
    end: WeakEnd<T>,
}

impl<T> Sender<T> {
    pub(crate) const fn new(end: SenderEnd<T>) -> Self {
        Self { end }
    }

    pub(super) const fn end(&self) -> &SenderEnd<T> {
        &self.end
    }

    /// Sends a message, waiting in line if there is no room.
    ///
    /// Messages arrive in the order in which their sends were first polled. In a rendezvous it completes
    /// when a receiver has taken the message.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped while it stands in line has sent nothing: its message is dropped with
    /// it. But once its turn has come the message is sent, even if the future was not polled since and
    /// never says so; its next poll would, whatever the budget, which is why hob's timeouts poll once
    /// more before they give up. Whoever must know for sure, or keep the message, waits with
    /// [`reserve`](Self::reserve).
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the channel was closed or its receivers dropped.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc::{self, SendError};
    /// # futures_lite::future::block_on(async {
    /// let (tx, mut rx) = mpsc::bounded(1);
    /// tx.send("egg").await.unwrap();
    /// assert_eq!(rx.recv().await, Some("egg"));
    /// drop(rx);
    /// assert_eq!(tx.send("toast").await, Err(SendError("toast")));
    /// # });
    /// ```
    #[track_caller]
    pub fn send(&self, message: T) -> Sending<'_, T> {
        Sending::new(self, message)
    }

    /// Sends a message if there is room and nobody waits for it; in a rendezvous, if a receiver waits
    /// for it.
    ///
    /// That receiver may be dropped before it takes the message, which then stays in the channel for the
    /// next one. Of a rendezvous, only what was sent by [`send`](Self::send) has been taken for sure.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the message says why not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc::{self, TrySendError};
    /// let (tx, rx) = mpsc::bounded(1);
    /// tx.try_send(1).unwrap();
    /// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    /// drop(rx);
    /// assert_eq!(tx.try_send(3), Err(TrySendError::Closed(3)));
    /// ```
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.end.try_send(message)
    }

    /// Sends a message, blocking the thread until there is room. It stands in the same line as all.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`send`](Self::send) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, mut rx) = mpsc::bounded(1);
    /// tx.send_blocking("egg").unwrap();
    /// assert_eq!(rx.recv_blocking(), Some("egg"));
    /// ```
    #[doc(alias = "blocking_send")]
    #[track_caller]
    pub fn send_blocking(&self, message: T) -> Result<(), SendError<T>> {
        let what = self.end.names().send_blocking;
        block_on(what, Location::caller(), self.send(message))
    }

    /// Waits for a slot and keeps it, for a message that is made later.
    ///
    /// Of a rendezvous there is a slot while a receiver waits; what is sent into it stays in the channel
    /// if that receiver has gone meanwhile. However large the channel is, `u32::MAX` slots are kept at a
    /// time, and the next waits until one is used or given back.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future gives up the place in line. If it had been given its slot
    /// already, the next in line gets it.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the channel was closed or its receivers dropped.
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
    /// let (tx, mut rx) = mpsc::bounded(1);
    /// let permit = tx.reserve().await.unwrap();
    /// assert!(tx.try_send("too late").is_err());
    /// permit.send("made to order").unwrap();
    /// assert_eq!(rx.recv().await, Some("made to order"));
    /// # });
    /// ```
    #[track_caller]
    pub fn reserve(&self) -> Reserve<'_, T> {
        Reserve::new(self)
    }

    /// As [`reserve`](Self::reserve), with a permit that owns its sender: for tasks.
    ///
    /// # Cancel safety
    ///
    /// As [`reserve`](Self::reserve); the sender is dropped with the future. Clone it before to keep
    /// one.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve); the sender is dropped then, and the channel ends if it was the last.
    ///
    /// # Panics
    ///
    /// As [`reserve`](Self::reserve).
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// # futures_lite::future::block_on(async {
    /// let (tx, mut rx) = mpsc::bounded(1);
    /// let permit = tx.reserve_owned().await.unwrap();
    /// let tx = permit.send("made to order").unwrap();
    /// assert_eq!(rx.recv().await, Some("made to order"));
    /// assert_eq!(tx.len(), 0);
    /// # });
    /// ```
    #[track_caller]
    pub fn reserve_owned(self) -> ReserveOwned<T> {
        ReserveOwned::new(self)
    }

    /// Keeps a slot if there is one and nobody waits for it.
    ///
    /// Of a rendezvous there is one if a receiver waits for it. That may be dropped before it takes what is
    /// sent into the slot, which then stays in the channel for the next one.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] says why not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, mut rx) = mpsc::bounded(1);
    /// let permit = tx.try_reserve().unwrap();
    /// assert!(tx.try_reserve().is_err());
    /// permit.send(7).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(7));
    /// ```
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.end.try_reserve()?;
        Ok(Permit::new(self))
    }

    /// As [`try_reserve`](Self::try_reserve), with a permit that owns its sender.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the sender says why not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, rx) = mpsc::bounded(1);
    /// let tx = tx.try_reserve_owned().unwrap().send(7).unwrap();
    /// assert!(tx.try_reserve_owned().is_err(), "it is full");
    /// # drop(rx);
    /// ```
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.end.try_reserve() {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
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
    /// let (tx, rx) = mpsc::bounded::<u8>(1);
    /// drop(rx);
    /// tx.closed().await;
    /// assert!(tx.is_closed());
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
    /// let (tx, rx) = mpsc::bounded::<u8>(1);
    /// drop(rx);
    /// tx.closed_blocking();
    /// ```
    #[track_caller]
    pub fn closed_blocking(&self) {
        let what = self.end.names().closed_blocking;
        block_on(what, Location::caller(), self.closed());
    }

    /// Closes the channel for all senders: nothing can be sent any more, except through permits that are
    /// out. What is there can still be received.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, mut rx) = mpsc::bounded(2);
    /// tx.try_send(1).unwrap();
    /// tx.clone().close();
    /// assert!(tx.try_send(2).is_err());
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
    /// let (tx, rx) = mpsc::bounded::<u8>(1);
    /// let weak = tx.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// assert!(rx.is_closed());
    /// ```
    #[must_use]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender {
            end: self.end.downgrade(),
        }
    }

    /// Whether `other` sends into the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, _rx) = mpsc::bounded::<u8>(1);
    /// let (other, _other_rx) = mpsc::bounded::<u8>(1);
    /// assert!(tx.same_channel(&tx.clone()));
    /// assert!(!tx.same_channel(&other));
    /// ```
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.end.channel(), other.end.channel())
    }

    /// Returns `true` once the channel was closed, or its last receiver dropped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.end.look(|store| store.is_closed())
    }

    /// How many messages are there to be received, without those that wait in line.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end.len()
    }

    /// Returns `true` if no message is there to be received, but for those that wait in line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns `true` if there is no room, or others wait for it: [`try_send`](Self::try_send) would be
    /// refused.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, _rx) = mpsc::bounded::<u8>(1);
    /// assert!(!tx.is_full());
    /// let _permit = tx.try_reserve();
    /// assert!(tx.is_full(), "a slot that is kept is not free");
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.end.is_full()
    }

    /// How many messages the channel was made for, zero for a rendezvous; `None` for `usize::MAX` of
    /// them, which is no limit.
    ///
    /// A rendezvous takes more than that from [`try_send`](Self::try_send) and permits, as long as
    /// receivers wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, _rx) = mpsc::bounded(3);
    /// tx.try_send(1).unwrap();
    /// assert_eq!(tx.capacity(), Some(3));
    /// ```
    #[doc(alias = "max_capacity")]
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.end.limit()
    }

    /// Returns the counts, and who waits.
    #[must_use]
    pub fn statistics(&self) -> ChannelStatistics {
        self.end.statistics()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self::new(self.end.clone())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.end.debug("Sender", f)
    }
}

impl<T> WeakSender<T> {
    /// A sender, if there is still one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, mut rx) = mpsc::bounded(1);
    /// let weak = tx.downgrade();
    /// weak.upgrade().unwrap().try_send(7).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(7));
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.end.upgrade().map(Sender::new)
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self {
            end: self.end.clone(),
        }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.end.channel().debug("WeakSender", f)
    }
}
