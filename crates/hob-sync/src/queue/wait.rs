//! The futures of a queue: each stands in one of its three lines.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hob_core::task::What;
use pin_project_lite::pin_project;

use crate::epoch::Epoch;
use crate::queue::WorkQueue;
use crate::queue::error::{GetError, PutError};
use crate::queue::item::Item;
use crate::queue::lines::{Getters, Joiners, Putters};
use crate::queue::order::{Fifo, Order};
use crate::queue::state::{Claim, Got, Hand, Shared};
use crate::wait_queue::Wait;

pin_project! {
    /// The future of [`put`](WorkQueue::put).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Put<'a, T, O = Fifo>
    where
        O: Order<T>,
    {
        #[pin]
        wait: Wait<&'a Shared<T, O>, Putters>,
    }
}

pin_project! {
    /// The future of [`get`](WorkQueue::get).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Get<'a, T, O = Fifo>
    where
        O: Order<T>,
    {
        queue: &'a WorkQueue<T, O>,
        #[pin]
        take: Take<'a, T, O>,
    }
}

pin_project! {
    /// The future of [`PlainQueue::get`](super::PlainQueue::get).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct GetPlain<'a, T, O = Fifo>
    where
        O: Order<T>,
    {
        #[pin]
        take: Take<'a, T, O>,
    }
}

pin_project! {
    /// The future of [`join`](WorkQueue::join).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Join<'a, T, O = Fifo>
    where
        O: Order<T>,
    {
        #[pin]
        wait: Wait<&'a Shared<T, O>, Joiners>,
    }
}

pin_project! {
    /// Waits for a turn, and takes the value then.
    struct Take<'a, T, O>
    where
        O: Order<T>,
    {
        hand: Hand,
        #[pin]
        wait: Wait<&'a Shared<T, O>, Getters>,
    }
}

impl<'a, T, O: Order<T>> Put<'a, T, O> {
    #[track_caller]
    pub(super) fn new(queue: &'a WorkQueue<T, O>, value: T) -> Self {
        Self {
            wait: Wait::new(queue.shared(), Some(value), O::NAMES.put),
        }
    }
}

impl<T, O: Order<T>> Future for Put<'_, T, O> {
    type Output = Result<(), PutError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().wait.poll(cx).map_err(PutError)
    }
}

impl<T, O: Order<T>> fmt::Debug for Put<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put").field("wait", &self.wait).finish()
    }
}

impl<'a, T, O: Order<T>> Get<'a, T, O> {
    #[track_caller]
    pub(super) fn new(queue: &'a WorkQueue<T, O>) -> Self {
        Self {
            queue,
            take: Take::new(queue.shared(), Hand::Item, O::NAMES.get),
        }
    }
}

impl<T, O: Order<T>> Future for Get<'_, T, O> {
    type Output = Result<Item<T, O>, GetError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let value = ready!(this.take.poll(cx))?;
        Poll::Ready(Ok(Item::new(value, (*this.queue).clone())))
    }
}

impl<T, O: Order<T>> fmt::Debug for Get<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get")
            .field("wait", &self.take.wait)
            .finish_non_exhaustive()
    }
}

impl<'a, T, O: Order<T>> GetPlain<'a, T, O> {
    #[track_caller]
    pub(super) fn new(queue: &'a WorkQueue<T, O>, what: What) -> Self {
        Self {
            take: Take::new(queue.shared(), Hand::Plain, what),
        }
    }
}

impl<T, O: Order<T>> Future for GetPlain<'_, T, O> {
    type Output = Result<T, GetError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().take.poll(cx)
    }
}

impl<T, O: Order<T>> fmt::Debug for GetPlain<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetPlain")
            .field("wait", &self.take.wait)
            .finish()
    }
}

impl<'a, T, O: Order<T>> Join<'a, T, O> {
    #[track_caller]
    pub(super) fn new(queue: &'a WorkQueue<T, O>) -> Self {
        Self {
            wait: Wait::new(queue.shared(), Epoch::NOT_IN_LINE, O::NAMES.join),
        }
    }
}

impl<T, O: Order<T>> Future for Join<'_, T, O> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().wait.poll(cx)
    }
}

impl<T, O: Order<T>> fmt::Debug for Join<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("wait", &self.wait).finish()
    }
}

impl<'a, T, O: Order<T>> Take<'a, T, O> {
    #[track_caller]
    fn new(shared: &'a Shared<T, O>, hand: Hand, what: What) -> Self {
        Self {
            hand,
            wait: Wait::new(shared, hand, what),
        }
    }

    fn poll(self: Pin<&mut Self>, cx: &Context<'_>) -> Poll<Result<T, GetError>> {
        let mut this = self.project();
        let value = match ready!(this.wait.as_mut().poll(cx)) {
            Got::Value(value) => Ok(value),
            Got::Closed => Err(GetError),
            Got::Turn => O::take(this.wait.home(), Claim::Turn, *this.hand)
                .expect("one who has a turn is told what it is good for")
                .map_err(|_| GetError),
        };
        Poll::Ready(value)
    }
}
