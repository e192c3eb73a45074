//! Threads that wait, give up at random and try again: nothing may be lost, and nobody left asleep.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hob_sync::{Queue, Semaphore, mpsc};

use support::{Random, block_on, poll};

const THREADS: usize = 3;

/// Cancelled while waiting, over all threads of a test; three tests make 100,000 and more.
const CANCELS: usize = 34_000;

/// Polls a few futures once, drops some of those that wait, and sees the others through in order.
/// Returns how many were dropped while they waited.
fn some_give_up<F: Future + Unpin>(
    random: &mut Random,
    make: impl Fn() -> F,
    mut finish: impl FnMut(F::Output),
) -> usize {
    let mut waiting = Vec::new();
    for _ in 0..6 {
        let mut future = make();
        match poll(&mut future) {
            std::task::Poll::Ready(output) => finish(output),
            std::task::Poll::Pending => waiting.push(future),
        }
    }
    let before = waiting.len();
    let mut dropped = 0;
    while dropped < before && (dropped + 1 < before || random.chance()) {
        drop(waiting.swap_remove(random.below(waiting.len())));
        dropped += 1;
    }
    for future in waiting {
        finish(block_on(future));
    }
    dropped
}

/// Runs `work` on each thread until there were enough cancels.
fn until_enough(work: impl Fn(&mut Random) -> usize + Sync) {
    let cancels = AtomicUsize::new(0);
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (cancels, work) = (&cancels, &work);
            scope.spawn(move || {
                let mut random = Random::new(seed as u64 + 1);
                while cancels.load(Ordering::Relaxed) < CANCELS {
                    cancels.fetch_add(work(&mut random), Ordering::Relaxed);
                }
            });
        }
    });
}

#[test]
fn a_semaphore_loses_no_permit_and_no_wake() {
    let semaphore = Semaphore::new(2);
    until_enough(|random| {
        // One is held, so that the others have to wait.
        let held = block_on(semaphore.acquire()).unwrap();
        let mut held = Some(held);
        let size = 1 + random.below(2);
        let mut cancelled = 0;
        let mut waiting: Vec<_> = (0..6)
            .map(|_| Box::pin(semaphore.acquire_many(size)))
            .collect();
        waiting.retain_mut(|acquire| poll(acquire).is_pending());
        if random.chance() {
            held = None;
        }
        while waiting.len() > 1 {
            drop(waiting.swap_remove(random.below(waiting.len())));
            cancelled += 1;
        }
        drop(held);
        for acquire in waiting {
            drop(block_on(acquire).unwrap());
        }
        cancelled
    });
    assert_eq!(semaphore.available_permits(), 2);
    assert_eq!(semaphore.statistics().waiting, 0);
}

#[test]
fn a_channel_loses_no_message_and_no_slot() {
    let (tx, mut rx) = mpsc::bounded(2);
    let sent = AtomicUsize::new(0);
    thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            let mut received = 0;
            while block_on(rx.recv()).is_some() {
                received += 1;
            }
            received
        });
        until_enough(|random| {
            some_give_up(
                random,
                // Not `send`: of one that was dropped nobody knows whether its turn had come.
                || Box::pin(tx.reserve()),
                |permit| {
                    permit.unwrap().send(()).unwrap();
                    sent.fetch_add(1, Ordering::Relaxed);
                },
            )
        });
        assert_eq!(tx.statistics().reserved, 0);
        drop(tx);
        assert_eq!(receiver.join().unwrap(), sent.into_inner());
    });
}

#[test]
fn a_queue_loses_no_item_and_no_join() {
    let queue = Queue::bounded(2);
    let put = AtomicUsize::new(0);
    let got = AtomicUsize::new(0);
    thread::scope(|scope| {
        let feeder = scope.spawn(|| {
            while block_on(queue.put(())).is_ok() {
                put.fetch_add(1, Ordering::Relaxed);
            }
        });
        until_enough(|random| {
            some_give_up(
                random,
                || Box::pin(queue.get()),
                |item| {
                    item.unwrap().done();
                    got.fetch_add(1, Ordering::Relaxed);
                },
            )
        });
        let left = queue.close_now().len();
        feeder.join().unwrap();
        block_on(queue.join());
        let put = put.load(Ordering::Relaxed);
        assert_eq!(put, got.load(Ordering::Relaxed) + left);
    });
    assert_eq!(queue.statistics().dropped, 0);
}
