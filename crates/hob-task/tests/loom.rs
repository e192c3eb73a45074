//! Models of the shutdown: a task that comes late races the door that closes.
//!
//! What async-task does is invisible to loom, so a task is played by its entries in the census.

#![cfg(loom)]

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use hob_core::env::Parts;
use hob_core::{Env, Instant};
use hob_task::{Drain, drain};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;

/// What a drain waits on. (In loom, `unpark` also wakes a thread that waits in `join`.)
struct Bed {
    token: Mutex<bool>,
    left: Condvar,
}

impl Bed {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            token: Mutex::new(false),
            left: Condvar::new(),
        })
    }

    fn sleep(&self) {
        let mut token = self.token.lock().unwrap();
        while !*token {
            token = self.left.wait(token).unwrap();
        }
        *token = false;
    }
}

impl Wake for Bed {
    fn wake(self: Arc<Self>) {
        *self.token.lock().unwrap() = true;
        self.left.notify_one();
    }
}

struct Rig {
    env: Arc<Env>,
    /// How many tasks were accepted and have not yet gone.
    alive: AtomicUsize,
}

impl Rig {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            env: Arc::new(Env::new(Parts::default())),
            alive: AtomicUsize::new(0),
        })
    }

    /// Lives the life of a task, if it is accepted.
    fn live(&self) {
        if self.env.enroll().is_ok() {
            self.alive.fetch_add(1, Ordering::AcqRel);
            self.alive.fetch_sub(1, Ordering::AcqRel);
            self.env.discharge();
        }
    }

    fn drain(&self) {
        let mut draining = drain(Arc::clone(&self.env), Instant::NEVER);
        let bed = Bed::new();
        while poll(&mut draining, &Waker::from(Arc::clone(&bed))).is_pending() {
            bed.sleep();
        }
        let alive = self.alive.load(Ordering::Acquire);
        assert_eq!(alive, 0, "a task slipped through the door");
        assert!(self.env.is_closed());
    }
}

fn poll(draining: &mut Drain, waker: &Waker) -> Poll<()> {
    let polled = Pin::new(draining).poll(&mut Context::from_waker(waker));
    polled.map(|left| assert!(left.is_empty()))
}

#[test]
fn loom_no_task_slips_through_the_closing_door() {
    loom::model(|| {
        let rig = Rig::new();
        let late = Arc::clone(&rig);
        let late = thread::spawn(move || late.live());
        rig.drain();
        late.join().unwrap();
        assert!(rig.env.enroll().is_err());
    });
}

#[test]
fn loom_the_last_task_ends_the_drain() {
    loom::model(|| {
        let rig = Rig::new();
        rig.env.enroll().unwrap();
        let last = Arc::clone(&rig);
        let last = thread::spawn(move || last.env.discharge());
        rig.drain();
        last.join().unwrap();
    });
}

#[test]
fn loom_two_drains_both_end() {
    loom::model(|| {
        let rig = Rig::new();
        rig.env.enroll().unwrap();
        let other = Arc::clone(&rig);
        let other = thread::spawn(move || other.drain());
        let last = Arc::clone(&rig);
        let last = thread::spawn(move || last.env.discharge());
        rig.drain();
        other.join().unwrap();
        last.join().unwrap();
    });
}
