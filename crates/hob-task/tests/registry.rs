//! Every task is known as long as it lives: who it is, whose child, where it waits.

#![cfg(not(loom))]

mod common;

use std::future::pending;

use hob_task::{Builder, all_tasks, current_task, spawn, tasks_of, yield_now};

use crate::common::Runtime;

#[test]
fn pending_tasks_are_listed_in_order_also_detached_ones() {
    let runtime = Runtime::new();
    let kept = runtime.spawn(pending::<()>());
    let detached = Builder::new()
        .name("detached")
        .spawn_on(&runtime.env, pending::<()>());
    let detached_id = detached.id();
    detached.detach();
    let done = runtime.spawn(async {});
    runtime.run_all();
    let listed = runtime.enter(all_tasks);
    let ids: Vec<_> = listed.iter().map(|task| task.label.id).collect();
    assert_eq!(ids, [kept.id(), detached_id]);
    assert_eq!(listed[1].label.name.as_deref(), Some("detached"));
    assert!(listed.iter().all(|task| task.polls == 1));
    assert!(done.is_finished());
}

#[test]
fn a_runtime_lists_its_own_tasks_only() {
    let (one, other) = (Runtime::new(), Runtime::new());
    let task = one.spawn(pending::<()>());
    assert_eq!(tasks_of(&one.env).len(), 1);
    assert_eq!(tasks_of(&other.env).len(), 0);
    assert_eq!(all_tasks().len(), 0, "this thread is in no runtime");
    drop(task);
}

#[test]
fn children_know_their_parent() {
    let runtime = Runtime::new();
    let parent = runtime.spawn(async {
        let child = spawn(async {
            spawn(pending::<()>()).detach();
            pending::<()>().await;
        });
        child.await
    });
    runtime.run_all();
    let tasks = tasks_of(&runtime.env);
    let parents: Vec<_> = tasks.iter().map(|task| task.parent).collect();
    let ids: Vec<_> = tasks.iter().map(|task| task.label.id).collect();
    assert_eq!(parents, [None, Some(ids[0]), Some(ids[1])]);
    assert_eq!(ids[0], parent.id());
}

#[test]
fn a_task_knows_itself() {
    let runtime = Runtime::new();
    assert!(runtime.enter(current_task).is_none());
    let task = Builder::new()
        .name("me")
        .spawn_on(&runtime.env, async { current_task() });
    let (id, place) = (task.id(), task.spawned_at());
    assert_eq!(task.name(), Some("me"));
    assert!(place.file().ends_with("registry.rs"));
    let label = runtime.join(task).unwrap().unwrap();
    assert_eq!((label.id, label.name.as_deref()), (id, Some("me")));
    assert_eq!(label.place, place);
}

#[test]
fn who_awaits_a_task_says_so() {
    let runtime = Runtime::new();
    let awaited = runtime.spawn(pending::<()>());
    let place = awaited.spawned_at();
    let waiting = runtime.spawn(async { awaited.await.is_ok() });
    runtime.run_all();
    let tasks = tasks_of(&runtime.env);
    let wait = tasks[1].wait.expect("it waits");
    assert_eq!((wait.what, wait.place), ("a task's end, spawned", place));
    drop(waiting);
}

#[test]
fn a_snapshot_tells_of_the_request() {
    let runtime = Runtime::new();
    let task = runtime.spawn(pending::<()>());
    assert_eq!(tasks_of(&runtime.env)[0].cancel, None);
    task.cancel("seen");
    assert_eq!(tasks_of(&runtime.env)[0].cancel, Some("seen".into()));
}

#[test]
fn a_slot_forgets_its_last_task() {
    let runtime = Runtime::new();
    for _ in 0..1000 {
        let task = Builder::new()
            .name("cancelled")
            .spawn_on(&runtime.env, async {
                hob_task::on_cancel(async {});
                spawn(async {}).await.unwrap();
                pending::<()>().await;
            });
        runtime.run_all();
        task.cancel("a reason");
        assert!(runtime.join(task).is_err());
    }
    let fresh: Vec<_> = (0..1000).map(|_| runtime.spawn(yield_now())).collect();
    for task in tasks_of(&runtime.env) {
        assert_eq!((task.polls, task.parent), (0, None));
        assert!(task.cancel.is_none() && task.wait.is_none() && task.label.name.is_none());
    }
    for task in fresh {
        assert!(!task.is_cancelled());
        runtime.join(task).unwrap();
    }
}
