//! The executor of one thread: order, sleep, and what a stop does.

#![cfg(not(loom))]

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Wake, Waker};
use std::time::Duration;

use hob_core::unhandled::UnhandledKind;
use hob_core::{Instant, Timers};
use hob_executor::LocalConfig;
use hob_task::{Builder, spawn_local, yield_now};

use crate::common::{Hostile, Loop, Nap, Naps, Signal, in_time, thread};

#[test]
fn a_thousand_tasks_run_in_order_of_arrival_also_across_yields() {
    let tasks = Loop::new();
    let order = Rc::new(RefCell::new(Vec::new()));
    tasks.block_on(async {
        let task = |number| {
            let order = Rc::clone(&order);
            spawn_local(async move {
                for _ in 0..5 {
                    order.borrow_mut().push(number);
                    yield_now().await;
                }
            })
        };
        for task in (0..1_000).map(task).collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    let expected: Vec<u32> = (0..5).flat_map(|_| 0..1_000).collect();
    assert_eq!(*order.borrow(), expected);
    tasks.end();
}

#[test]
fn tasks_run_in_the_order_in_which_they_were_woken() {
    let tasks = Loop::new();
    let order = Rc::new(RefCell::new(Vec::new()));
    let signals: Vec<_> = (0..100).map(|_| Signal::default()).collect();
    tasks.block_on(async {
        let waiting: Vec<_> = signals
            .iter()
            .enumerate()
            .map(|(number, signal)| {
                let (signal, order) = (signal.clone(), Rc::clone(&order));
                spawn_local(async move {
                    signal.wait().await;
                    order.borrow_mut().push(number);
                })
            })
            .collect();
        yield_now().await;
        signals.iter().rev().for_each(Signal::set);
        for task in waiting {
            task.await.unwrap();
        }
    });
    assert_eq!(*order.borrow(), (0..100).rev().collect::<Vec<_>>());
    tasks.end();
}

#[test]
fn tasks_need_not_be_send() {
    let tasks = Loop::new();
    let counter = Rc::new(Cell::new(0));
    tasks.block_on(async {
        for _ in 0..10 {
            let counter = Rc::clone(&counter);
            spawn_local(async move { counter.set(counter.get() + 1) }).detach();
        }
        yield_now().await;
    });
    assert_eq!(counter.get(), 10);
    tasks.end();
}

#[test]
fn what_is_not_send_is_dropped_on_its_thread() {
    struct Home(std::thread::ThreadId);
    impl Drop for Home {
        fn drop(&mut self) {
            assert_eq!(self.0, std::thread::current().id());
        }
    }
    in_time(|| {
        let tasks = Loop::new();
        let signal = Signal::default();
        let (home, awaiting) = (Home(std::thread::current().id()), signal.clone());
        let spawned = Cell::new(None);
        tasks.block_on(async {
            spawned.set(Some(spawn_local(async move {
                awaiting.wait().await;
                drop(home);
            })));
            yield_now().await;
        });
        let task = spawned.take().unwrap();
        let canceller = task.canceller();
        thread(move || {
            signal.set();
            canceller.cancel("from afar");
        })
        .join()
        .unwrap();
        assert!(tasks.block_on(task).unwrap_err().is_cancelled());
        assert_eq!(tasks.ear.heard(), []);
        tasks.end();
    });
}

#[test]
fn a_wake_from_another_thread_ends_the_sleep() {
    in_time(|| {
        let (poller, tasks) = Loop::polled();
        for _ in 0..200 {
            let in_task = Signal::default();
            let in_main = Signal::default();
            let (task_signal, main_signal) = (in_task.clone(), in_main.clone());
            let foreign = thread(move || {
                task_signal.set();
                main_signal.set();
            });
            tasks.block_on(async {
                let task = spawn_local(async move { in_task.wait().await });
                in_main.wait().await;
                task.await.unwrap();
            });
            foreign.join().unwrap();
        }
        assert_eq!(tasks.executor.statistics().parks, poller.sleeps() as u64);
        tasks.end();
        assert!(poller.is_closed());
    });
}

#[test]
fn another_thread_spawns_onto_the_loop() {
    in_time(|| {
        let tasks = Loop::new();
        let home = std::thread::current().id();
        let (hand_over, handles) = mpsc::channel();
        let env = Arc::clone(&tasks.env);
        let done = Signal::default();
        let all = done.clone();
        let foreign = thread(move || {
            for n in 0..1_000 {
                let task = Builder::new().spawn_on(&env, async move {
                    assert_eq!(std::thread::current().id(), home);
                    n
                });
                hand_over.send(task).unwrap();
            }
            all.set();
        });
        let sum = tasks.block_on(async {
            done.wait().await;
            let mut sum = 0;
            for task in handles {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 999 * 1_000 / 2);
        foreign.join().unwrap();
        tasks.end();
    });
}

#[test]
fn tasks_stay_between_two_runs() {
    let tasks = Loop::new();
    let steps = Rc::new(Cell::new(0));
    let inside = Rc::clone(&steps);
    let spawned = Cell::new(None);
    tasks.block_on(async {
        spawned.set(Some(spawn_local(async move {
            loop {
                inside.set(inside.get() + 1);
                yield_now().await;
            }
        })));
    });
    let task = spawned.take().unwrap();
    assert_eq!(steps.get(), 0);
    for run in 1..5 {
        tasks.block_on(yield_now());
        assert_eq!(steps.get(), run);
    }
    task.cancel("enough");
    assert!(tasks.block_on(task).unwrap_err().is_cancelled());
    tasks.end();
}

#[test]
fn a_main_future_that_yields_starves_no_task() {
    let tasks = Loop::new();
    let ran = Rc::new(Cell::new(false));
    let inside = Rc::clone(&ran);
    tasks.block_on(async {
        spawn_local(async move { inside.set(true) }).detach();
        while !ran.get() {
            yield_now().await;
        }
    });
    tasks.end();
}

#[test]
fn a_busy_loop_looks_at_the_poller_but_not_at_each_pass() {
    let (poller, tasks) = Loop::polled();
    let signal = Signal::default();
    let awaiting = signal.clone();
    tasks.block_on(async {
        let task = spawn_local(async move { awaiting.wait().await });
        yield_now().await;
        poller.ring(signal.happen().unwrap());
        let mut passes = 0;
        while !task.is_finished() {
            yield_now().await;
            passes += 1;
        }
        assert!(passes <= 100, "{passes}");
        for _ in 0..10_000 {
            yield_now().await;
        }
    });
    assert!(poller.looks() >= 10_000 / 61);
    assert!(poller.looks() < 1_000, "{} looks", poller.looks());
    tasks.end();
}

#[test]
fn run_forever_does_not_look_at_the_poller_at_each_pass_either() {
    let (poller, tasks) = Loop::polled();
    let stop = tasks.executor.stopper();
    let busy = tasks.spawn(async move {
        for _ in 0..10_000 {
            yield_now().await;
        }
        stop();
    });
    tasks.run_forever();
    assert!(busy.is_finished());
    assert!(poller.looks() >= 10_000 / 61);
    assert!(poller.looks() < 1_000, "{} looks", poller.looks());
    tasks.end();
}

#[test]
fn timers_end_the_sleep() {
    let naps = Naps::leak();
    let tasks = Loop::with(LocalConfig {
        seat: None,
        timers: Some(naps),
        ..LocalConfig::default()
    });
    naps.attach(tasks.executor.alarm());
    let deadline = Instant::system() + Duration::from_millis(5);
    tasks.block_on(async {
        spawn_local(Nap::new(deadline)).await.unwrap();
    });
    assert!(Instant::system() >= deadline);
    assert!(tasks.executor.statistics().parks >= 1);
    tasks.end();
}

#[test]
fn a_timer_of_another_thread_ends_a_longer_sleep() {
    in_time(|| {
        let naps = Naps::leak();
        let tasks = Loop::with(LocalConfig {
            seat: None,
            timers: Some(naps),
            ..LocalConfig::default()
        });
        naps.attach(tasks.executor.alarm());
        let woken = Signal::default();
        let waiting = woken.clone();
        let foreign = thread(move || {
            struct Ring(Signal);
            impl Wake for Ring {
                fn wake(self: Arc<Self>) {
                    self.0.set();
                }
            }
            let mut key = hob_core::TimerKey::new();
            let soon = Instant::system() + Duration::from_millis(2);
            naps.arm(&mut key, soon, &Waker::from(Arc::new(Ring(woken))))
                .unwrap();
        });
        tasks.block_on(async {
            let far = spawn_local(Nap::new(Instant::system() + Duration::from_secs(3600)));
            waiting.wait().await;
            far.cancel("it was far");
        });
        foreign.join().unwrap();
        tasks.end();
    });
}

#[test]
fn a_waker_that_panics_does_not_end_the_run_and_keeps_nobody_asleep() {
    let (poller, tasks) = Loop::polled();
    let signal = Signal::default();
    tasks.block_on(async {
        let awaiting = signal.clone();
        let task = spawn_local(async move { awaiting.wait().await });
        yield_now().await;
        poller.ring(Waker::from(Arc::new(Hostile)));
        poller.ring(signal.happen().unwrap());
        task.await.unwrap();
    });
    assert_eq!(
        tasks.ear.heard(),
        [(UnhandledKind::CallbackPanicked, "a hostile waker".into())]
    );
    tasks.end();
}

#[test]
fn stopped_before_it_runs_it_makes_exactly_one_pass() {
    let (poller, tasks) = Loop::polled();
    let log = Arc::new(Mutex::new(Vec::new()));
    let inside = Arc::clone(&log);
    tasks
        .spawn(async move {
            for event in ["first", "second", "third"] {
                inside.lock().unwrap().push(event);
                yield_now().await;
            }
        })
        .detach();
    for passes in 1..=3 {
        tasks.executor.stopper()();
        tasks.run_forever();
        assert_eq!(log.lock().unwrap().len(), passes);
        assert_eq!(poller.looks(), passes, "a poll with no timeout each");
        assert_eq!(poller.sleeps(), 0);
    }
    tasks.end();
}

#[test]
fn a_stop_ends_the_pass_and_what_it_queued_stays() {
    let tasks = Loop::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let stop = tasks.executor.stopper();
    let event = |event: &'static str| {
        let log = Arc::clone(&log);
        move || log.lock().unwrap().push(event)
    };
    let (before, after, queued) = (event("before"), event("after"), event("queued"));
    tasks
        .spawn(async move {
            before();
            hob_task::spawn(async move { queued() }).detach();
            stop();
        })
        .detach();
    tasks.spawn(async move { after() }).detach();
    tasks.run_forever();
    assert_eq!(*log.lock().unwrap(), ["before", "after"]);
    assert_eq!(tasks.executor.statistics().queued, 1);
    tasks.executor.stopper()();
    tasks.run_forever();
    assert_eq!(*log.lock().unwrap(), ["before", "after", "queued"]);
    tasks.end();
}

#[test]
fn a_stop_from_another_thread_ends_the_sleep() {
    in_time(|| {
        let tasks = Loop::new();
        for _ in 0..200 {
            let stop = tasks.executor.stopper();
            let foreign = thread(stop);
            tasks.run_forever();
            foreign.join().unwrap();
        }
        tasks.end();
    });
}

#[test]
fn a_stopper_that_outlives_its_executor_stops_no_other() {
    let first = Loop::new();
    let stale = first.executor.stopper();
    first.end();
    // As a rule it uses what the first one gave back; at any rate it must not care.
    let next = Loop::new();
    let stop = next.executor.stopper();
    let task = next.spawn(async move {
        for _ in 0..5 {
            yield_now().await;
        }
        stop();
    });
    stale();
    next.run_forever();
    assert!(task.is_finished());
    next.end();
}

#[test]
fn a_main_future_that_panics_leaves_the_loop_usable() {
    let tasks = Loop::new();
    let payload = hob_core::panic::contain(|| {
        tasks.block_on(async {
            spawn_local(async {}).detach();
            panic!("main");
        })
    });
    assert!(payload.is_err());
    assert_eq!(tasks.env.tasks_alive(), 1);
    assert_eq!(tasks.block_on(async { 1 }), 1);
    tasks.end();
}

#[test]
fn a_loop_closed_with_tasks_alive_is_not_used_again() {
    let first = Loop::new();
    let task = first.spawn(std::future::pending::<()>());
    let env = Arc::clone(&first.env);
    first.executor.close(&env);
    let next = Loop::new();
    // It is scheduled on the closed one, and found there by nobody.
    task.cancel("too late");
    assert_eq!(next.executor.statistics().queued, 0);
    next.end();
}

#[test]
fn the_main_future_that_was_woken_twice_overtakes_nobody() {
    let tasks = Loop::new();
    let order = Rc::new(RefCell::new(Vec::new()));
    let mut polls = 0;
    let log = Rc::clone(&order);
    tasks.block_on(std::future::poll_fn(move |cx| {
        polls += 1;
        log.borrow_mut().push(format!("main {polls}"));
        match polls {
            1 => {
                // From here, and from another thread.
                cx.waker().wake_by_ref();
                let waker = cx.waker().clone();
                thread(move || waker.wake()).join().expect("it wakes");
            }
            2 => {
                let log = Rc::clone(&log);
                spawn_local(async move { log.borrow_mut().push("task".to_owned()) }).detach();
                cx.waker().wake_by_ref();
            }
            _ => return std::task::Poll::Ready(()),
        }
        std::task::Poll::Pending
    }));
    assert_eq!(*order.borrow(), ["main 1", "main 2", "task", "main 3"]);
    tasks.end();
}
