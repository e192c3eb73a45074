//! What threads sleep on may come from outside, may panic, and goes with its executor.

#![cfg(not(loom))]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use hob_core::unhandled::UnhandledKind;
use hob_core::{Instant, Park, Timers, Unpark, Until};
use hob_executor::{Config, LocalConfig, MakeParker, Parker};

use crate::common::{Loop, Nap, Naps, Poller, Pool, Signal, in_time, thread, until};

/// What a maker of parkers and its parkers have seen.
#[derive(Default)]
struct Log {
    made: AtomicUsize,
    alive: AtomicUsize,
    parks: AtomicUsize,
    /// What the next sleep hands out when it ends.
    ready: Mutex<Vec<Waker>>,
    unparkers: Mutex<Vec<Arc<dyn Unpark>>>,
    panics_when_slept_on: bool,
    panics_when_dropped: bool,
}

struct Logged {
    parker: Parker,
    log: Arc<Log>,
}

/// Keeps the log, so that one that is left over is noticed.
struct Handle {
    unparker: Arc<dyn Unpark>,
    _log: Arc<Log>,
}

impl Unpark for Handle {
    fn unpark(&self) {
        self.unparker.unpark();
    }
}

impl Log {
    fn maker(self: &Arc<Self>) -> MakeParker {
        let log = Arc::clone(self);
        Box::new(move || {
            let parker = Parker::new();
            log.made.fetch_add(1, Ordering::SeqCst);
            log.alive.fetch_add(1, Ordering::SeqCst);
            log.unparkers.lock().unwrap().push(parker.unparker());
            let log = Arc::clone(&log);
            Box::new(Logged { parker, log })
        })
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    fn parks(&self) -> usize {
        self.parks.load(Ordering::SeqCst)
    }
}

impl Park for Logged {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        self.log.parks.fetch_add(1, Ordering::SeqCst);
        assert!(!self.log.panics_when_slept_on, "a sleepless parker");
        self.parker.park(until, woken);
        woken.append(&mut self.log.ready.lock().unwrap());
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        Arc::new(Handle {
            unparker: self.parker.unparker(),
            _log: Arc::clone(&self.log),
        })
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        self.log.alive.fetch_sub(1, Ordering::SeqCst);
        assert!(!self.log.panics_when_dropped, "a hostile parker");
    }
}

/// A pool with a seat of its own and logged parkers.
fn pool(workers: usize, log: &Arc<Log>) -> (Poller, Pool) {
    let (poller, seat) = Poller::new();
    let pool = Pool::with(workers, |config: &mut Config| {
        config.seat = Some(seat);
        config.parker = Some(log.maker());
    });
    (poller, pool)
}

#[test]
fn each_worker_outside_the_seat_sleeps_on_its_own() {
    in_time(|| {
        let log = Arc::new(Log::default());
        let (poller, pool) = pool(4, &log);
        assert_eq!(log.made(), 4);
        // One of them has the seat.
        until(|| log.parks() >= 3 && poller.sleeps() >= 1);
        for _ in 0..100 {
            let task = pool.spawn(async { hob_task::spawn(async { 1 }).await.unwrap() });
            assert_eq!(pool.block_on(task).unwrap(), 1);
        }
        assert_eq!(log.made(), 4, "once for each");
        pool.end();
    });
}

#[test]
fn without_a_seat_one_more_serves_there() {
    in_time(|| {
        let log = Arc::new(Log::default());
        let pool = Pool::with(1, |config: &mut Config| config.parker = Some(log.maker()));
        assert_eq!(log.made(), 2);
        until(|| log.parks() >= 1);
        let task = pool.spawn(async { 1 });
        assert_eq!(pool.block_on(task).unwrap(), 1);
        pool.end();
        assert_eq!(log.alive(), 0);
    });
}

#[test]
fn they_go_with_their_pool_and_the_next_one_gets_others() {
    in_time(|| {
        // So many workers that no other test of this file shares the recycled part.
        const WORKERS: usize = 9;
        let first = Arc::new(Log::default());
        let (_, pool_of_first) = pool(WORKERS, &first);
        until(|| first.parks() >= WORKERS - 1);
        pool_of_first.end();
        assert_eq!(first.alive(), 0, "they are dropped with their pool");
        assert_eq!(
            Arc::strong_count(&first),
            1,
            "and so are their handles and what made them"
        );
        let parks = first.parks();

        let second = Arc::new(Log::default());
        let (_, pool_of_second) = pool(WORKERS, &second);
        until(|| second.parks() >= WORKERS - 1);
        pool_of_second.end();

        let plain = Pool::new(WORKERS);
        until(|| plain.executor.statistics().workers_idle == WORKERS);
        let parks_of_second = second.parks();
        plain.block_on(plain.spawn(async {})).unwrap();
        plain.end();
        assert_eq!((first.parks(), first.made()), (parks, WORKERS));
        assert_eq!(second.parks(), parks_of_second);
    });
}

#[test]
fn one_that_never_started_goes_too() {
    let log = Arc::new(Log::default());
    let mut config = Config::new(std::num::NonZeroUsize::new(3).unwrap());
    config.parker = Some(log.maker());
    let executor = hob_executor::Executor::new(config);
    assert_eq!(log.alive(), 4);
    let env = hob_core::Env::new(hob_core::env::Parts::default());
    assert_eq!(executor.stop(&env, Instant::NEVER), 0);
    assert_eq!(log.alive(), 0);
}

#[test]
fn what_one_of_them_hands_out_is_woken() {
    in_time(|| {
        let log = Arc::new(Log::default());
        let (_, pool) = pool(2, &log);
        until(|| log.parks() >= 1);
        let signal = Signal::default();
        let awaiting = signal.clone();
        let task = pool.spawn(async move { awaiting.wait().await });
        until(|| signal.is_awaited());
        log.ready.lock().unwrap().extend(signal.happen());
        // No task is pushed: that sleep itself has to bring it.
        let unparkers = log.unparkers.lock().unwrap().clone();
        unparkers.iter().for_each(|unparker| unparker.unpark());
        pool.block_on(task).unwrap();
        pool.end();
    });
}

#[test]
fn one_that_panics_when_it_is_dropped_is_reported_and_ends_nobody() {
    in_time(|| {
        let log = Arc::new(Log {
            panics_when_dropped: true,
            ..Log::default()
        });
        let (_, pool) = pool(2, &log);
        let ear = pool.ear.clone();
        pool.block_on(pool.spawn(async {})).unwrap();
        pool.end();
        assert_eq!(log.alive(), 0);
        let heard = (UnhandledKind::CallbackPanicked, "a hostile parker".into());
        assert_eq!(ear.heard(), [heard.clone(), heard]);
    });
}

/// What the hook is told of a parker that panics in its sleep.
fn sleepless() -> (UnhandledKind, String) {
    (UnhandledKind::CallbackPanicked, "a sleepless parker".into())
}

#[test]
fn one_that_panics_in_its_sleep_is_reported_and_loses_no_wakeup() {
    in_time(|| {
        let log = Arc::new(Log {
            panics_when_slept_on: true,
            ..Log::default()
        });
        let (_, pool) = pool(2, &log);
        until(|| log.parks() >= 1);
        for _ in 0..100 {
            // The first runs on one worker until the second was run on the other.
            let signal = Signal::default();
            let happens = signal.clone();
            let first = pool.spawn(async { until(move || signal.is_set()) });
            let second = pool.spawn(async move { happens.set() });
            pool.block_on(second).unwrap();
            pool.block_on(first).unwrap();
        }
        let ear = pool.ear.clone();
        pool.end();
        // Each worker has slept outside the seat once at the most.
        let parks = log.parks();
        assert!(parks <= 2, "who has panicked is not slept on again");
        assert_eq!(ear.heard(), vec![sleepless(); parks]);
        assert_eq!(log.alive(), 0);
    });
}

#[test]
fn a_seat_that_panics_is_reported_and_its_pool_goes_on() {
    in_time(|| {
        let log = Arc::new(Log {
            panics_when_slept_on: true,
            ..Log::default()
        });
        let seat = log.maker()();
        let naps = Naps::leak();
        let pool = Pool::with(2, |config| {
            config.seat = Some(seat);
            config.timers = vec![naps];
        });
        naps.attach(pool.executor.alarm());
        until(|| log.parks() >= 1);
        for _ in 0..100 {
            pool.block_on(pool.spawn(async {})).unwrap();
        }
        // What now stands in the seat hears of timers, from the first on.
        let deadline = Instant::system() + Duration::from_millis(5);
        pool.block_on(pool.spawn(Nap::new(deadline))).unwrap();
        let ear = pool.ear.clone();
        pool.end();
        assert_eq!(ear.heard(), [sleepless()]);
        assert_eq!((log.parks(), log.alive()), (1, 0));
    });
}

#[test]
fn a_seat_that_panics_on_one_thread_is_reported_and_all_goes_on() {
    in_time(|| {
        let log = Arc::new(Log {
            panics_when_slept_on: true,
            panics_when_dropped: true,
            ..Log::default()
        });
        let tasks = Loop::with(LocalConfig {
            seat: Some(log.maker()()),
            timers: None,
            ..LocalConfig::default()
        });
        let signal = Signal::default();
        let awaiting = signal.clone();
        let waits = tasks.spawn(async move { awaiting.wait().await });
        let slept_on = Arc::clone(&log);
        let other = thread(move || {
            // Not before: else there would be no reason to sleep.
            until(|| signal.is_awaited() && slept_on.parks() == 1);
            signal.set();
        });
        tasks.block_on(waits).unwrap();
        other.join().unwrap();
        assert_eq!(tasks.ear.heard(), [sleepless()]);
        let ear = tasks.ear.clone();
        tasks.end();
        let dropped = (UnhandledKind::CallbackPanicked, "a hostile parker".into());
        assert_eq!(ear.heard(), [dropped], "its destructor");
        assert_eq!((log.parks(), log.alive()), (1, 0));
    });
}
