//! Models of the queues: whoever arms, moves and disarms timers races whoever drives them. Each model runs
//! with the heap and with the wheel.

#![cfg(loom)]

use std::mem;
use std::sync::Arc;
use std::task::{Wake, Waker};

use hob_core::{Alarm, Instant, Retired, TimerKey, Timers, Unpark};
use hob_time::{Clock, Heap, Wheel};
use loom::sync::{Condvar, Mutex};
use loom::thread;

/// A queue whose driver is the thread that made it.
struct Rig {
    which: Which,
    alarm: Arc<Alarm>,
    bed: Arc<Bed>,
}

#[derive(Clone, Copy)]
enum Which {
    Heap(&'static Heap),
    Wheel(&'static Wheel),
}

/// Where the driver sleeps. (In loom, `unpark` also wakes a thread that waits in `join`.)
struct Bed {
    token: Mutex<bool>,
    left: Condvar,
}

/// A waker whose references are counted.
struct Counted;

fn model_both(check: impl Fn(&Rig) + Copy + Send + Sync + 'static) {
    loom::model(move || check(&Rig::new(Which::heap())));
    loom::model(move || check(&Rig::new(Which::wheel())));
}

impl Which {
    fn heap() -> Self {
        Self::Heap(Box::leak(Box::new(Heap::new(Clock::System))))
    }

    fn wheel() -> Self {
        Self::Wheel(Box::leak(Box::new(Wheel::new())))
    }

    fn queue(self) -> &'static dyn Timers {
        match self {
            Self::Heap(heap) => heap,
            Self::Wheel(wheel) => wheel,
        }
    }
}

impl Rig {
    fn new(which: Which) -> Self {
        let bed = Arc::new(Bed {
            token: Mutex::new(false),
            left: Condvar::new(),
        });
        let alarm = Arc::new(Alarm::new(Arc::<Bed>::clone(&bed)));
        which.queue().attach(Arc::clone(&alarm));
        Self { which, alarm, bed }
    }

    fn queue(&self) -> &'static dyn Timers {
        self.which.queue()
    }

    fn armed(&self) -> usize {
        match self.which {
            Which::Heap(heap) => heap.statistics().timers_armed,
            Which::Wheel(wheel) => wheel.statistics().timers_armed,
        }
    }

    fn expire(&self, now: u64) -> Vec<Waker> {
        expire(self.queue(), now)
    }

    /// Drives the queue at that time until somebody is due.
    fn drive(&self, now: u64) {
        while self.expire(now).is_empty() {
            let until = self.alarm.set([self.queue()].into_iter());
            if until > at(now) {
                self.bed.sleep();
            } else {
                thread::yield_now();
            }
            self.alarm.clear();
        }
    }
}

fn expire(queue: &dyn Timers, now: u64) -> Vec<Waker> {
    let mut woken = Vec::new();
    queue.expire(at(now), &mut woken);
    woken
}

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn arm(queue: &dyn Timers, deadline: u64, waker: &Waker) -> TimerKey {
    let mut key = TimerKey::new();
    assert_eq!(queue.arm(&mut key, at(deadline), waker), Ok(()));
    key
}

#[test]
fn a_timer_armed_while_its_driver_falls_asleep_is_served() {
    model_both(|rig| {
        let queue = rig.queue();
        let arms = thread::spawn(move || arm(queue, 10, Waker::noop()));
        rig.drive(10);
        arms.join().unwrap();
    });
}

#[test]
fn a_timer_armed_before_another_while_its_driver_falls_asleep_is_served() {
    model_both(|rig| {
        let queue = rig.queue();
        let _later = arm(queue, 20, Waker::noop());
        let arms = thread::spawn(move || arm(queue, 10, Waker::noop()));
        rig.drive(10);
        arms.join().unwrap();
        assert_eq!(rig.armed(), 1);
    });
}

#[test]
fn the_earlier_of_two_timers_armed_at_once_ends_the_sleep() {
    // With three threads at the lock of the wheel, which spin, a model does not end.
    loom::model(|| {
        let rig = Rig::new(Which::heap());
        let queue = rig.queue();
        let arms =
            [10, 20].map(|deadline| thread::spawn(move || arm(queue, deadline, Waker::noop())));
        rig.drive(10);
        for arm in arms {
            arm.join().unwrap();
        }
        assert_eq!(rig.armed(), 1);
        assert!(queue.next() <= at(20));
    });
}

#[test]
fn a_timer_moved_to_earlier_while_its_driver_falls_asleep_is_served() {
    model_both(|rig| {
        let queue = rig.queue();
        let mut key = arm(queue, 30, Waker::noop());
        let moves = thread::spawn(move || queue.arm(&mut key, at(10), Waker::noop()));
        rig.drive(10);
        assert_eq!(moves.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_timer_reset_to_earlier_while_its_driver_falls_asleep_is_served() {
    model_both(|rig| {
        let queue = rig.queue();
        let mut key = arm(queue, 30, Waker::noop());
        let resets = thread::spawn(move || {
            queue.reset(&mut key, at(10));
            key.is_empty()
        });
        rig.drive(10);
        assert!(!resets.join().unwrap(), "it was armed");
    });
}

#[test]
fn a_timer_that_fires_as_it_is_dropped_leaves_nothing() {
    model_both(|rig| {
        let queue = rig.queue();
        let counted = Arc::new(Counted);
        let mut key = arm(queue, 10, &Waker::from(Arc::clone(&counted)));
        let drops = thread::spawn(move || queue.disarm(&mut key));
        let woken = rig.expire(10);
        drops.join().unwrap();
        assert_eq!(Arc::strong_count(&counted), 1 + woken.len());
        assert_eq!(rig.armed(), 0);
        assert!(rig.expire(10).is_empty());
        assert_eq!(queue.next(), Instant::NEVER);
    });
}

#[test]
fn a_timer_that_fires_as_it_is_moved_fires_at_its_new_deadline() {
    model_both(|rig| {
        let queue = rig.queue();
        let mut key = arm(queue, 10, Waker::noop());
        let moves = thread::spawn(move || queue.arm(&mut key, at(20), Waker::noop()));
        let early = rig.expire(10);
        assert!(early.len() <= 1);
        assert_eq!(moves.join().unwrap(), Ok(()));
        assert!(queue.next() <= at(20));
        assert_eq!(rig.expire(20).len(), 1);
    });
}

#[test]
fn a_timer_that_fires_as_it_is_reset_fires_once() {
    model_both(|rig| {
        let queue = rig.queue();
        let mut key = arm(queue, 10, Waker::noop());
        let resets = thread::spawn(move || {
            queue.reset(&mut key, at(20));
            !key.is_empty()
        });
        let early = rig.expire(10).len();
        let is_armed = resets.join().unwrap();
        assert_eq!(early + usize::from(is_armed), 1, "it has fired or is armed");
        assert_eq!(early + rig.expire(20).len(), 1);
    });
}

#[test]
fn what_two_threads_expire_is_handed_out_once() {
    model_both(|rig| {
        let queue = rig.queue();
        let _keys = [10, 11].map(|deadline| arm(queue, deadline, Waker::noop()));
        let other = thread::spawn(move || expire(queue, 11).len());
        let here = rig.expire(10).len();
        let there = other.join().unwrap();
        assert!(here <= 1 && here + there == 2);
        assert_eq!(queue.next(), Instant::NEVER);
    });
}

#[test]
fn a_timer_armed_as_the_queue_retires_is_handed_out_or_refused() {
    model_both(|rig| {
        let queue = rig.queue();
        let arms = thread::spawn(move || queue.arm(&mut TimerKey::new(), at(10), Waker::noop()));
        let mut woken = Vec::new();
        queue.retire(&mut woken);
        match arms.join().unwrap() {
            Ok(()) => assert_eq!(woken.len(), 1),
            Err(Retired) => assert_eq!(woken.len(), 0),
        }
        assert_eq!(queue.next(), Instant::NEVER);
    });
}

#[test]
fn a_timer_moved_as_the_queue_changes_hands_does_not_go_along() {
    model_both(|rig| {
        let queue = rig.queue();
        let mut key = arm(queue, 10, Waker::noop());
        let moves = thread::spawn(move || queue.arm(&mut key, at(20), Waker::noop()));
        let mut woken = Vec::new();
        queue.retire(&mut woken);
        queue.attach(Arc::clone(&rig.alarm));
        let _or_retired = moves.join().unwrap();
        assert_eq!(woken.len(), 1);
        assert_eq!(queue.next(), Instant::NEVER);
    });
}

#[test]
fn the_last_change_is_the_one_that_stays_published() {
    model_both(|rig| {
        let queue = rig.queue();
        let stays = thread::spawn(move || arm(queue, 10, Waker::noop()));
        let goes = thread::spawn(move || {
            let mut key = arm(queue, 5, Waker::noop());
            queue.disarm(&mut key);
        });
        stays.join().unwrap();
        goes.join().unwrap();
        assert!(rig.expire(5).is_empty());
        assert_eq!(queue.next(), at(10));
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
