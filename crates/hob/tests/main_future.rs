//! The main future, which is no task: it is fair to the tasks, and what is left of it is cleaned up
//! inside the runtime.

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use hob::sync::Semaphore;

/// Longer than anything here takes; who waits that long waits for ever.
const LONG: Duration = Duration::from_secs(20);

/// Runs `program` on a thread of its own, and panics if it does not end.
fn ends(program: impl FnOnce() + Send + 'static) {
    let (done, ended) = channel();
    let running = thread::Builder::new()
        .spawn(move || {
            program();
            done.send(()).expect("somebody waits");
        })
        .expect("a thread starts");
    if ended.recv_timeout(LONG).is_ok() {
        running.join().expect("it has ended");
    } else if running.is_finished() {
        running.join().expect("the program panicked");
    } else {
        panic!("the program does not end");
    }
}

/// Is always ready, and never ends by itself.
async fn acquire_for_ever() {
    let permits = Semaphore::new(1);
    loop {
        drop(permits.acquire().await);
    }
}

#[test]
fn a_timeout_ends_a_main_that_is_always_ready() {
    async fn main() {
        let limited = hob::timeout(Duration::from_millis(20), acquire_for_ever());
        limited.await.expect_err("it never ends by itself");
    }
    ends(|| hob::run(main()));
    ends(|| hob::run_local(main()));
}

#[test]
fn a_main_that_is_always_ready_lets_a_task_run_on_the_same_thread() {
    ends(|| {
        hob::run_local(async {
            let ran = Arc::new(AtomicBool::new(false));
            let running = Arc::clone(&ran);
            let task = hob::spawn(async move { running.store(true, Ordering::Relaxed) });
            let permits = Semaphore::new(1);
            while !ran.load(Ordering::Relaxed) {
                drop(permits.acquire().await);
            }
            task.await.expect("it does not panic");
        });
    });
}

/// A main whose second half is dropped in the middle, when the whole is.
fn loses(rest: impl Future<Output = ()>) -> impl Future<Output = ()> {
    futures_lite::future::or(hob::yield_now(), rest)
}

#[test]
fn what_is_left_of_main_is_cleaned_up() {
    for on_one_thread in [false, true] {
        let cleaned = Arc::new(AtomicBool::new(false));
        let cleaning = Arc::clone(&cleaned);
        let main = loses(async move {
            let _guarded = hob::guarded((), move |()| async move {
                cleaning.store(true, Ordering::Relaxed);
            });
            pending().await
        });
        if on_one_thread {
            hob::run_local(main);
        } else {
            hob::run(main);
        }
        assert!(cleaned.load(Ordering::Relaxed), "{on_one_thread}");
    }
}

#[test]
fn what_is_left_of_main_may_spawn_when_it_is_dropped() {
    struct Spawns;
    impl Drop for Spawns {
        fn drop(&mut self) {
            hob::spawn(async {}).detach();
        }
    }
    async fn holds(spawns: Spawns) {
        pending::<()>().await;
        drop(spawns);
    }
    hob::run(loses(holds(Spawns)));
    hob::run_local(loses(holds(Spawns)));
}
