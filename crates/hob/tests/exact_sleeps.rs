//! While a thread sleeps until a timer the system is to wake it on time: its timer slack is a nanosecond
//! then, and what it was when it runs.

#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hob::{LocalRuntime, Runtime};

use crate::support::in_time;

const PATIENCE: Duration = Duration::from_secs(30);

/// Where the system tells the slack of this thread, in nanoseconds.
fn slack_file() -> PathBuf {
    let thread = fs::read_link("/proc/thread-self").expect("Linux tells who runs");
    let id = thread.file_name().expect("it ends in the thread's number");
    Path::new("/proc").join(id).join("timerslack_ns")
}

/// Reads it; nothing, where another thread may not.
fn slack(file: &Path) -> Option<u64> {
    match fs::read_to_string(file) {
        Ok(text) => Some(text.trim().parse().expect("it is a number")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
        Err(error) => panic!("{}: {error}", file.display()),
    }
}

/// Runs `sleeps` on this thread until another thread has seen that its sleeps are exact.
fn check(sleeps: impl FnOnce(Arc<AtomicBool>)) {
    let file = slack_file();
    let before = slack(&file).expect("a thread may ask about itself");
    assert!(before > 1, "it is exact as it is: nothing would be shown");
    let seen = Arc::new(AtomicBool::new(false));
    let watch = {
        let (seen, file) = (Arc::clone(&seen), file.clone());
        thread::Builder::new().spawn(move || {
            while slack(&file).is_some_and(|slack| slack != 1) {
                thread::yield_now();
            }
            seen.store(true, Ordering::SeqCst);
        })
    };
    let watch = watch.expect("a thread starts");
    sleeps(seen);
    watch.join().expect("it does not panic");
    assert_eq!(slack(&file), Some(before));
}

async fn sleep_until_seen(seen: Arc<AtomicBool>) {
    let file = slack_file();
    let before = slack(&file);
    while !seen.load(Ordering::SeqCst) {
        hob::sleep(Duration::from_millis(2)).await;
        assert_eq!(slack(&file), before, "whatever runs has its own slack");
    }
}

#[test]
fn on_one_thread_at_the_poller() {
    in_time(PATIENCE, || {
        let runtime = LocalRuntime::new().unwrap();
        check(|seen| runtime.block_on(sleep_until_seen(seen)));
    });
}

#[test]
fn beside_a_pool_in_block_on() {
    in_time(PATIENCE, || {
        let runtime = Runtime::builder().worker_threads(1).build().unwrap();
        check(|seen| runtime.block_on(sleep_until_seen(seen)));
    });
}
