//! Outside any runtime everything works, on somebody else's executor too.

use std::future::{self, Future};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use hob::time::Instant;
use hob::{LocalRuntime, Runtime};

const SHORT: Duration = Duration::from_millis(10);

#[test]
fn a_sleep_is_never_early() {
    block_on(async {
        assert!(hob::Handle::try_current().is_err());
        let begin = Instant::now();
        hob::sleep(SHORT).await;
        assert!(begin.elapsed() >= SHORT);
    });
}

#[test]
fn a_timeout_ends_what_does_not_end() {
    block_on(async {
        let begin = Instant::now();
        let ended = hob::timeout(SHORT, future::pending::<()>()).await;
        ended.expect_err("it does not end");
        assert!(begin.elapsed() >= SHORT);
        let ended = hob::timeout(Duration::MAX, hob::sleep(SHORT)).await;
        ended.expect("it ends in time");
    });
}

#[test]
fn an_interval_ticks() {
    block_on(async {
        let begin = Instant::now();
        let mut interval = hob::time::interval(SHORT);
        for _ in 0..3 {
            interval.tick().await;
        }
        // The first tick comes at once.
        assert!(begin.elapsed() >= 2 * SHORT);
    });
}

#[test]
fn a_blocking_job_runs() {
    let thread = thread::current().id();
    let other = block_on(hob::to_thread(|| thread::current().id()));
    assert_ne!(other.expect("it does not panic"), thread);
}

#[test]
fn locks_and_channels_work_between_threads() {
    let (sender, receiver) = hob::sync::oneshot::channel();
    let waits = thread::Builder::new()
        .spawn(move || block_on(receiver))
        .expect("a thread starts");
    sender.send(42).expect("somebody waits");
    assert_eq!(waits.join().unwrap().ok(), Some(42));
}

#[test]
fn what_is_made_outside_is_awaited_inside() {
    let (first, second) = (hob::sleep(SHORT), hob::sleep(SHORT));
    let begin = Instant::now();
    hob::run(async {
        hob::spawn(first).await.expect("it ends");
        assert!(begin.elapsed() >= SHORT);
    });
    hob::run_local(second);
}

#[test]
fn what_is_made_outside_is_bound_to_the_runtime_that_waits() {
    let sleep = hob::sleep(Duration::MAX);
    let runtime = Runtime::builder().worker_threads(1).build().unwrap();
    let task = runtime.spawn(sleep);
    while runtime.statistics().timers_armed == 0 {
        thread::yield_now();
    }
    task.cancel("seen");
    runtime.block_on(task).expect_err("it was cancelled");
    assert_eq!(runtime.statistics().timers_armed, 0);
}

#[test]
fn what_waits_outside_goes_on_inside() {
    let mut sleep = Box::pin(hob::sleep(5 * SHORT));
    block_on(future::poll_fn(|cx| {
        assert!(sleep.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    }));
    let runtime = LocalRuntime::new().unwrap();
    runtime
        .block_on(runtime.spawn_local(sleep))
        .expect("it ends");
}

#[test]
fn to_spawn_is_an_error_that_gives_the_future_back() {
    let refused = hob::try_spawn(async { 42 }).expect_err("there is no runtime");
    assert_eq!(block_on(refused.future), 42);
}

#[test]
#[should_panic(expected = "hob::spawn needs a runtime: call it inside `hob::run(...)`")]
fn to_spawn_without_asking_is_a_panic_with_advice() {
    hob::spawn(async {}).detach();
}

#[test]
#[should_panic(expected = "`Handle::current` needs a runtime")]
fn to_ask_for_the_runtime_is_a_panic_with_advice() {
    let _none = hob::Handle::current();
}

#[test]
fn there_are_no_tasks() {
    assert!(hob::current_task().is_none() && hob::all_tasks().is_empty());
    // Nobody would run it.
    hob::on_cancel(async { unreachable!("it is dropped") });
    block_on(hob::yield_now());
}
