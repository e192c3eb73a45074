//! A million tasks wait; a second million, after the first has ended, needs no memory of its own.
//!
//! It measures the whole process, so it stands alone in its file. A release build takes a million, a
//! debug build fewer.

#![cfg(target_os = "linux")]
#![expect(
    clippy::print_stderr,
    reason = "the figures are printed for whoever asks with --nocapture"
)]

use std::fs;
use std::future;
use std::mem::size_of;

use hob::{Runtime, Task};

const TASKS: usize = if cfg!(debug_assertions) {
    100_000
} else {
    1_000_000
};
/// What a task that waits for ever may take: its future, its state, its slot.
const BYTES_MAX: usize = 256;

fn resident_bytes() -> usize {
    let sizes = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = sizes.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

/// Spawns tasks that wait for ever into `tasks`, and returns once they were polled.
fn park(runtime: &Runtime, tasks: &mut Vec<Task<()>>) {
    tasks.extend((0..TASKS).map(|_| runtime.spawn(future::pending())));
    assert_eq!(runtime.statistics().tasks_alive, TASKS);
    // The last one was spawned after all the others; on one worker it is polled after them.
    let last = runtime.spawn(async {});
    runtime.block_on(last).expect("it ends");
}

fn end(runtime: &Runtime, tasks: &mut Vec<Task<()>>) {
    for task in &*tasks {
        task.cancel("no longer needed");
    }
    runtime.block_on(async {
        for task in tasks.drain(..) {
            task.await.expect_err("it was cancelled");
        }
    });
    assert_eq!(runtime.statistics().tasks_alive, 0);
}

#[test]
fn a_second_million_after_the_first_takes_no_more_memory() {
    let runtime = Runtime::builder().worker_threads(1).build().unwrap();
    let mut tasks = Vec::with_capacity(TASKS);
    let before = resident_bytes();
    park(&runtime, &mut tasks);
    let first = resident_bytes() - before;
    // The handles are the test's own, not what a task takes.
    let each = (first - TASKS * size_of::<Task<()>>()) / TASKS;
    eprintln!(
        "{TASKS} parked tasks: {each} bytes each, beside a handle of {} bytes",
        size_of::<Task<()>>()
    );
    assert!(each <= BYTES_MAX, "{each} bytes a task");
    end(&runtime, &mut tasks);

    // Lists of what is free grow when the first million ends; what was not given back would be a third
    // and more in each round.
    let most = first + first / 6;
    for round in 2..=5 {
        park(&runtime, &mut tasks);
        let now = resident_bytes() - before;
        eprintln!("round {round}: {now} bytes, in the first: {first}");
        assert!(now <= most, "{now} bytes in round {round}, at most {most}");
        end(&runtime, &mut tasks);
    }
}
