//! The values of a channel as a stream.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::wait_queue::{Part, Wait};
use crate::watch::hub::{Changes, Hub};
use crate::watch::receiver::Receiver;
use crate::watch::shared::Shared;

/// The stream of [`Receiver::into_stream`]: a clone of the value at each change, until all senders are
/// gone.
///
/// # Cancel safety
///
/// A `next` that is dropped has taken nothing.
#[must_use = "streams do nothing unless they are polled"]
pub struct IntoStream<T> {
    receiver: Receiver<T>,
    /// Boxed, so that the stream may be moved although it stands in line.
    wait: Pin<Box<WaitForChange<T>>>,
    /// Whether the wait was ready, so that the next poll is another's.
    was_ready: bool,
}

/// A wait that keeps the channel.
type WaitForChange<T> = Wait<Part<Shared<T>, Hub>, Changes>;

impl<T> IntoStream<T> {
    #[track_caller]
    pub(super) fn new(receiver: Receiver<T>) -> Self {
        let home = Part::new(Arc::clone(receiver.shared()), |shared| &shared.hub);
        let wait = Wait::new(home, receiver.seen(), &"watch::IntoStream");
        Self {
            receiver,
            wait: Box::pin(wait),
            was_ready: false,
        }
    }
}

impl<T: Clone> Stream for IntoStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        // Not as soon as it is ready: a value whose clone panics ends no stream.
        if this.was_ready {
            this.wait.as_mut().again(this.receiver.seen());
        }
        let poll = this.wait.as_mut().poll(cx);
        this.was_ready = poll.is_ready();
        poll.map(|changed| {
            changed.ok()?;
            Some(this.receiver.borrow_and_update().clone())
        })
    }
}

impl<T> fmt::Debug for IntoStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoStream")
            .field("receiver", &self.receiver)
            .field("wait", &self.wait)
            .finish()
    }
}
