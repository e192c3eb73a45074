//! What each primitive costs when nobody else wants it: `cargo bench -p hob-sync`.
//!
//! No task waits and no executor runs, so each future must be ready at its first poll, which is
//! asserted. What they cost beside others, and in a crowd, is measured by `cargo xtask bench sync`.

#![cfg(not(loom))]

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use criterion::{Criterion, criterion_group, criterion_main};
use hob_sync::{Mutex, Queue, Semaphore, mpsc, oneshot};

/// Polls once, which is to be enough.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nobody else is there, so nobody waits"),
    }
}

fn locks(criterion: &mut Criterion) {
    let mutex = Mutex::new(0_u64);
    let mut entered = 0;
    criterion.bench_function("mutex lock and unlock", |bencher| {
        bencher.iter(|| {
            *ready(black_box(&mutex).lock()) += 1;
            entered += 1;
        });
    });
    assert_eq!(mutex.into_inner(), entered);

    let semaphore = Semaphore::new(4);
    criterion.bench_function("semaphore acquire and release", |bencher| {
        bencher.iter(|| {
            let permit = ready(black_box(&semaphore).acquire());
            assert!(permit.is_ok());
        });
    });
    assert_eq!(semaphore.available_permits(), 4);
}

fn channels(criterion: &mut Criterion) {
    let (sender, mut receiver) = mpsc::bounded(64);
    criterion.bench_function("mpsc bounded send and receive", |bencher| {
        bencher.iter(|| {
            assert!(ready(sender.send(black_box(7))).is_ok());
            assert_eq!(ready(receiver.recv()), Some(7));
        });
    });

    let (sender, mut receiver) = mpsc::unbounded();
    criterion.bench_function("mpsc unbounded send and receive", |bencher| {
        bencher.iter(|| {
            assert!(sender.send(black_box(7)).is_ok());
            assert_eq!(ready(receiver.recv()), Some(7));
        });
    });

    criterion.bench_function("oneshot create, send and receive", |bencher| {
        bencher.iter(|| {
            let (sender, receiver) = oneshot::channel();
            assert!(sender.send(black_box(7)).is_ok());
            assert_eq!(ready(receiver).ok(), Some(7));
        });
    });

    let queue = Queue::bounded(64);
    criterion.bench_function("queue put and get", |bencher| {
        bencher.iter(|| {
            assert!(ready(queue.put(black_box(7))).is_ok());
            let item = ready(queue.get());
            assert_eq!(item.ok().map(|item| item.into_inner()), Some(7));
        });
    });
    assert_eq!(queue.unfinished(), 0);
}

criterion_group!(benches, locks, channels);
criterion_main!(benches);
