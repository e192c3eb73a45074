//! What outlives its runtime is harmless: handles, tasks, wakers, timers.

use std::future::{self, Future};
use std::pin::Pin;
use std::sync::mpsc::channel;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use hob::net::{TcpListener, TcpStream};
use hob::prelude::*;
use hob::time::{Instant, Sleep};
use hob::{Handle, LocalRuntime, Runtime};

/// Nothing here takes that long, unless it hangs.
const LONG: Duration = Duration::from_secs(30);

fn pool() -> Runtime {
    let builder = Runtime::builder().worker_threads(2);
    builder.build().expect("it can be made")
}

fn local() -> LocalRuntime {
    LocalRuntime::new().expect("it can be made")
}

/// The handle of a runtime that has ended.
fn ended() -> Handle {
    pool().handle()
}

#[test]
fn a_handle_refuses_tasks() {
    let handle = ended();
    let refused = handle.try_spawn(async { 42 }).expect_err("it has ended");
    assert_eq!(futures_lite::future::block_on(refused.future), 42);
    let late = handle.spawn(async { 42 });
    assert!(late.is_finished() && late.is_cancelled());
    let error = futures_lite::future::block_on(late).expect_err("it never ran");
    assert_eq!(error.reason(), Some(&hob::CancelReason::Shutdown));
    assert!(handle.tasks().is_empty());
    assert_eq!(handle.name(), "hob");
}

#[test]
fn a_handle_stops_nobody_else() {
    let stale = local().handle();
    // It may well be made of what the other has left.
    let runtime = local();
    let handle = runtime.handle();
    let task = runtime.spawn_local(async move {
        hob::sleep(Duration::from_millis(20)).await;
        handle.stop();
    });
    stale.stop();
    runtime.run_forever();
    assert!(
        task.is_finished(),
        "another runtime's handle has stopped it"
    );
}

#[test]
fn inside_a_handle_time_goes_on_and_jobs_are_refused() {
    let handle = ended();
    handle.enter(|| {
        futures_lite::future::block_on(hob::sleep(Duration::from_millis(5)));
        let job = hob::to_thread(|| 42);
        let error = futures_lite::future::block_on(job).expect_err("it never runs");
        assert!(error.is_cancelled(), "{error}");
    });
}

#[test]
fn inside_a_handle_nothing_of_another_runtime_is_used() {
    let stale = local().handle();
    // They are made of what the other has left, and run nothing.
    let _idle = idle();
    let (sender, done) = channel();
    let waiter = thread::Builder::new()
        .spawn(move || {
            stale.enter(|| {
                futures_lite::future::block_on(async {
                    hob::sleep(Duration::from_millis(5)).await;
                    greet().await;
                });
            });
            sender.send(()).expect("somebody listens");
        })
        .expect("a thread starts");
    done.recv_timeout(LONG)
        .expect("nobody waits for a stranger");
    waiter.join().unwrap();
}

#[test]
fn a_blocking_job_that_is_left_behind_still_sleeps() {
    let runtime = local();
    let (begun, runs) = channel();
    let (ended, wait) = channel();
    let (sender, done) = channel();
    let job = runtime.handle().enter(|| {
        hob::to_thread(move || {
            begun.send(()).expect("somebody listens");
            wait.recv_timeout(LONG).expect("it ends");
            futures_lite::future::block_on(hob::sleep(Duration::from_millis(5)));
            sender.send(()).expect("somebody listens");
        })
    });
    runs.recv_timeout(LONG).expect("it runs");
    let report = runtime.shutdown_timeout(Duration::ZERO);
    assert_eq!(report.left_behind.len(), 1, "{report:?}");
    let _idle = idle();
    ended.send(()).expect("the job waits");
    done.recv_timeout(LONG)
        .expect("nobody waits for a stranger");
    drop(job);
}

#[test]
fn a_sleep_that_it_armed_fires_while_another_runtime_has_its_timers() {
    let sleeps = sleeps_armed_in_a_runtime_that_ended();
    let _idle = idle();
    let (sender, slept) = channel();
    let waiter = thread::Builder::new()
        .spawn(move || {
            for sleep in sleeps {
                futures_lite::future::block_on(sleep);
            }
            sender.send(()).expect("somebody listens");
        })
        .expect("a thread starts");
    slept.recv_timeout(LONG).expect("it fires");
    waiter.join().unwrap();
}

/// So many runtimes that nothing of one that has ended lies idle.
fn idle() -> Vec<LocalRuntime> {
    (0..16).map(|_| local()).collect()
}

/// One byte over a new connection; the listener waits for its poller first.
async fn greet() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("it binds");
    let mut accept = Box::pin(listener.accept());
    assert!(futures_lite::future::poll_once(&mut accept).await.is_none());
    let address = listener.local_addr().expect("it is bound");
    let mut stream = TcpStream::connect(address).await.expect("it connects");
    let (mut served, _) = accept.await.expect("somebody came");
    stream.write_all(b"!").await.expect("it is open");
    served.read_exact(&mut [0]).await.expect("it was sent");
}

#[test]
fn a_task_is_cancelled_for_whoever_awaits_it() {
    let runtime = pool();
    let task = runtime.spawn(future::pending::<()>());
    let waiter = thread::Builder::new()
        .spawn(|| futures_lite::future::block_on(task))
        .expect("a thread starts");
    drop(runtime);
    let error = waiter.join().unwrap().expect_err("it never ended");
    assert_eq!(error.reason(), Some(&hob::CancelReason::Shutdown));
}

#[test]
fn an_output_that_was_ready_is_still_there() {
    let runtime = pool();
    let task = runtime.spawn(async { 42 });
    await_until(|| task.is_finished());
    drop(runtime);
    assert_eq!(futures_lite::future::block_on(task).ok(), Some(42));
}

#[test]
fn wakers_wake_nobody() {
    let runtime = pool();
    let (sender, wakers) = channel();
    let task = runtime.spawn(future::poll_fn(move |cx| {
        sender.send(cx.waker().clone()).expect("somebody listens");
        Poll::<()>::Pending
    }));
    let waker = wakers.recv_timeout(LONG).expect("it is polled");
    drop(runtime);
    waker.wake_by_ref();
    drop(task);
    waker.wake();
    assert_eq!(wakers.iter().count(), 0, "it is not polled again");
}

#[test]
fn a_canceller_finds_nobody() {
    let runtime = pool();
    let task = runtime.spawn(future::pending::<()>());
    let canceller = task.canceller();
    drop(runtime);
    assert!(!canceller.cancel("too late"));
    drop(task);
    assert!(!canceller.cancel("far too late"));
}

#[test]
fn a_sleep_that_it_armed_fires_outside_any_runtime() {
    for sleep in sleeps_armed_in_a_runtime_that_ended() {
        futures_lite::future::block_on(sleep);
    }
}

#[test]
fn a_sleep_that_it_armed_fires_in_another_runtime() {
    let runtime = pool();
    for sleep in sleeps_armed_in_a_runtime_that_ended() {
        runtime.block_on(runtime.spawn(sleep)).expect("it fires");
    }
    let runtime = local();
    for sleep in sleeps_armed_in_a_runtime_that_ended() {
        runtime.block_on(sleep);
    }
}

#[test]
fn a_sleep_under_way_outside_fires_although_its_runtime_ends() {
    let runtime = pool();
    let mut sleep = Box::pin(hob::sleep(Duration::from_millis(50)));
    // Armed in the runtime's queue, awaited outside.
    runtime.block_on(future::poll_fn(|cx| {
        assert!(sleep.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    }));
    let (sender, slept) = channel();
    let waiter = thread::Builder::new()
        .spawn(move || {
            futures_lite::future::block_on(sleep);
            sender.send(()).expect("somebody listens");
        })
        .expect("a thread starts");
    drop(runtime);
    slept.recv_timeout(LONG).expect("it fires");
    waiter.join().unwrap();
}

fn sleeps_armed_in_a_runtime_that_ended() -> Vec<Pin<Box<Sleep>>> {
    let (sender, sleeps) = channel();
    let arm = move || {
        let sender = sender.clone();
        let mut sleep = Some(Box::pin(hob::sleep(Duration::from_millis(20))));
        future::poll_fn(move |cx| {
            let mut sleep = sleep.take().expect("it is polled once");
            assert!(sleep.as_mut().poll(cx).is_pending());
            sender.send(sleep).expect("somebody listens");
            Poll::Ready(())
        })
    };
    let runtime = pool();
    // In the queue of a worker, and in the one for everybody else.
    runtime.block_on(runtime.spawn(arm())).expect("it runs");
    runtime.block_on(arm());
    drop(runtime);
    let runtime = local();
    runtime.block_on(arm());
    drop((runtime, arm));
    let sleeps: Vec<_> = sleeps.iter().collect();
    assert_eq!(sleeps.len(), 3);
    sleeps
}

/// Waits for what another thread is about to do.
fn await_until(condition: impl Fn() -> bool) {
    let begin = Instant::system();
    while !condition() {
        assert!(begin.elapsed() < LONG, "it does not come true");
        thread::yield_now();
    }
}
