//! The end that changes the value.

use std::fmt;
use std::mem;
use std::panic::Location;
use std::sync::Arc;

use crate::blocking::block_on;
use crate::watch::WatchStatistics;
use crate::watch::error::SendError;
use crate::watch::receiver::Receiver;
use crate::watch::shared::{Ref, Shared};
use crate::watch::wait::Closed;

/// The end of a channel that changes the value; clones of it are ends as good.
///
/// When the last one is dropped the channel is closed: receivers see what was sent last, and then the
/// end.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Creates a channel that has a sender only, for now.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::watch::Sender;
    /// let tx = Sender::new(1);
    /// assert!(tx.send(2).is_err(), "nobody watches");
    /// let rx = tx.subscribe();
    /// tx.send(3).unwrap();
    /// assert_eq!(*rx.borrow(), 3);
    /// ```
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::with_receivers(value, 0)
    }

    pub(super) fn with_receivers(value: T, receivers: usize) -> Self {
        let shared = Arc::new(Shared::new(value, receivers));
        Self { shared }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared<T>> {
        &self.shared
    }

    /// Sends a new value, which all receivers see from now on. The old one is dropped.
    ///
    /// It never waits for receivers to look; who looks sees the latest value. It blocks the thread as
    /// long as somebody holds a [`Ref`]. What was done before is visible to who sees the change.
    ///
    /// # Errors
    ///
    /// [`SendError`] gives the value back if there is no receiver; then the old one stays. To change
    /// it nevertheless, see [`send_replace`](Self::send_replace).
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::watch;
    /// let (tx, rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// assert_eq!(*rx.borrow(), 2);
    /// drop(rx);
    /// assert_eq!(tx.send(3), Err(watch::SendError(3)));
    /// ```
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Sends a new value, also if nobody watches, and returns the old one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::watch;
    /// let (tx, rx) = watch::channel(1);
    /// drop(rx);
    /// assert_eq!(tx.send_replace(2), 1);
    /// assert_eq!(*tx.borrow(), 2);
    /// ```
    pub fn send_replace(&self, value: T) -> T {
        mem::replace(&mut *self.shared.change(), value)
    }

    /// Changes the value in place, also if nobody watches.
    ///
    /// The value is locked while `modify` runs: it must not touch the same channel, or it waits for
    /// itself for ever.
    ///
    /// # Panics
    ///
    /// If `modify` does. The value stays as it left it, and counts as changed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::watch;
    /// let (tx, mut rx) = watch::channel(vec![1]);
    /// tx.send_modify(|list| list.push(2));
    /// assert_eq!(rx.has_changed(), Ok(true));
    /// assert_eq!(*rx.borrow_and_update(), [1, 2]);
    /// ```
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        modify(&mut self.shared.change());
    }

    /// Looks at the value and may change it, also if nobody watches. It counts as changed if `modify`
    /// says so, which is returned.
    ///
    /// The value is locked while `modify` runs: it must not touch the same channel, or it waits for
    /// itself for ever.
    ///
    /// # Panics
    ///
    /// If `modify` does. The value stays as it left it, and counts as changed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::watch;
    /// let (tx, rx) = watch::channel(1);
    /// let at_least = |least| move |value: &mut i32| *value < least && { *value = least; true };
    /// assert!(!tx.send_if_modified(at_least(0)));
    /// assert_eq!(rx.has_changed(), Ok(false));
    /// assert!(tx.send_if_modified(at_least(7)));
    /// assert_eq!(rx.has_changed(), Ok(true));
    /// ```
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut change = self.shared.change();
        let modified = modify(&mut change);
        change.count(modified);
        modified
    }

    /// Locks the value for reading. See [`Ref`] for what not to do meanwhile.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow(None).0
    }

    /// Makes a receiver, which has seen the value that is there now.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::watch;
    /// let (tx, _rx) = watch::channel(1);
    /// let later = tx.subscribe();
    /// assert_eq!(later.has_changed(), Ok(false));
    /// assert_eq!(tx.receiver_count(), 2);
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        self.shared.hub.add_receiver();
        Receiver::new(Arc::clone(&self.shared), self.shared.hub.version())
    }

    /// Waits until no receiver is left.
    ///
    /// It need not stay so: [`subscribe`](Self::subscribe) makes new ones.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future does nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, zip};
    /// # use hob_sync::watch;
    /// # block_on(async {
    /// let (tx, rx) = watch::channel(1);
    /// zip(tx.closed(), async { drop(rx) }).await;
    /// assert!(tx.is_closed());
    /// # });
    /// ```
    #[track_caller]
    pub fn closed(&self) -> Closed<'_> {
        Closed::new(&self.shared.hub)
    }

    /// Waits until no receiver is left, blocking the thread.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks, whether or not it would have to wait: await
    /// [`closed`](Self::closed) there.
    #[doc(alias = "blocking_closed")]
    #[track_caller]
    pub fn closed_blocking(&self) {
        let place = Location::caller();
        block_on("watch::Sender::closed_blocking", place, self.closed());
    }

    /// Returns `true` if there is no receiver now.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.shared.hub.receivers()
    }

    /// How many senders there are.
    #[must_use]
    pub fn sender_count(&self) -> usize {
        self.shared.hub.senders()
    }

    /// Whether the two are ends of one channel.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Returns how often the value changed, who is there, and who waits.
    #[must_use]
    pub fn statistics(&self) -> WatchStatistics {
        self.shared.hub.statistics()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.hub.add_sender();
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.hub.remove_sender();
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Sender<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.hub.debug("Sender", f)
    }
}
