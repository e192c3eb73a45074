//! What the workers of a pool sleep on may come from outside, and goes with its pool.

#![cfg(not(loom))]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use hob_core::unhandled::UnhandledKind;
use hob_core::{Park, Unpark, Until};
use hob_executor::{Config, MakeParker, Parker};

use crate::common::{Poller, Pool, Signal, in_time, until};

/// What a maker of parkers and its parkers have seen.
#[derive(Default)]
struct Log {
    made: AtomicUsize,
    alive: AtomicUsize,
    parks: AtomicUsize,
    /// What the next sleep hands out when it ends.
    ready: Mutex<Vec<Waker>>,
    unparkers: Mutex<Vec<Arc<dyn Unpark>>>,
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
    assert_eq!(executor.stop(&env, hob_core::Instant::NEVER), 0);
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
