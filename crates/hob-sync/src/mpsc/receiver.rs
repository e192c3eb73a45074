//! The receiver of a channel: one task that takes messages in the order in which they were sent.

use std::fmt;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use hob_core::task::What;
use hob_core::{budget, context, unhandled};

use crate::blocking::block_on;
use crate::channel::{Channel, ChannelStatistics, Hand, ReceiverEnd, State, TryRecvError};
use crate::pace::Pace;
use crate::wait_queue::{polled_after_ready, release};

/// The receiver of a channel; also a [`Stream`] of its messages.
///
/// Dropping it closes the channel and drops the messages that are there.
pub struct Receiver<T> {
    end: ReceiverEnd<T>,
    /// Messages that were taken out together and are still to be given; see `channel::hand`. Dropped
    /// after `end`, and so with the channel closed.
    hand: Hand<T>,
    /// While it waits, nothing is at hand: whoever takes a message out ends the wait.
    pace: Pace,
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
    what: What,
    /// Whether its last poll was `Pending`: then the receiver waits for it.
    is_pending: bool,
    finished: bool,
    place: &'static Location<'static>,
}

impl<T> Receiver<T> {
    #[track_caller]
    pub(super) fn new(end: ReceiverEnd<T>) -> Self {
        Self {
            end,
            hand: Hand::empty(),
            pace: Pace::Idle,
            place: Location::caller(),
        }
    }

    /// Receives the next message, waiting until one is there.
    ///
    /// It gives `None` once no message is there and none will come: the channel was closed, or its
    /// last sender dropped, and no [`Permit`](super::Permit) is out.
    ///
    /// In a rendezvous it takes the message of the first sender in line.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future that is dropped has taken no message.
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
            wait: Wait::new(self, &"mpsc::Receiver::recv"),
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
    /// # Panics
    ///
    /// The future panics if it is polled after it was ready.
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
            wait: Wait::new(self, &"mpsc::Receiver::recv_many"),
            buffer,
            limit,
        }
    }

    /// Receives a message if one is there.
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
    /// # use hob_sync::mpsc::{self, TryRecvError};
    /// let (tx, mut rx) = mpsc::bounded::<u8>(1);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        if let Some(message) = self.take_at_hand() {
            return Ok(message);
        }
        let Self { end, hand, .. } = self;
        let Some(received) = end.change(|state| state.receive(end, hand)) else {
            // Whoever waits by `poll_recv` still does.
            return Err(TryRecvError::Empty);
        };
        self.end_wait();
        received.ok_or(TryRecvError::Closed)
    }

    /// Receives the next message, blocking the thread until one is there.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`recv`](Self::recv) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, mut rx) = mpsc::unbounded();
    /// tx.send("egg").unwrap();
    /// assert_eq!(rx.recv_blocking(), Some("egg"));
    /// ```
    #[doc(alias = "blocking_recv")]
    #[track_caller]
    pub fn recv_blocking(&mut self) -> Option<T> {
        let place = Location::caller();
        block_on("mpsc::Receiver::recv_blocking", place, self.recv())
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
    /// # use hob_sync::mpsc;
    /// let (tx, mut rx) = mpsc::unbounded();
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// let mut batch = Vec::new();
    /// assert_eq!(rx.recv_many_blocking(&mut batch, 9), 2);
    /// assert_eq!(batch, [1, 2]);
    /// ```
    #[doc(alias = "blocking_recv_many")]
    #[track_caller]
    pub fn recv_many_blocking(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        let place = Location::caller();
        let recv = self.recv_many(buffer, limit);
        block_on("mpsc::Receiver::recv_many_blocking", place, recv)
    }

    /// Polls for the next message, as [`recv`](Self::recv) does.
    ///
    /// Only the waker of the last poll is woken. It may be polled again after the end, and gives `None`.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by not polling again: a message is taken out only by the poll that gives it. The
    /// waker stays until it is woken, or a message is received in whatever way.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::future::poll_fn;
    /// # use hob_sync::mpsc;
    /// # futures_lite::future::block_on(async {
    /// let (tx, mut rx) = mpsc::unbounded();
    /// tx.send("egg").unwrap();
    /// assert_eq!(poll_fn(|cx| rx.poll_recv(cx)).await, Some("egg"));
    /// # });
    /// ```
    pub fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<T>> {
        let poll = self.poll_message(cx);
        if poll.is_pending() {
            context::record_wait(&"mpsc::Receiver", self.place);
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
        self.end.close();
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

    /// Takes a message that is at hand.
    #[inline]
    fn take_at_hand(&mut self) -> Option<T> {
        let message = self.hand.messages().pop_front()?;
        self.pace = Pace::Idle;
        self.end.taken_at_hand(1);
        Some(message)
    }

    #[inline]
    fn poll_message(&mut self, cx: &Context<'_>) -> Poll<Option<T>> {
        if self.hand.messages().is_empty() {
            return self.poll_with(cx, State::receive);
        }
        if !self.pace.is_due() && !budget::try_spend() {
            return self.pace.yields(cx);
        }
        Poll::Ready(self.take_at_hand())
    }

    fn poll_many(&mut self, cx: &Context<'_>, buffer: &mut Vec<T>, limit: usize) -> Poll<usize> {
        if self.hand.messages().len() < limit {
            return self.poll_with(cx, |state, channel, hand| {
                state.receive_many(channel, hand, buffer, limit)
            });
        }
        if !self.pace.is_due() && !budget::try_spend() {
            return self.pace.yields(cx);
        }
        self.pace = Pace::Idle;
        buffer.extend(self.hand.messages().drain(..limit));
        self.end.taken_at_hand(limit);
        Poll::Ready(limit)
    }

    /// One poll for what `take` takes out of the channel, and out of the hand first.
    #[inline]
    fn poll_with<R>(
        &mut self,
        cx: &Context<'_>,
        mut take: impl FnMut(&mut State<T>, &Channel<T>, &mut Hand<T>) -> Option<R>,
    ) -> Poll<R> {
        if self.pace.is_due() {
            return self.poll_filing(cx, None, take);
        }
        if !budget::try_spend() {
            return self.poll_without_budget(cx, take);
        }
        if !self.hand.is_last() {
            let Self { end, hand, .. } = self;
            if let Some(taken) = end.change(|state| take(state, end, hand)) {
                self.pace = Pace::Idle;
                return Poll::Ready(taken);
            }
        }
        // The waker is cloned before the lock is taken, which is then taken once.
        let poll = self.poll_filing(cx, Some(cx.waker().clone()), take);
        if poll.is_pending() {
            budget::refund();
        }
        poll
    }

    /// One poll that files the waker if nothing is there, with the clone that was made for it.
    fn poll_filing<R>(
        &mut self,
        cx: &Context<'_>,
        mut clone: Option<Waker>,
        mut take: impl FnMut(&mut State<T>, &Channel<T>, &mut Hand<T>) -> Option<R>,
    ) -> Poll<R> {
        let channel = &**self.end.channel();
        let mut filed = None;
        let poll = loop {
            let mut state = channel.guarded().lock();
            let poll = match take(&mut state, channel, &mut self.hand) {
                Some(taken) => {
                    filed = state.unfile();
                    Poll::Ready(taken)
                }
                None if state.file(cx.waker(), &mut clone) => Poll::Pending,
                None => {
                    drop(state);
                    clone = Some(cx.waker().clone());
                    continue;
                }
            };
            if state.is_awaited() {
                release(channel, state);
            }
            break poll;
        };
        self.pace = if poll.is_pending() {
            Pace::Waits
        } else {
            Pace::Idle
        };
        // Foreign code, now that the lock is released. If it panics, that takes no message away.
        unhandled::drop_waker(filed);
        unhandled::drop_waker(clone);
        poll
    }

    /// One poll of a receiver that does not wait: it yields if it need not.
    #[cold]
    fn poll_without_budget<R>(
        &mut self,
        cx: &Context<'_>,
        take: impl FnMut(&mut State<T>, &Channel<T>, &mut Hand<T>) -> Option<R>,
    ) -> Poll<R> {
        if !self.hand.messages().is_empty() || self.end.change(|state| state.is_ready()) {
            return self.pace.yields(cx);
        }
        self.poll_filing(cx, None, take)
    }

    /// Ends the wait, if there is one.
    #[inline]
    fn end_wait(&mut self) {
        let pace = mem::replace(&mut self.pace, Pace::Idle);
        if pace == Pace::Waits {
            self.unfile();
        }
    }

    #[cold]
    fn unfile(&self) {
        let waker = self.end.change(State::unfile);
        // Foreign code, now that the lock is released.
        unhandled::drop_waker(waker);
    }
}

// Messages are moved, never pinned.
impl<T> Unpin for Receiver<T> {}

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
        self.end_wait();
        if !self.hand.messages().is_empty() {
            self.end.drop_hand();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.end.debug("Receiver", f)
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.wait.poll(cx, Receiver::poll_message)
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
        this.wait.poll(cx, |receiver, cx| {
            receiver.poll_many(cx, this.buffer, limit)
        })
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
    fn new(receiver: &'a mut Receiver<T>, what: What) -> Self {
        Self {
            receiver,
            what,
            is_pending: false,
            finished: false,
            place: Location::caller(),
        }
    }

    fn poll<R>(
        &mut self,
        cx: &Context<'_>,
        poll: impl FnOnce(&mut Receiver<T>, &Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        self.refuse_finished();
        let poll = poll(self.receiver, cx);
        self.is_pending = poll.is_pending();
        self.finished = poll.is_ready();
        if self.is_pending {
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
        if self.is_pending {
            self.receiver.end_wait();
        }
    }
}
