//! Wakers that call back into the object that holds them, when they are woken or dropped.

#![allow(unreachable_pub, reason = "as in `support`")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use crate::support::poll_with;

/// Runs `act` when it is woken, and when the last clone is dropped.
pub struct Hostile<F: Fn()> {
    act: F,
    calls: Arc<AtomicUsize>,
}

impl<F: Fn() + Send + Sync + 'static> Hostile<F> {
    pub fn waker(act: F) -> (Waker, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let waker = Waker::from(Arc::new(Self {
            act,
            calls: Arc::clone(&calls),
        }));
        (waker, calls)
    }
}

impl<F: Fn()> Hostile<F> {
    fn act(&self) {
        (self.act)();
        self.calls.fetch_add(1, Ordering::SeqCst);
    }
}

impl<F: Fn() + Send + Sync + 'static> Wake for Hostile<F> {
    fn wake(self: Arc<Self>) {
        self.act();
    }
}

impl<F: Fn()> Drop for Hostile<F> {
    fn drop(&mut self) {
        self.act();
    }
}

/// Polls with the only reference to `waker`, so that the object drops the last one.
pub fn park<F: Future + Unpin>(future: &mut F, waker: Waker) {
    assert!(poll_with(future, &waker).is_pending());
}
