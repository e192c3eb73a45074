//! A request to end: when it acts, and what it says.

#![cfg(not(loom))]

mod common;

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use hob_task::{CancelReason, Canceller, yield_now};

use crate::common::{Log, Runtime, pending_with, ready};

#[test]
fn cancelled_before_the_first_poll_the_body_is_dropped_unpolled() {
    let runtime = Runtime::new();
    let log = Log::default();
    let (owned, inside) = (log.on_drop("dropped"), log.clone());
    let task = runtime.spawn(async move {
        inside.add("polled");
        drop(owned);
    });
    assert!(task.cancel("not needed"));
    assert!(runtime.join(task).unwrap_err().is_cancelled());
    assert_eq!(log.taken(), ["dropped"]);
}

#[test]
fn a_pending_task_is_dropped_and_the_reason_arrives() {
    let runtime = Runtime::new();
    let log = Log::default();
    let task = runtime.spawn(pending_with(log.on_drop("dropped")));
    runtime.run_all();
    assert!(!task.is_cancelled());
    assert!(task.cancel("a user pressed stop"));
    assert!(task.is_cancelled());
    assert_eq!(
        log.taken(),
        [""; 0],
        "it is dropped on its worker, not here"
    );
    let error = runtime.join(task).unwrap_err();
    assert_eq!(log.taken(), ["dropped"]);
    assert_eq!(error.reason(), Some(&"a user pressed stop".into()));
    assert_eq!(
        error.to_string(),
        "the task was cancelled: a user pressed stop"
    );
}

#[test]
fn the_first_reason_sticks() {
    let runtime = Runtime::new();
    let task = runtime.spawn(pending::<()>());
    assert!(task.cancel("first"));
    assert!(task.cancel("second"));
    let error = runtime.join(task).unwrap_err();
    assert_eq!(error.reason(), Some(&CancelReason::from("first")));
}

#[test]
fn who_finishes_in_the_same_poll_has_finished() {
    let runtime = Runtime::new();
    let own: Arc<Mutex<Option<Canceller>>> = Arc::default();
    let inside = Arc::clone(&own);
    let task = runtime.spawn(async move {
        let canceller = inside.lock().unwrap().take().unwrap();
        assert!(canceller.cancel("by itself, in its last poll"));
        7
    });
    *own.lock().unwrap() = Some(task.canceller());
    assert_eq!(runtime.join(task).unwrap(), 7);
}

#[test]
fn who_panics_in_the_same_poll_has_panicked() {
    let runtime = Runtime::new();
    let own: Arc<Mutex<Option<Canceller>>> = Arc::default();
    let inside = Arc::clone(&own);
    let task = runtime.spawn(async move {
        inside
            .lock()
            .unwrap()
            .take()
            .unwrap()
            .cancel("in its last poll");
        panic!("all the same");
    });
    *own.lock().unwrap() = Some(task.canceller());
    assert!(runtime.join::<()>(task).unwrap_err().is_panic());
}

#[test]
fn a_request_between_two_polls_wins_over_what_the_next_would_finish() {
    let runtime = Runtime::new();
    let task = runtime.spawn(async {
        yield_now().await;
        7
    });
    runtime.run_one();
    assert!(task.cancel("between"));
    assert!(runtime.join(task).unwrap_err().is_cancelled());
}

#[test]
fn cancelling_a_task_that_has_ended_says_so() {
    let runtime = Runtime::new();
    let task = runtime.spawn(async { 1 });
    runtime.run_all();
    assert!(!task.cancel("late"));
    assert!(!task.is_cancelled());
    assert_eq!(ready(task).unwrap().unwrap(), 1);
}

#[test]
fn cancel_on_drop_cancels() {
    let runtime = Runtime::new();
    let log = Log::default();
    let task = runtime
        .spawn(pending_with(log.on_drop("dropped")))
        .cancel_on_drop();
    runtime.run_all();
    drop(task);
    runtime.run_all();
    assert_eq!(log.taken(), ["dropped"]);
    assert_eq!(runtime.heard(), []);
}

#[test]
fn cancel_on_drop_can_be_taken_back() {
    let runtime = Runtime::new();
    let task = runtime.spawn(async { 4 }).cancel_on_drop().into_inner();
    assert!(!task.is_cancelled());
    assert_eq!(runtime.join(task).unwrap(), 4);
}

#[test]
fn cancel_on_drop_can_be_awaited() {
    let runtime = Runtime::new();
    let task = runtime.spawn(async { 8 }).cancel_on_drop();
    runtime.run_all();
    assert_eq!(ready(task).unwrap().unwrap(), 8);
}

#[test]
fn a_canceller_does_nothing_to_the_next_task_of_the_slot() {
    let runtime = Runtime::new();
    let first = runtime.spawn(pending::<()>());
    let canceller = first.canceller();
    first.cancel("done with it");
    assert!(runtime.join(first).is_err());
    // So many tasks that one of them lives in the slot of the first.
    let others: Vec<_> = (0..500).map(|_| runtime.spawn(pending::<()>())).collect();
    runtime.run_all();
    assert!(!canceller.cancel("again"));
    runtime.run_all();
    assert_eq!(runtime.env.tasks_alive(), 500);
    assert!(others.iter().all(|task| !task.is_cancelled()));
    for task in others {
        task.cancel("the test ends");
        assert!(runtime.join(task).is_err());
    }
}

#[test]
fn a_cancelled_task_is_not_polled_again() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(poll_fn(move |cx| {
        inside.add("polled");
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    }));
    runtime.run_one();
    task.cancel("enough");
    runtime.run_all();
    assert_eq!(log.taken(), ["polled"]);
}
