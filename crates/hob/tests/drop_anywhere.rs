//! A runtime may be dropped anywhere, a thousand times over, and leaves nothing behind.
//!
//! What is counted belongs to the whole process, so each test runs in a process of its own: it
//! starts this very program again.
#![cfg(target_os = "linux")]

use std::cell::RefCell;
use std::env;
use std::fs;
use std::future;
use std::process::Command;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hob::Runtime;
use hob::time::Instant;

const DEADLINE: Duration = Duration::from_secs(10);
const TIMES: usize = 1000;
/// Caches of the allocator and of hob fill up first.
const WARM_UP: usize = 200;
/// What a thousand runtimes leave behind, if nothing is lost, stays below a tenth of it.
const GROWTH_MAX_KIB: usize = 512;

#[test]
fn inside_its_own_task() {
    a_thousand_times("inside_its_own_task", || {
        let runtime = busy_runtime();
        let handle = runtime.handle();
        handle.spawn(async move { drop(runtime) }).detach();
    });
}

#[test]
fn inside_its_own_blocking_job() {
    a_thousand_times("inside_its_own_blocking_job", || {
        let runtime = busy_runtime();
        let handle = runtime.handle();
        let job = handle.enter(|| hob::to_thread(move || drop(runtime)));
        futures_lite::future::block_on(job).expect("the job runs and does not panic");
    });
}

#[test]
fn inside_its_own_block_on() {
    a_thousand_times("inside_its_own_block_on", || {
        let runtime = Arc::new(busy_runtime());
        let inside = Arc::clone(&runtime);
        let tasks = Arc::clone(&runtime);
        runtime.block_on(async move {
            drop(inside);
            hob::spawn(async move { drop(tasks) }).detach();
            hob::yield_now().await;
        });
        // Either this thread or the task has the last reference.
        drop(runtime);
    });
}

#[test]
fn in_the_destructor_of_a_thread_local() {
    a_thousand_times("in_the_destructor_of_a_thread_local", || {
        let thread = thread::Builder::new()
            .spawn(|| leave_to_thread_local(busy_runtime()))
            .expect("a thread starts");
        thread.join().expect("a destructor does not panic");
    });
}

#[test]
fn in_the_destructor_of_a_thread_local_of_its_own_blocking_thread() {
    a_thousand_times(
        "in_the_destructor_of_a_thread_local_of_its_own_blocking_thread",
        || {
            let runtime = busy_runtime();
            let handle = runtime.handle();
            // The thread has no other job, and ends at once.
            let job = handle.enter(|| hob::to_thread(move || leave_to_thread_local(runtime)));
            futures_lite::future::block_on(job).expect("the job runs and does not panic");
        },
    );
}

#[test]
fn in_the_background_while_the_caller_goes_on() {
    a_thousand_times("in_the_background_while_the_caller_goes_on", || {
        busy_runtime().shutdown_background();
    });
}

#[test]
fn of_one_thread() {
    a_thousand_times("of_one_thread", || {
        let runtime = hob::LocalRuntime::new().expect("it can be made");
        runtime.spawn_local(future::pending::<()>()).detach();
        runtime.block_on(async {
            hob::spawn_local(hob::sleep(Duration::MAX)).detach();
            hob::yield_now().await;
        });
    });
}

#[test]
fn behind_a_lock_that_its_task_empties() {
    let shared = Arc::new(Mutex::new(Some(busy_runtime())));
    let handle = shared.lock().unwrap().as_ref().unwrap().handle();
    let (sender, receiver) = channel();
    let taken = Arc::clone(&shared);
    handle
        .spawn(async move {
            drop(taken.lock().unwrap().take());
            sender.send(()).expect("somebody listens");
        })
        .detach();
    receiver
        .recv_timeout(DEADLINE)
        .expect("the drop does not block its own task");
    assert!(shared.lock().unwrap().is_none());
}

/// Two workers, with tasks that only a shutdown ends.
fn busy_runtime() -> Runtime {
    let runtime = Runtime::builder()
        .worker_threads(2)
        .blocking_keep_alive(Duration::ZERO)
        .shutdown_time(DEADLINE)
        .watchdog(None)
        .on_unhandled(|unhandled| panic!("nothing goes unhandled here: {unhandled}"))
        .build()
        .expect("it can be made");
    runtime.spawn(future::pending::<()>()).detach();
    runtime.spawn(hob::sleep(Duration::MAX)).detach();
    let (sender, receiver) = channel();
    runtime
        .spawn(async move { sender.send(()).expect("somebody listens") })
        .detach();
    receiver.recv().expect("a task runs");
    runtime
}

fn leave_to_thread_local(runtime: Runtime) {
    thread_local! {
        static LAST: RefCell<Option<Runtime>> = const { RefCell::new(None) };
    }
    LAST.set(Some(runtime));
}

/// Makes and drops in a process of its own, and counts what is left.
fn a_thousand_times(test: &str, make_and_drop: impl Fn()) {
    const ALONE: &str = "HOB_TEST_ALONE";
    if env::var_os(ALONE).is_none() {
        let program = env::current_exe().expect("a test knows its program");
        let output = Command::new(program)
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(ALONE, "1")
            .output()
            .expect("the program starts again");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        assert!(errors.is_empty(), "nothing is reported: {errors}");
        let ran = String::from_utf8_lossy(&output.stdout);
        assert!(ran.contains("1 passed"), "the test is found: {ran}");
        return;
    }
    let before = Counts::now();
    for _ in 0..WARM_UP {
        make_and_drop();
        before.await_again();
    }
    let warm = resident_kib();
    for _ in 0..TIMES {
        make_and_drop();
        before.await_again();
    }
    let grown = resident_kib().saturating_sub(warm);
    assert!(
        grown < GROWTH_MAX_KIB,
        "the process has grown by {grown} KiB"
    );
}

/// What the system counts for this process.
#[derive(Debug, Eq, PartialEq)]
struct Counts {
    descriptors: usize,
    threads: usize,
}

impl Counts {
    fn now() -> Self {
        let entries = |path| fs::read_dir(path).expect("Linux has it").count();
        Self {
            descriptors: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
        }
    }

    /// A thread that has told of its end is counted until the system has noticed.
    fn await_again(&self) {
        let begin = Instant::system();
        while Self::now() != *self {
            assert!(
                begin.elapsed() < DEADLINE,
                "at first {self:?}, now {:?}",
                Self::now()
            );
            thread::park_timeout(Duration::from_micros(100));
        }
    }
}

fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.parse().ok())
        .expect("Linux says how much is resident")
}
