//! Where tasks meet: the few lines of synchronization that all contestants share.
//!
//! A workload that measures an executor must not measure its channels, so tasks wait for each other
//! at a [`Latch`] or take [`Turns`], each an atomic and an `AtomicWaker`. They are leaked: a
//! reference that lives as long as the process costs no contestant an `Arc`.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use atomic_waker::AtomicWaker;

/// Opens when it was counted down to zero; one task waits.
#[derive(Debug)]
pub(crate) struct Latch {
    left: AtomicUsize,
    waker: AtomicWaker,
}

/// Two who take turns.
#[derive(Debug)]
pub(crate) struct Turns {
    /// How many turns were taken: an even number is the first one's turn.
    taken: AtomicUsize,
    wakers: [AtomicWaker; 2],
}

/// Counts a latch down when it is dropped.
#[derive(Debug)]
pub(crate) struct CountsWhenDropped(pub(crate) &'static Latch);

impl Latch {
    /// A latch that opens after no count at all.
    pub(crate) const fn new() -> Self {
        Self {
            left: AtomicUsize::new(0),
            waker: AtomicWaker::new(),
        }
    }

    /// The same for as long as the process lives.
    pub(crate) fn leaked() -> &'static Self {
        Box::leak(Box::new(Self::new()))
    }

    /// Sets the count. Nobody may be waiting.
    pub(crate) fn set(&self, count: usize) {
        self.left.store(count, Ordering::Release);
    }

    /// Counts one.
    pub(crate) fn count(&self) {
        // The last one's Release, and those before it in the same release sequence, pair with the
        // Acquire in `wait`: what was done before a count is seen after the wait.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waker.wake();
        }
    }

    /// How many counts are missing.
    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::Acquire)
    }

    /// Waits for the last count.
    pub(crate) async fn wait(&self) {
        poll_fn(|cx| {
            if self.left() == 0 {
                return Poll::Ready(());
            }
            self.waker.register(cx.waker());
            if self.left() == 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

impl Turns {
    /// The first one's turn.
    pub(crate) fn leaked() -> &'static Self {
        Box::leak(Box::new(Self {
            taken: AtomicUsize::new(0),
            wakers: [AtomicWaker::new(), AtomicWaker::new()],
        }))
    }

    /// Waits until it is the turn of `who`, 0 or 1.
    pub(crate) async fn wait(&self, who: usize) {
        poll_fn(|cx| {
            if self.is_turn_of(who) {
                return Poll::Ready(());
            }
            self.wakers[who].register(cx.waker());
            if self.is_turn_of(who) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Whether it is the turn of `who`.
    pub(crate) fn is_turn_of(&self, who: usize) -> bool {
        self.taken() % 2 == who
    }

    /// Hands the turn over: to the task that waits for it, if it is a task that does.
    pub(crate) fn hand_over(&self, from: usize) {
        self.taken.fetch_add(1, Ordering::AcqRel);
        self.wakers[1 - from].wake();
    }

    /// How many turns were taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }
}

impl Drop for CountsWhenDropped {
    fn drop(&mut self) {
        self.0.count();
    }
}
