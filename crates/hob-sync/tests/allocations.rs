//! Waiting allocates nothing, nor does an operation that does not wait.

#![cfg(not(loom))]

#[path = "support/allocator.rs"]
mod allocator;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use hob_sync::{Mutex, Semaphore};

use allocator::allocations;

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Does `act` once to warm up, and then sees that it allocates nothing.
#[track_caller]
fn check(mut act: impl FnMut()) {
    act();
    let ((), count) = allocations(|| (0..100).for_each(|_| act()));
    assert_eq!(count, 0, "allocations in 100 rounds");
}

#[test]
fn the_count_counts() {
    let (boxed, count) = allocations(|| Box::new(7));
    assert_eq!((*boxed, count), (7, 1));
}

#[test]
fn locks_allocate_nothing() {
    let mutex = Mutex::new(0);
    let semaphore = Semaphore::new(2);
    check(|| {
        let mut first = pin!(mutex.lock());
        let mut second = pin!(mutex.lock());
        let Poll::Ready(guard) = poll(first.as_mut()) else {
            panic!("it is free");
        };
        assert!(poll(second.as_mut()).is_pending());
        drop(guard);
        assert!(poll(second).is_ready());

        let held = semaphore.try_acquire_many(2).unwrap();
        let mut one = pin!(semaphore.acquire());
        let mut gives_up = pin!(semaphore.acquire_many(2));
        assert!(poll(one.as_mut()).is_pending());
        assert!(poll(gives_up.as_mut()).is_pending());
        drop(held);
        assert!(poll(one).is_ready());
    });
}
