//! Timers that come thick share wake-ups, and are late by no more than they may be.

#![cfg(not(loom))]

mod common;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use hob_core::{Alarm, Instant, Park, Retired, TimerKey, Timers, Unpark, Until};
use hob_executor::{LocalConfig, Parker};

use crate::common::{Loop, Naps, Pool, in_time};

const SLACK: Duration = Duration::from_micros(100);
const TIMERS: u64 = 1_000;

/// Timers on a clock that stands still until somebody sleeps.
struct Jumping {
    naps: Naps,
    now: AtomicU64,
    /// How often somebody has slept until an instant.
    sleeps: AtomicUsize,
}

impl Jumping {
    fn leak() -> &'static Self {
        Box::leak(Box::new(Self {
            naps: Naps::new(),
            now: AtomicU64::new(1_000_000_000),
            sleeps: AtomicUsize::new(0),
        }))
    }
}

impl Timers for Jumping {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.now.load(Ordering::SeqCst))
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
        self.naps.next()
    }

    fn expire(&self, now: Instant, woken: &mut Vec<Waker>) {
        self.naps.expire(now, woken);
    }

    fn attach(&self, alarm: Arc<Alarm>) {
        self.naps.attach(alarm);
    }

    fn retire(&self, woken: &mut Vec<Waker>) {
        self.naps.retire(woken);
    }
}

/// Moves that clock instead of sleeping.
struct Seat {
    timers: &'static Jumping,
    parker: Parker,
}

impl Park for Seat {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        let Until::At(deadline) = until else {
            return self.parker.park(until, woken);
        };
        self.timers.sleeps.fetch_add(1, Ordering::SeqCst);
        let nanos = deadline.as_nanos();
        self.timers.now.fetch_max(nanos, Ordering::SeqCst);
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        self.parker.unparker()
    }
}

fn seat(timers: &'static Jumping) -> Box<Seat> {
    let parker = Parker::new();
    Box::new(Seat { timers, parker })
}

/// Waits for many timers, one every so often, and returns how late the latest was.
async fn wait_for_all(timers: &'static Jumping, apart: Duration) -> Duration {
    let begun = timers.now();
    let mut armed: Vec<_> = (1..=TIMERS)
        .map(|number| begun + apart * u32::try_from(number).unwrap())
        .map(|deadline| (deadline, TimerKey::new()))
        .collect();
    let mut is_first = true;
    let mut latest = Duration::ZERO;
    poll_fn(|cx| {
        if std::mem::take(&mut is_first) {
            for (deadline, key) in &mut armed {
                timers.arm(key, *deadline, cx.waker()).unwrap();
            }
        }
        let now = timers.now();
        for (deadline, _) in armed.extract_if(.., |(deadline, _)| *deadline <= now) {
            latest = latest.max(now - deadline);
        }
        if armed.is_empty() {
            Poll::Ready(latest)
        } else {
            Poll::Pending
        }
    })
    .await
}

/// How late the latest timer was, and how many sleeps it took, on one thread.
fn on_one_thread(slack: Duration, apart: Duration) -> (Duration, usize) {
    let timers = Jumping::leak();
    let tasks = Loop::with(LocalConfig {
        seat: Some(seat(timers)),
        timers: Some(timers),
        timer_slack: slack,
        ..LocalConfig::default()
    });
    timers.attach(tasks.executor.alarm());
    let late = tasks.block_on(wait_for_all(timers, apart));
    tasks.end();
    (late, timers.sleeps.load(Ordering::SeqCst))
}

/// The same in a pool.
fn in_a_pool(slack: Duration, apart: Duration) -> (Duration, usize) {
    let timers = Jumping::leak();
    let pool = Pool::with(1, |config| {
        config.seat = Some(seat(timers));
        config.timers = vec![timers];
        config.timer_slack = slack;
    });
    timers.attach(pool.executor.alarm());
    let task = pool.spawn(wait_for_all(timers, apart));
    let late = futures_lite::future::block_on(task).unwrap();
    pool.end();
    (late, timers.sleeps.load(Ordering::SeqCst))
}

fn check(act: impl Fn(fn(Duration, Duration) -> (Duration, usize)) + Send + 'static) {
    in_time(move || {
        act(on_one_thread);
        act(in_a_pool);
    });
}

#[test]
fn timers_that_come_thick_share_wake_ups() {
    check(|run| {
        let (late, sleeps) = run(SLACK, Duration::from_micros(10));
        assert!(late <= SLACK, "{late:?}");
        assert!(sleeps < 120, "{sleeps} sleeps for {TIMERS} timers");
    });
}

#[test]
fn timers_that_come_thin_are_on_time() {
    check(|run| {
        let apart = Duration::from_micros(20);
        assert_eq!(run(SLACK, apart), (Duration::ZERO, TIMERS as usize));
    });
}

#[test]
fn without_slack_every_timer_is_on_time() {
    check(|run| {
        let apart = Duration::from_micros(1);
        assert_eq!(
            run(Duration::ZERO, apart),
            (Duration::ZERO, TIMERS as usize)
        );
    });
}
