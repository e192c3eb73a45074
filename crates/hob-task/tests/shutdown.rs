//! A runtime is emptied: nothing is lost, and what stays is named.

#![cfg(not(loom))]

mod common;

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use hob_core::unhandled::UnhandledKind;
use hob_core::{Instant, Timers};
use hob_task::{Builder, CancelReason, drain, on_cancel, spawn, yield_now};

use crate::common::{Log, Runtime, pending_with, ready};

#[test]
fn an_empty_runtime_is_drained_at_once_and_closed() {
    let runtime = Runtime::new();
    let left = ready(drain(runtime.env.clone(), Instant::NEVER)).unwrap();
    assert!(left.is_empty());
    assert!(runtime.env.is_closed());
}

#[test]
fn every_task_is_dropped_for_the_reason_shutdown() {
    let runtime = Runtime::new();
    let log = Log::default();
    let task = runtime.spawn(pending_with(log.on_drop("kept")));
    runtime
        .spawn(pending_with(log.on_drop("detached")))
        .detach();
    runtime.run_all();
    let unpolled = runtime.spawn(pending_with(log.on_drop("unpolled")));
    let left = runtime.drive(drain(runtime.env.clone(), Instant::NEVER));
    assert!(left.unwrap().is_empty());
    let mut dropped = log.taken();
    dropped.sort_unstable();
    assert_eq!(dropped, ["detached", "kept", "unpolled"]);
    for task in [task, unpolled] {
        let error = ready(task).unwrap().unwrap_err();
        assert_eq!(error.reason(), Some(&CancelReason::Shutdown));
    }
    assert_eq!(runtime.heard(), []);
}

#[test]
fn a_detached_task_that_nobody_can_wake_is_dropped() {
    let runtime = Runtime::new();
    let log = Log::default();
    runtime.spawn(pending_with(log.on_drop("dropped"))).detach();
    runtime.run_all();
    assert_eq!(log.taken(), [""; 0], "it is alive though it has no waker");
    assert_eq!(hob_task::tasks_of(&runtime.env).len(), 1);
    runtime.drive(drain(runtime.env.clone(), Instant::NEVER));
    assert_eq!(log.taken(), ["dropped"]);
}

#[test]
fn a_drain_waits_for_cleanups() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    runtime
        .spawn(async move {
            on_cancel(async move {
                for _ in 0..10 {
                    yield_now().await;
                }
                inside.add("cleaned");
            });
            pending::<()>().await;
        })
        .detach();
    runtime.run_all();
    runtime.drive(drain(runtime.env.clone(), Instant::NEVER));
    assert_eq!(log.taken(), ["cleaned"]);
}

#[test]
fn tasks_that_are_spawned_while_draining_are_cancelled_at_birth() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    runtime
        .spawn(async move {
            let log = inside.clone();
            on_cancel(async move {
                let child = spawn(async move { log.add("a child ran") });
                let error = child.await.unwrap_err();
                assert_eq!(error.reason(), Some(&CancelReason::Shutdown));
                inside.add("cleaned");
            });
            pending::<()>().await;
        })
        .detach();
    runtime.run_all();
    let left = runtime.drive(drain(runtime.env.clone(), Instant::NEVER));
    assert!(left.unwrap().is_empty());
    assert_eq!(log.taken(), ["cleaned"]);
    assert_eq!(runtime.heard(), []);
}

#[test]
fn a_task_that_never_suspends_again_is_named_after_the_deadline() {
    let runtime = Runtime::new();
    // It stays in the queue: for the drain that is the same as a poll that does not return.
    let task = Builder::new()
        .name("stuck")
        .spawn_on(&runtime.env, async {});
    let mut draining = Box::pin(drain(
        runtime.env.clone(),
        runtime.clock.now() + Duration::from_secs(1),
    ));
    assert!(ready(&mut draining).is_none());
    runtime.clock.pass(Duration::from_secs(1));
    assert!(ready(&mut draining).is_none(), "it has its last call");
    runtime.clock.pass(Duration::from_millis(25));
    let left = ready(&mut draining).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].task.id, task.id());
    let reports = runtime.reports();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].kind, UnhandledKind::LeftBehind);
    assert_eq!(reports[0].task, Some(task.id()));
    drop(draining);
    assert_eq!(runtime.clock.armed(), 0);
}

#[test]
fn a_dropped_drain_leaves_no_timer() {
    let runtime = Runtime::new();
    runtime.spawn(pending::<()>()).detach();
    let deadline = runtime.clock.now() + Duration::from_secs(1);
    let mut draining = Box::pin(drain(runtime.env.clone(), deadline));
    assert!(ready(&mut draining).is_none());
    assert_eq!(runtime.clock.armed(), 1);
    drop(draining);
    assert_eq!(runtime.clock.armed(), 0);
}

#[test]
fn a_closed_runtime_gives_a_cancelled_task() {
    let runtime = Runtime::new();
    runtime.env.close();
    let log = Log::default();
    let task = runtime.spawn(pending_with(log.on_drop("dropped")));
    assert_eq!(log.taken(), ["dropped"]);
    assert!(task.is_finished() && task.is_cancelled());
    assert!(!task.cancel("again"));
    let error = ready(task).unwrap().unwrap_err();
    assert_eq!(error.reason(), Some(&CancelReason::Shutdown));
    assert_eq!(runtime.env.tasks_alive(), 0);
}

#[test]
fn a_closed_runtime_gives_the_future_back() {
    let runtime = Runtime::new();
    runtime.env.close();
    let refused = Builder::new()
        .try_spawn_on(&runtime.env, async { 12 })
        .unwrap_err();
    assert!(refused.to_string().contains("shut down"), "{refused}");
    assert_eq!(ready(refused.future), Some(12));
}

#[test]
fn outside_any_runtime_the_future_is_given_back() {
    let refused = hob_task::try_spawn(async { 13 }).unwrap_err();
    assert!(refused.to_string().contains("no runtime"), "{refused}");
    assert_eq!(ready(refused.future), Some(13));
}

/// A task that is accepted is run or dropped, however late it came.
#[test]
fn no_task_slips_through_a_closing_door() {
    for _ in 0..50 {
        let runtime = Runtime::new();
        let gone = Arc::new(AtomicUsize::new(0));
        let accepted = std::thread::scope(|scope| {
            let spawning = std::thread::Builder::new()
                .spawn_scoped(scope, || spawn_until_refused(&runtime, &gone))
                .unwrap();
            while gone.load(Ordering::SeqCst) == 0 {
                runtime.run_all();
            }
            let mut draining = Box::pin(drain(runtime.env.clone(), Instant::NEVER));
            while ready(&mut draining).is_none() {
                runtime.run_all();
                std::thread::yield_now();
            }
            spawning.join().unwrap()
        });
        assert_eq!(runtime.queued(), 0);
        assert_eq!(runtime.env.tasks_alive(), 0);
        assert_eq!(accepted, gone.load(Ordering::SeqCst));
    }
}

/// Spawns one task after the other, and returns how many were accepted.
fn spawn_until_refused(runtime: &Runtime, gone: &Arc<AtomicUsize>) -> usize {
    let mut accepted = 0;
    loop {
        let task = yield_with(Count(Arc::clone(gone)));
        match Builder::new().try_spawn_on(&runtime.env, task) {
            Ok(task) => task.detach(),
            Err(refused) => {
                #[expect(clippy::mem_forget, reason = "only the accepted count")]
                std::mem::forget(refused.future);
                return accepted;
            }
        }
        accepted += 1;
        while gone.load(Ordering::SeqCst) < accepted && !runtime.env.is_closed() {
            std::thread::yield_now();
        }
    }
}

async fn yield_with(owned: Count) {
    yield_now().await;
    drop(owned);
}

struct Count(Arc<AtomicUsize>);

impl Drop for Count {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn several_drains_end_together() {
    let runtime = Runtime::new();
    runtime.spawn(pending::<()>()).detach();
    runtime.run_all();
    let mut first = Box::pin(drain(runtime.env.clone(), Instant::NEVER));
    let mut second = Box::pin(drain(runtime.env.clone(), Instant::NEVER));
    let both = runtime.drive(poll_fn(|cx| {
        let first = first.as_mut().poll(cx).is_ready();
        if first && second.as_mut().poll(cx).is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }));
    assert!(both.is_some());
}
