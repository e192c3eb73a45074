//! Timers from outside may go by another clock than the system's, which is what threads sleep by, and
//! may panic.

#![cfg(not(loom))]

mod common;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hob_core::unhandled::UnhandledKind;
use hob_core::{Alarm, Instant, Retired, TimerKey, Timers};
use hob_executor::LocalConfig;

use crate::common::{Loop, Naps, Pool, in_time};

/// Timers on a clock that is far behind the system's, and goes at its pace.
struct Behind {
    naps: Naps,
    /// How often somebody was about to sleep, or woke.
    asked: AtomicUsize,
    /// Panics when it is asked next for what is due.
    panics: AtomicBool,
}

/// Years, as a virtual clock that begins at zero is behind.
const DISTANCE: Duration = Duration::from_secs(1 << 30);

/// So many sleeps that nobody was asleep.
const MANY: usize = 100;

impl Behind {
    fn leak() -> &'static Self {
        Box::leak(Box::new(Self {
            naps: Naps::new(),
            asked: AtomicUsize::new(0),
            panics: AtomicBool::new(false),
        }))
    }
}

impl Timers for Behind {
    fn now(&self) -> Instant {
        self.naps.now() - DISTANCE
    }

    fn arm(&self, key: &mut TimerKey, deadline: Instant, waker: &Waker) -> Result<(), Retired> {
        self.naps.arm(key, deadline, waker)
    }

    fn reset(&self, key: &mut TimerKey, deadline: Instant) {
        self.naps.reset(key, deadline);
    }

    fn disarm(&self, key: &mut TimerKey) {
        self.naps.disarm(key);
    }

    fn next(&self) -> Instant {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.naps.next()
    }

    fn expire(&self, now: Instant, woken: &mut Vec<Waker>) {
        let panics = self.panics.swap(false, Ordering::SeqCst);
        assert!(!panics, "hostile timers");
        self.naps.expire(now, woken);
    }

    fn attach(&self, alarm: Arc<Alarm>) {
        self.naps.attach(alarm);
    }

    fn retire(&self, woken: &mut Vec<Waker>) {
        self.naps.retire(woken);
    }
}

/// Sleeps for some milliseconds by that clock.
struct Nap {
    deadline: Instant,
    timers: &'static Behind,
    key: TimerKey,
}

impl Nap {
    fn begin(timers: &'static Behind) -> Self {
        Self {
            deadline: timers.now() + Duration::from_millis(20),
            timers,
            key: TimerKey::new(),
        }
    }
}

impl Future for Nap {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.timers.now() >= self.deadline {
            return Poll::Ready(());
        }
        let (timers, deadline) = (self.timers, self.deadline);
        timers.arm(&mut self.key, deadline, cx.waker()).unwrap();
        Poll::Pending
    }
}

/// Lets somebody take a nap, and sees that whoever waited for it has slept.
fn check(nap: impl FnOnce(&'static Behind) + Send + 'static) {
    in_time(|| {
        let timers = Behind::leak();
        nap(timers);
        let asked = timers.asked.load(Ordering::SeqCst);
        assert!(asked < MANY, "nobody slept: {asked}");
    });
}

fn pool(timers: &'static Behind) -> Pool {
    let pool = Pool::with(1, |config| config.timers = vec![timers]);
    timers.attach(pool.executor.alarm());
    pool
}

#[test]
fn that_panic_are_reported_and_end_no_worker() {
    check(|timers| {
        let pool = pool(timers);
        let ear = pool.ear.clone();
        timers.panics.store(true, Ordering::SeqCst);
        let nap = pool.spawn(Nap::begin(timers));
        futures_lite::future::block_on(nap).unwrap();
        pool.end();
        let heard = (UnhandledKind::CallbackPanicked, "hostile timers".into());
        assert_eq!(ear.heard(), [heard]);
    });
}

#[test]
fn behind_the_systems_do_not_keep_who_is_in_block_on_awake() {
    check(|timers| {
        let pool = pool(timers);
        pool.block_on(Nap::begin(timers));
        pool.end();
    });
}

#[test]
fn behind_the_systems_do_not_keep_a_worker_awake() {
    check(|timers| {
        let pool = pool(timers);
        let nap = pool.spawn(Nap::begin(timers));
        futures_lite::future::block_on(nap).unwrap();
        pool.end();
    });
}

#[test]
fn behind_the_systems_do_not_keep_one_thread_awake() {
    check(|timers| {
        let tasks = Loop::with(LocalConfig {
            seat: None,
            timers: Some(timers),
            ..LocalConfig::default()
        });
        timers.attach(tasks.executor.alarm());
        tasks.block_on(Nap::begin(timers));
        tasks.end();
    });
}
