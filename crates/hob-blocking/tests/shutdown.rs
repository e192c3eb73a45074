//! Shutting a pool down: bounded, naming what is left, from anywhere.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use hob_blocking::{Pool, ToThread, to_thread, to_thread_as};
use hob_core::context::{self, Local, Role};
use hob_core::env::{Env, Parts};
use hob_core::{Blocking, Instant, JobKind};

const PATIENCE: Duration = Duration::from_secs(30);

fn pool_of(max_threads: usize) -> Arc<Pool> {
    Arc::new(Pool::builder().max_threads(max_threads).build().unwrap())
}

fn env_with(pool: &Arc<Pool>) -> Arc<Env> {
    Arc::new(Env::new(Parts {
        blocking: Some(Arc::clone(pool) as Arc<dyn Blocking>),
        ..Parts::default()
    }))
}

/// A job that runs until the sender is dropped; returns when it runs.
#[track_caller]
fn stuck(env: &Arc<Env>, kind: JobKind) -> (Sender<()>, ToThread<()>) {
    let (gate, open) = channel::<()>();
    let (sender, runs) = channel();
    let work = move || {
        sender.send(()).unwrap();
        open.recv().unwrap_or_default();
    };
    let enter = Local::new(env, Role::Guest);
    // Not in a closure: the place is our caller's.
    let future = {
        let mut future = None;
        let make: &mut dyn FnMut() = &mut || ();
        make();
        let place = std::panic::Location::caller();
        let _ = place;
        context::enter(&enter, || future.replace(to_thread_as(kind, work)));
        future.unwrap()
    };
    runs.recv_timeout(PATIENCE).unwrap();
    (gate, future)
}
