//! Something to find a fault in.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// A semaphore of one permit, which grants it to who waits. It may have the classic fault.
pub(crate) struct Toy {
    forgets: bool,
    state: Mutex<ToyState>,
}

#[derive(Default)]
struct ToyState {
    permits: usize,
    waiting: Option<Waker>,
    is_granted: bool,
}

/// The future of [`Toy::acquire`].
pub(crate) struct ToyAcquire<'a>(&'a Toy);

impl Toy {
    pub(crate) fn new(forgets: bool) -> Self {
        let state = ToyState {
            permits: 1,
            ..ToyState::default()
        };
        Self {
            forgets,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn permits(&self) -> usize {
        self.state.lock().unwrap().permits
    }

    pub(crate) fn take(&self) {
        self.state.lock().unwrap().permits -= 1;
    }

    pub(crate) fn give(&self) {
        let mut state = self.state.lock().unwrap();
        if let Some(waker) = state.waiting.take() {
            state.is_granted = true;
            drop(state);
            waker.wake();
        } else {
            state.permits += 1;
        }
    }

    pub(crate) fn acquire(&self) -> ToyAcquire<'_> {
        ToyAcquire(self)
    }
}

impl Future for ToyAcquire<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.state.lock().unwrap();
        if mem::take(&mut state.is_granted) {
            return Poll::Ready(());
        }
        if state.permits > 0 {
            state.permits -= 1;
            return Poll::Ready(());
        }
        state.waiting = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for ToyAcquire<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap();
        state.waiting = None;
        let granted = mem::take(&mut state.is_granted);
        drop(state);
        if granted && !self.0.forgets {
            self.0.give();
        }
    }
}
