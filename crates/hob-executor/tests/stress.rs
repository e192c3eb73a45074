//! Twenty thousand tasks that wake each other at random, from several threads: none is lost.

#![cfg(not(loom))]

mod common;

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use crate::common::{Pool, in_time, thread};

const TASKS: usize = 20_000;
const WAKES_EACH: usize = 3;

/// Where each task waits: how often it may go on, and its waker.
struct Cell(Mutex<(usize, Option<Waker>)>);

struct Ring {
    cells: Vec<Cell>,
    passed: AtomicUsize,
}

impl Ring {
    fn new() -> Arc<Self> {
        let cell = || Cell(Mutex::new((0, None)));
        Arc::new(Self {
            cells: std::iter::repeat_with(cell).take(TASKS).collect(),
            passed: AtomicUsize::new(0),
        })
    }

    /// Lets one task go on, once more.
    fn admit(&self, index: usize) {
        let mut cell = self.cells[index].0.lock().unwrap();
        cell.0 += 1;
        let waker = cell.1.take();
        drop(cell);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn admitted(&self, index: usize) {
        poll_fn(|cx| {
            let mut cell = self.cells[index].0.lock().unwrap();
            if cell.0 == 0 {
                cell.1 = Some(cx.waker().clone());
                return Poll::Pending;
            }
            cell.0 -= 1;
            Poll::Ready(())
        })
        .await;
    }
}

/// The `n`th step of a walk that comes by every task once in `TASKS` steps.
fn scattered(n: usize) -> usize {
    n.wrapping_mul(7_919) % TASKS
}

fn check(workers: usize) {
    in_time(move || {
        let pool = Pool::new(workers);
        let ring = Ring::new();
        let tasks: Vec<_> = (0..TASKS)
            .map(|index| {
                let ring = Arc::clone(&ring);
                pool.spawn(async move {
                    for round in 0..WAKES_EACH {
                        ring.admitted(index).await;
                        ring.passed.fetch_add(1, Ordering::Relaxed);
                        // Each admits one other, so that every admission but the last is passed on.
                        if round + 1 < WAKES_EACH {
                            ring.admit(scattered(index + round + 1));
                        }
                    }
                })
            })
            .collect();
        // One round of admissions comes from threads that are no workers.
        let foreign: Vec<_> = (0..2)
            .map(|half| {
                let ring = Arc::clone(&ring);
                thread(move || {
                    for n in (half..TASKS).step_by(2) {
                        ring.admit(scattered(n));
                    }
                })
            })
            .collect();
        pool.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        for thread in foreign {
            thread.join().unwrap();
        }
        assert_eq!(ring.passed.load(Ordering::Relaxed), TASKS * WAKES_EACH);
        pool.end();
    });
}

#[test]
fn two_workers_lose_no_wake() {
    check(2);
}

#[test]
fn four_workers_lose_no_wake() {
    check(4);
}
