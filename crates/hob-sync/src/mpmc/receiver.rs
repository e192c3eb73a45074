//! The receivers of a channel: any number of tasks that share its messages out among themselves.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::blocking::block_on;
use crate::channel::{Channel, ChannelStatistics, IsOver, ReceiverEnd, Side, TryRecvError};
use crate::mpmc::messages::{IntoMessages, Messages};
use crate::mpmc::recv::{Recv, RecvMany};

/// A receiver of a channel. Each message goes to one of its clones.
///
/// Those that wait are served in the order in which they were first polled. When the last receiver is
/// dropped, the channel is closed and the messages that are there are dropped. There are `u32::MAX`
/// receivers at most: to clone one more panics.
pub struct Receiver<T> {
    end: ReceiverEnd<T>,
}

impl<T> Receiver<T> {
    pub(super) const fn new(end: ReceiverEnd<T>) -> Self {
        Self { end }
    }

    pub(super) const fn channel(&self) -> &Arc<Channel<T>> {
        self.end.channel()
    }

    /// Receives the next message, waiting in line until one is there.
    ///
    /// It gives `None` once no message is there and none will come: the channel was closed, or its
    /// last sender dropped, and no [`Permit`](super::Permit) is out.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future that is dropped has taken no message. If it had been given its turn
    /// already, the next in line has it.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpmc;
    /// # futures_lite::future::block_on(async {
    /// let (tx, rx) = mpmc::unbounded();
    /// tx.send("egg").unwrap();
    /// drop(tx);
    /// assert_eq!(rx.recv().await, Some("egg"));
    /// assert_eq!(rx.recv().await, None);
    /// # });
    /// ```
    #[inline]
    #[track_caller]
    pub fn recv(&self) -> Recv<'_, T> {
        Recv::new(&self.end, Location::caller())
    }

    /// Receives up to `limit` messages into `buffer`, waiting in line until at least one is there.
    ///
    /// It gives how many they are: zero if none will come, or `limit` is zero. It takes no message that
    /// another receiver was given a turn for. In a rendezvous it takes from one sender at a time.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future that is dropped has taken no message. If it had been given its turn
    /// already, the next in line has it.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpmc;
    /// # futures_lite::future::block_on(async {
    /// let (tx, rx) = mpmc::unbounded();
    /// for number in 0..5 {
    ///     tx.send(number).unwrap();
    /// }
    /// let mut batch = Vec::new();
    /// assert_eq!(rx.recv_many(&mut batch, 3).await, 3);
    /// assert_eq!(batch, [0, 1, 2]);
    /// # });
    /// ```
    #[track_caller]
    pub fn recv_many<'a>(&'a self, buffer: &'a mut Vec<T>, limit: usize) -> RecvMany<'a, T> {
        RecvMany::new(&self.end, buffer, limit)
    }

    /// Receives a message if one is there and nobody waits for it.
    ///
    /// In a rendezvous that is the message of the first sender in line. If the first waits for a slot
    /// instead, by [`reserve`](super::Sender::reserve), there is none: it gets one when a receiver waits.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`] says why not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpmc::{self, TryRecvError};
    /// let (tx, rx) = mpmc::bounded::<u8>(1);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.end
            .take_unpromised(Side::pop)
            .map_err(|IsOver(is_over)| {
                if is_over {
                    TryRecvError::Closed
                } else {
                    TryRecvError::Empty
                }
            })
    }

    /// Receives the next message, blocking the thread until one is there. It stands in the same line as
    /// all.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`recv`](Self::recv) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpmc;
    /// let (tx, rx) = mpmc::unbounded();
    /// tx.send("egg").unwrap();
    /// assert_eq!(rx.recv_blocking(), Some("egg"));
    /// ```
    #[doc(alias = "blocking_recv")]
    #[track_caller]
    pub fn recv_blocking(&self) -> Option<T> {
        let place = Location::caller();
        block_on("mpmc::Receiver::recv_blocking", place, self.recv())
    }

    /// As [`recv_many`](Self::recv_many), blocking the thread until a message is there.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`recv_many`](Self::recv_many) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpmc;
    /// let (tx, rx) = mpmc::unbounded();
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// let mut batch = Vec::new();
    /// assert_eq!(rx.recv_many_blocking(&mut batch, 9), 2);
    /// assert_eq!(batch, [1, 2]);
    /// ```
    #[doc(alias = "blocking_recv_many")]
    #[track_caller]
    pub fn recv_many_blocking(&self, buffer: &mut Vec<T>, limit: usize) -> usize {
        let place = Location::caller();
        let recv = self.recv_many(buffer, limit);
        block_on("mpmc::Receiver::recv_many_blocking", place, recv)
    }

    /// The messages as a stream, which is to be pinned: it stands in line where it is.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a stream that is dropped has taken no message that it did not give.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::pin::pin;
    /// # use futures_lite::StreamExt;
    /// # use hob_sync::mpmc;
    /// # futures_lite::future::block_on(async {
    /// let (tx, rx) = mpmc::unbounded();
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// let mut messages = pin!(rx.stream());
    /// assert_eq!(messages.next().await, Some(1));
    /// assert_eq!(rx.recv().await, Some(2), "both take from the same channel");
    /// # });
    /// ```
    #[track_caller]
    pub fn stream(&self) -> Messages<'_, T> {
        Messages::new(&self.end, Location::caller())
    }

    /// As [`stream`](Self::stream), for one that owns its receiver.
    ///
    /// # Cancel safety
    ///
    /// As [`stream`](Self::stream).
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::StreamExt;
    /// # use hob_sync::mpmc;
    /// # futures_lite::future::block_on(async {
    /// let (tx, rx) = mpmc::unbounded();
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.into_stream().collect::<Vec<_>>().await, [1, 2]);
    /// # });
    /// ```
    #[track_caller]
    pub fn into_stream(self) -> IntoMessages<T> {
        IntoMessages::new(self, Location::caller())
    }

    /// Closes the channel: nothing can be sent any more, except through permits that are out. What is
    /// there can still be received.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpmc;
    /// # futures_lite::future::block_on(async {
    /// let (tx, rx) = mpmc::bounded(2);
    /// tx.send(1).await.unwrap();
    /// rx.close();
    /// assert!(tx.send(2).await.is_err());
    /// assert_eq!(rx.recv().await, Some(1));
    /// assert_eq!(rx.recv().await, None);
    /// # });
    /// ```
    pub fn close(&self) {
        self.end.close();
    }

    /// Whether `other` receives from the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.channel(), other.channel())
    }

    /// Returns `true` if the channel was closed or has no sender any more. Messages may be there.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.end.look(|store| store.is_ended())
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

    /// Returns `true` if there is no room, or others wait for it: a send would have to wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.end.is_full()
    }

    /// How many messages the channel was made for, zero for a rendezvous; `None` without a limit.
    ///
    /// A rendezvous takes more than that from [`try_send`](super::Sender::try_send) and permits, as long
    /// as receivers wait.
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

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self::new(self.end.clone())
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.end.debug("Receiver", f)
    }
}
