//! Locks and permits under cancels, timeouts and panics.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hob::sync::{Mutex, Semaphore};

use crate::{cancel_some, dawdle, end_of, rng, scenario};

const TASKS: u64 = 8;
const ROUNDS: u32 = 4;

#[test]
fn a_lock_has_one_holder_and_is_free_in_the_end() {
    scenario(|| async {
        let lock = Arc::new(Mutex::new(0));
        let holders = Arc::new(AtomicU32::new(0));
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| {
                let (lock, holders) = (Arc::clone(&lock), Arc::clone(&holders));
                hob::spawn(async move {
                    let mut rng = rng(number);
                    for _ in 0..ROUNDS {
                        let patience = Duration::from_micros(rng.u64(..5_000));
                        let Ok(mut held) = hob::timeout(patience, lock.lock()).await else {
                            continue;
                        };
                        let _alone = Alone::enter(&holders);
                        dawdle(&mut rng).await;
                        *held += 1;
                    }
                })
            })
            .collect();
        cancel_some(tasks).await;
        assert_eq!(holders.load(Ordering::Relaxed), 0);
        assert!(lock.try_lock().is_ok(), "the lock is free");
    });
}

/// Whoever is in has nobody beside him.
struct Alone<'a>(&'a AtomicU32);

impl<'a> Alone<'a> {
    fn enter(holders: &'a AtomicU32) -> Self {
        assert_eq!(holders.fetch_add(1, Ordering::Relaxed), 0, "two hold it");
        Self(holders)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn permits_come_back_however_their_waiters_end() {
    const PERMITS: usize = 3;
    scenario(|| async {
        let permits = Arc::new(Semaphore::new(PERMITS));
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| {
                let permits = Arc::clone(&permits);
                hob::spawn(async move {
                    let mut rng = rng(number);
                    for _ in 0..ROUNDS {
                        let wanted = rng.usize(1..=PERMITS);
                        let patience = Duration::from_micros(rng.u64(..5_000));
                        let acquire = permits.acquire_many(wanted);
                        if let Ok(permit) = hob::timeout(patience, acquire).await {
                            let _permit = permit.expect("nobody closes it");
                            dawdle(&mut rng).await;
                        }
                    }
                })
            })
            .collect();
        cancel_some(tasks).await;
        assert_eq!(permits.available_permits(), PERMITS);
    });
}

/// A permit may be granted to a waiter in the very moment in which it is cancelled.
#[test]
fn a_permit_that_was_granted_to_a_cancelled_waiter_goes_to_the_next() {
    scenario(|| async {
        let permits = Arc::new(Semaphore::new(1));
        let mut rng = rng(TASKS);
        for _ in 0..4 {
            let held = permits.acquire().await.expect("nobody closes it");
            let waiters: Vec<_> = (0..4)
                .map(|_| {
                    let permits = Arc::clone(&permits);
                    hob::spawn(
                        async move { drop(permits.acquire().await.expect("nobody closes it")) },
                    )
                })
                .collect();
            hob::test::settle().await;
            drop(held);
            if rng.bool() {
                hob::yield_now().await;
            }
            waiters[rng.usize(..3)].cancel("after the grant, as a rule");
            for waiter in waiters {
                end_of(waiter).await;
            }
        }
        assert_eq!(permits.available_permits(), 1);
    });
}

/// Who came, or was served, in order.
type Numbers = Rc<RefCell<Vec<u64>>>;

#[test]
fn waiters_are_served_in_the_order_in_which_they_came() {
    scenario(|| async {
        let lock = Arc::new(Mutex::new(()));
        let (came, served) = (Numbers::default(), Numbers::default());
        let held = lock.lock().await;
        let waiters: Vec<_> = (0..TASKS)
            .map(|number| {
                let lock = Arc::clone(&lock);
                let (came, served) = (Rc::clone(&came), Rc::clone(&served));
                hob::spawn_local(async move {
                    dawdle(&mut rng(number)).await;
                    came.borrow_mut().push(number);
                    let _held = lock.lock().await;
                    served.borrow_mut().push(number);
                    hob::yield_now().await;
                })
            })
            .collect();
        hob::sleep(Duration::from_millis(5)).await;
        drop(held);
        for waiter in waiters {
            waiter.await.expect("nobody panics");
        }
        assert_eq!(came, served);
    });
}

#[test]
fn a_panic_with_the_lock_held_gives_it_back() {
    scenario(|| async {
        let lock = Arc::new(Mutex::new(()));
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| {
                let lock = Arc::clone(&lock);
                hob::spawn(async move {
                    let _held = lock.lock().await;
                    dawdle(&mut rng(number)).await;
                    if number.is_multiple_of(2) {
                        std::panic::resume_unwind(Box::new("the scenario wants it"));
                    }
                })
            })
            .collect();
        let mut panicked = 0;
        for task in tasks {
            panicked += u64::from(task.await.is_err());
        }
        assert_eq!(panicked, TASKS / 2);
        assert!(lock.try_lock().is_ok());
    });
}
