//! What the queues of timers cost: `cargo bench -p hob-time`.
//!
//! Without a clock that moves and without anyone to wake; that what is armed is there, and that what
//! is due comes out, is asserted. Whole sleeps, beside others', are measured by
//! `cargo xtask bench time`.

#![cfg(not(loom))]

use std::hint::black_box;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use hob_core::{Alarm, Instant, TimerKey, Timers, Unpark};
use hob_time::{Clock, Heap, Wheel};

type Open = fn() -> Box<dyn Timers>;

const QUEUES: [(&str, Open); 2] = [
    ("wheel", || Box::new(Wheel::new())),
    ("heap", || Box::new(Heap::new(Clock::System))),
];

struct Nobody;

impl Unpark for Nobody {
    fn unpark(&self) {}
}

/// An attached queue with so many timers, a millisecond apart.
struct Armed {
    queue: Box<dyn Timers>,
    keys: Vec<TimerKey>,
    begin: Instant,
}

impl Armed {
    fn with(open: Open, count: u64) -> Self {
        let queue = open();
        queue.attach(Arc::new(Alarm::new(Arc::new(Nobody))));
        let begin = queue.now();
        // As a driver does before it sleeps.
        queue.expire(begin, &mut Vec::new());
        let keys = (0..count).map(|number| {
            let mut key = TimerKey::new();
            let armed = queue.arm(
                &mut key,
                begin + Duration::from_millis(number),
                Waker::noop(),
            );
            assert!(armed.is_ok());
            key
        });
        Self {
            keys: keys.collect(),
            begin,
            queue,
        }
    }

    /// How many there are: all are handed out.
    fn count(&self) -> usize {
        let mut woken = Vec::new();
        self.queue.retire(&mut woken);
        woken.len()
    }
}

/// A timer is armed among others, and disarmed.
fn arm_and_disarm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arm and disarm");
    for (name, open) in QUEUES {
        for count in [0, 100, 10_000] {
            let armed = Armed::with(open, count);
            // In the middle of what is there.
            let deadline = armed.begin + Duration::from_millis(count / 2);
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| {
                    let mut key = TimerKey::new();
                    let result = armed
                        .queue
                        .arm(&mut key, black_box(deadline), Waker::noop());
                    assert!(result.is_ok());
                    armed.queue.disarm(&mut key);
                });
            });
            assert_eq!(armed.count() as u64, count);
        }
    }
    group.finish();
}

/// An armed timer is moved to later.
fn reset_to_later(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reset one of 10000 to later");
    for (name, open) in QUEUES {
        let mut armed = Armed::with(open, 10_000);
        let (mut index, mut later) = (0, armed.begin + Duration::from_secs(60));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                armed.queue.reset(&mut armed.keys[index], later);
                index = (index + 7_919) % 10_000;
                later += Duration::from_micros(1);
            });
        });
        assert_eq!(armed.count(), 10_000);
    }
    group.finish();
}

/// A thousand timers are due at once.
fn expire(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("expire 1000");
    for (name, open) in QUEUES {
        group.bench_function(name, |bencher| {
            let due = |armed: Armed| {
                let mut woken = Vec::new();
                armed
                    .queue
                    .expire(armed.begin + Duration::from_secs(1), &mut woken);
                assert_eq!(woken.len(), 1_000);
                (armed, woken)
            };
            bencher.iter_batched(|| Armed::with(open, 1_000), due, BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, arm_and_disarm, reset_to_later, expire);
criterion_main!(benches);
