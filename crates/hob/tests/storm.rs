//! Many tasks, wakes from everywhere: none is lost, none runs twice, each is dropped once.
//!
//! A release build takes a million tasks, a debug build fewer.

mod support;

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use hob::Runtime;

use crate::support::in_time;

const TASKS: usize = if cfg!(debug_assertions) {
    50_000
} else {
    1_000_000
};
/// How often each task waits: once for a foreign thread, and then for other tasks.
const ROUNDS: usize = 3;
/// Only for ever is longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where each task waits: how often it may go on, and whom to wake.
#[derive(Default)]
struct Seat(Mutex<(usize, Option<Waker>)>);

struct Hall {
    seats: Vec<Seat>,
    /// For each round, whom a task admits to it: everybody is admitted once, in random order.
    orders: Vec<Vec<u32>>,
    passed: AtomicUsize,
    dropped: AtomicUsize,
}

/// Counts the end of a task.
struct Leaves(Arc<Hall>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Hall {
    fn new(seed: u64) -> Arc<Self> {
        let mut random = fastrand::Rng::with_seed(seed);
        let order = |_| {
            let mut order: Vec<u32> = (0..TASKS as u32).collect();
            random.shuffle(&mut order);
            order
        };
        Arc::new(Self {
            orders: (0..ROUNDS).map(order).collect(),
            seats: (0..TASKS).map(|_| Seat::default()).collect(),
            passed: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
        })
    }

    fn admit(&self, round: usize, number: usize) {
        let seat = &self.seats[self.orders[round][number] as usize];
        let mut locked = seat.0.lock().unwrap();
        locked.0 += 1;
        let waker = locked.1.take();
        drop(locked);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn admitted(&self, number: usize) {
        poll_fn(|cx| {
            let mut seat = self.seats[number].0.lock().unwrap();
            if seat.0 == 0 {
                seat.1 = Some(cx.waker().clone());
                return Poll::Pending;
            }
            seat.0 -= 1;
            Poll::Ready(())
        })
        .await;
    }

    /// A task that waits, and after each time lets another one go on.
    async fn visit(self: Arc<Self>, number: usize) {
        let leaves = Leaves(self);
        let hall = &leaves.0;
        for round in 1..=ROUNDS {
            hall.admitted(number).await;
            hall.passed.fetch_add(1, Ordering::Relaxed);
            if round < ROUNDS {
                hall.admit(round, number);
            }
        }
    }
}

fn random_wakes(workers: usize) {
    in_time(PATIENCE, move || {
        let runtime = Runtime::builder().worker_threads(workers).build().unwrap();
        let hall = Hall::new(workers as u64);
        // Half are spawned from outside, and half by a task.
        let visits = |from: usize, to: usize| {
            let hall = Arc::clone(&hall);
            move |handle: hob::Handle| -> Vec<_> {
                (from..to)
                    .map(|number| handle.spawn(Arc::clone(&hall).visit(number)))
                    .collect()
            }
        };
        let (inside, handle) = (visits(0, TASKS / 2), runtime.handle());
        let spawner = runtime.spawn(async move { inside(handle) });
        let foreign: Vec<_> = (0..2)
            .map(|half| {
                let hall = Arc::clone(&hall);
                let admit = move || (half..TASKS).step_by(2).for_each(|n| hall.admit(0, n));
                thread::Builder::new().spawn(admit).expect("it starts")
            })
            .collect();
        let outside = visits(TASKS / 2, TASKS)(runtime.handle());
        runtime.block_on(async {
            let inside = spawner.await.expect("it does not panic");
            for task in outside.into_iter().chain(inside) {
                task.await.expect("it does not panic");
            }
        });
        for thread in foreign {
            thread.join().expect("it does not panic");
        }
        assert_eq!(hall.passed.load(Ordering::Relaxed), TASKS * ROUNDS);
        assert_eq!(hall.dropped.load(Ordering::Relaxed), TASKS);
        assert_eq!(runtime.statistics().tasks_alive, 0);
        assert!(runtime.shutdown_timeout(PATIENCE).is_clean());
    });
}

#[test]
fn two_workers_lose_no_wake_of_a_million() {
    random_wakes(2);
}

#[test]
fn four_workers_lose_no_wake_of_a_million() {
    random_wakes(4);
}

#[test]
fn more_workers_than_cores_spawn_and_join_as_two_do() {
    const FAMILIES: u64 = 100;
    const CHILDREN: u64 = 100;
    for workers in [2, 4, 8, 16] {
        in_time(PATIENCE, move || {
            let runtime = Runtime::builder().worker_threads(workers).build().unwrap();
            for _ in 0..5 {
                let parents: Vec<_> = (0..FAMILIES)
                    .map(|family| {
                        runtime.spawn(async move {
                            let children: Vec<_> = (0..CHILDREN)
                                .map(|child| {
                                    hob::spawn(async move {
                                        if child % 3 == 0 {
                                            hob::yield_now().await;
                                        }
                                        family * CHILDREN + child
                                    })
                                })
                                .collect();
                            let mut sum = 0;
                            for child in children {
                                sum += child.await.expect("it does not panic");
                            }
                            sum
                        })
                    })
                    .collect();
                let sum: u64 = runtime.block_on(async {
                    let mut sum = 0;
                    for parent in parents {
                        sum += parent.await.expect("it does not panic");
                    }
                    sum
                });
                let all = FAMILIES * CHILDREN;
                assert_eq!(sum, all * (all - 1) / 2, "{workers} workers");
            }
            assert_eq!(runtime.statistics().tasks_alive, 0);
            assert!(runtime.shutdown_timeout(PATIENCE).is_clean());
        });
    }
}
