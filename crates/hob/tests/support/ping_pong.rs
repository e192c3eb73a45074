//! Two tasks that wake each other for ever.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

/// Where one of the two leaves its waker for the other.
pub(crate) type Seat = Arc<Mutex<Option<Waker>>>;

/// Wakes the other at each poll, and leaves its own waker where the other finds it.
pub(crate) fn play(
    polls: &Arc<AtomicUsize>,
    own: &Seat,
    other: &Seat,
) -> impl Future<Output = ()> + Send + use<> {
    let (polls, own, other) = (Arc::clone(polls), Arc::clone(own), Arc::clone(other));
    let mut first = true;
    poll_fn(move |cx| {
        polls.fetch_add(1, Ordering::Relaxed);
        *own.lock().unwrap() = Some(cx.waker().clone());
        let waker = other.lock().unwrap().take();
        match waker {
            Some(waker) => waker.wake(),
            // The other has not been polled yet; once it has, one of the two is always woken.
            None if std::mem::take(&mut first) => cx.waker().wake_by_ref(),
            None => {}
        }
        Poll::Pending
    })
}
