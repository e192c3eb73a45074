//! A thread for each blocking job.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use hob::engine::{Blocking, Job, JobKind};

use crate::Counter;

pub static RUN: Counter = Counter::new();

/// What its threads are called.
pub const NAME: &str = "toy";

/// Starts threads, and does not know how many there are.
#[derive(Default)]
pub struct ToyThreads {
    closed: AtomicBool,
}

impl ToyThreads {
    /// Takes no more jobs; those that run go on.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

impl Blocking for ToyThreads {
    fn run(&self, job: Job, _kind: JobKind) -> Result<(), Job> {
        RUN.add_one();
        if self.closed.load(Ordering::SeqCst) {
            return Err(job);
        }
        // In a shared place, so that it is still there if the thread cannot be started.
        let job = Arc::new(Mutex::new(Some(job)));
        let thread_takes = Arc::clone(&job);
        let builder = thread::Builder::new().name(NAME.to_owned());
        // A job that panics ends its own thread, and no other.
        let started = builder.spawn(move || take(&thread_takes).map(|job| job()));
        match started {
            Ok(_) => Ok(()),
            Err(_) => take(&job).map_or(Ok(()), Err),
        }
    }
}

fn take(job: &Mutex<Option<Job>>) -> Option<Job> {
    job.lock().expect("nothing panics under it").take()
}
