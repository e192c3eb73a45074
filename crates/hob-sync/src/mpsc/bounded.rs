//! The senders of a channel with a limit: they wait for slots, in order of arrival.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hob_core::budget;

use crate::blocking::block_on;
use crate::mpsc::error::{SendError, TrySendError};
use crate::mpsc::state::{Closed, Handle, MpscStatistics, WeakHandle, debug};
use crate::old_queue::{Ticket, leave, poll_in_line, poll_proceeding, try_take};

/// A sender of a channel with a limit, made by [`bounded`](super::bounded).
///
/// Clones send into the same channel. When the last sender is dropped, the receiver gets what is
/// there and then the end.
pub struct Sender<T> {
    handle: Handle<T>,
}

/// A reference to a channel that does not keep it open: see [`Sender::downgrade`].
pub struct WeakSender<T> {
    handle: WeakHandle<T>,
}

/// The future of [`Sender::send`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Sending<'a, T> {
    sender: &'a Sender<T>,
    /// There until the future completes.
    message: Option<T>,
    ticket: Ticket,
}

/// The future of [`Sender::reserve`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Reserve<'a, T> {
    sender: &'a Sender<T>,
    ticket: Ticket,
}

/// A slot that is kept free for one message; given back when this is dropped.
#[must_use = "a slot that is given back at once is of no use"]
pub struct Permit<'a, T> {
    sender: &'a Sender<T>,
    /// Then the slot is not ours to give back.
    used: bool,
}

impl<T> Sender<T> {
    pub(super) const fn new(handle: Handle<T>) -> Self {
        Self { handle }
    }

    /// Sends a message, waiting in line for a slot if there is none.
    ///
    /// Slots are handed out in the order of the first polls, and the messages of one task arrive in
    /// the order in which it sends them. A message is put in when its sender next runs after it was
    /// given a slot.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completed, nothing was sent: the message is dropped with it,
    /// and a slot that it had been given goes to the next in line. To keep the message, wait with
    /// [`reserve`](Self::reserve).
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the channel was closed or its receiver dropped.
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
        Sending {
            sender: self,
            message: Some(message),
            ticket: Ticket::new("mpsc::Sender::send"),
        }
    }

    /// Sends a message if there is a slot and nobody waits for it.
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
        self.handle.try_send(message)
    }

    /// Sends a message, blocking the thread until there is a slot.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`send`](Self::send) there.
    #[doc(alias = "blocking_send")]
    #[track_caller]
    pub fn send_blocking(&self, message: T) -> Result<(), SendError<T>> {
        let place = Location::caller();
        block_on("mpsc::Sender::send_blocking", place, self.send(message))
    }

    /// Waits for a slot and keeps it, for a message that is made later.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future gives up the place in line. If it had been given its slot
    /// already, the next in line gets it.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the channel was closed or its receiver dropped.
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
        Reserve {
            sender: self,
            ticket: Ticket::new("mpsc::Sender::reserve"),
        }
    }

    /// Keeps a slot if there is one and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] says why not.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        match try_take(self.handle.lock(), ()) {
            Some(Ok(())) => Ok(Permit::new(self)),
            Some(Err(Closed)) => Err(TrySendError::Closed(())),
            None => Err(TrySendError::Full(())),
        }
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

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self::new(self.handle.clone())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Sender", self.handle.lock(), f)
    }
}

impl<T> WeakSender<T> {
    /// A sender, if there is still one.
    #[must_use]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.handle.upgrade().map(Sender::new)
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
        }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("WeakSender", self.handle.lock(), f)
    }
}

// The message is moved, never pinned.
impl<T> Unpin for Sending<'_, T> {}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let handle = &this.sender.handle;
        let proceed = this.ticket.poll_proceed(cx);
        let mut message = this.message.take().expect("it is there until it is sent");
        if !this.ticket.is_filed() && proceed.is_ready() {
            match handle.try_send(message) {
                Ok(()) => {
                    budget::spend();
                    this.ticket.finish();
                    return Poll::Ready(Ok(()));
                }
                Err(refused) => message = refused.into_inner(),
            }
        }
        match poll_proceeding(handle.lock(), &mut this.ticket, (), proceed, cx) {
            Poll::Ready(Ok(())) => Poll::Ready(handle.fill(message).map_err(SendError)),
            Poll::Ready(Err(Closed)) => Poll::Ready(Err(SendError(message))),
            Poll::Pending => {
                this.message = Some(message);
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        leave(self.sender.handle.lock(), &mut self.ticket);
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending")
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}

impl<'a, T> Future for Reserve<'a, T> {
    type Output = Result<Permit<'a, T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { sender, ticket } = self.get_mut();
        match ready!(poll_in_line(sender.handle.lock(), ticket, (), cx)) {
            Ok(()) => Poll::Ready(Ok(Permit::new(sender))),
            Err(Closed) => Poll::Ready(Err(SendError(()))),
        }
    }
}

impl<T> Drop for Reserve<'_, T> {
    fn drop(&mut self) {
        leave(self.sender.handle.lock(), &mut self.ticket);
    }
}

impl<T> fmt::Debug for Reserve<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve")
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}

impl<'a, T> Permit<'a, T> {
    const fn new(sender: &'a Sender<T>) -> Self {
        Self {
            sender,
            used: false,
        }
    }

    /// Sends the message into the slot. It never waits, and a channel that was only closed takes it.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the receiver was dropped.
    pub fn send(mut self, message: T) -> Result<(), SendError<T>> {
        self.used = true;
        self.sender.handle.fill(message).map_err(SendError)
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        if !self.used {
            self.sender.handle.unreserve();
        }
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
