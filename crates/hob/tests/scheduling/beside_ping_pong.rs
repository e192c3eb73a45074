//! Two tasks wake each other for ever: a third is delayed by a bounded number of their polls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use hob::{Handle, LocalRuntime, Runtime};

use crate::ping_pong::{Seat, play};
use crate::support::in_time;
use crate::{PATIENCE, Samples};

const TIMES: usize = 200;
/// Twice what a worker polls before it looks beyond its own queue, with room for what the pair does
/// while another core spawns or wakes.
const POLLS: usize = 400;
/// If the kernel takes a core away in between, the pair goes on without bound.
const RARELY: usize = usize::MAX;

/// Starts two that wake each other, and returns the count of their polls.
fn ping_pong(handle: &Handle) -> Arc<AtomicUsize> {
    let (left, right) = (Seat::default(), Seat::default());
    let polls = Arc::new(AtomicUsize::new(0));
    handle.spawn(play(&polls, &left, &right)).detach();
    handle.spawn(play(&polls, &right, &left)).detach();
    polls
}

/// Spawns a task and measures how many polls of others come first, as a task itself.
async fn spawn_again_and_again(polls: Arc<AtomicUsize>) -> Vec<usize> {
    let mut waited = Vec::new();
    for _ in 0..TIMES {
        let now = Arc::clone(&polls);
        let before = polls.load(Ordering::Relaxed);
        let third = hob::spawn(async move { now.load(Ordering::Relaxed) - before });
        waited.push(third.await.expect("it ends"));
    }
    assert!(polls.load(Ordering::Relaxed) > 0, "the two play");
    waited
}

#[test]
fn on_one_thread_a_third_task_waits_for_two_polls() {
    in_time(PATIENCE, || {
        let runtime = LocalRuntime::new().unwrap();
        let polls = ping_pong(&runtime.handle());
        let waited = runtime.block_on(async {
            for _ in 0..10 {
                hob::yield_now().await;
            }
            spawn_again_and_again(polls).await
        });
        Samples::new(waited).check("polls before a third task, one thread", 2, 2);
    });
}

#[test]
fn on_a_pool_a_third_task_is_soon_polled() {
    in_time(PATIENCE, || {
        for workers in [1, 2] {
            let runtime = Runtime::builder().worker_threads(workers).build().unwrap();
            let polls = ping_pong(&runtime.handle());
            let waited = runtime.block_on(runtime.spawn(spawn_again_and_again(polls)));
            let what = format!("polls before a third task, {workers} workers");
            // On one worker the order is that of arrival.
            let (usually, rarely) = if workers == 1 {
                (2, 4)
            } else {
                (POLLS, RARELY)
            };
            Samples::new(waited.expect("it ends")).check(&what, usually, rarely);
        }
    });
}

#[test]
fn on_a_pool_a_task_from_outside_is_soon_polled() {
    in_time(PATIENCE, || {
        for workers in [1, 2] {
            let runtime = Runtime::builder().worker_threads(workers).build().unwrap();
            // So many pairs that every worker has one.
            let polls: Vec<_> = (0..workers).map(|_| ping_pong(&runtime.handle())).collect();
            let sum = move || -> usize { polls.iter().map(|it| it.load(Ordering::Relaxed)).sum() };
            let sum = Arc::new(sum);
            let waited = (0..TIMES).map(|_| {
                let (ran, polled) = channel();
                let now = Arc::clone(&sum);
                let third = runtime.handle();
                let before = sum();
                third
                    .spawn(async move { ran.send(now() - before).expect("the test listens") })
                    .detach();
                polled.recv().expect("it ran")
            });
            let what = format!("polls before a task from outside, {workers} workers");
            // A worker looks at what comes from outside after 61 polls.
            let rarely = if workers == 1 { 2 * 61 + 2 } else { RARELY };
            Samples::new(waited).check(&what, workers * POLLS, rarely);
        }
    });
}
