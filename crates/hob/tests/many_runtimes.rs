//! Several runtimes in one process, beside each other and inside each other.

use std::future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use hob::{Handle, LocalRuntime, Runtime};

fn pool(name: &str) -> Runtime {
    let builder = Runtime::builder().name(name).worker_threads(2);
    builder.build().expect("it can be made")
}

fn local(name: &str) -> LocalRuntime {
    let builder = Runtime::builder().name(name);
    builder.build_local().expect("it can be made")
}

/// The name of the runtime that this code runs in.
fn here() -> String {
    Handle::current().name().to_owned()
}

#[test]
fn a_task_of_one_is_awaited_in_the_other() {
    let (left, right) = (pool("left"), pool("right"));
    let pair = left.block_on(async {
        let far = right.spawn(async {
            hob::sleep(Duration::from_millis(5)).await;
            here()
        });
        let near = hob::spawn(async move { (far.await, here()) });
        near.await.expect("it does not panic")
    });
    let (far, near) = pair;
    assert_eq!(far.expect("it does not panic"), "right");
    assert_eq!(near, "left");
}

#[test]
fn a_task_of_a_pool_is_awaited_on_one_thread_and_the_reverse() {
    let (many, one) = (pool("many"), local("one"));
    let far = many.spawn(async { here() });
    assert_eq!(one.block_on(far).expect("it does not panic"), "many");

    let (sender, receiver) = hob::sync::oneshot::channel();
    let near = one.spawn_local(async move {
        let received: &str = receiver.await.expect("it is sent");
        (here(), received)
    });
    let sends = many.spawn(async move { sender.send("hello").is_ok() });
    let (name, received) = one.block_on(near).expect("it does not panic");
    assert_eq!((name.as_str(), received), ("one", "hello"));
    assert!(many.block_on(sends).expect("it does not panic"));
}

#[test]
fn the_end_of_one_leaves_the_other_alone() {
    let (left, right) = (pool("left"), pool("right"));
    let waits = left.spawn(hob::sleep(Duration::from_millis(20)));
    let lost = right.spawn(future::pending::<()>());
    let sees = left.spawn(lost);
    assert_eq!(right.handle().tasks().len(), 1);
    drop(right);
    let error = left.block_on(sees).expect("it does not panic");
    let reason = error.expect_err("its runtime has ended").reason().cloned();
    assert_eq!(reason, Some(hob::CancelReason::Shutdown));
    left.block_on(waits).expect("its timer is driven as before");
}

#[test]
fn tasks_are_listed_by_their_own_runtime_only() {
    let (left, right) = (pool("left"), pool("right"));
    left.spawn(future::pending::<()>()).detach();
    assert_eq!(left.handle().tasks().len(), 1);
    assert_eq!(right.handle().tasks().len(), 0);
    let seen = right.block_on(async { hob::all_tasks().len() });
    assert_eq!(seen, 0);
}

mod nested {
    use super::*;

    /// What a nested runtime does, and leaves as it was.
    fn run_inner(inner: &Runtime) -> String {
        let outside = here();
        let task = hob::current_task().map(|task| task.id);
        let name = inner.block_on(async {
            assert!(hob::current_task().is_none(), "this is no task");
            hob::sleep(Duration::from_millis(2)).await;
            hob::spawn(async { here() }).await.expect("it ends")
        });
        assert_eq!(here(), outside);
        assert_eq!(hob::current_task().map(|task| task.id), task);
        name
    }

    #[test]
    fn in_main_of_another_it_works() {
        let (outer, inner) = (pool("outer"), pool("inner"));
        let name = outer.block_on(async { run_inner(&inner) });
        assert_eq!(name, "inner");
    }

    #[test]
    fn in_a_task_of_another_it_works() {
        let (outer, inner) = (pool("outer"), pool("inner"));
        let task = outer.spawn(async move { run_inner(&inner) });
        assert_eq!(outer.block_on(task).expect("it does not panic"), "inner");
    }

    #[test]
    fn in_a_task_on_one_thread_it_works() {
        let name = hob::run_local(async {
            let inner = pool("inner");
            let task = hob::spawn_local(async move { run_inner(&inner) });
            task.await.expect("it does not panic")
        });
        assert_eq!(name, "inner");
    }

    #[test]
    fn one_thread_within_one_thread_works() {
        let (outer, inner) = (local("outer"), local("inner"));
        let names = outer.block_on(async {
            let beside = hob::spawn_local(async { here() });
            let name = inner.block_on(async {
                let kept = Rc::new(1);
                let task = hob::spawn_local(async move { (here(), *kept) });
                task.await.expect("it does not panic").0
            });
            (name, beside.await.expect("it does not panic"))
        });
        assert_eq!(names, ("inner".to_owned(), "outer".to_owned()));
    }

    #[test]
    fn one_thread_in_a_task_of_a_pool_works() {
        let outer = pool("outer");
        let task = outer.spawn(async {
            let inner = local("inner");
            let name = inner.block_on(async {
                let kept = Rc::new(here());
                hob::sleep(Duration::from_millis(2)).await;
                let task = hob::spawn_local(async move { kept.to_string() });
                task.await.expect("it does not panic")
            });
            (name, here())
        });
        let names = outer.block_on(task).expect("it does not panic");
        assert_eq!(names, ("inner".to_owned(), "outer".to_owned()));
    }

    #[test]
    fn in_a_blocking_job_it_works_and_may_be_its_own() {
        let outer = Arc::new(pool("outer"));
        let again = Arc::clone(&outer);
        let names = outer.block_on(async move {
            let job = hob::to_thread(move || {
                let inner = pool("inner");
                (run_inner(&inner), run_inner(&again))
            });
            job.await.expect("it does not panic")
        });
        assert_eq!(names, ("inner".to_owned(), "outer".to_owned()));
    }

    #[test]
    fn one_thread_in_a_blocking_job_of_a_pool_works() {
        let outer = pool("outer");
        let sum = outer.block_on(async {
            let job = hob::to_thread(|| {
                let inner = local("inner");
                inner.block_on(async {
                    let kept = Rc::new(40);
                    let far = hob::to_thread(|| 2).await.expect("it ends");
                    let task = hob::spawn_local(async move { *kept + far });
                    task.await.expect("it does not panic")
                })
            });
            job.await.expect("it does not panic")
        });
        assert_eq!(sum, 42);
    }

    #[test]
    fn dropped_inside_a_task_of_another_it_ends() {
        let (outer, inner) = (pool("outer"), pool("inner"));
        let handle = inner.handle();
        let (sender, dropped) = channel::<()>();
        inner
            .spawn(async move {
                let _sender = sender;
                future::pending::<()>().await;
            })
            .detach();
        let task = outer.spawn(async move { drop(inner) });
        outer.block_on(task).expect("it does not panic");
        dropped.recv().expect_err("its task is dropped");
        // The rest of it ends in the background.
        while !handle.is_closed() {
            std::thread::yield_now();
        }
    }
}

mod the_same_again {
    use super::*;

    /// What a panic said, and where `panic_of` was called.
    struct Caught {
        message: String,
        line: u32,
    }

    /// The panic that `act`, on the caller's line, must end in.
    #[track_caller]
    fn panic_of(act: impl FnOnce()) -> Caught {
        let payload = catch_unwind(AssertUnwindSafe(act)).expect_err("it panics");
        let message = payload.downcast::<String>();
        Caught {
            message: *message.expect("the message is made of parts"),
            line: Location::caller().line(),
        }
    }

    impl Caught {
        fn names(&self, runtime: &str, around: &str) {
            let Self { message, line } = self;
            let inside = format!("waiting for the runtime {runtime:?} at {}:{line}:", file!());
            assert!(message.starts_with(&inside), "{message}");
            assert!(message.contains(around), "{message}");
        }
    }

    #[test]
    fn in_a_task_of_a_pool_is_a_panic_that_names_both_places() {
        let runtime = Arc::new(pool("twice"));
        let again = Arc::clone(&runtime);
        let task = runtime.spawn(async move { panic_of(|| again.block_on(async {})) });
        let place = task.spawned_at();
        let caught = runtime.block_on(task).expect("the panic was caught");
        caught.names("twice", &format!("spawned at {place}"));
    }

    #[test]
    fn in_a_task_on_one_thread_is_a_panic_that_names_both_places() {
        let runtime = Rc::new(local("twice"));
        let again = Rc::clone(&runtime);
        let task = runtime.spawn_local(async move { panic_of(|| again.block_on(async {})) });
        let place = task.spawned_at();
        let caught = runtime.block_on(task).expect("the panic was caught");
        caught.names("twice", &format!("spawned at {place}"));
    }

    #[test]
    fn with_another_runtime_in_between_is_a_panic_too() {
        let (runtime, other) = (local("twice"), pool("between"));
        let caught = runtime
            .block_on(async { other.block_on(async { panic_of(|| runtime.block_on(async {})) }) });
        caught.names("twice", "the main future");
        let caught = runtime.block_on(async {
            other
                .handle()
                .enter(|| panic_of(|| runtime.block_on(async {})))
        });
        caught.names("twice", "the main future");
    }

    #[test]
    fn in_a_task_that_has_entered_a_handle_is_a_panic_that_names_both_places() {
        // Its own, and that of another runtime, which hides the task but not the thread.
        let (runtime, other) = (Arc::new(pool("twice")), pool("between"));
        for handle in [runtime.handle(), other.handle()] {
            let again = Arc::clone(&runtime);
            let task = runtime
                .spawn(async move { handle.enter(|| panic_of(|| again.block_on(async {}))) });
            let place = task.spawned_at();
            let caught = runtime.block_on(task).expect("the panic was caught");
            caught.names("twice", &format!("spawned at {place}"));
        }
    }

    #[test]
    fn in_a_task_that_waits_in_another_runtime_is_a_panic_that_names_both_places() {
        let (runtime, other) = (Arc::new(pool("twice")), Arc::new(pool("between")));
        let again = Arc::clone(&runtime);
        let task = runtime.spawn(async move {
            let inside = async { panic_of(|| again.block_on(async {})) };
            other.block_on(inside)
        });
        let place = task.spawned_at();
        let caught = runtime.block_on(task).expect("the panic was caught");
        caught.names("twice", &format!("spawned at {place}"));
    }

    #[test]
    fn to_drop_or_shut_down_in_a_task_is_no_panic_and_does_not_wait_for_itself() {
        for act in [drop::<Runtime>, Runtime::shutdown_background] {
            let runtime = pool("twice");
            let handle = runtime.handle();
            let (sender, ended) = channel();
            let keeps = Arc::new(std::sync::Mutex::new(None));
            let taken = Arc::clone(&keeps);
            *keeps.lock().unwrap() = Some(runtime);
            let task = handle.spawn(async move {
                let runtime = taken.lock().unwrap().take().expect("it is there");
                act(runtime);
                sender.send(()).expect("the test listens");
            });
            ended
                .recv_timeout(Duration::from_secs(5))
                .expect("it does not wait for itself");
            task.detach();
        }
    }

    #[test]
    fn in_main_on_one_thread_is_a_panic_too() {
        let runtime = local("twice");
        let caught = runtime.block_on(async { panic_of(|| runtime.block_on(async {})) });
        caught.names("twice", "the main future");
    }

    #[test]
    fn to_run_for_ever_is_a_panic_too() {
        let runtime = Rc::new(local("twice"));
        let again = Rc::clone(&runtime);
        let task = runtime.spawn_local(async move { panic_of(|| again.run_forever()) });
        let place = task.spawned_at();
        let caught = runtime.block_on(task).expect("the panic was caught");
        caught.names("twice", &format!("spawned at {place}"));

        let runtime = Arc::new(pool("twice"));
        let again = Arc::clone(&runtime);
        let task = runtime.spawn(async move { panic_of(|| again.run_forever()) });
        let place = task.spawned_at();
        let caught = runtime.block_on(task).expect("the panic was caught");
        caught.names("twice", &format!("spawned at {place}"));
    }

    #[test]
    fn in_main_of_a_pool_works() {
        let runtime = pool("twice");
        // This thread runs no tasks, so nothing waits for itself.
        let answer = runtime.block_on(async { runtime.block_on(async { 42 }) });
        assert_eq!(answer, 42);
    }
}
