//! Destructors, wakers and payloads that panic end neither the process nor other tasks.

#![cfg(not(loom))]

mod common;

use std::future::poll_fn;
use std::panic::panic_any;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};

use hob_core::unhandled::UnhandledKind;
use hob_task::guarded;

use crate::common::{Bomb, Log, Runtime, pending_with, poll, ready};

fn heard(kind: UnhandledKind, message: &str) -> (UnhandledKind, String) {
    (kind, message.to_owned())
}

#[test]
fn a_future_whose_drop_panics_on_cancel_is_reported() {
    let runtime = Runtime::new();
    let task = runtime.spawn(pending_with(Bomb("in the future")));
    let id = task.id();
    runtime.run_all();
    task.cancel("boom");
    assert!(runtime.join(task).unwrap_err().is_cancelled());
    let reports = runtime.reports();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert_eq!(reports[0].kind, UnhandledKind::DropPanicked);
    assert_eq!(reports[0].message, "in the future");
    assert_eq!(reports[0].task, Some(id));
    assert_eq!(runtime.env.tasks_alive(), 0);
}

#[test]
fn a_future_whose_drop_panics_still_has_its_cleanups_run() {
    let runtime = Runtime::new();
    let log = Log::default();
    let inside = log.clone();
    let task = runtime.spawn(async move {
        hob_task::on_cancel(async move { inside.add("cleaned") });
        pending_with(Bomb("in the future")).await;
    });
    runtime.run_all();
    task.cancel("boom");
    assert!(runtime.join(task).is_err());
    assert_eq!(log.taken(), ["cleaned"]);
}

#[test]
fn an_unpolled_future_whose_drop_panics_is_reported() {
    let runtime = Runtime::new();
    let task = runtime.spawn(pending_with(Bomb("unpolled")));
    task.cancel("boom");
    assert!(runtime.join(task).unwrap_err().is_cancelled());
    assert_eq!(
        runtime.heard(),
        [heard(UnhandledKind::DropPanicked, "unpolled")]
    );
}

#[test]
fn a_future_that_panics_and_whose_drop_panics_is_a_panic_and_a_report() {
    struct Both(#[expect(dead_code, reason = "it is there to be dropped")] Bomb);
    impl Future for Both {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<()> {
            panic!("first");
        }
    }
    let runtime = Runtime::new();
    let task = runtime.spawn(Both(Bomb("second")));
    assert_eq!(
        runtime
            .join(task)
            .unwrap_err()
            .into_panic()
            .unwrap()
            .downcast_ref(),
        Some(&"first")
    );
    assert_eq!(
        runtime.heard(),
        [heard(UnhandledKind::DropPanicked, "second")]
    );
}

#[test]
fn a_future_whose_drop_panics_in_a_torn_down_executor_is_reported() {
    let runtime = Runtime::new();
    let task = runtime.spawn(pending_with(Bomb("unrun")));
    runtime.drop_queued();
    assert_eq!(
        runtime.heard(),
        [heard(UnhandledKind::DropPanicked, "unrun")]
    );
    assert_eq!(runtime.env.tasks_alive(), 0);
    assert!(ready(task).unwrap().unwrap_err().is_cancelled());
}

#[test]
fn an_output_whose_drop_panics_is_reported() {
    let runtime = Runtime::new();
    runtime.spawn(async { Bomb("detached") }).detach();
    runtime.run_all();
    let kept = runtime.spawn(async { Bomb("dropped later") });
    runtime.run_all();
    runtime.enter(|| drop(kept));
    assert_eq!(
        runtime.heard(),
        [
            heard(UnhandledKind::DropPanicked, "detached"),
            heard(UnhandledKind::DropPanicked, "dropped later"),
        ]
    );
}

struct Hostile;

impl Wake for Hostile {
    fn wake(self: Arc<Self>) {
        panic!("a hostile waker");
    }
}

#[test]
fn a_join_waker_that_panics_is_reported() {
    let runtime = Runtime::new();
    let mut task = runtime.spawn(async { 3 });
    let waker = Waker::from(Arc::new(Hostile));
    assert!(poll(Pin::new(&mut task), &waker).is_pending());
    let beside = runtime.spawn(async { 4 });
    assert_eq!(runtime.join(beside).unwrap(), 4);
    assert_eq!(
        runtime.heard(),
        [heard(UnhandledKind::CallbackPanicked, "a hostile waker")]
    );
    assert_eq!(ready(task).unwrap().unwrap(), 3);
}

struct Sticky(#[expect(dead_code, reason = "it is there to be dropped")] Bomb);

impl Wake for Sticky {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_join_waker_whose_drop_panics_does_not_disturb_who_drops_the_handle() {
    let runtime = Runtime::new();
    let log = Log::default();
    let mut task = runtime.spawn(pending_with(log.on_drop("dropped")));
    let waker = Waker::from(Arc::new(Sticky(Bomb("a sticky waker"))));
    assert!(poll(Pin::new(&mut task), &waker).is_pending());
    // From here on the one in the slot is the last.
    drop(waker);
    runtime.enter(|| drop(task));
    assert_eq!(
        runtime.heard(),
        [heard(UnhandledKind::CallbackPanicked, "a sticky waker")]
    );
    runtime.run_all();
    assert_eq!(log.taken(), [""; 0], "dropping the handle detaches");
    assert_eq!(runtime.env.tasks_alive(), 1);
}

#[test]
fn a_payload_whose_drop_panics_is_reported_whether_joined_or_not() {
    let runtime = Runtime::new();
    runtime
        .spawn(async { panic_any(Bomb("unjoined payload")) })
        .detach();
    runtime.run_all();
    let reports = runtime.heard();
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert_eq!(reports[0].0, UnhandledKind::TaskPanicked);
    assert_eq!(
        reports[1],
        heard(UnhandledKind::DropPanicked, "unjoined payload")
    );

    let task = runtime.spawn(async { panic_any(Bomb("joined payload")) });
    let error = runtime.join::<()>(task).unwrap_err();
    drop(error);
    assert_eq!(
        runtime.heard(),
        [heard(UnhandledKind::DropPanicked, "joined payload")]
    );
}

#[test]
fn a_refused_future_whose_drop_panics_is_reported_to_its_runtime() {
    let runtime = Runtime::new();
    runtime.env.close();
    let task = runtime.spawn(pending_with(Bomb("refused")));
    assert!(ready(task).unwrap().unwrap_err().is_cancelled());
    assert_eq!(
        runtime.heard(),
        [heard(UnhandledKind::DropPanicked, "refused")]
    );
}

#[test]
fn a_close_function_that_panics_is_reported() {
    let runtime = Runtime::new();
    let task = runtime.spawn(async {
        let _guard = guarded(1, |_| -> std::future::Ready<()> { panic!("closing") });
    });
    runtime.join(task).unwrap();
    assert_eq!(
        runtime.heard(),
        [heard(UnhandledKind::CleanupPanicked, "closing")]
    );
}

#[test]
fn a_waker_that_belongs_to_nobody_keeps_no_task() {
    let runtime = Runtime::new();
    let log = Log::default();
    let owned = log.on_drop("dropped");
    let task = runtime.spawn(poll_fn(move |cx| {
        let _kept = &owned;
        #[expect(clippy::mem_forget, reason = "somebody loses a waker")]
        std::mem::forget(cx.waker().clone());
        Poll::<()>::Pending
    }));
    runtime.run_all();
    task.cancel("lost");
    assert!(runtime.join(task).is_err());
    assert_eq!(log.taken(), ["dropped"]);
}
