//! What a `Semaphore` promises: never more than there are, in order, and no permit lost.

mod support;

use std::sync::Arc;
use std::task::Poll;
use std::thread;

use hob_sync::Semaphore;
use hob_sync::semaphore::{AcquireError, TryAcquireError};

use support::{Counter, Random, kept, poll, poll_once, poll_with};

#[test]
fn a_large_request_at_the_head_is_not_overtaken() {
    let semaphore = Semaphore::new(3);
    let two = semaphore.try_acquire_many(2).expect("they are there");
    let mut large = Box::pin(semaphore.acquire_many(3));
    let mut small = Box::pin(semaphore.acquire());
    assert!(poll(&mut large).is_pending());
    assert!(poll(&mut small).is_pending());
    assert_eq!(semaphore.available_permits(), 1);
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::NoPermits
    );
    drop(two);
    assert!(poll(&mut small).is_pending());
    let Poll::Ready(Ok(permit)) = poll(&mut large) else {
        panic!("three permits were there");
    };
    drop(permit);
    assert!(poll(&mut small).is_ready());
}

#[test]
fn a_large_request_that_is_dropped_lets_the_others_through() {
    let semaphore = Semaphore::new(1);
    let (counter, waker) = Counter::new();
    let mut large = Box::pin(semaphore.acquire_many(2));
    let mut small = Box::pin(semaphore.acquire());
    assert!(poll(&mut large).is_pending());
    assert!(poll_with(&mut small, &waker).is_pending());
    drop(large);
    assert_eq!(counter.wakes(), 1);
    assert!(poll(&mut small).is_ready());
}

#[test]
fn permits_granted_to_a_dropped_waiter_go_on() {
    let semaphore = Semaphore::new(0);
    let mut first = Box::pin(semaphore.acquire());
    let mut second = Box::pin(semaphore.acquire());
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    semaphore.add_permits(1).unwrap();
    drop(first);
    assert!(poll(&mut second).is_ready());
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn dropped_wait_leaves_no_waker() {
    let semaphore = Semaphore::new(0);
    let (counter, waker) = Counter::new();
    let mut wait = Box::pin(semaphore.acquire());
    assert!(poll_with(&mut wait, &waker).is_pending());
    assert_eq!(kept(&counter), 1);
    drop(wait);
    assert_eq!(kept(&counter), 0);
    semaphore.add_permits(1).unwrap();
    assert_eq!(counter.wakes(), 0);
}

#[test]
fn close_reaches_all_who_wait_and_all_who_come() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.try_acquire().expect("it is there");
    let mut granted = Box::pin(semaphore.acquire());
    let mut waiting = Box::pin(semaphore.acquire());
    assert!(poll(&mut granted).is_pending());
    assert!(poll(&mut waiting).is_pending());
    drop(held);
    semaphore.close();
    assert!(matches!(poll(&mut granted), Poll::Ready(Ok(_))));
    assert!(matches!(
        poll(&mut waiting),
        Poll::Ready(Err(AcquireError::Closed))
    ));
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::Closed
    );
    assert!(semaphore.is_closed());
}

#[test]
fn forget_takes_permits_away_and_does_not_reopen() {
    let semaphore = Semaphore::new(2);
    semaphore.try_acquire().expect("it is there").forget();
    assert_eq!(semaphore.available_permits(), 1);
    assert_eq!(semaphore.statistics().permits_total, 1);
    let held = semaphore.try_acquire().expect("it is there");
    semaphore.close();
    held.forget();
    assert!(semaphore.is_closed());
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::Closed
    );
}

#[test]
fn merged_permits_go_back_together_and_split_ones_alone() {
    let semaphore = Semaphore::new(4);
    let mut permits = semaphore.try_acquire_many(2).unwrap();
    permits.merge(semaphore.try_acquire().unwrap()).unwrap();
    assert_eq!((permits.count(), semaphore.available_permits()), (3, 1));
    let mut wait = Box::pin(semaphore.acquire_many(3));
    assert!(poll(&mut wait).is_pending());
    let two = permits.split(2).unwrap();
    assert!(permits.split(2).is_none());
    assert_eq!((two.count(), permits.count()), (2, 1));
    drop(permits);
    assert!(poll(&mut wait).is_pending(), "two are there, not three");
    drop(two);
    assert!(poll(&mut wait).is_ready());
    assert_eq!(semaphore.available_permits(), 4);
}

#[test]
fn owned_permits_are_merged_and_split() {
    let semaphore = Arc::new(Semaphore::new(3));
    let one = || Arc::clone(&semaphore).try_acquire_owned().unwrap();
    let mut permits = one();
    permits.merge(one()).unwrap();
    assert_eq!(Arc::strong_count(&semaphore), 2);
    let split = permits.split(1).unwrap();
    assert!(permits.split(2).is_none());
    permits.forget();
    assert_eq!(semaphore.statistics().permits_total, 2);
    drop(split);
    assert_eq!(semaphore.available_permits(), 2);
    assert_eq!(Arc::strong_count(&semaphore), 1);
}

#[test]
fn permits_of_another_semaphore_are_not_merged() {
    let (semaphore, other) = (Semaphore::new(1), Semaphore::new(1));
    let mut permit = semaphore.try_acquire().unwrap();
    let foreign = permit.merge(other.try_acquire().unwrap()).unwrap_err();
    assert!(std::ptr::eq(foreign.semaphore(), &other));
    assert_eq!((permit.count(), other.available_permits()), (1, 0));
    drop((permit, foreign));
    assert_eq!(
        (semaphore.available_permits(), other.available_permits()),
        (1, 1)
    );

    let (semaphore, other) = (Arc::new(semaphore), Arc::new(other));
    let mut permit = semaphore.try_acquire_owned().unwrap();
    let foreign = permit.merge(Arc::clone(&other).try_acquire_owned().unwrap());
    assert!(Arc::ptr_eq(foreign.unwrap_err().semaphore(), &other));
    assert_eq!(other.available_permits(), 1);
}

#[test]
fn blocked_threads_share_the_permits() {
    const ROUNDS: usize = 1_000;
    let semaphore = Arc::new(Semaphore::new(2));
    thread::scope(|scope| {
        for thread in 0..4 {
            let semaphore = &semaphore;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let owned = || Arc::clone(semaphore);
                    match thread {
                        0 => drop(semaphore.acquire_blocking().unwrap()),
                        1 => drop(semaphore.acquire_many_blocking(2).unwrap()),
                        2 => drop(owned().acquire_owned_blocking().unwrap()),
                        _ => drop(owned().acquire_many_owned_blocking(2).unwrap()),
                    }
                }
            });
        }
    });
    assert_eq!(semaphore.available_permits(), 2);
    semaphore.close();
    assert!(semaphore.acquire_many_blocking(2).is_err());
    assert!(semaphore.acquire_many_owned_blocking(2).is_err());
}

#[test]
fn numbers_out_of_bounds_are_errors() {
    let semaphore = Semaphore::new(Semaphore::PERMITS_MAX);
    assert!(semaphore.add_permits(1).is_err());
    assert!(semaphore.add_permits(usize::MAX).is_err());
    for request in [Semaphore::PERMITS_MAX + 1, usize::MAX] {
        assert_eq!(
            semaphore.try_acquire_many(request).unwrap_err(),
            TryAcquireError::TooManyPermits
        );
        assert!(matches!(
            poll_once(semaphore.acquire_many(request)),
            Poll::Ready(Err(AcquireError::TooManyPermits))
        ));
    }
    // Those that are held count: otherwise their return would overflow.
    let all = semaphore.try_acquire_many(Semaphore::PERMITS_MAX).unwrap();
    assert!(semaphore.add_permits(1).is_err());
    drop(all);
    assert_eq!(semaphore.available_permits(), Semaphore::PERMITS_MAX);
}

#[test]
#[should_panic(expected = "PERMITS_MAX")]
fn too_many_permits_at_construction_panic() {
    let _semaphore = Semaphore::new(usize::MAX);
}

#[test]
fn zero_permits_are_granted_in_turn() {
    let semaphore = Semaphore::new(0);
    assert!(semaphore.try_acquire_many(0).is_ok());
    let mut first = Box::pin(semaphore.acquire());
    assert!(poll(&mut first).is_pending());
    assert!(semaphore.try_acquire_many(0).is_err(), "somebody waits");
}

#[test]
fn owned_permits_outlive_the_handle() {
    let semaphore = Arc::new(Semaphore::new(1));
    let permit = Arc::clone(&semaphore).try_acquire_owned().unwrap();
    let mut wait = Box::pin(Arc::clone(&semaphore).acquire_owned());
    assert!(poll(&mut wait).is_pending());
    drop(permit);
    let Poll::Ready(Ok(permit)) = poll(&mut wait) else {
        panic!("it was given back");
    };
    assert_eq!(permit.semaphore().available_permits(), 0);
    drop((semaphore, wait, permit));
}

/// Grants against a list: requests, cancels, releases and additions in a random order.
#[test]
fn random_schedules_are_first_in_first_out() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let semaphore = Semaphore::new(0);
        let mut waiting = Vec::new();
        let mut model_available = 0;
        for _ in 0..60 {
            match random.below(3) {
                0 => {
                    let count = 1 + random.below(4);
                    let mut wait = Box::pin(semaphore.acquire_many(count));
                    match poll(&mut wait) {
                        Poll::Ready(permit) => {
                            assert!(waiting.is_empty() && model_available >= count);
                            model_available -= count;
                            permit.unwrap().forget();
                        }
                        Poll::Pending => {
                            assert!(!waiting.is_empty() || model_available < count);
                            waiting.push((count, wait));
                        }
                    }
                }
                1 => {
                    let more = random.below(4);
                    semaphore.add_permits(more).unwrap();
                    model_available += more;
                }
                _ if !waiting.is_empty() => {
                    drop(waiting.remove(random.below(waiting.len())));
                }
                _ => {}
            }
            while waiting
                .first()
                .is_some_and(|(count, _)| *count <= model_available)
            {
                let (count, mut wait) = waiting.remove(0);
                let Poll::Ready(Ok(permit)) = poll(&mut wait) else {
                    panic!("seed {seed}: the first in line was not served");
                };
                permit.forget();
                model_available -= count;
            }
            for (_, wait) in &mut waiting {
                assert!(
                    poll(wait).is_pending(),
                    "seed {seed}: somebody was overtaken"
                );
            }
            assert_eq!(semaphore.available_permits(), model_available);
        }
    }
}
