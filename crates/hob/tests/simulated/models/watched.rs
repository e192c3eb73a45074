//! A future that tells at once what becomes of it, so that a model can be kept in step.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a poll, or its owner, did to a future.
pub(crate) enum Step<'a, T> {
    /// It is about to be polled.
    Asked,
    Pending,
    Ready(&'a T),
    /// It was dropped before it was ready.
    Dropped,
}

/// See [`watched`].
pub(crate) struct Watched<F: Future, M: FnMut(Step<'_, F::Output>)> {
    /// `None` once it was ready.
    future: Option<Pin<Box<F>>>,
    tell: M,
}

/// A future that calls `tell` before and after each poll, and after the drop of what was not ready.
pub(crate) fn watched<F, M>(future: F, tell: M) -> Watched<F, M>
where
    F: Future,
    M: FnMut(Step<'_, F::Output>) + Unpin,
{
    Watched {
        future: Some(Box::pin(future)),
        tell,
    }
}

impl<F: Future, M: FnMut(Step<'_, F::Output>) + Unpin> Future for Watched<F, M> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let future = this.future.as_mut().expect("it was not ready before");
        (this.tell)(Step::Asked);
        let poll = future.as_mut().poll(cx);
        match &poll {
            Poll::Pending => (this.tell)(Step::Pending),
            Poll::Ready(output) => {
                this.future = None;
                (this.tell)(Step::Ready(output));
            }
        }
        poll
    }
}

impl<F: Future, M: FnMut(Step<'_, F::Output>)> Drop for Watched<F, M> {
    fn drop(&mut self) {
        if self.future.take().is_some() && !std::thread::panicking() {
            (self.tell)(Step::Dropped);
        }
    }
}
