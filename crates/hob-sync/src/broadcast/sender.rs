//! The senders of a broadcast: they never wait, except to learn that nobody listens.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::broadcast::error::SendError;
use crate::broadcast::receiver::Receiver;
use crate::broadcast::state::{BroadcastStatistics, Farewell, Shared, State};
use crate::epoch::Epoch;
use crate::wait_queue::{Wait, update};

/// A sender of a broadcast; clones send to the same receivers.
///
/// When the last one is dropped, receivers take what is there and then learn that it is
/// [closed](super::RecvError::Closed).
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// A [`Sender`] that does not keep the channel open.
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

pin_project! {
    /// The future of [`Sender::closed`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Closed<'a, T> {
        #[pin]
        wait: Wait<&'a Shared<T>, Farewell>,
    }
}

impl<T> Sender<T> {
    /// Makes a channel as [`channel`](super::channel) does, which nobody listens to yet.
    ///
    /// # Panics
    ///
    /// If `capacity` is zero, or more than `usize::MAX / 2`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::broadcast::Sender;
    /// let tx = Sender::new(8);
    /// assert!(tx.send(1).is_err(), "nobody listens");
    /// let _rx = tx.subscribe();
    /// assert_eq!(tx.send(2), Ok(1));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a broadcast keeps at least one message");
        assert!(
            capacity <= usize::MAX / 2,
            "a broadcast keeps at most usize::MAX / 2 messages"
        );
        Self {
            shared: Arc::new(Shared::new(capacity)),
        }
    }

    /// Makes a receiver of all that is sent from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::broadcast;
    /// let (tx, _rx) = broadcast::channel(8);
    /// tx.send(1).unwrap();
    /// let mut late = tx.subscribe();
    /// tx.send(2).unwrap();
    /// assert_eq!(late.try_recv(), Ok(2));
    /// ```
    #[must_use = "a receiver that is dropped at once receives nothing"]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(Arc::clone(&self.shared))
    }

    /// Waits until nobody listens.
    ///
    /// It also completes if somebody subscribed again between the moment when nobody listened and the
    /// next poll.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future changes nothing.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::broadcast;
    /// # futures_lite::future::block_on(async {
    /// let (tx, rx) = broadcast::channel::<u8>(8);
    /// drop(rx);
    /// tx.closed().await;
    /// assert_eq!(tx.receiver_count(), 0);
    /// # });
    /// ```
    #[track_caller]
    pub fn closed(&self) -> Closed<'_, T> {
        Closed {
            wait: Wait::new(
                &self.shared,
                Epoch::NOT_IN_LINE,
                &"broadcast::Sender::closed",
            ),
        }
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.shared.with(|store| store.receivers())
    }

    /// How many messages are held, since some receiver has not taken them yet.
    ///
    /// Of messages that are no larger than two words and have no destructor, up to seven may be counted
    /// that all receivers have taken, as long as one of those behind them is still to be taken.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::broadcast;
    /// let (tx, mut rx) = broadcast::channel(8);
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// assert_eq!(tx.len(), 2);
    /// rx.try_recv().unwrap();
    /// assert_eq!(tx.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.with(|store| store.ring().len())
    }

    /// Returns `true` if all receivers have taken all messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes a handle that does not keep the channel open.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::broadcast::{self, TryRecvError};
    /// let (tx, mut rx) = broadcast::channel::<u8>(8);
    /// let weak = tx.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    /// ```
    #[must_use]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Returns `true` if both send to the same receivers.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Returns the counts, and how many wait.
    #[must_use]
    pub fn statistics(&self) -> BroadcastStatistics {
        self.shared.statistics()
    }
}

impl<T: Clone> Sender<T> {
    /// Sends a message to all who listen now, and returns how many they are.
    ///
    /// It does not wait. If the channel is full, the oldest message is dropped; those who have not taken
    /// it will learn that they [lag](super::RecvError::Lagged). Not all who listen now need to receive
    /// the message: they may lag, or go.
    ///
    /// A message of two words at most and without a destructor is cloned here for each receiver, if they
    /// are few; any other by those who receive it.
    ///
    /// All receivers get the messages in the same order. What was done before the message was sent is
    /// visible to those who receive it.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message if nobody listens. It may be that somebody
    /// [subscribes](Self::subscribe) later.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::broadcast::{self, SendError};
    /// let (tx, rx) = broadcast::channel(8);
    /// assert_eq!(tx.send("salt"), Ok(1));
    /// drop(rx);
    /// assert_eq!(tx.send("pepper"), Err(SendError("pepper")));
    /// ```
    pub fn send(&self, message: T) -> Result<usize, SendError<T>> {
        self.shared.send(message).map_err(SendError)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        shared.with(|store| store.add_sender());
        Self { shared }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        update(&*self.shared, State::sender_gone);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Sender", f)
    }
}

impl<T> WeakSender<T> {
    /// Makes a [`Sender`], unless there is none any more.
    #[must_use]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let is_open = self.shared.with(|store| {
            let is_open = !store.is_closed();
            if is_open {
                store.add_sender();
            }
            is_open
        });
        is_open.then(|| Sender {
            shared: Arc::clone(&self.shared),
        })
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("WeakSender", f)
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().wait.poll(cx)
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").field("wait", &self.wait).finish()
    }
}
