//! Models of the heap: whoever arms, moves and disarms timers races whoever drives them.

#![cfg(loom)]

use std::mem;
use std::sync::Arc;
use std::task::{Wake, Waker};

use hob_core::{Alarm, Instant, Retired, TimerKey, Timers, Unpark};
use hob_time::{Clock, Heap};
use loom::sync::{Condvar, Mutex};
use loom::thread;

/// A heap whose driver is the thread that made it.
struct Rig {
    heap: &'static Heap,
    alarm: Arc<Alarm>,
    bed: Arc<Bed>,
}

/// Where the driver sleeps. (In loom, `unpark` also wakes a thread that waits in `join`.)
struct Bed {
    token: Mutex<bool>,
    left: Condvar,
}

/// A waker whose references are counted.
struct Counted;

impl Rig {
    fn new() -> Self {
        let heap: &'static Heap = Box::leak(Box::new(Heap::new(Clock::System)));
        let bed = Arc::new(Bed {
            token: Mutex::new(false),
            left: Condvar::new(),
        });
        let alarm = Arc::new(Alarm::new(Arc::<Bed>::clone(&bed)));
        heap.attach(Arc::clone(&alarm));
        Self { heap, alarm, bed }
    }

    fn expire(&self, now: u64) -> Vec<Waker> {
        let mut woken = Vec::new();
        self.heap.expire(at(now), &mut woken);
        woken
    }

    /// Drives the heap at that time until somebody is due.
    fn drive(&self, now: u64) {
        let queue: &'static dyn Timers = self.heap;
        while self.expire(now).is_empty() {
            let until = self.alarm.set([queue].into_iter());
            if until > at(now) {
                self.bed.sleep();
            }
            self.alarm.clear();
        }
    }
}

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn arm(heap: &Heap, deadline: u64, waker: &Waker) -> TimerKey {
    let mut key = TimerKey::new();
    assert_eq!(heap.arm(&mut key, at(deadline), waker), Ok(()));
    key
}

#[test]
fn a_timer_armed_while_its_driver_falls_asleep_is_served() {
    loom::model(|| {
        let rig = Rig::new();
        let heap = rig.heap;
        let arms = thread::spawn(move || arm(heap, 10, Waker::noop()));
        rig.drive(10);
        arms.join().unwrap();
    });
}

#[test]
fn the_earlier_of_two_timers_armed_at_once_ends_the_sleep() {
    loom::model(|| {
        let rig = Rig::new();
        let heap = rig.heap;
        let arms =
            [10, 20].map(|deadline| thread::spawn(move || arm(heap, deadline, Waker::noop())));
        rig.drive(10);
        for arm in arms {
            arm.join().unwrap();
        }
        assert_eq!(heap.next(), at(20));
    });
}

#[test]
fn a_timer_moved_to_earlier_while_its_driver_falls_asleep_is_served() {
    loom::model(|| {
        let rig = Rig::new();
        let heap = rig.heap;
        let mut key = arm(heap, 30, Waker::noop());
        let moves = thread::spawn(move || heap.arm(&mut key, at(10), Waker::noop()));
        rig.drive(10);
        assert_eq!(moves.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_timer_that_fires_as_it_is_dropped_leaves_nothing() {
    loom::model(|| {
        let rig = Rig::new();
        let heap = rig.heap;
        let counted = Arc::new(Counted);
        let mut key = arm(heap, 10, &Waker::from(Arc::clone(&counted)));
        let drops = thread::spawn(move || heap.disarm(&mut key));
        let woken = rig.expire(10);
        drops.join().unwrap();
        assert_eq!(Arc::strong_count(&counted), 1 + woken.len());
        assert_eq!(heap.statistics().timers_armed, 0);
        assert_eq!(heap.next(), Instant::NEVER);
    });
}

#[test]
fn a_timer_that_fires_as_it_is_moved_fires_at_its_new_deadline() {
    loom::model(|| {
        let rig = Rig::new();
        let heap = rig.heap;
        let mut key = arm(heap, 10, Waker::noop());
        let moves = thread::spawn(move || heap.arm(&mut key, at(20), Waker::noop()));
        let early = rig.expire(10);
        assert!(early.len() <= 1);
        assert_eq!(moves.join().unwrap(), Ok(()));
        assert_eq!(heap.next(), at(20));
        assert_eq!(rig.expire(20).len(), 1);
    });
}

#[test]
fn a_timer_armed_as_the_heap_retires_is_handed_out_or_refused() {
    loom::model(|| {
        let rig = Rig::new();
        let heap = rig.heap;
        let arms = thread::spawn(move || heap.arm(&mut TimerKey::new(), at(10), Waker::noop()));
        let mut woken = Vec::new();
        heap.retire(&mut woken);
        match arms.join().unwrap() {
            Ok(()) => assert_eq!(woken.len(), 1),
            Err(Retired) => assert_eq!(woken.len(), 0),
        }
        assert_eq!(heap.next(), Instant::NEVER);
    });
}

#[test]
fn a_timer_moved_as_the_heap_changes_hands_does_not_go_along() {
    loom::model(|| {
        let rig = Rig::new();
        let heap = rig.heap;
        let mut key = arm(heap, 10, Waker::noop());
        let moves = thread::spawn(move || heap.arm(&mut key, at(20), Waker::noop()));
        let mut woken = Vec::new();
        heap.retire(&mut woken);
        heap.attach(Arc::clone(&rig.alarm));
        let _or_retired = moves.join().unwrap();
        assert_eq!(woken.len(), 1);
        assert_eq!(heap.next(), Instant::NEVER);
    });
}

#[test]
fn the_last_change_is_the_one_that_stays_published() {
    loom::model(|| {
        let heap = Rig::new().heap;
        let stays = thread::spawn(move || arm(heap, 10, Waker::noop()));
        let goes = thread::spawn(move || {
            let mut key = arm(heap, 5, Waker::noop());
            heap.disarm(&mut key);
        });
        stays.join().unwrap();
        goes.join().unwrap();
        assert_eq!(heap.next(), at(10));
    });
}

impl Bed {
    fn sleep(&self) {
        let mut token = self.token.lock().unwrap();
        while !mem::take(&mut *token) {
            token = self.left.wait(token).unwrap();
        }
    }
}

impl Unpark for Bed {
    fn unpark(&self) {
        *self.token.lock().unwrap() = true;
        self.left.notify_one();
    }
}

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}
