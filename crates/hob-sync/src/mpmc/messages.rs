//! The messages of a channel as a stream.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use hob_core::task::What;
use pin_project_lite::pin_project;

use crate::channel::{Channel, Take, Takers};
use crate::mpmc::receiver::Receiver;
use crate::mpmc::recv::poll_taken;
use crate::wait_queue::Wait;

const WHAT: What = &"mpmc::Receiver::stream";

pin_project! {
    /// The stream of [`Receiver::stream`].
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Messages<'a, T> {
        #[pin]
        wait: Wait<&'a Channel<T>, Takers>,
    }
}

pin_project! {
    /// The stream of [`Receiver::into_stream`].
    #[must_use = "streams do nothing unless they are polled"]
    pub struct IntoMessages<T> {
        #[pin]
        wait: Wait<Arc<Channel<T>>, Takers>,
        // Dropped after the wait: messages are dropped when nobody waits for them.
        receiver: Receiver<T>,
    }
}

impl<'a, T> Messages<'a, T> {
    pub(super) fn new(channel: &'a Channel<T>, place: &'static Location<'static>) -> Self {
        Self {
            wait: Wait::new_at(channel, Take::message(), WHAT, place),
        }
    }
}

impl<T> Stream for Messages<'_, T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut this = self.project();
        let poll = poll_taken(this.wait.as_mut(), cx, |found| found.one());
        if poll.is_ready() {
            this.wait.again(Take::message());
        }
        poll
    }
}

impl<T> fmt::Debug for Messages<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<T> IntoMessages<T> {
    pub(super) fn new(receiver: Receiver<T>, place: &'static Location<'static>) -> Self {
        let channel = Arc::clone(receiver.channel());
        Self {
            wait: Wait::new_at(channel, Take::message(), WHAT, place),
            receiver,
        }
    }

    /// The receiver whose messages these are.
    #[must_use]
    pub const fn receiver(&self) -> &Receiver<T> {
        &self.receiver
    }
}

impl<T> Stream for IntoMessages<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut this = self.project();
        let poll = poll_taken(this.wait.as_mut(), cx, |found| found.one());
        if poll.is_ready() {
            this.wait.again(Take::message());
        }
        poll
    }
}

impl<T> fmt::Debug for IntoMessages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoMessages")
            .field("receiver", &self.receiver)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
