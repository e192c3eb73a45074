//! What a `Mutex` promises: one holder, in order, and nothing lost when a waiter goes.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use futures_lite::future::{block_on, zip};
use hob_sync::{MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard};

use support::{Counter, Random, kept, poll, poll_once, poll_with};

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
fn a_guard_that_is_made_and_dropped_during_a_panic_is_not_counted() {
    struct Uses<'a>(&'a Mutex<u8>);
    impl Drop for Uses<'_> {
        fn drop(&mut self) {
            *self.0.try_lock().expect("it is free") += 1;
            *block_on(self.0.lock()) += 1;
        }
    }
    let mutex = Mutex::new(1);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _uses = Uses(&mutex);
        panic!("on purpose");
    }));
    assert!(panic.is_err());
    assert_eq!(*block_on(mutex.lock()), 3);
    assert_eq!(mutex.statistics().guards_dropped_in_panic, 0);
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

#[test]
fn a_lock_that_was_never_polled_holds_up_nobody() {
    let mutex = Mutex::new(());
    let wait = Box::pin(mutex.lock());
    assert!(mutex.try_lock().is_ok());
    drop(wait);
    assert_eq!(mutex.statistics().waiting, 0);
}

#[test]
fn owned_guards_keep_the_value_alive_and_drop_it_once() {
    let value = Arc::new(());
    let mutex = Arc::new(Mutex::new((0, Arc::clone(&value))));
    let mut guard = Arc::clone(&mutex).try_lock_owned().expect("it is free");
    let mut waits = Box::pin(Arc::clone(&mutex).lock_owned());
    assert!(poll(&mut waits).is_pending());
    guard.0 = 7;
    drop((guard, mutex));
    let Poll::Ready(guard) = poll(&mut waits) else {
        panic!("the lock was handed over");
    };
    drop(waits);
    let number = OwnedMutexGuard::map(guard, |pair| &mut pair.0);
    assert!(
        Arc::clone(OwnedMappedMutexGuard::mutex(&number))
            .try_lock_owned()
            .is_err()
    );
    assert_eq!((*number, Arc::strong_count(&value)), (7, 2));
    drop(number);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn an_owned_wait_that_goes_passes_the_lock_on_and_its_share_back() {
    let mutex = Arc::new(Mutex::new(()));
    let held = Arc::clone(&mutex).lock_owned_blocking();
    let mut first = Box::pin(Arc::clone(&mutex).lock_owned());
    let mut second = Box::pin(mutex.lock());
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    drop(held);
    drop(first);
    assert!(poll(&mut second).is_ready());
    assert_eq!(Arc::strong_count(&mutex), 1);
}

#[test]
fn mapped_guards_hold_the_lock_to_the_end() {
    let mutex = Mutex::new((1, vec![2, 3]));
    let list = MutexGuard::map(block_on(mutex.lock()), |pair| &mut pair.1);
    let mut last = MappedMutexGuard::map(list, |list| &mut list[1]);
    *last = 4;
    assert!(mutex.try_lock().is_err());
    drop(last);
    assert_eq!(mutex.into_inner(), (1, vec![2, 4]));
}

#[test]
fn a_part_that_is_not_found_gives_the_guard_back() {
    let mutex = Mutex::new([1]);
    let guard = MutexGuard::try_map(block_on(mutex.lock()), |list| list.get_mut(1));
    let guard = guard.expect_err("there is one only");
    assert!(mutex.try_lock().is_err(), "the guard still holds it");
    assert_eq!(*guard, [1]);
    let first = MutexGuard::try_map(guard, |list| list.first_mut()).expect("there is one");
    assert_eq!(*first, 1);
}

#[test]
fn a_panic_while_mapping_unlocks_and_is_counted() {
    let mutex = Mutex::new(1);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        drop(MutexGuard::map(block_on(mutex.lock()), |_| -> &mut u8 {
            panic!("on purpose")
        }));
    }));
    assert!(panic.is_err());
    assert!(mutex.try_lock().is_ok());
    assert_eq!(mutex.statistics().guards_dropped_in_panic, 1);
}

#[test]
fn a_mapped_guard_may_lead_out_of_the_value() {
    // What a closure returns need not lie in the value: a guard of a mutex of references, say.
    let mut outside = 5;
    let mutex = Mutex::new(&mut outside);
    let mut number = MutexGuard::map(block_on(mutex.lock()), |value| &mut **value);
    *number += 1;
    drop(number);
    assert!(mutex.try_lock().is_ok());
    assert_eq!(outside, 6);
}

/// Locks against a list: requests, polls, cancels and unlocks in a random order.
#[test]
fn random_schedules_are_first_in_first_out() {
    for seed in 0..3_000 {
        let mut random = Random::new(seed);
        let mutex = Mutex::new(());
        let mut held = None;
        // The first one has been granted the lock if nobody holds it.
        let mut line = Vec::new();
        for _ in 0..50 {
            match random.below(5) {
                0 => {
                    let free = held.is_none() && line.is_empty();
                    let mut wait = Box::pin(mutex.lock());
                    match poll(&mut wait) {
                        Poll::Ready(guard) => {
                            assert!(free, "seed {seed}: somebody was overtaken");
                            held = Some(guard);
                        }
                        Poll::Pending => {
                            assert!(!free, "seed {seed}: it was free");
                            line.push(wait);
                        }
                    }
                }
                1 => {
                    let free = held.is_none() && line.is_empty();
                    assert_eq!(mutex.try_lock().is_ok(), free, "seed {seed}");
                }
                2 if !line.is_empty() => {
                    let index = random.below(line.len());
                    let granted = held.is_none() && index == 0;
                    let poll = poll(&mut line[index]);
                    assert_eq!(poll.is_ready(), granted, "seed {seed}: not in turn");
                    if let Poll::Ready(guard) = poll {
                        held = Some(guard);
                        drop(line.remove(0));
                    }
                }
                3 if !line.is_empty() => drop(line.remove(random.below(line.len()))),
                _ => held = None,
            }
            let granted = usize::from(held.is_none() && !line.is_empty());
            assert_eq!(mutex.statistics().waiting, line.len() - granted);
        }
    }
}
