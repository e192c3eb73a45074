//! A waker that remembers whether it was called.
//!
//! With it a future that was polled for no reason can be told from one that was woken.
//!
//! # Implementation
//!
//! One lock over "was it rung?" and the waker of who listens. Wakers are cloned before it is taken, and
//! woken and dropped after it is released.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::primitive::{Mutex, lock};

/// A waker that remembers whether it was called.
#[derive(Default)]
pub(super) struct Bell(Mutex<State>);

#[derive(Default)]
struct State {
    is_rung: bool,
    listener: Option<Waker>,
}

impl Bell {
    /// Waits until it is rung.
    pub(super) fn poll_rung(&self, cx: &Context<'_>) -> Poll<()> {
        let mut listener = Some(cx.waker().clone());
        let mut state = lock(&self.0);
        let rung = if state.is_rung {
            Poll::Ready(())
        } else {
            mem::swap(&mut state.listener, &mut listener);
            Poll::Pending
        };
        drop(state);
        // The waker that is not needed, after the lock.
        drop(listener);
        rung
    }

    /// Makes it as if it had not been rung.
    pub(super) fn reset(&self) {
        lock(&self.0).is_rung = false;
    }

    /// Nobody listens any more.
    pub(super) fn leave(&self) {
        let listener = lock(&self.0).listener.take();
        drop(listener);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = lock(&self.0);
        state.is_rung = true;
        let listener = state.listener.take();
        drop(state);
        if let Some(listener) = listener {
            listener.wake();
        }
    }
}
