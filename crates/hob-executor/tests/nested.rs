//! `block_on` where it must not be, and where it may.

#![cfg(not(loom))]

mod common;

use std::sync::Arc;

use hob_core::panic::{contain, discard, message};

use crate::common::{Loop, Pool, in_time};

#[test]
fn block_on_in_a_task_of_the_same_pool_panics_and_names_both_places() {
    in_time(|| {
        let pool = Arc::new(Pool::new(1));
        let inside = Arc::clone(&pool);
        let here = std::panic::Location::caller().line();
        let task = pool.spawn(async move {
            inside.block_on(async {});
        });
        let spawned = task.spawned_at().to_string();
        let called = format!("tests/nested.rs:{}:", here + 2);
        let error = pool.block_on(task).unwrap_err();
        let payload = error.into_panic().unwrap();
        let text = message(&payload);
        assert!(text.contains(&spawned) && text.contains(&called), "{text}");
        Arc::into_inner(pool).unwrap().end();
    });
}

#[test]
fn block_on_in_the_main_future_of_the_same_loop_panics() {
    in_time(|| {
        let outer = Loop::new();
        let payload = contain(|| outer.block_on(async { outer.block_on(async {}) })).unwrap_err();
        let text = message(&payload);
        assert!(text.contains("inside the main future"), "{text}");
        discard(payload);
        outer.end();
    });
}

#[test]
fn run_forever_in_a_task_of_the_same_loop_panics() {
    in_time(|| {
        let outer = Loop::new();
        let payload = contain(|| outer.block_on(async { outer.run_forever() })).unwrap_err();
        assert!(message(&payload).contains("would wait for itself"));
        discard(payload);
        assert_eq!(outer.block_on(async { 1 }), 1, "it works afterwards");
        outer.end();
    });
}

#[test]
fn block_on_in_a_task_of_another_runtime_works() {
    in_time(|| {
        let outer = Pool::new(1);
        let task = outer.spawn(async {
            let inner = Pool::new(1);
            let from_pool = inner.block_on(inner.spawn(async { 1 })).unwrap();
            inner.end();
            let from_loop = in_a_loop();
            // Back in the outer runtime.
            from_pool + from_loop + hob_task::spawn(async { 3 }).await.unwrap()
        });
        assert_eq!(outer.block_on(task).unwrap(), 6);
        outer.end();
    });
}

fn in_a_loop() -> u32 {
    let inner = Loop::new();
    let value = inner.block_on(inner.spawn(async { 2 })).unwrap();
    inner.end();
    value
}

#[test]
fn two_loops_nest() {
    in_time(|| {
        let (outer, inner) = (Loop::new(), Loop::new());
        let sum = outer.block_on(async {
            let beside = hob_task::spawn_local(async { 1 });
            let from_inner =
                inner.block_on(async { hob_task::spawn_local(async { 2 }).await.unwrap() });
            beside.await.unwrap() + from_inner
        });
        assert_eq!(sum, 3);
        inner.end();
        outer.end();
    });
}

#[test]
fn block_on_is_refused_however_deep_inside() {
    in_time(|| {
        let (outer, inner) = (Loop::new(), Loop::new());
        let payload = contain(|| {
            outer.block_on(async { inner.block_on(async { outer.block_on(async {}) }) });
        })
        .unwrap_err();
        assert!(message(&payload).contains("would wait for itself"));
        discard(payload);
        inner.end();
        outer.end();
    });
}

#[test]
fn a_pool_refuses_what_is_not_send() {
    in_time(|| {
        let pool = Pool::new(1);
        let task = pool.spawn(async { drop(hob_task::spawn_local(async {})) });
        let payload = pool.block_on(task).unwrap_err().into_panic().unwrap();
        assert!(message(&payload).contains("one-thread runtime"));
        pool.end();
    });
}
