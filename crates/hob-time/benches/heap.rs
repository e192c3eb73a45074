//! What the queue of timers costs: `cargo bench -p hob-time`.
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
use hob_time::{Clock, Heap};

struct Nobody;

impl Unpark for Nobody {
    fn unpark(&self) {}
}

/// An attached heap with so many timers, a millisecond apart.
struct Armed {
    heap: Heap,
    keys: Vec<TimerKey>,
    begin: Instant,
}

impl Armed {
    fn with(count: u64) -> Self {
        let heap = Heap::new(Clock::System);
        heap.attach(Arc::new(Alarm::new(Arc::new(Nobody))));
        let begin = heap.now();
        let keys = (0..count).map(|number| {
            let mut key = TimerKey::new();
            let armed = heap.arm(
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
            heap,
        }
    }
}

/// A timer is armed among others, and disarmed.
fn arm_and_disarm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arm and disarm");
    for count in [0, 100, 10_000] {
        let armed = Armed::with(count);
        // In the middle of what is there.
        let deadline = armed.begin + Duration::from_millis(count / 2);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                let mut key = TimerKey::new();
                let result = armed.heap.arm(&mut key, black_box(deadline), Waker::noop());
                assert!(result.is_ok());
                armed.heap.disarm(&mut key);
            });
        });
        assert_eq!(armed.heap.statistics().timers_armed as u64, count);
    }
    group.finish();
}

/// An armed timer is moved to later.
fn move_to_later(criterion: &mut Criterion) {
    let mut armed = Armed::with(10_000);
    let (mut index, mut later) = (0, armed.begin + Duration::from_secs(60));
    criterion.bench_function("move one of 10000 to later", |bencher| {
        bencher.iter(|| {
            let result = armed.heap.arm(&mut armed.keys[index], later, Waker::noop());
            assert!(result.is_ok());
            index = (index + 7_919) % 10_000;
            later += Duration::from_micros(1);
        });
    });
    assert_eq!(armed.heap.statistics().timers_armed, 10_000);
}

/// A thousand timers are due at once.
fn expire(criterion: &mut Criterion) {
    criterion.bench_function("expire 1000", |bencher| {
        let due = |armed: Armed| {
            let mut woken = Vec::new();
            armed
                .heap
                .expire(armed.begin + Duration::from_secs(1), &mut woken);
            assert_eq!(woken.len(), 1_000);
            (armed, woken)
        };
        bencher.iter_batched(|| Armed::with(1_000), due, BatchSize::SmallInput);
    });
}

criterion_group!(benches, arm_and_disarm, move_to_later, expire);
criterion_main!(benches);
