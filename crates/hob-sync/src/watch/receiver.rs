//! The end that sees the value.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::blocking::block_on;
use crate::watch::WatchStatistics;
use crate::watch::error::RecvError;
use crate::watch::hub::Version;
use crate::watch::shared::{Ref, Shared};
use crate::watch::stream::IntoStream;
use crate::watch::wait::{Changed, WaitFor};

/// The end of a channel that sees the value; each clone keeps by itself what it has seen.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: Version,
}

impl<T> Receiver<T> {
    /// A receiver that was counted already.
    pub(super) const fn new(shared: Arc<Shared<T>>, seen: Version) -> Self {
        Self { shared, seen }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared<T>> {
        &self.shared
    }

    pub(super) const fn seen(&self) -> Version {
        self.seen
    }

    /// Locks the value for reading, and leaves open whether it was seen: [`changed`](Self::changed)
    /// still tells of it. See [`Ref`] for what not to do meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::watch;
    /// let (tx, rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// assert_eq!(*rx.borrow(), 2);
    /// assert_eq!(rx.has_changed(), Ok(true));
    /// ```
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow(Some(self.seen)).0
    }

    /// Locks the value for reading, and notes that this very value was seen. See [`Ref`] for what not
    /// to do meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::watch;
    /// let (tx, mut rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// assert_eq!(*rx.borrow_and_update(), 2);
    /// assert_eq!(rx.has_changed(), Ok(false));
    /// ```
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let (value, version) = self.shared.borrow(Some(self.seen));
        self.seen = version;
        value
    }

    /// Whether there is a value that was not seen.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if there is none, and there will be none, since all senders are gone.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        match self.shared.hub.look(self.seen) {
            Some(found) => found.map(|()| true),
            None => Ok(false),
        }
    }

    /// Notes that the value was not seen, so that [`changed`](Self::changed) tells of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::watch;
    /// let (_tx, mut rx) = watch::channel(1);
    /// rx.mark_changed();
    /// assert_eq!(rx.has_changed(), Ok(true));
    /// ```
    pub fn mark_changed(&mut self) {
        self.seen = self.shared.hub.version().before();
    }

    /// Notes that the value was seen, without looking at it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::watch;
    /// let (tx, mut rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// rx.mark_unchanged();
    /// assert_eq!(rx.has_changed(), Ok(false));
    /// ```
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.hub.version();
    }

    /// Waits until there is a value that was not seen, and notes that it was.
    ///
    /// The value that was there when the receiver was made counts as seen. Of several changes in
    /// between only the last is told.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropped, it has noted nothing, and a new `changed` completes at once if there was
    /// a change.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if all senders are gone, and what they sent was seen.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::watch;
    /// # futures_lite::future::block_on(async {
    /// let (tx, mut rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// tx.send(3).unwrap();
    /// rx.changed().await?;
    /// assert_eq!(*rx.borrow(), 3);
    /// drop(tx);
    /// assert!(rx.changed().await.is_err());
    /// # Ok::<(), watch::RecvError>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn changed(&mut self) -> Changed<'_> {
        Changed::new(&self.shared.hub, &mut self.seen)
    }

    /// As [`changed`](Self::changed), blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`changed`](Self::changed).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks, whether or not it would have to wait: await
    /// [`changed`](Self::changed) there.
    #[doc(alias = "blocking_changed")]
    #[track_caller]
    pub fn changed_blocking(&mut self) -> Result<(), RecvError> {
        let place = Location::caller();
        block_on("watch::Receiver::changed_blocking", place, self.changed())
    }

    /// Waits until `predicate` is true of the value, and lends that value.
    ///
    /// It looks at the value that is there now, seen or not, and then at each that it is woken for. The
    /// value is locked while `predicate` runs: it must not touch the same channel. See [`Ref`] for
    /// what not to do as long as it lives.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a new `wait_for` looks at the value again. What was looked at counts as seen.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if it is not true of the last value, and all senders are gone.
    ///
    /// # Panics
    ///
    /// If `predicate` does. The channel and the receiver can be used as before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, zip};
    /// # use hob_sync::watch;
    /// # block_on(async {
    /// let (tx, mut rx) = watch::channel("starting");
    /// let ready = async { rx.wait_for(|state| *state == "ready").await.map(|state| *state) };
    /// let (state, ()) = zip(ready, async { tx.send("ready").unwrap() }).await;
    /// assert_eq!(state, Ok("ready"));
    /// # });
    /// ```
    #[track_caller]
    pub fn wait_for<P: FnMut(&T) -> bool>(&mut self, predicate: P) -> WaitFor<'_, T, P> {
        WaitFor::new(&self.shared, &mut self.seen, predicate)
    }

    /// As [`wait_for`](Self::wait_for), blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for).
    ///
    /// # Panics
    ///
    /// As [`wait_for`](Self::wait_for); and on a thread that runs tasks, whether or not it would have
    /// to wait.
    #[doc(alias = "blocking_wait_for")]
    #[track_caller]
    pub fn wait_for_blocking(
        &mut self,
        predicate: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvError> {
        let place = Location::caller();
        let wait = self.wait_for(predicate);
        block_on("watch::Receiver::wait_for_blocking", place, wait)
    }

    /// Turns it into a stream of what was not seen: a clone of the value at each change.
    ///
    /// For a stream that begins with the value that is there now, [`mark_changed`](Self::mark_changed)
    /// before. The stream has one allocation, and none for each wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_lite::StreamExt;
    /// # use hob_sync::watch;
    /// # futures_lite::future::block_on(async {
    /// let (tx, mut rx) = watch::channel(1);
    /// rx.mark_changed();
    /// let mut values = rx.into_stream();
    /// assert_eq!(values.next().await, Some(1));
    /// tx.send(2).unwrap();
    /// drop(tx);
    /// assert_eq!(values.next().await, Some(2));
    /// assert_eq!(values.next().await, None);
    /// # });
    /// ```
    #[track_caller]
    pub fn into_stream(self) -> IntoStream<T> {
        IntoStream::new(self)
    }

    /// Returns `true` if all senders are gone. There may be a value yet that was not seen.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.hub.is_closed()
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

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.hub.add_receiver();
        Self {
            shared: Arc::clone(&self.shared),
            seen: self.seen,
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.hub.remove_receiver();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.hub.debug("Receiver", f)
    }
}
