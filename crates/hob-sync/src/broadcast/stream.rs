//! The messages of a broadcast as a stream, borrowed or owned.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use hob_core::task::What;
use pin_project_lite::pin_project;

use crate::broadcast::error::{Lagged, RecvError};
use crate::broadcast::receiver::{Receiver, poll_recv};
use crate::broadcast::ring::Cursor;
use crate::broadcast::state::{Arrival, Shared};
use crate::wait_queue::{Home, Wait};

pin_project! {
    /// The stream of [`Receiver::stream`].
    #[must_use = "streams do nothing unless polled"]
    pub struct Messages<'a, T> {
        cursor: &'a mut Cursor<T>,
        #[pin]
        wait: Wait<&'a Shared<T>, Arrival>,
    }
}

pin_project! {
    /// The stream of [`Receiver::into_stream`].
    #[must_use = "streams do nothing unless polled"]
    pub struct IntoMessages<T> {
        // Dropped first: it gives up its place in line.
        #[pin]
        wait: Wait<Arc<Shared<T>>, Arrival>,
        receiver: Receiver<T>,
    }
}

/// What both streams record that they wait for.
const WHAT: What = &"broadcast::Receiver as a stream";

fn poll_next<T: Clone, H: Home<Shared = Shared<T>>>(
    mut wait: Pin<&mut Wait<H, Arrival>>,
    cursor: &mut Cursor<T>,
    cx: &Context<'_>,
) -> Poll<Option<Result<T, Lagged>>> {
    let received = ready!(poll_recv(wait.as_mut(), cursor, cx));
    wait.again(cursor.next());
    Poll::Ready(match received.into_result() {
        Ok(message) => Some(Ok(message)),
        Err(RecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
        Err(RecvError::Closed) => None,
    })
}

impl<'a, T> Messages<'a, T> {
    #[track_caller]
    pub(super) fn new(receiver: &'a mut Receiver<T>) -> Self {
        let (cursor, wait) = receiver.wait(WHAT);
        Self { cursor, wait }
    }
}

impl<T: Clone> Stream for Messages<'_, T> {
    type Item = Result<T, Lagged>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        poll_next(this.wait, this.cursor, cx)
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
    #[track_caller]
    pub(super) fn new(receiver: Receiver<T>) -> Self {
        Self {
            wait: receiver.owned_wait(WHAT),
            receiver,
        }
    }

    /// The receiver, to be asked how it stands.
    pub const fn receiver(&self) -> &Receiver<T> {
        &self.receiver
    }
}

impl<T: Clone> Stream for IntoMessages<T> {
    type Item = Result<T, Lagged>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        poll_next(this.wait, this.receiver.cursor_mut(), cx)
    }
}

impl<T> fmt::Debug for IntoMessages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoMessages")
            .field("wait", &self.wait)
            .field("receiver", &self.receiver)
            .finish()
    }
}
