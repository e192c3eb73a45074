//! Cleanups: when they run, in which order, and what ends them.

#![cfg(not(loom))]

mod common;

use std::future::{Future, pending};
use std::time::Duration;

use hob_core::unhandled::UnhandledKind;
use hob_core::{Instant, Timers};
use hob_task::{drain, guarded, on_cancel, yield_now};

use crate::common::{Bomb, Log, Runtime, pending_with};

/// A cleanup that takes two polls.
fn clean(log: &Log, event: &'static str) -> impl Future<Output = ()> + Send + use<> {
    let log = log.clone();
    async move {
        yield_now().await;
        log.add(event);
    }
}

#[test]
fn cleanups_run_last_in_first_out_after_the_body_is_gone() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        on_cancel(clean(&inside, "first"));
        on_cancel(clean(&inside, "second"));
        pending_with(inside.on_drop("body")).await;
    });
    runtime.run_all();
    task.cancel("enough");
    assert!(runtime.join(task).unwrap_err().is_cancelled());
    assert_eq!(log.taken(), ["body", "second", "first"]);
}

#[test]
fn cleanups_run_after_a_normal_end_and_the_output_waits_for_them() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        on_cancel(clean(&inside, "cleaned"));
        11
    });
    runtime.run_one();
    assert!(!task.is_finished());
    assert_eq!(runtime.join(task).unwrap(), 11);
    assert_eq!(log.taken(), ["cleaned"]);
}

#[test]
fn cleanups_run_after_a_panic() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        on_cancel(clean(&inside, "cleaned"));
        panic!("body");
    });
    assert!(runtime.join::<()>(task).unwrap_err().is_panic());
    assert_eq!(log.taken(), ["cleaned"]);
}

#[test]
fn a_second_cancel_does_not_reach_cleanups() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        on_cancel(clean(&inside, "cleaned"));
        pending::<()>().await;
    });
    runtime.run_all();
    task.cancel("first");
    runtime.run_one();
    assert!(task.cancel("second"));
    let error = runtime.join(task).unwrap_err();
    assert_eq!(error.reason(), Some(&"first".into()));
    assert_eq!(log.taken(), ["cleaned"]);
}

#[test]
fn a_cleanup_of_a_task_that_was_never_polled_does_not_exist() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move { on_cancel(clean(&inside, "cleaned")) });
    task.cancel("at birth");
    assert!(runtime.join(task).is_err());
    assert_eq!(log.taken(), [""; 0]);
}

#[test]
fn a_cleanup_that_panics_is_reported_and_the_next_one_runs() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        on_cancel(clean(&inside, "first"));
        on_cancel(async { panic!("in a cleanup") });
    });
    let id = task.id();
    runtime.join(task).unwrap();
    assert_eq!(log.taken(), ["first"]);
    let reports = runtime.reports();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].kind, UnhandledKind::CleanupPanicked);
    assert_eq!(
        (reports[0].task, &*reports[0].message),
        (Some(id), "in a cleanup")
    );
}

#[test]
fn a_cleanup_whose_drop_panics_is_reported_and_the_next_one_runs() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        on_cancel(clean(&inside, "first"));
        on_cancel(pending_with(Bomb("in a cleanup's drop")));
    });
    runtime.run_all();
    runtime.pass(Duration::from_secs(5));
    runtime.join(task).unwrap();
    let kinds: Vec<_> = runtime.heard().into_iter().map(|(kind, _)| kind).collect();
    // The time is up for both; the second is gone before the first could start.
    assert_eq!(
        kinds,
        [
            UnhandledKind::CleanupCut,
            UnhandledKind::DropPanicked,
            UnhandledKind::CleanupCut
        ]
    );
    assert_eq!(log.taken(), [""; 0]);
}

#[test]
fn a_hanging_cleanup_is_cut_at_its_deadline_and_reported() {
    let runtime = Runtime::with(|parts| parts.cleanup_time = Duration::from_secs(2));
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        on_cancel(pending_with(inside.on_drop("cut")));
        3
    });
    runtime.run_all();
    runtime.pass(Duration::from_millis(1999));
    assert_eq!(log.taken(), [""; 0]);
    assert!(!task.is_finished());
    runtime.pass(Duration::from_millis(1));
    assert_eq!(log.taken(), ["cut"]);
    assert_eq!(runtime.join(task).unwrap(), 3, "the work was done");
    assert_eq!(
        runtime.heard(),
        [(UnhandledKind::CleanupCut, String::new())]
    );
    assert_eq!(runtime.clock.armed(), 0);
}

#[test]
fn a_cleanup_in_time_leaves_no_timer() {
    let runtime = Runtime::new();
    let log = Log::default();
    let task = runtime.spawn(async move { on_cancel(clean(&log, "cleaned")) });
    runtime.run_one();
    assert_eq!(runtime.clock.armed(), 1);
    runtime.join(task).unwrap();
    assert_eq!(runtime.clock.armed(), 0);
}

#[test]
fn a_hanging_cleanup_is_cut_when_the_shutdown_gives_up_on_it() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        on_cancel(pending_with(inside.on_drop("cut")));
    });
    runtime.run_all();
    let left = runtime.drive(drain(runtime.env.clone(), Instant::from_nanos(0)));
    assert!(left.unwrap().is_empty());
    assert_eq!(log.taken(), ["cut"]);
    assert_eq!(
        runtime.heard(),
        [(UnhandledKind::CleanupCut, String::new())]
    );
    runtime.join(task).unwrap();
}

#[test]
fn without_a_clock_nothing_limits_a_cleanup() {
    let runtime = Runtime::with(|parts| parts.timers = None);
    let log = Log::default();
    let inside = log.clone();
    runtime
        .spawn(async move { on_cancel(pending_with(inside.on_drop("cut"))) })
        .detach();
    runtime.run_all();
    assert_eq!(log.taken(), [""; 0]);
    assert_eq!(runtime.env.tasks_alive(), 1);
}

#[test]
fn a_clock_that_has_stopped_for_good_cuts_cleanups() {
    let runtime = Runtime::new();
    runtime.clock.retire(&mut Vec::new());
    let task = runtime.spawn(async { on_cancel(pending()) });
    runtime.join(task).unwrap();
    assert_eq!(
        runtime.heard(),
        [(UnhandledKind::CleanupCut, String::new())]
    );
}

#[test]
fn the_clock_of_a_runtime_that_has_ended_limits_no_cleanup() {
    let runtime = Runtime::new();
    // Somebody else drives the clock by now.
    runtime.env.end();
    let task = runtime.spawn(async { on_cancel(pending()) });
    runtime.join(task).unwrap();
    assert_eq!(
        runtime.heard(),
        [(UnhandledKind::CleanupCut, String::new())]
    );
}

#[test]
fn a_cleanup_may_register_another() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        on_cancel(async move {
            on_cancel(clean(&inside, "inner"));
            inside.add("outer");
        });
    });
    runtime.join(task).unwrap();
    assert_eq!(log.taken(), ["outer", "inner"]);
}

#[test]
fn guarded_closes_its_value_when_dropped() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        let close_log = inside.clone();
        let mut guard = guarded("value", async move |value: &'static str| {
            yield_now().await;
            close_log.add(value);
        });
        *guard = "changed";
        assert_eq!(guard.len(), 7);
        pending::<()>().await;
    });
    runtime.run_all();
    task.cancel("enough");
    assert!(runtime.join(task).is_err());
    assert_eq!(log.taken(), ["changed"]);
}

#[test]
fn guarded_into_inner_disarms() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        let guard = guarded(5, move |_| clean(&inside, "closed"));
        guard.into_inner()
    });
    assert_eq!(runtime.join(task).unwrap(), 5);
    assert_eq!(log.taken(), [""; 0]);
}

#[test]
fn a_cleanup_outside_any_task_becomes_one() {
    let runtime = Runtime::new();
    let log = Log::default();
    runtime.enter(|| on_cancel(clean(&log, "cleaned")));
    assert_eq!(runtime.env.tasks_alive(), 1);
    runtime.run_all();
    assert_eq!(log.taken(), ["cleaned"]);
}

#[test]
fn a_cleanup_outside_any_task_survives_a_shutdown_that_comes_first() {
    let runtime = Runtime::new();
    let log = Log::default();
    let cleanup = clean(&log, "closed");
    runtime.enter(|| drop(guarded((), |()| cleanup)));
    let deadline = Instant::NEVER;
    let left = runtime.drive(drain(runtime.env.clone(), deadline));
    assert!(left.unwrap().is_empty());
    assert_eq!(log.taken(), ["closed"]);
    assert_eq!(runtime.heard(), []);
}

#[test]
fn a_cleanup_outside_any_runtime_is_dropped() {
    let log = Log::default();
    on_cancel(pending_with(log.on_drop("dropped")));
    assert_eq!(log.taken(), ["dropped"]);
}

#[test]
fn a_torn_down_executor_drops_cleanups_with_their_task() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        on_cancel(pending_with(inside.on_drop("cleanup")));
        let _guard = guarded(inside.on_drop("guarded"), async |_| ());
        yield_now().await;
    });
    runtime.run_one();
    runtime.drop_queued();
    assert_eq!(log.taken(), ["guarded", "cleanup"]);
    assert_eq!(runtime.env.tasks_alive(), 0);
    assert!(common::ready(task).unwrap().is_err());
}
