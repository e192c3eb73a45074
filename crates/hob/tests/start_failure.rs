//! The system refuses a thread: an error that says which, or a smaller pool, and never a panic.
//!
//! Each case is a process of its own: this program again, which limits its address space so that only
//! so many stacks fit.

#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use hob::{Runtime, UnhandledKind};
use rustix::process::{Resource, Rlimit, setrlimit};

/// How many MiB the child may take beside what it has.
const ROOM: &str = "HOB_TEST_ROOM_MIB";
/// What std gives a thread, and a page to guard it.
const STACK_MIB: u64 = 2;
const WORKERS: usize = 8;

#[derive(Debug, Eq, PartialEq)]
enum Ended {
    Refused,
    Smaller,
    Whole,
}

fn child(room_mib: u64) -> Output {
    let program = env::current_exe().expect("it runs");
    Command::new(program)
        .args([
            "--exact",
            "a_refused_thread_is_an_error_or_a_smaller_pool",
            "--nocapture",
        ])
        .env(ROOM, room_mib.to_string())
        // A glibc that reserves memory for each thread would reserve more than the stacks.
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .expect("it starts")
}

/// Leaves room for so many MiB more.
fn limit(room_mib: u64) {
    let sizes = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = sizes.split(' ').next().unwrap().parse().unwrap();
    let limit = Some((pages << 12) + (room_mib << 20));
    let limit = Rlimit {
        current: limit,
        maximum: limit,
    };
    setrlimit(Resource::As, limit).expect("less is always allowed");
}

/// Makes a runtime, uses it, and says what came of it.
fn scene(room_mib: u64) -> Ended {
    limit(room_mib);
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let built = Runtime::builder()
        .name("narrow")
        .worker_threads(WORKERS)
        .on_unhandled(move |unhandled| hears.lock().unwrap().push(unhandled.kind))
        .build();
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("the first worker of \"narrow\""), "{text}");
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{text}");
            return Ended::Refused;
        }
    };
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            runtime.spawn(async move {
                hob::yield_now().await;
                number
            })
        })
        .collect();
    let sum: i32 = runtime.block_on(async {
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("it does not panic");
        }
        sum
    });
    assert_eq!(sum, 4_950);
    // A job that no thread can be had for is an error too.
    let job = runtime.block_on(async { hob::to_thread(|| 42).await });
    assert!(matches!(job, Ok(42) | Err(_)));
    // In the background, where that needs a thread: without one it is done at once.
    let handle = runtime.handle();
    runtime.shutdown_background();
    while !handle.is_closed() {
        thread::yield_now();
    }
    // There may be more to tell: other threads than workers are missing too.
    let told = told.lock().unwrap();
    if told.contains(&UnhandledKind::PoolSmaller) {
        Ended::Smaller
    } else {
        Ended::Whole
    }
}

#[test]
fn a_refused_thread_is_an_error_or_a_smaller_pool() {
    if let Ok(room) = env::var(ROOM) {
        let ended = scene(room.parse().expect("it is a number"));
        // For the parent, among what the harness prints.
        assert_eq!(ended, Ended::Whole, "ended: {ended:?}");
        return;
    }
    let mut seen = [0; 3];
    for stacks in 0..=WORKERS as u64 + 4 {
        let output = child(stacks * STACK_MIB + 1);
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let ended = if output.status.success() {
            2
        } else if text.contains("ended: Smaller") {
            1
        } else if text.contains("ended: Refused") {
            0
        } else {
            panic!("with room for {stacks} stacks: {}\n{text}", output.status);
        };
        seen[ended] += 1;
    }
    let [refused, smaller, whole] = seen;
    assert!(refused > 0 && smaller > 0 && whole > 0, "{seen:?}");
}
