//! Each primitive's futures are cut at each of their awaits, in both ways: afterwards it is as good as
//! new, and what was granted is not lost.
#![cfg(feature = "sim")]

mod cells;
mod channels;
mod locks;
mod meetings;
mod queues;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use hob::test::{Cut, cancel_everywhere};

/// Runs it on one thread with the real clock, and in the simulator with some seeds.
fn in_both_worlds(test: impl AsyncFn()) {
    hob::run_local(test());
    for seed in hob::sim::seeds(20) {
        hob::sim::run(seed, test());
    }
}

/// Cuts what `make` makes everywhere, which waits at least once; nobody keeps its waker then.
async fn cut<F: Future>(make: impl FnMut() -> F, mut check: impl AsyncFnMut(&Cut)) {
    let cuts = cancel_everywhere(make, async |cut| {
        assert_eq!(cut.wakers_left, 0, "{cut}");
        check(cut).await;
    })
    .await;
    assert!(cuts.completed && cuts.woken > 0, "{cuts}");
}

/// Lets a task of its own do it, after the future was polled.
fn later(act: impl FnOnce() + 'static) {
    hob::spawn_local(async move { act() }).detach();
}

/// Whether the future is ready at once.
fn is_ready<T>(future: impl Future<Output = T>) -> bool {
    now(future).is_some()
}

/// What the future gives at once.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
