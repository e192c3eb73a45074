//! The executor of one thread wakes those who wait until nothing is runnable, in place of a sleep.

#![cfg(not(loom))]

mod common;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use hob_core::unhandled::UnhandledKind;
use hob_core::{Env, Instant, Timers};
use hob_executor::LocalConfig;
use hob_task::{spawn_local, yield_now};

use crate::common::{Hostile, Loop, Nap, Naps, Signal, in_time, thread, until};

/// Waits until the loop finds nothing to run; asks once, whatever wakes it meanwhile.
async fn settled(env: &Env) {
    struct Flag(AtomicBool, Waker);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
            self.1.wake_by_ref();
        }
    }
    let mut flag: Option<Arc<Flag>> = None;
    poll_fn(|cx| {
        let asked = flag.get_or_insert_with(|| {
            let flag = Arc::new(Flag(AtomicBool::new(false), cx.waker().clone()));
            env.settle(Waker::from(Arc::clone(&flag)));
            flag
        });
        if asked.0.load(Ordering::SeqCst) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[test]
fn who_settles_is_woken_when_nothing_is_runnable_and_in_place_of_a_sleep() {
    in_time(|| {
        let (poller, tasks) = Loop::polled();
        let steps = Rc::new(Cell::new(0));
        tasks.block_on(async {
            for _ in 0..3 {
                let steps = Rc::clone(&steps);
                spawn_local(async move {
                    for _ in 0..5 {
                        yield_now().await;
                        steps.set(steps.get() + 1);
                    }
                })
                .detach();
            }
            settled(&tasks.env).await;
            assert_eq!(steps.get(), 15, "all that can run has run");
            settled(&tasks.env).await;
        });
        assert_eq!((poller.looks(), poller.sleeps()), (2, 0));
        assert_eq!(tasks.executor.statistics().parks, 0);
        tasks.end();
    });
}

#[test]
fn what_the_poller_has_already_comes_before_who_settles() {
    in_time(|| {
        let (poller, tasks) = Loop::polled();
        let signal = Signal::default();
        let order = Rc::new(RefCell::new(Vec::new()));
        tasks.block_on(async {
            let (awaiting, first) = (signal.clone(), Rc::clone(&order));
            let event = spawn_local(async move {
                awaiting.wait().await;
                first.borrow_mut().push("event");
                yield_now().await;
                first.borrow_mut().push("after the event");
            });
            yield_now().await;
            poller.ring(signal.happen().unwrap());
            settled(&tasks.env).await;
            order.borrow_mut().push("settled");
            event.await.unwrap();
        });
        assert_eq!(
            *order.borrow(),
            ["event", "after the event", "settled"],
            "the wish is kept until nothing comes any more"
        );
        assert_eq!((poller.looks(), poller.sleeps()), (2, 0));
        tasks.end();
    });
}

#[test]
fn timers_that_are_due_come_before_who_settles_and_others_after() {
    in_time(|| {
        let naps = Naps::leak();
        let tasks = Loop::with(LocalConfig {
            seat: None,
            timers: Some(naps),
            ..LocalConfig::default()
        });
        naps.attach(tasks.executor.alarm());
        tasks.block_on(async {
            let soon = Instant::system() + Duration::from_millis(1);
            let due = spawn_local(Nap::new(soon));
            let far = spawn_local(Nap::new(soon + Duration::from_secs(3600)));
            yield_now().await;
            while Instant::system() < soon {
                std::thread::yield_now();
            }
            settled(&tasks.env).await;
            assert!(due.is_finished(), "it was due");
            assert!(!far.is_finished(), "nobody waited for it");
            far.cancel("it was far");
        });
        assert_eq!(tasks.executor.statistics().parks, 0);
        tasks.end();
    });
}

#[test]
fn run_forever_wakes_who_settles_too() {
    in_time(|| {
        let (poller, tasks) = Loop::polled();
        let stop = tasks.executor.stopper();
        let env = Arc::clone(&tasks.env);
        let settling = tasks.spawn(async move {
            settled(&env).await;
            stop();
        });
        tasks.run_forever();
        assert!(settling.is_finished());
        assert_eq!(poller.sleeps(), 0);
        tasks.end();
    });
}

#[test]
fn one_who_settles_for_nothing_keeps_nobody_awake() {
    in_time(|| {
        let (poller, tasks) = Loop::polled();
        tasks.env.settle(Waker::from(Arc::new(Hostile)));
        tasks.env.settle(Waker::noop().clone());
        let signal = Signal::default();
        let set = signal.clone();
        let watched = poller.clone();
        let foreign = thread(move || {
            until(|| watched.sleeps() > 0);
            set.set();
        });
        tasks.block_on(signal.wait());
        foreign.join().unwrap();
        assert_eq!(poller.looks(), 1);
        assert_eq!(
            tasks.ear.heard(),
            [(UnhandledKind::CallbackPanicked, "a hostile waker".into())]
        );
        tasks.end();
    });
}
