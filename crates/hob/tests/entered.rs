//! `Handle::enter` inside the runtime that it enters: what was known there stays known.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::time::Duration;

use hob::Handle;
use hob::sync::Mutex;

#[test]
fn a_task_that_enters_its_own_runtime_is_still_that_task() {
    hob::run(async {
        let task = hob::spawn(async {
            let before = hob::current_task().expect("this is a task").id;
            let entered = Handle::current().enter(hob::current_task);
            assert_eq!(entered.expect("still").id, before);
        });
        task.await.expect("it does not panic");
    });
}

#[test]
fn a_cleanup_that_is_registered_after_entering_runs_at_the_end_of_the_task() {
    let (sender, told) = channel();
    hob::run(async move {
        let task = hob::spawn(async move {
            let cleanup = sender.clone();
            Handle::current().enter(|| {
                hob::on_cancel(async move { cleanup.send("cleanup").expect("it is read") });
            });
            hob::sleep(Duration::from_millis(5)).await;
            sender.send("body").expect("it is read");
        });
        task.await.expect("it does not panic");
    });
    assert_eq!(told.iter().collect::<Vec<_>>(), ["body", "cleanup"]);
}

#[test]
fn blocking_a_worker_is_refused_however_deep_inside() {
    let refused = hob::run_local(async {
        let mutex = Mutex::new(());
        let _held = mutex.lock().await;
        let other = hob::Runtime::builder().worker_threads(1).build();
        let other = other.expect("it starts");
        other.handle().enter(|| {
            let blocked = catch_unwind(AssertUnwindSafe(|| drop(mutex.lock_blocking())));
            blocked.is_err()
        })
    });
    assert!(refused);
}
