//! The pool runs every task, whoever spawned or woke it, and whoever is stuck.

#![cfg(not(loom))]

mod common;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Wake, Waker};
use std::time::Duration;

use hob_core::Instant;
use hob_core::unhandled::UnhandledKind;
use hob_task::{Task, spawn, yield_now};

use crate::common::{Nap, Naps, Poller, Pool, Signal, in_time, until};

fn check_ten_thousand(workers: usize) {
    let sum = in_time(move || {
        let pool = Pool::new(workers);
        let outside: Vec<_> = (0..5_000_u64)
            .map(|n| pool.spawn(async move { n }))
            .collect();
        let inside = pool.spawn(async {
            let tasks: Vec<_> = (5_000..10_000_u64)
                .map(|n| {
                    spawn(async move {
                        yield_now().await;
                        n
                    })
                })
                .collect();
            sum(tasks).await
        });
        let total = pool.block_on(async { sum(outside).await + inside.await.unwrap() });
        assert!(pool.executor.statistics().polls >= 15_000);
        pool.end();
        total
    });
    assert_eq!(sum, 10_000 * 9_999 / 2);
}

async fn sum(tasks: Vec<Task<u64>>) -> u64 {
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    sum
}

#[test]
fn one_worker_runs_ten_thousand_tasks() {
    check_ten_thousand(1);
}

#[test]
fn two_workers_run_ten_thousand_tasks() {
    check_ten_thousand(2);
}

#[test]
fn four_workers_run_ten_thousand_tasks() {
    check_ten_thousand(4);
}

#[test]
fn a_pool_of_one_runs_in_order_of_arrival_also_across_yields_and_looks() {
    let order = in_time(|| {
        let pool = Pool::new(1);
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let tasks = pool.spawn({
            let order = Arc::clone(&order);
            async move {
                let task = |number| {
                    let order = Arc::clone(&order);
                    spawn(async move {
                        for _ in 0..3 {
                            order.lock().unwrap().push(number);
                            yield_now().await;
                        }
                    })
                };
                (0..200).map(task).collect::<Vec<_>>()
            }
        });
        pool.block_on(async {
            for task in tasks.await.unwrap() {
                task.await.unwrap();
            }
        });
        pool.end();
        Arc::into_inner(order).unwrap().into_inner().unwrap()
    });
    let expected: Vec<u32> = (0..3).flat_map(|_| 0..200).collect();
    assert_eq!(order, expected);
}

#[test]
fn what_comes_from_outside_is_run_in_order_of_arrival_by_one_worker() {
    let order = in_time(|| {
        let pool = Pool::new(1);
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (release, gate) = mpsc::channel::<()>();
        // While the worker is in this poll, the others gather in the injector. The yield afterwards
        // keeps the own queue filled, so that they are fetched by a busy worker as well.
        pool.spawn(async move {
            gate.recv().unwrap();
            for _ in 0..500 {
                yield_now().await;
            }
        })
        .detach();
        let tasks: Vec<_> = (0..300)
            .map(|number| {
                let order = Arc::clone(&order);
                pool.spawn(async move { order.lock().unwrap().push(number) })
            })
            .collect();
        release.send(()).unwrap();
        pool.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        pool.end();
        Arc::into_inner(order).unwrap().into_inner().unwrap()
    });
    assert_eq!(order, (0..300).collect::<Vec<u32>>());
}

#[test]
fn a_stuck_worker_holds_up_nobody_else() {
    in_time(|| {
        let pool = Pool::new(2);
        let (release, gate) = mpsc::channel::<()>();
        let (hand_out, tasks) = mpsc::channel();
        let stuck = pool.spawn(async move {
            // They stand in this worker's own queue when it gets stuck.
            let tasks: Vec<_> = (0..100).map(|n| spawn(async move { n })).collect();
            hand_out.send(tasks).unwrap();
            gate.recv().unwrap();
        });
        let total = pool.block_on(sum(tasks.recv().unwrap()));
        assert_eq!(total, 99 * 100 / 2);
        assert!(!stuck.is_finished());
        assert!(pool.executor.statistics().steals >= 1);
        release.send(()).unwrap();
        pool.block_on(stuck).unwrap();
        pool.end();
    });
}

#[test]
fn an_event_at_the_seat_wakes_its_task() {
    for workers in [1, 2, 4] {
        in_time(move || {
            let (poller, seat) = Poller::new();
            let pool = Pool::with(workers, |config| config.seat = Some(seat));
            for _ in 0..50 {
                let signal = Signal::default();
                let awaiting = signal.clone();
                let task = pool.spawn(async move { awaiting.wait().await });
                until(|| signal.is_awaited());
                poller.ring(signal.happen().unwrap());
                pool.block_on(task).unwrap();
            }
            pool.end();
            assert!(poller.is_closed());
        });
    }
}

#[test]
fn a_busy_worker_looks_at_the_poller() {
    in_time(|| {
        let (poller, seat) = Poller::new();
        let pool = Pool::with(1, |config| config.seat = Some(seat));
        let signal = Signal::default();
        let busy = pool.spawn(async {
            loop {
                yield_now().await;
            }
        });
        let awaiting = signal.clone();
        let task = pool.spawn(async move { awaiting.wait().await });
        until(|| signal.is_awaited());
        poller.ring(signal.happen().unwrap());
        pool.block_on(task).unwrap();
        assert!(poller.looks() >= 1);
        busy.cancel("the event was served");
        pool.end();
    });
}

#[test]
fn the_poller_is_served_while_all_workers_but_one_are_stuck() {
    for workers in [2, 3, 4] {
        in_time(move || {
            let (poller, seat) = Poller::new();
            let pool = Pool::with(workers, |config| config.seat = Some(seat));
            let stuck: Vec<_> = (1..workers)
                .map(|_| {
                    let (release, gate) = mpsc::channel::<()>();
                    let (inside, entered) = mpsc::channel();
                    let task = pool.spawn(async move {
                        inside.send(()).unwrap();
                        gate.recv().unwrap();
                    });
                    entered.recv().unwrap();
                    (task, release)
                })
                .collect();
            for _ in 0..20 {
                let signal = Signal::default();
                let awaiting = signal.clone();
                let task = pool.spawn(async move { awaiting.wait().await });
                until(|| signal.is_awaited());
                poller.ring(signal.happen().unwrap());
                pool.block_on(task).unwrap();
            }
            for (task, release) in stuck {
                release.send(()).unwrap();
                pool.block_on(task).unwrap();
            }
            pool.end();
        });
    }
}

#[test]
fn timers_end_sleeps_and_are_never_early() {
    for workers in [1, 2] {
        in_time(move || {
            let naps: Vec<_> = (0..workers).map(|_| Naps::leak()).collect();
            let timers = naps.iter().map(|&naps| naps as _).collect();
            let pool = Pool::with(workers, |config| config.timers = timers);
            for naps in naps {
                hob_core::Timers::attach(naps, pool.executor.alarm());
            }
            let tasks: Vec<_> = (0..20)
                .map(|n| {
                    let deadline = Instant::system() + Duration::from_millis(n);
                    pool.spawn(async move {
                        Nap::new(deadline).await;
                        Instant::system() - deadline
                    })
                })
                .collect();
            // From a thread that is no worker, while the worker in the seat sleeps.
            let deadline = Instant::system() + Duration::from_millis(5);
            pool.block_on(Nap::new(deadline));
            assert!(Instant::system() >= deadline);
            pool.block_on(async {
                for task in tasks {
                    task.await.unwrap();
                }
            });
            pool.end();
        });
    }
}

struct Hostile;

impl Wake for Hostile {
    fn wake(self: Arc<Self>) {
        panic!("a hostile waker");
    }
}

#[test]
fn a_waker_that_panics_ends_no_worker_and_keeps_nobody_asleep() {
    in_time(|| {
        let (poller, seat) = Poller::new();
        let pool = Pool::with(1, |config| config.seat = Some(seat));
        let signal = Signal::default();
        let awaiting = signal.clone();
        let task = pool.spawn(async move { awaiting.wait().await });
        until(|| signal.is_awaited());
        poller.ring(Waker::from(Arc::new(Hostile)));
        poller.ring(signal.happen().unwrap());
        pool.block_on(task).unwrap();
        assert_eq!(
            pool.ear.heard(),
            [(UnhandledKind::CallbackPanicked, "a hostile waker".into())]
        );
        pool.end();
    });
}

#[test]
fn panics_end_no_worker() {
    in_time(|| {
        let pool = Pool::new(2);
        let tasks: Vec<_> = (0..1_000)
            .map(|n| pool.spawn(async move { assert!(n % 2 == 0, "odd") }))
            .collect();
        let panics = pool.block_on(async {
            let mut panics = 0;
            for task in tasks {
                panics += usize::from(task.await.is_err_and(|error| error.is_panic()));
            }
            panics
        });
        assert_eq!(panics, 500);
        pool.end();
    });
}

#[test]
fn hooks_are_called_on_each_worker() {
    let starts = Arc::new(AtomicUsize::new(0));
    let stops = Arc::new(AtomicUsize::new(0));
    let (on_start, on_stop) = (Arc::clone(&starts), Arc::clone(&stops));
    in_time(move || {
        let pool = Pool::with(3, |config| {
            config.on_start = Some(Arc::new(move || {
                assert!(hob_core::context::on_worker());
                on_start.fetch_add(1, Ordering::SeqCst);
            }));
            config.on_stop = Some(Arc::new(move || {
                on_stop.fetch_add(1, Ordering::SeqCst);
            }));
        });
        assert_eq!(pool.ear.heard(), []);
        pool.end();
    });
    assert_eq!(starts.load(Ordering::SeqCst), 3);
    assert_eq!(stops.load(Ordering::SeqCst), 3);
}

#[test]
fn a_hook_that_panics_is_reported() {
    let heard = in_time(|| {
        let pool = Pool::with(2, |config| {
            config.on_start = Some(Arc::new(|| panic!("the hook")));
        });
        assert_eq!(pool.block_on(pool.spawn(async { 1 })).unwrap(), 1);
        let ear = pool.ear.clone();
        pool.end();
        ear.heard()
    });
    let expected = (UnhandledKind::CallbackPanicked, "the hook".to_owned());
    assert_eq!(heard, [expected.clone(), expected]);
}

#[test]
fn tasks_may_be_spawned_before_the_start() {
    use hob_core::env::Parts;
    in_time(|| {
        let executor =
            hob_executor::Executor::new(hob_executor::Config::new(2.try_into().unwrap()));
        let env = Arc::new(hob_core::Env::new(Parts {
            scheduler: Some(executor.scheduler()),
            ..Parts::default()
        }));
        let early = hob_task::Builder::new().spawn_on(&env, async { 3 });
        executor.start(&env).unwrap();
        executor.start(&env).unwrap();
        assert_eq!(executor.block_on(&env, early).unwrap(), 3);
        assert_eq!(executor.stop(&env, Instant::NEVER), 0);
    });
}

#[test]
fn a_detached_pending_task_is_dropped_at_the_end() {
    in_time(|| {
        let pool = Pool::new(2);
        let kept = Arc::new(());
        let inside = Arc::clone(&kept);
        pool.spawn(async move {
            pending::<()>().await;
            drop(inside);
        })
        .detach();
        pool.end();
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}
