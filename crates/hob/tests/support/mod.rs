//! What several of these tests need.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Runs `scene` in a thread of its own, and fails if it takes longer than `limit`: it hangs.
#[track_caller]
pub(crate) fn in_time(limit: Duration, scene: impl FnOnce() + Send + 'static) {
    let (done, ended) = channel::<()>();
    let scene = move || {
        let _done = done;
        scene();
    };
    let scene = thread::Builder::new().spawn(scene);
    let scene = scene.expect("a thread starts");
    if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
        panic!("it hangs");
    }
    if let Err(payload) = scene.join() {
        resume_unwind(payload);
    }
}
