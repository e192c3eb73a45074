//! The executor of one thread: in whose turn a wake is served, wherever it came from.

#![cfg(not(loom))]

mod common;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};

use hob_core::panic::{contain, discard};
use hob_task::{spawn_local, yield_now};

use crate::common::{Loop, Signal, in_time, thread, until};

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<&'static str>>>);

impl Log {
    fn write(&self, event: &'static str) {
        self.0.borrow_mut().push(event);
    }

    /// Spawns a task that writes.
    fn spawn(&self, event: &'static str) {
        let log = self.clone();
        spawn_local(async move { log.write(event) }).detach();
    }

    /// Spawns a task that writes once `signal` is set.
    fn spawn_waiting(&self, signal: &Signal, event: &'static str) {
        let (log, signal) = (self.clone(), signal.clone());
        spawn_local(async move {
            signal.wait().await;
            log.write(event);
        })
        .detach();
    }

    #[track_caller]
    fn check(&self, expected: &[&str]) {
        assert_eq!(*self.0.borrow(), expected);
    }
}

#[test]
fn the_main_future_is_polled_between_what_was_queued_before_its_wake_and_after() {
    let (tasks, log) = (Loop::new(), Log::default());
    let mut polls = 0;
    tasks.block_on(poll_fn(|cx| {
        polls += 1;
        match polls {
            1 => log.spawn("before"),
            2 => log.write("main"),
            _ => return Poll::Ready(()),
        }
        cx.waker().wake_by_ref();
        cx.waker().wake_by_ref();
        log.spawn("after");
        Poll::Pending
    }));
    log.check(&["before", "main", "after"]);
    assert_eq!(tasks.executor.statistics().queued, 1);
    tasks.end();
}

#[test]
fn what_was_spawned_before_the_run_runs_before_what_the_run_spawns() {
    let (tasks, log) = (Loop::new(), Log::default());
    let first = Arc::new(AtomicBool::new(false));
    let early = Arc::clone(&first);
    tasks
        .spawn(async move { early.store(true, Ordering::SeqCst) })
        .detach();
    tasks.block_on(async {
        let log = log.clone();
        let late = spawn_local(async move {
            assert!(first.load(Ordering::SeqCst));
            log.write("late");
        });
        late.await.unwrap();
    });
    log.check(&["late"]);
    tasks.end();
}

#[test]
fn a_wake_between_two_runs_is_found_by_the_next() {
    in_time(|| {
        let (tasks, log) = (Loop::new(), Log::default());
        for _ in 0..3 {
            let signal = Signal::default();
            tasks.block_on(async {
                log.spawn_waiting(&signal, "woken");
                yield_now().await;
            });
            signal.set();
            assert_eq!(tasks.executor.statistics().queued, 1);
            tasks.block_on(yield_now());
        }
        log.check(&["woken", "woken", "woken"]);
        tasks.end();
    });
}

#[test]
fn a_turn_that_was_left_over_is_not_the_next_main_futures() {
    let left_over: [fn(&Loop); 3] = [
        // It was woken when it was ready.
        |tasks| {
            tasks.block_on(poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::Ready(())
            }));
        },
        // It was woken between the runs, at home.
        |tasks| main_waker(tasks).wake(),
        // And from another thread.
        |tasks| {
            let waker = main_waker(tasks);
            thread(move || waker.wake()).join().unwrap();
        },
    ];
    for leave in left_over {
        let tasks = Loop::new();
        leave(&tasks);
        assert_eq!(tasks.executor.statistics().queued, 0, "it is no task");
        let (log, mut polls) = (Log::default(), 0);
        tasks.block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            log.spawn("task");
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        log.check(&["task"]);
        tasks.end();
    }
}

/// The waker of a main future that has ended.
fn main_waker(tasks: &Loop) -> Waker {
    tasks.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())))
}

#[test]
fn the_waker_of_a_main_future_outlives_its_executor() {
    let first = Loop::new();
    let stale = main_waker(&first);
    first.end();
    // As a rule it uses what the first one gave back.
    let next = Loop::new();
    let mut polls = 0;
    next.block_on(poll_fn(|cx| {
        polls += 1;
        stale.wake_by_ref();
        if polls == 2 {
            return Poll::Ready(());
        }
        spawn_local(yield_now()).detach();
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    assert_eq!(polls, 2);
    next.end();
}

#[test]
fn a_nested_run_wakes_the_tasks_of_the_one_around_it() {
    in_time(|| {
        let (outer, inner, log) = (Loop::new(), Loop::new(), Log::default());
        let (of_outer, of_inner) = (Signal::default(), Signal::default());
        outer.block_on(async {
            log.spawn_waiting(&of_outer, "outer, woken inside");
            yield_now().await;
            log.spawn("outer, queued before");
            inner.block_on(async {
                log.spawn_waiting(&of_inner, "inner");
                yield_now().await;
                of_outer.set();
                of_inner.set();
                assert_eq!(outer.executor.statistics().queued, 2);
                assert_eq!(inner.executor.statistics().queued, 1);
                yield_now().await;
            });
            yield_now().await;
        });
        log.check(&["inner", "outer, queued before", "outer, woken inside"]);
        inner.end();
        outer.end();
    });
}

#[test]
fn a_panic_of_a_nested_main_future_leaves_both_usable() {
    in_time(|| {
        let (outer, inner, log) = (Loop::new(), Loop::new(), Log::default());
        let signal = Signal::default();
        outer.block_on(async {
            log.spawn_waiting(&signal, "outer");
            yield_now().await;
            let panicked = contain(|| {
                inner.block_on(async {
                    log.spawn("inner");
                    panic!("main");
                })
            });
            discard(panicked.expect_err("it panics"));
            signal.set();
            yield_now().await;
            inner.block_on(yield_now());
        });
        log.check(&["outer", "inner"]);
        inner.end();
        outer.end();
    });
}

#[test]
fn a_hundred_thousand_wakes_of_other_threads_all_arrive() {
    const THREADS: usize = 2;
    const TASKS: usize = 50;
    const ROUNDS: usize = 1_000;

    /// A task that takes a token at a time.
    #[derive(Default)]
    struct Mail {
        token: AtomicBool,
        waker: OnceLock<Waker>,
    }

    in_time(|| {
        let tasks = Loop::new();
        let mut running = Vec::new();
        let mut taking = Vec::new();
        for _ in 0..THREADS {
            let taken = Arc::new(AtomicUsize::new(0));
            let mails: Vec<_> = (0..TASKS).map(|_| Arc::new(Mail::default())).collect();
            for mail in &mails {
                let (mail, taken) = (Arc::clone(mail), Arc::clone(&taken));
                let rounds = Cell::new(0);
                taking.push(tasks.spawn(poll_fn(move |cx| {
                    mail.waker.get_or_init(|| cx.waker().clone());
                    if mail.token.swap(false, Ordering::SeqCst) {
                        rounds.set(rounds.get() + 1);
                        taken.fetch_add(1, Ordering::SeqCst);
                    }
                    if rounds.get() == ROUNDS {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })));
            }
            // Each wake is for a task that waits, and the next round begins when all have run: none can
            // be lost behind another.
            running.push(thread(move || {
                until(|| mails.iter().all(|mail| mail.waker.get().is_some()));
                for round in 1..=ROUNDS {
                    for mail in &mails {
                        mail.token.store(true, Ordering::SeqCst);
                        mail.waker.get().expect("it is there").wake_by_ref();
                    }
                    until(|| taken.load(Ordering::SeqCst) == round * TASKS);
                }
            }));
        }
        tasks.block_on(async {
            for task in taking {
                task.await.unwrap();
            }
        });
        for thread in running {
            thread.join().unwrap();
        }
        tasks.end();
    });
}
