//! The futures of a queue: each stands in one of its three lines.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hob_core::budget;

use crate::old_queue::{Ticket, leave, poll_in_line, poll_proceeding, update};
use crate::queue::error::{GetError, PutError};
use crate::queue::state::{Closed, Getters, Joiners, Putters};
use crate::queue::{Item, Queue};

/// The future of [`Queue::put`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Put<'a, T> {
    queue: &'a Queue<T>,
    /// There until the future completes.
    value: Option<T>,
    ticket: Ticket,
}

/// The future of [`Queue::get`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Get<'a, T> {
    queue: &'a Queue<T>,
    ticket: Ticket,
}

/// The future of [`Queue::join`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Join<'a, T> {
    queue: &'a Queue<T>,
    ticket: Ticket,
}

impl<'a, T> Put<'a, T> {
    pub(super) const fn new(queue: &'a Queue<T>, value: T, ticket: Ticket) -> Self {
        Self {
            queue,
            value: Some(value),
            ticket,
        }
    }
}

// The value is moved, never pinned.
impl<T> Unpin for Put<'_, T> {}

impl<T> Future for Put<'_, T> {
    type Output = Result<(), PutError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let queue = this.queue;
        let proceed = this.ticket.poll_proceed(cx);
        let mut value = this.value.take().expect("it is there until it is put");
        if !this.ticket.is_filed() && proceed.is_ready() {
            match queue.try_put(value) {
                Ok(()) => {
                    budget::spend();
                    this.ticket.finish();
                    return Poll::Ready(Ok(()));
                }
                Err(refused) => value = refused.into_inner(),
            }
        }
        let ticket = &mut this.ticket;
        match poll_proceeding::<Putters, _>(&queue.shared, ticket, (), proceed, cx) {
            Poll::Ready(Ok(())) => {
                let filled = update(&queue.shared, |state| state.fill(value));
                Poll::Ready(filled.map_err(PutError))
            }
            Poll::Ready(Err(Closed)) => Poll::Ready(Err(PutError(value))),
            Poll::Pending => {
                this.value = Some(value);
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Put<'_, T> {
    fn drop(&mut self) {
        leave::<Putters, _>(&self.queue.shared, &mut self.ticket);
    }
}

impl<T> fmt::Debug for Put<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put")
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}

impl<'a, T> Get<'a, T> {
    pub(super) const fn new(queue: &'a Queue<T>, ticket: Ticket) -> Self {
        Self { queue, ticket }
    }
}

impl<T> Future for Get<'_, T> {
    type Output = Result<Item<T>, GetError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { queue, ticket } = self.get_mut();
        match ready!(poll_in_line::<Getters, _>(&queue.shared, ticket, (), cx)) {
            Ok(entry) => Poll::Ready(Ok(Item::new(entry.value, queue.clone()))),
            Err(Closed) => Poll::Ready(Err(GetError)),
        }
    }
}

impl<T> Drop for Get<'_, T> {
    fn drop(&mut self) {
        leave::<Getters, _>(&self.queue.shared, &mut self.ticket);
    }
}

impl<T> fmt::Debug for Get<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get")
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}

impl<'a, T> Join<'a, T> {
    pub(super) const fn new(queue: &'a Queue<T>, ticket: Ticket) -> Self {
        Self { queue, ticket }
    }
}

impl<T> Future for Join<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { queue, ticket } = self.get_mut();
        poll_in_line::<Joiners, _>(&queue.shared, ticket, (), cx)
    }
}

impl<T> Drop for Join<'_, T> {
    fn drop(&mut self) {
        leave::<Joiners, _>(&self.queue.shared, &mut self.ticket);
    }
}

impl<T> fmt::Debug for Join<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join")
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}
