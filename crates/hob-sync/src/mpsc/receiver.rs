//! The receiver of a channel: one task that takes messages in the order in which they were sent.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use hob_core::{budget, context, unhandled};

use crate::blocking::block_on;
use crate::mpsc::error::TryRecvError;
use crate::mpsc::state::{Channel, MpscStatistics, State, debug};
use crate::old_queue::{polled_after_ready, update};
use crate::waker::poll_with;

/// The receiver of a channel; also a [`Stream`] of its messages.
///
/// Dropping it closes the channel and drops the messages that are there.
pub struct Receiver<T> {
    channel: Channel<T>,
    /// Whether the last poll was `Pending`: then the next one is not charged.
    waits: bool,
    /// Where the channel was made.
    place: &'static Location<'static>,
}

/// The future of [`Receiver::recv`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Recv<'a, T> {
    wait: Wait<'a, T>,
}

/// The future of [`Receiver::recv_many`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct RecvMany<'a, T> {
    wait: Wait<'a, T>,
    buffer: &'a mut Vec<T>,
    limit: usize,
}

/// A borrowed receiver, and how far this very wait is.
struct Wait<'a, T> {
    receiver: &'a mut Receiver<T>,
    what: &'static str,
    /// Whether its waker is filed for this wait.
    filed: bool,
    finished: bool,
    place: &'static Location<'static>,
}

impl<T> Receiver<T> {
    #[track_caller]
    pub(super) const fn new(channel: Channel<T>) -> Self {
        Self {
            channel,
            waits: false,
            place: Location::caller(),
        }
    }

    /// Receives the next message, waiting until one is there.
    ///
    /// It gives `None` once no message is there and none will come: the channel was closed, or its
    /// last sender dropped, and no [`Permit`](super::Permit) is out.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future that is dropped has taken no message.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// # futures_lite::future::block_on(async {
    /// let (tx, mut rx) = mpsc::unbounded();
    /// tx.send("egg").unwrap();
    /// drop(tx);
    /// assert_eq!(rx.recv().await, Some("egg"));
    /// assert_eq!(rx.recv().await, None);
    /// # });
    /// ```
    #[track_caller]
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv {
            wait: Wait::new(self, "mpsc::Receiver::recv"),
        }
    }

    /// Receives up to `limit` messages into `buffer`, waiting until at least one is there.
    ///
    /// It gives how many they are: zero if none will come, or `limit` is zero.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future that is dropped has taken no message.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// # futures_lite::future::block_on(async {
    /// let (tx, mut rx) = mpsc::unbounded();
    /// for number in 0..5 {
    ///     tx.send(number).unwrap();
    /// }
    /// let mut batch = Vec::new();
    /// assert_eq!(rx.recv_many(&mut batch, 3).await, 3);
    /// assert_eq!(batch, [0, 1, 2]);
    /// # });
    /// ```
    #[track_caller]
    pub fn recv_many<'a>(&'a mut self, buffer: &'a mut Vec<T>, limit: usize) -> RecvMany<'a, T> {
        RecvMany {
            wait: Wait::new(self, "mpsc::Receiver::recv_many"),
            buffer,
            limit,
        }
    }

    /// Receives a message if one is there.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`] says why not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc::{self, TryRecvError};
    /// let (tx, mut rx) = mpsc::bounded::<u8>(1);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match update(&self.channel, State::receive) {
            Some(Some(message)) => Ok(message),
            Some(None) => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Receives the next message, blocking the thread until one is there.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`recv`](Self::recv) there.
    #[doc(alias = "blocking_recv")]
    #[track_caller]
    pub fn recv_blocking(&mut self) -> Option<T> {
        let place = Location::caller();
        block_on("mpsc::Receiver::recv_blocking", place, self.recv())
    }

    /// Polls for the next message, as [`recv`](Self::recv) does.
    ///
    /// Only the waker of the last poll is woken.
    pub fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<T>> {
        let poll = self.poll_with(cx, State::receive);
        if poll.is_pending() {
            context::record_wait("mpsc::Receiver", self.place);
        }
        poll
    }

    /// Closes the channel: nothing can be sent any more, except through permits that are out. What is
    /// there can still be received.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// # futures_lite::future::block_on(async {
    /// let (tx, mut rx) = mpsc::bounded(2);
    /// tx.send(1).await.unwrap();
    /// rx.close();
    /// assert!(tx.send(2).await.is_err());
    /// assert_eq!(rx.recv().await, Some(1));
    /// assert_eq!(rx.recv().await, None);
    /// # });
    /// ```
    pub fn close(&mut self) {
        update(&self.channel, State::close);
    }

    /// Returns `true` if the channel was closed or has no sender any more. Messages may be there.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.channel.lock().is_ended()
    }

    /// How many messages are there to be received.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channel.lock().len()
    }

    /// Returns `true` if no message is there to be received.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the counts, and who waits.
    #[must_use]
    pub fn statistics(&self) -> MpscStatistics {
        self.channel.lock().statistics()
    }

    /// One poll for what `take` takes out of the channel.
    fn poll_with<R>(
        &mut self,
        cx: &Context<'_>,
        mut take: impl FnMut(&mut State<T>) -> Option<R>,
    ) -> Poll<R> {
        if !self.waits && budget::poll_proceed(cx).is_pending() {
            return Poll::Pending;
        }
        let poll = poll_with(cx.waker(), |spare| {
            update(&self.channel, |state| match take(state) {
                Some(taken) => {
                    debug_assert!(state.receiver.is_empty(), "what is there has woken it");
                    Poll::Ready(taken)
                }
                None => {
                    state.receiver.file(spare);
                    Poll::Pending
                }
            })
        });
        if poll.is_ready() && !self.waits {
            budget::spend();
        }
        self.waits = poll.is_pending();
        poll
    }
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), None)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let (messages, waker) = update(&self.channel, State::receiver_gone);
        // Foreign code, now that the lock is released.
        unhandled::drop_waker(waker);
        drop(messages);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Receiver", &self.channel, f)
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.wait.poll(cx, State::receive)
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv")
            .field("place", &self.wait.place)
            .finish_non_exhaustive()
    }
}

impl<T> Future for RecvMany<'_, T> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = self.get_mut();
        let limit = this.limit;
        if limit == 0 {
            this.wait.refuse_finished();
            this.wait.finished = true;
            return Poll::Ready(0);
        }
        this.wait
            .poll(cx, |state| state.receive_many(this.buffer, limit))
    }
}

impl<T> fmt::Debug for RecvMany<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvMany")
            .field("limit", &self.limit)
            .field("place", &self.wait.place)
            .finish_non_exhaustive()
    }
}

impl<'a, T> Wait<'a, T> {
    #[track_caller]
    fn new(receiver: &'a mut Receiver<T>, what: &'static str) -> Self {
        Self {
            receiver,
            what,
            filed: false,
            finished: false,
            place: Location::caller(),
        }
    }

    fn poll<R>(
        &mut self,
        cx: &Context<'_>,
        take: impl FnMut(&mut State<T>) -> Option<R>,
    ) -> Poll<R> {
        self.refuse_finished();
        let poll = self.receiver.poll_with(cx, take);
        self.filed = poll.is_pending();
        self.finished = poll.is_ready();
        if self.filed {
            context::record_wait(self.what, self.place);
        }
        poll
    }

    fn refuse_finished(&self) {
        if self.finished {
            polled_after_ready(self.what, self.place);
        }
    }
}

impl<T> Drop for Wait<'_, T> {
    fn drop(&mut self) {
        if self.filed {
            let waker = self.receiver.channel.lock().receiver.take();
            unhandled::drop_waker(waker);
        }
    }
}
