//! What a `Mutex` promises: one holder, in order, and nothing lost when a waiter goes.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use futures_lite::future::{block_on, zip};
use hob_sync::Mutex;

use support::{Counter, kept, poll, poll_once, poll_with};

#[test]
fn the_line_is_served_in_order_of_first_polls() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().expect("it is free");
    let mut made_first = Box::pin(mutex.lock());
    let mut polled_first = Box::pin(mutex.lock());
    assert!(poll(&mut polled_first).is_pending());
    assert!(poll(&mut made_first).is_pending());
    drop(held);
    assert!(poll(&mut made_first).is_pending());
    let guard = match poll(&mut polled_first) {
        Poll::Ready(guard) => guard,
        Poll::Pending => panic!("the lock was handed over"),
    };
    drop(guard);
    assert!(poll(&mut made_first).is_ready());
}

#[test]
fn a_newcomer_does_not_overtake_a_granted_waiter() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().expect("it is free");
    let mut waiter = Box::pin(mutex.lock());
    assert!(poll(&mut waiter).is_pending());
    drop(held);
    assert!(mutex.try_lock().is_err());
    assert!(poll_once(mutex.lock()).is_pending());
    assert!(poll(&mut waiter).is_ready());
}

#[test]
fn a_lock_granted_to_a_dropped_waiter_goes_to_the_next() {
    let mutex = Mutex::new(());
    let (counter, waker) = Counter::new();
    let held = mutex.try_lock().expect("it is free");
    let mut first = Box::pin(mutex.lock());
    let mut second = Box::pin(mutex.lock());
    assert!(poll(&mut first).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    drop(held);
    assert_eq!(counter.wakes(), 0);
    drop(first);
    assert_eq!(counter.wakes(), 1);
    assert!(poll(&mut second).is_ready());
    drop(second);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn dropped_wait_leaves_no_waker() {
    let mutex = Mutex::new(());
    let (counter, waker) = Counter::new();
    let held = mutex.try_lock().expect("it is free");
    let mut wait = Box::pin(mutex.lock());
    assert!(poll_with(&mut wait, &waker).is_pending());
    assert_eq!((kept(&counter), mutex.statistics().waiting), (1, 1));
    drop(wait);
    assert_eq!((kept(&counter), mutex.statistics().waiting), (0, 0));
    drop(held);
    assert_eq!(counter.wakes(), 0);
}

#[test]
fn only_the_waker_of_the_last_poll_is_kept_and_woken() {
    let mutex = Mutex::new(());
    let (before, old) = Counter::new();
    let (after, new) = Counter::new();
    let held = mutex.try_lock().expect("it is free");
    let mut wait = Box::pin(mutex.lock());
    assert!(poll_with(&mut wait, &old).is_pending());
    assert!(poll_with(&mut wait, &new).is_pending());
    assert_eq!((kept(&before), kept(&after)), (0, 1));
    drop(held);
    assert_eq!((before.wakes(), after.wakes()), (0, 1));
}

#[test]
fn a_panic_under_the_guard_unlocks_and_is_counted() {
    let mutex = Mutex::new(1);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = block_on(mutex.lock());
        *guard = 2;
        panic!("on purpose");
    }));
    assert!(panic.is_err());
    assert_eq!(*block_on(mutex.lock()), 2);
    assert_eq!(mutex.statistics().guards_dropped_in_panic, 1);
}

#[test]
fn blocked_threads_and_tasks_share_one_line() {
    const ROUNDS: usize = 1_000;
    let mutex = Arc::new(Mutex::new(0));
    thread::scope(|scope| {
        for blocking in [true, false, true] {
            let mutex = &mutex;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    if blocking {
                        *mutex.lock_blocking() += 1;
                    } else {
                        *block_on(mutex.lock()) += 1;
                    }
                }
            });
        }
    });
    assert_eq!(*block_on(mutex.lock()), 3 * ROUNDS);
}

#[test]
fn a_guard_is_held_across_await() {
    let mutex = Mutex::new(0);
    let step = || async {
        let mut guard = mutex.lock().await;
        let seen = *guard;
        futures_lite::future::yield_now().await;
        *guard = seen + 1;
    };
    block_on(zip(step(), zip(step(), step())));
    assert_eq!(mutex.into_inner(), 3);
}

#[test]
fn unsized_values_are_locked_too() {
    let mutex: Box<Mutex<[u8]>> = Box::new(Mutex::new([1, 2, 3]));
    block_on(mutex.lock())[0] = 7;
    assert_eq!(*block_on(mutex.lock()), [7, 2, 3]);
}

#[test]
fn debug_shows_the_state_and_only_a_guard_shows_the_value() {
    // A value that is shown is a value that is locked, and the next `try_lock` would fail for it.
    let mutex = Mutex::new("the value");
    let shown = format!("{mutex:?}");
    assert!(shown.contains("is_locked: false"), "{shown}");
    assert!(!shown.contains("the value"), "{shown}");
    let guard = mutex.try_lock().expect("it is free");
    assert!(format!("{mutex:?}").contains("is_locked: true"));
    assert_eq!(format!("{guard:?}"), "\"the value\"");
}
