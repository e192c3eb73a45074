//! The futures that initialize a cell, or wait for one that is initialized.
//!
//! # Implementation
//!
//! [`Init`] does it for all: it waits for its turn, starts the initializer, and polls it while it
//! holds the turn. While the initializer runs, a [`Running`] on the stack has the turn: if it panics, it
//! is dropped, and then the next in line has the turn, before the panic reaches the caller.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hob_core::task::What;
use pin_project_lite::pin_project;

use crate::once_cell::OnceCell;
use crate::once_cell::state::{Granted, Initializers, Turn, Watchers};
use crate::wait_queue;

pin_project! {
    /// The future of [`OnceCell::get_or_init`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct GetOrInit<'a, T, F, Fut> {
        start: Option<F>,
        #[pin]
        init: Init<'a, T, Fut>,
    }
}

pin_project! {
    /// The future of [`OnceCell::get_or_try_init`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct GetOrTryInit<'a, T, F, Fut> {
        start: Option<F>,
        #[pin]
        init: Init<'a, T, Fut>,
    }
}

pin_project! {
    /// The future of [`OnceCell::wait`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Wait<'a, T> {
        cell: &'a OnceCell<T>,
        #[pin]
        wait: wait_queue::Wait<&'a OnceCell<T>, Watchers>,
    }
}

pin_project! {
    /// A turn that is waited for, and what is done in it.
    pub(crate) struct Init<'a, T, Fut> {
        cell: &'a OnceCell<T>,
        #[pin]
        wait: wait_queue::Wait<&'a OnceCell<T>, Initializers>,
        // Before the turn, so that it is gone when the next one starts.
        #[pin]
        future: Option<Fut>,
        turn: Option<Turn<'a, T>>,
    }
}

/// An initializer while it is polled, and the turn that it has.
struct Running<'p, 'a, T, Fut> {
    future: Pin<&'p mut Option<Fut>>,
    /// Until the poll has returned.
    turn: Option<Turn<'a, T>>,
}

impl<'a, T, Fut: Future> Init<'a, T, Fut> {
    #[track_caller]
    pub(crate) fn new(cell: &'a OnceCell<T>, what: What) -> Self {
        Self {
            cell,
            wait: wait_queue::Wait::new(cell, (), what),
            future: None,
            turn: None,
        }
    }

    /// One poll: `start` makes the initializer, once its turn has come, and `accept` says what its
    /// output is.
    pub(crate) fn poll<E>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        start: impl FnOnce() -> Fut,
        accept: impl FnOnce(Fut::Output) -> Result<T, E>,
    ) -> Poll<Result<&'a T, E>> {
        let mut this = self.project();
        let turn = match this.turn.take() {
            Some(turn) => turn,
            None => match ready!(this.wait.poll(cx)) {
                Granted::Set => return Poll::Ready(Ok(this.cell.value())),
                Granted::Turn => {
                    let turn = Turn::new(this.cell);
                    this.future.set(Some(start()));
                    turn
                }
            },
        };
        let running = Running {
            future: this.future,
            turn: Some(turn),
        };
        let (output, turn) = match running.poll(cx) {
            Ok(over) => over,
            Err(turn) => {
                *this.turn = Some(turn);
                return Poll::Pending;
            }
        };
        Poll::Ready(accept(output).map(|value| turn.complete(value)))
    }
}

impl<'a, T, Fut: Future> Running<'_, 'a, T, Fut> {
    /// One poll of the initializer, which is dropped if it is over. Gives the turn back, with what came
    /// out.
    fn poll(mut self, cx: &mut Context<'_>) -> Result<(Fut::Output, Turn<'a, T>), Turn<'a, T>> {
        let future = self.future.as_mut().as_pin_mut();
        let future = future.expect("who has the turn has an initializer");
        let poll = future.poll(cx);
        if poll.is_ready() {
            self.future.set(None);
        }
        let turn = self.turn.take().expect("it is given back once");
        match poll {
            Poll::Ready(output) => Ok((output, turn)),
            Poll::Pending => Err(turn),
        }
    }
}

impl<T, Fut> Drop for Running<'_, '_, T, Fut> {
    fn drop(&mut self) {
        if self.turn.is_some() {
            // It has panicked. The turn ends after this, with the fields.
            self.future.set(None);
        }
    }
}

impl<T, Fut> fmt::Debug for Init<'_, T, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Init")
            .field("wait", &self.wait)
            .field("is_initializing", &self.turn.is_some())
            .finish_non_exhaustive()
    }
}

impl<'a, T, F, Fut: Future> GetOrInit<'a, T, F, Fut> {
    #[track_caller]
    pub(super) fn new(cell: &'a OnceCell<T>, start: F) -> Self {
        Self {
            start: Some(start),
            init: Init::new(cell, &"OnceCell::get_or_init"),
        }
    }
}

impl<'a, T, F, Fut> Future for GetOrInit<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = T>,
{
    type Output = &'a T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'a T> {
        let this = self.project();
        let start = || start_once(this.start);
        let done = ready!(this.init.poll(cx, start, Ok::<_, Infallible>));
        Poll::Ready(match done {
            Ok(value) => value,
            Err(never) => match never {},
        })
    }
}

impl<T, F, Fut> fmt::Debug for GetOrInit<'_, T, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOrInit")
            .field("init", &self.init)
            .finish_non_exhaustive()
    }
}

impl<'a, T, F, Fut: Future> GetOrTryInit<'a, T, F, Fut> {
    #[track_caller]
    pub(super) fn new(cell: &'a OnceCell<T>, start: F) -> Self {
        Self {
            start: Some(start),
            init: Init::new(cell, &"OnceCell::get_or_try_init"),
        }
    }
}

impl<'a, T, E, F, Fut> Future for GetOrTryInit<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<&'a T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let start = || start_once(this.start);
        this.init.poll(cx, start, |output| output)
    }
}

impl<T, F, Fut> fmt::Debug for GetOrTryInit<'_, T, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOrTryInit")
            .field("init", &self.init)
            .finish_non_exhaustive()
    }
}

fn start_once<F: FnOnce() -> Fut, Fut>(start: &mut Option<F>) -> Fut {
    start.take().expect("a turn comes once")()
}

impl<'a, T> Wait<'a, T> {
    #[track_caller]
    pub(super) fn new(cell: &'a OnceCell<T>) -> Self {
        Self {
            cell,
            wait: wait_queue::Wait::new(cell, (), &"OnceCell::wait"),
        }
    }
}

impl<'a, T> Future for Wait<'a, T> {
    type Output = &'a T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'a T> {
        let this = self.project();
        let cell = *this.cell;
        this.wait.poll(cx).map(|()| cell.value())
    }
}

impl<T> fmt::Debug for Wait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
