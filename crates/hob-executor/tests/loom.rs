//! Models of what a thread sleeps on, and of the executor that has one thread.

#![cfg(loom)]

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use hob_core::env::Parts;
use hob_core::{Env, Park, Until};
use hob_executor::{LocalConfig, LocalExecutor, Parker};
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

fn park(parker: &mut Parker, until: Until) {
    parker.park(until, &mut Vec::new());
}

#[test]
fn loom_an_unpark_against_a_park_ends_it() {
    loom::model(|| {
        let mut parker = Parker::new();
        let unparker = parker.unparker();
        let other = thread::spawn(move || unparker.unpark());
        park(&mut parker, Until::Forever);
        other.join().unwrap();
    });
}

#[test]
fn loom_who_was_unparked_sees_what_each_of_them_did() {
    loom::model(|| {
        let mut parker = Parker::new();
        let written = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let others = [0, 1].map(|index| {
            let (unparker, written) = (parker.unparker(), Arc::clone(&written));
            thread::spawn(move || {
                // Relaxed: it is the parker that makes it visible.
                written[index].store(true, Ordering::Relaxed);
                unparker.unpark();
            })
        });
        while !written.iter().all(|flag| flag.load(Ordering::Relaxed)) {
            park(&mut parker, Until::Forever);
        }
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn loom_a_look_takes_the_token_or_leaves_it() {
    loom::model(|| {
        let mut parker = Parker::new();
        let written = Arc::new(AtomicUsize::new(0));
        let (unparker, number) = (parker.unparker(), Arc::clone(&written));
        let other = thread::spawn(move || {
            number.store(1, Ordering::Relaxed);
            unparker.unpark();
        });
        park(&mut parker, Until::Now);
        if written.load(Ordering::Relaxed) == 0 {
            park(&mut parker, Until::Forever);
            assert_eq!(written.load(Ordering::Relaxed), 1);
        }
        other.join().unwrap();
    });
}

/// The executor is never closed: what was made in one run of a model must not live in the next.
fn new_loop() -> (LocalExecutor, Arc<Env>) {
    let executor = LocalExecutor::new(LocalConfig::default());
    (executor, Arc::new(Env::new(Parts::default())))
}

#[test]
fn loom_a_foreign_wake_against_the_sleep_ends_it() {
    loom::model(|| {
        let (executor, env) = new_loop();
        let state = Arc::new(Mutex::new((false, None::<Waker>)));
        let shared = Arc::clone(&state);
        let other = thread::spawn(move || {
            let mut state = shared.lock().unwrap();
            state.0 = true;
            let waker = state.1.take();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        executor.block_on(
            &env,
            poll_fn(|cx| {
                let waker = cx.waker().clone();
                let mut state = state.lock().unwrap();
                if state.0 {
                    return Poll::Ready(());
                }
                state.1 = Some(waker);
                Poll::Pending
            }),
        );
        other.join().unwrap();
    });
}

#[test]
fn loom_two_foreign_wakes_are_both_seen() {
    loom::model(|| {
        let (executor, env) = new_loop();
        let count = Arc::new(AtomicUsize::new(0));
        let others = Mutex::new(Vec::new());
        executor.block_on(
            &env,
            poll_fn(|cx| {
                let mut others = others.lock().unwrap();
                while others.len() < 2 {
                    let (waker, count) = (cx.waker().clone(), Arc::clone(&count));
                    others.push(thread::spawn(move || {
                        count.fetch_add(1, Ordering::Relaxed);
                        waker.wake();
                    }));
                }
                // Relaxed: it is the wake that makes it visible.
                if count.load(Ordering::Relaxed) == 2 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }),
        );
        for other in others.into_inner().unwrap() {
            other.join().unwrap();
        }
    });
}

#[test]
fn loom_a_stop_against_the_sleep_ends_the_run() {
    loom::model(|| {
        let (executor, env) = new_loop();
        let stop = executor.stopper();
        let other = thread::spawn(stop);
        executor.run_forever(&env);
        other.join().unwrap();
    });
}
