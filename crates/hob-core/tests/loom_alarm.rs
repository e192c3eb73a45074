//! Models of the alarm: a timer that is armed while its driver falls asleep is not overslept.

#![cfg(loom)]

use std::sync::Arc;
use std::task::Waker;

use hob_core::{Alarm, Instant, Retired, TimerKey, Timers, Unpark};
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::thread;

/// A queue that is nothing but its published deadline.
struct Queue {
    next_nanos: AtomicU64,
    alarm: Arc<Alarm>,
}

struct Sleeper {
    alarm: Arc<Alarm>,
    unparked: Arc<Unparked>,
}

struct Unparked(AtomicBool);

impl Sleeper {
    fn new() -> Self {
        let unparked = Arc::new(Unparked(AtomicBool::new(false)));
        Self {
            alarm: Arc::new(Alarm::new(Arc::<Unparked>::clone(&unparked))),
            unparked,
        }
    }

    fn queue(&self) -> &'static Queue {
        Box::leak(Box::new(Queue {
            next_nanos: AtomicU64::new(Instant::NEVER.as_nanos()),
            alarm: Arc::clone(&self.alarm),
        }))
    }

    fn oversleeps(&self, until: Instant, deadline: u64) -> bool {
        until.as_nanos() > deadline && !self.unparked.0.load(Ordering::Relaxed)
    }
}

impl Queue {
    fn publish(&self, deadline: u64) {
        self.next_nanos.store(deadline, Ordering::Relaxed);
        self.alarm.notify_earlier(Instant::from_nanos(deadline));
    }
}

fn set(alarm: &Alarm, queues: &[&'static Queue]) -> Instant {
    alarm.set(queues.iter().map(|&queue| {
        let queue: &'static dyn Timers = queue;
        queue
    }))
}

#[test]
fn a_timer_armed_while_its_driver_falls_asleep_is_seen_or_ends_the_sleep() {
    loom::model(|| {
        let sleeper = Sleeper::new();
        let queue = sleeper.queue();
        let arm = thread::spawn(|| queue.publish(10));
        let until = set(&sleeper.alarm, &[queue]);
        arm.join().unwrap();
        assert!(!sleeper.oversleeps(until, 10));
    });
}

#[test]
fn the_least_of_several_queues_is_not_overslept() {
    loom::model(|| {
        let sleeper = Sleeper::new();
        let queues = [sleeper.queue(), sleeper.queue()];
        let arms = [(queues[0], 10), (queues[1], 20)]
            .map(|(queue, deadline)| thread::spawn(move || queue.publish(deadline)));
        let until = set(&sleeper.alarm, &queues);
        for arm in arms {
            arm.join().unwrap();
        }
        assert!(!sleeper.oversleeps(until, 10));
    });
}

#[test]
fn a_sleep_after_a_sleep_is_as_safe_as_the_first() {
    loom::model(|| {
        let sleeper = Sleeper::new();
        let queue = sleeper.queue();
        queue.publish(30);
        let arm = thread::spawn(|| queue.publish(10));
        let first = set(&sleeper.alarm, &[queue]);
        assert!([10, 30].map(Instant::from_nanos).contains(&first));
        sleeper.alarm.clear();
        let until = set(&sleeper.alarm, &[queue]);
        arm.join().unwrap();
        assert!(!sleeper.oversleeps(until, 10));
    });
}

impl Unpark for Unparked {
    fn unpark(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Timers for Queue {
    fn next(&self) -> Instant {
        Instant::from_nanos(self.next_nanos.load(Ordering::Relaxed))
    }

    fn now(&self) -> Instant {
        unreachable!("an alarm reads no clock")
    }

    fn arm(&self, _: &mut TimerKey, _: Instant, _: &Waker) -> Result<(), Retired> {
        unreachable!("an alarm arms nothing")
    }

    fn reset(&self, _: &mut TimerKey, _: Instant) {
        unreachable!("an alarm moves nothing")
    }

    fn disarm(&self, _: &mut TimerKey) {
        unreachable!("an alarm disarms nothing")
    }

    fn expire(&self, _: Instant, _: &mut Vec<Waker>) {
        unreachable!("an alarm expires nothing")
    }

    fn attach(&self, _: Arc<Alarm>) {
        unreachable!("an alarm attaches nothing")
    }

    fn retire(&self, _: &mut Vec<Waker>) {
        unreachable!("an alarm retires nothing")
    }
}
