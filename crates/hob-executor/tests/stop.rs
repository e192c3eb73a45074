//! A pool ends: at once, or at its deadline, and leaves nothing to the next one.

#![cfg(not(loom))]

mod common;

use std::sync::mpsc;
use std::time::Duration;

use hob_core::Instant;
use hob_task::yield_now;

use crate::common::{Poller, Pool, in_time, until};

#[test]
fn an_idle_pool_stops_and_closes_its_seat() {
    in_time(|| {
        let (poller, seat) = Poller::new();
        let pool = Pool::with(4, |config| config.seat = Some(seat));
        until(|| pool.executor.statistics().workers_idle == 4);
        assert!(!poller.is_closed());
        pool.end();
        assert!(poller.is_closed());
    });
}

#[test]
fn a_pool_may_be_stopped_as_soon_as_it_starts() {
    in_time(|| {
        for _ in 0..100 {
            let pool = Pool::new(2);
            assert_eq!(pool.executor.stop(&pool.env, Instant::NEVER), 0);
            assert_eq!(pool.executor.stop(&pool.env, Instant::NEVER), 0, "again");
        }
    });
}

#[test]
fn a_stuck_worker_is_reported_at_the_deadline() {
    in_time(|| {
        let (poller, seat) = Poller::new();
        let pool = Pool::with(2, |config| config.seat = Some(seat));
        let (release, gate) = mpsc::channel::<()>();
        let (inside, entered) = mpsc::channel();
        let task = pool.spawn(async move {
            inside.send(()).unwrap();
            gate.recv().unwrap();
            5
        });
        entered.recv().unwrap();
        let deadline = Instant::system() + Duration::from_millis(30);
        assert_eq!(pool.executor.stop(&pool.env, deadline), 1);
        let late = Instant::system() - deadline;
        assert!(late < Duration::from_secs(5), "{late:?}");
        assert!(poller.is_closed(), "the poller goes all the same");
        // What it is stuck in may return later, and does no harm to the next pool of this size.
        let next = Pool::new(2);
        release.send(()).unwrap();
        assert_eq!(next.block_on(task).unwrap(), 5);
        let polls = next.spawn(async {
            for _ in 0..100 {
                yield_now().await;
            }
        });
        next.block_on(polls).unwrap();
        next.end();
    });
}

#[test]
fn the_next_pool_starts_with_statistics_of_its_own() {
    in_time(|| {
        // So many workers that no other test of this file shares the recycled part.
        let pool = Pool::new(7);
        for _ in 0..100 {
            pool.block_on(pool.spawn(yield_now())).unwrap();
        }
        assert!(pool.executor.statistics().polls >= 200);
        pool.end();
        let next = Pool::new(7);
        let statistics = next.executor.statistics();
        assert_eq!(statistics.polls, 0);
        assert_eq!(statistics.workers, 7);
        next.end();
    });
}

#[test]
fn a_task_is_run_before_its_pool_stops() {
    in_time(|| {
        for _ in 0..50 {
            let pool = Pool::new(2);
            let tasks: Vec<_> = (0..20).map(|n| pool.spawn(async move { n })).collect();
            assert_eq!(pool.executor.stop(&pool.env, Instant::NEVER), 0);
            for (n, task) in tasks.into_iter().enumerate() {
                assert!(task.is_finished());
                assert_eq!(futures_lite::future::block_on(task).unwrap(), n);
            }
        }
    });
}
