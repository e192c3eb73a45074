//! A handle gives what became of its task.

#![cfg(not(loom))]

mod common;

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use hob_core::panic::{contain, discard, message};
use hob_core::unhandled::UnhandledKind;
use hob_task::{CancelReason, JoinError, yield_now};

use crate::common::{Flag, Runtime, poll, ready};

#[test]
fn join_gives_the_output() {
    let runtime = Runtime::new();
    let task = runtime.spawn(async { 42 });
    assert_eq!(runtime.join(task).unwrap(), 42);
}

#[test]
fn join_waits_and_is_woken() {
    let runtime = Runtime::new();
    let mut task = runtime.spawn(async { yield_now().await });
    let (flag, waker) = Flag::new();
    assert!(poll(Pin::new(&mut task), &waker).is_pending());
    runtime.run_one();
    assert!(!flag.take(), "it has only yielded");
    assert!(!task.is_finished());
    runtime.run_one();
    assert!(flag.take());
    assert!(task.is_finished());
    assert!(poll(Pin::new(&mut task), &waker).is_ready());
    assert_eq!(flag.wakes(), 1);
}

#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    let runtime = Runtime::new();
    let mut task = runtime.spawn(async {});
    let (first, first_waker) = Flag::new();
    let (last, last_waker) = Flag::new();
    assert!(poll(Pin::new(&mut task), &first_waker).is_pending());
    assert!(poll(Pin::new(&mut task), &last_waker).is_pending());
    runtime.run_all();
    assert_eq!((first.wakes(), last.wakes()), (0, 1));
}

#[test]
fn a_task_runs_without_its_handle() {
    let runtime = Runtime::new();
    let ran = Arc::new(());
    let inside = Arc::clone(&ran);
    runtime
        .spawn(async move {
            yield_now().await;
            drop(inside);
        })
        .detach();
    assert_eq!(Arc::strong_count(&ran), 2);
    runtime.run_all();
    assert_eq!(Arc::strong_count(&ran), 1);
}

#[test]
fn a_joined_panic_is_an_error_and_not_reported() {
    let runtime = Runtime::new();
    let task = runtime.spawn(async { panic!("number {}", 7) });
    let id = task.id();
    let beside = runtime.spawn(async { 1 });
    let error: JoinError = runtime.join::<()>(task).unwrap_err();
    assert!(error.is_panic() && !error.is_cancelled());
    let JoinError::Panicked(panic) = error else {
        panic!("it panicked");
    };
    assert_eq!((panic.message(), panic.task().id), ("number 7", id));
    let payload = panic.into_payload();
    assert_eq!(message(&payload), "number 7");
    assert_eq!(runtime.join(beside).unwrap(), 1);
    assert_eq!(runtime.heard(), []);
}

#[test]
fn a_panic_that_nobody_joins_reaches_the_hook() {
    let runtime = Runtime::new();
    let task = runtime.spawn(async { panic!("lonely") });
    let id = task.id();
    task.detach();
    runtime.run_all();
    let reports = runtime.reports();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].kind, UnhandledKind::TaskPanicked);
    assert_eq!(reports[0].task, Some(id));
    assert_eq!(reports[0].message, "lonely");
}

#[test]
fn a_panic_whose_handle_is_dropped_afterwards_reaches_the_hook() {
    let runtime = Runtime::new();
    let task = runtime.spawn(async { panic!("late") });
    runtime.run_all();
    assert_eq!(runtime.heard(), [], "somebody may still join it");
    drop(task);
    assert_eq!(
        runtime.heard(),
        [(UnhandledKind::TaskPanicked, "late".to_owned())]
    );
}

#[test]
fn a_hook_that_panics_harms_nobody() {
    let runtime = Runtime::with(|parts| parts.unhandled = Arc::new(|_| panic!("the hook")));
    runtime.spawn(async { panic!("first") }).detach();
    let after = runtime.spawn(async { 2 });
    assert_eq!(runtime.join(after).unwrap(), 2);
}

#[test]
fn a_handle_outlives_its_runtime() {
    let runtime = Runtime::new();
    let done = runtime.spawn(async { 5 });
    runtime.run_all();
    let unrun = runtime.spawn(async { 6 });
    runtime.drop_queued();
    drop(runtime);
    assert_eq!(ready(done).unwrap().unwrap(), 5);
    assert!(!unrun.cancel("too late"));
    let error = ready(unrun).unwrap().unwrap_err();
    assert_eq!(error.reason(), Some(&CancelReason::Shutdown));
}

#[test]
fn a_wake_after_the_end_is_harmless() {
    let runtime = Runtime::new();
    let kept: Arc<std::sync::Mutex<Option<Waker>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let task = runtime.spawn(std::future::poll_fn(move |cx| {
        *keep.lock().unwrap() = Some(cx.waker().clone());
        Poll::Ready(())
    }));
    runtime.join(task).unwrap();
    let waker = kept.lock().unwrap().take().unwrap();
    waker.wake_by_ref();
    drop(runtime);
    waker.wake();
}

#[test]
fn a_wake_during_the_poll_leads_to_another_poll() {
    let runtime = Runtime::new();
    let mut polls = 0;
    let task = runtime.spawn(std::future::poll_fn(move |cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        cx.waker().wake_by_ref();
        if polls < 3 {
            Poll::Pending
        } else {
            Poll::Ready(polls)
        }
    }));
    assert_eq!(runtime.join(task).unwrap(), 3);
    assert_eq!(runtime.queued(), 0);
}

#[test]
fn polling_a_handle_after_its_end_panics_with_the_task() {
    let runtime = Runtime::new();
    let mut task = runtime.spawn(async {});
    runtime.run_all();
    assert!(poll(Pin::new(&mut task), Waker::noop()).is_ready());
    let payload = contain(|| poll(Pin::new(&mut task), Waker::noop()).is_ready()).unwrap_err();
    assert!(message(&payload).contains("tests/join.rs"), "no place");
    discard(payload);
}

#[test]
fn a_dropped_join_loses_nothing() {
    let runtime = Runtime::new();
    let mut task = runtime.spawn(async { 9 });
    assert!(ready(&mut task).is_none());
    assert_eq!(runtime.join(task).unwrap(), 9);
}

#[test]
fn tasks_may_await_each_other() {
    let runtime = Runtime::new();
    let first = runtime.spawn(async {
        yield_now().await;
        3
    });
    let second = runtime.spawn(async { first.await.unwrap() + 1 });
    assert_eq!(runtime.join(second).unwrap(), 4);
}

#[test]
fn cancelling_who_waits_does_not_cancel_the_awaited_task() {
    let runtime = Runtime::new();
    let awaited = runtime.spawn(pending::<()>());
    let canceller = awaited.canceller();
    let waiting = runtime.spawn(awaited);
    runtime.run_all();
    waiting.cancel("enough");
    assert!(runtime.join(waiting).unwrap_err().is_cancelled());
    assert_eq!(runtime.env.tasks_alive(), 1);
    assert!(canceller.cancel("it too"));
    runtime.run_all();
    assert_eq!(runtime.env.tasks_alive(), 0);
}
