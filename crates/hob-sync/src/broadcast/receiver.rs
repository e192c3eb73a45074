//! A receiver of a broadcast: it takes the messages one by one, at its own pace.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hob_core::task::What;
use pin_project_lite::pin_project;

use crate::blocking::block_on;
use crate::broadcast::error::{RecvError, TryRecvError};
use crate::broadcast::ring::Cursor;
use crate::broadcast::state::{Arrival, BroadcastStatistics, Received, Shared};
use crate::broadcast::stream::{IntoMessages, Messages};
use crate::wait_queue::{Home, Wait};

/// A receiver of all that is sent while it exists.
///
/// Each message is cloned, except for the receiver that is the last one to take it. If the clone panics
/// for a receiver, the message is lost to that one only.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    cursor: Cursor<T>,
}

pin_project! {
    /// The future of [`Receiver::recv`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Recv<'a, T> {
        cursor: &'a mut Cursor<T>,
        #[pin]
        wait: Wait<&'a Shared<T>, Arrival>,
    }
}

/// One poll of something that receives by `wait`. No foreign code has run when it is ready, and the
/// receiver has moved on.
pub(super) fn poll_recv<T, H: Home<Shared = Shared<T>>>(
    mut wait: Pin<&mut Wait<H, Arrival>>,
    cursor: &mut Cursor<T>,
    cx: &Context<'_>,
) -> Poll<Received<T>> {
    ready!(wait.as_mut().poll(cx));
    let received = wait.home().shared().take(cursor);
    Poll::Ready(received.expect("what is there for a receiver stays until it takes it"))
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        let cursor = shared.add_receiver();
        Self { shared, cursor }
    }

    /// Makes another receiver, of all that is sent from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::broadcast::{self, TryRecvError};
    /// let (tx, rx) = broadcast::channel(8);
    /// tx.send(1).unwrap();
    /// let mut late = rx.resubscribe();
    /// assert_eq!(rx.len(), 1);
    /// assert_eq!(late.try_recv(), Err(TryRecvError::Empty));
    /// ```
    #[must_use = "a receiver that is dropped at once receives nothing"]
    pub fn resubscribe(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }

    /// How many messages are there for it. Those that it has missed are not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared
            .with(|store| store.ring().len_from(&self.cursor))
    }

    /// Returns `true` if no message is there for it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns `true` if there is no sender any more. Messages may be there.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.with(|store| store.is_closed())
    }

    /// Returns `true` if both receive from the same senders.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Returns the counts, and how many wait.
    #[must_use]
    pub fn statistics(&self) -> BroadcastStatistics {
        self.shared.statistics()
    }

    /// A wait of the kind that `what` names, for the caller of the caller.
    #[track_caller]
    pub(super) fn wait(&mut self, what: What) -> (&mut Cursor<T>, Wait<&Shared<T>, Arrival>) {
        let Self { shared, cursor } = self;
        let wait = Wait::new(&**shared, cursor.next(), what);
        (cursor, wait)
    }

    #[track_caller]
    pub(super) fn owned_wait(&self, what: What) -> Wait<Arc<Shared<T>>, Arrival> {
        Wait::new(Arc::clone(&self.shared), self.cursor.next(), what)
    }

    pub(super) const fn cursor_mut(&mut self) -> &mut Cursor<T> {
        &mut self.cursor
    }
}

impl<T: Clone> Receiver<T> {
    /// Receives the next message, waiting until one is there.
    ///
    /// All receivers that wait are woken by one message, in the order of their first polls.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future that is dropped has taken no message.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] if messages were missed, once, with how many; then it goes on with the
    /// oldest that is there. [`RecvError::Closed`] once all messages were taken and no sender is left.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after it was ready, and if the clone of a message panics.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::broadcast::{self, RecvError};
    /// # futures_lite::future::block_on(async {
    /// let (tx, mut rx) = broadcast::channel(2);
    /// tx.send(1).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.recv().await, Ok(1));
    /// assert_eq!(rx.recv().await, Err(RecvError::Closed));
    /// # });
    /// ```
    #[track_caller]
    pub fn recv(&mut self) -> Recv<'_, T> {
        let (cursor, wait) = self.wait(&"broadcast::Receiver::recv");
        Recv { cursor, wait }
    }

    /// Receives a message if one is there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`TryRecvError::Empty`] if it would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::broadcast::{self, TryRecvError};
    /// let (tx, mut rx) = broadcast::channel(1);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Lagged(1)));
    /// assert_eq!(rx.try_recv(), Ok(2));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.shared.take(&mut self.cursor) {
            Some(received) => received.into_result().map_err(TryRecvError::from),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Receives the next message, blocking the thread until one is there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`recv`](Self::recv) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::broadcast;
    /// let (tx, mut rx) = broadcast::channel(1);
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.recv_blocking(), Ok(1));
    /// ```
    #[doc(alias = "blocking_recv")]
    #[track_caller]
    pub fn recv_blocking(&mut self) -> Result<T, RecvError> {
        let place = Location::caller();
        block_on("broadcast::Receiver::recv_blocking", place, self.recv())
    }

    /// The messages as a [`Stream`](futures_core::Stream), to be pinned. It ends when no sender is left.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the stream has taken no more messages than it gave.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::pin::pin;
    /// # use futures_lite::StreamExt;
    /// # use hob_sync::broadcast::{self, Lagged};
    /// # futures_lite::future::block_on(async {
    /// let (tx, mut rx) = broadcast::channel(2);
    /// for number in 1..=3 {
    ///     tx.send(number).unwrap();
    /// }
    /// drop(tx);
    /// let mut messages = pin!(rx.stream());
    /// assert_eq!(messages.next().await, Some(Err(Lagged(1))));
    /// assert_eq!(messages.next().await, Some(Ok(2)));
    /// assert_eq!(messages.next().await, Some(Ok(3)));
    /// assert_eq!(messages.next().await, None);
    /// # });
    /// ```
    #[track_caller]
    pub fn stream(&mut self) -> Messages<'_, T> {
        Messages::new(self)
    }

    /// As [`stream`](Self::stream), with a stream that owns the receiver: for tasks.
    ///
    /// # Cancel safety
    ///
    /// As [`stream`](Self::stream); the receiver goes with the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::StreamExt;
    /// # use hob_sync::broadcast;
    /// # futures_lite::future::block_on(async {
    /// let (tx, rx) = broadcast::channel(2);
    /// tx.send(1).unwrap();
    /// drop(tx);
    /// let messages = rx.into_stream().filter_map(Result::ok);
    /// assert_eq!(messages.collect::<Vec<_>>().await, [1]);
    /// # });
    /// ```
    #[must_use = "streams do nothing unless polled"]
    #[track_caller]
    pub fn into_stream(self) -> IntoMessages<T> {
        IntoMessages::new(self)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let unwanted = self.shared.receiver_gone(&self.cursor);
        // Foreign code, now that the lock is released.
        drop(unwanted);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Receiver", f)
    }
}

impl<T: Clone> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_recv(this.wait, this.cursor, cx).map(Received::into_result)
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
