//! The queues keep the contract of `Timers`, and the suite notices who does not.

#![cfg(not(loom))]

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use hob_core::conformance;
use hob_core::panic::{contain, discard, message};
use hob_core::{Alarm, Instant, Retired, TimerKey, Timers, Unpark};
use hob_time::{Clock, Heap, VirtualClock, Wheel};

const TICK: Duration = Duration::from_nanos(1);

/// A sentence of the contract that is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    None,
    ExpiresEarly,
    ExpiresLate,
    ExpiresInReverse,
    WakesItself,
    KeepsThePlaceInLine,
    KeepsTheWaker,
    ForgetsToDisarm,
    LeavesTheKey,
    RefusesThePast,
    TakesNeverForNow,
    PublishesNothing,
    PublishesForEver,
    TellsNobody,
    TellsAlways,
    RetiresSilently,
    TakesTimersWhenRetired,
    TakesKeysOfAnEarlierUse,
    ResetsNothing,
    ResetsWhatHasFired,
}

/// A heap with a fault.
struct Faulty {
    heap: Heap,
    fault: Fault,
    alarm: std::sync::Mutex<Option<Arc<Alarm>>>,
}

fn faulty(fault: Fault) -> impl Fn() -> &'static dyn Timers {
    move || {
        Box::leak(Box::new(Faulty {
            heap: Heap::new(Clock::System),
            fault,
            alarm: std::sync::Mutex::new(None),
        }))
    }
}

/// The suite says which sentence is broken.
fn check(fault: Fault, sentence: &str) {
    let payload = contain(|| conformance::timers(faulty(fault)))
        .expect_err(&format!("the suite does not notice {fault:?}"));
    let text = message(&payload);
    assert!(text.contains(sentence), "{fault:?} is taken for: {text}");
    discard(payload);
}

#[test]
fn the_heap_keeps_the_contract_of_timers() {
    conformance::timers(|| Heap::open(Clock::System));
    let clock = VirtualClock::open(Instant::from_nanos(1 << 60));
    conformance::timers(|| Heap::open(Clock::Virtual(clock)));
    clock.close();
    conformance::timers(faulty(Fault::None));
}

#[test]
fn the_wheel_keeps_the_contract_of_timers() {
    conformance::timers(|| Wheel::open());
    conformance::timers(|| Box::leak(Box::new(Wheel::new())));
}

#[test]
fn statistics_count_one_use() {
    struct Nobody;
    impl Unpark for Nobody {
        fn unpark(&self) {}
    }
    let (heap, wheel) = (Heap::new(Clock::System), Wheel::new());
    for _use in 0..2 {
        for queue in [&heap as &dyn Timers, &wheel] {
            queue.attach(Arc::new(Alarm::new(Arc::new(Nobody))));
            for deadline in [queue.now(), Instant::NEVER] {
                let armed = queue.arm(&mut TimerKey::new(), deadline, Waker::noop());
                assert_eq!(armed, Ok(()));
            }
            queue.expire(queue.now(), &mut Vec::new());
        }
        for statistics in [heap.statistics(), wheel.statistics()] {
            assert_eq!(statistics.timers_armed, 1);
            assert_eq!(statistics.timers_expired, 1);
        }
        heap.retire(&mut Vec::new());
        wheel.retire(&mut Vec::new());
        assert_eq!(wheel.statistics().timers_armed, 0);
    }
}

#[test]
fn the_suite_notices_each_fault() {
    check(Fault::ExpiresEarly, "no timer before its deadline");
    check(Fault::ExpiresLate, "a timer at its deadline");
    check(
        Fault::ExpiresInReverse,
        "the order in which they were armed",
    );
    check(Fault::WakesItself, "wakes no waker");
    check(Fault::KeepsThePlaceInLine, "counts as armed then");
    check(Fault::KeepsTheWaker, "drops the waker that it displaces");
    check(Fault::ForgetsToDisarm, "drops the waker");
    check(Fault::LeavesTheKey, "empties the key");
    check(Fault::RefusesThePast, "due at once");
    check(Fault::TakesNeverForNow, "`NEVER` is not reached");
    check(Fault::PublishesNothing, "no later than the earliest");
    check(Fault::PublishesForEver, "`NEVER`");
    check(Fault::TellsNobody, "ends the sleep");
    check(Fault::TellsAlways, "a later timer does not end the sleep");
    check(Fault::RetiresSilently, "the waker of each timer");
    check(Fault::TakesTimersWhenRetired, "refuses timers");
    check(Fault::TakesKeysOfAnEarlierUse, "a key of an earlier use");
    check(Fault::ResetsNothing, "can be reset to later");
    check(Fault::ResetsWhatHasFired, "leaves the key empty");
}

impl Timers for Faulty {
    fn now(&self) -> Instant {
        self.heap.now()
    }

    fn arm(&self, key: &mut TimerKey, deadline: Instant, waker: &Waker) -> Result<(), Retired> {
        let deadline = match self.fault {
            Fault::RefusesThePast if deadline.as_nanos() == 0 => Instant::NEVER,
            Fault::TakesNeverForNow if deadline.is_never() => self.now(),
            _ => deadline,
        };
        let armed_there = key
            .get()
            .is_some_and(|(nanos, _)| nanos == deadline.as_nanos());
        match self.fault {
            Fault::KeepsThePlaceInLine if armed_there => return Ok(()),
            Fault::KeepsTheWaker => {
                Box::leak(Box::new(waker.clone()));
            }
            Fault::TakesTimersWhenRetired if self.alarm.lock().unwrap().is_none() => return Ok(()),
            Fault::TellsAlways => {
                if let Some(alarm) = &*self.alarm.lock().unwrap() {
                    alarm.notify_earlier(Instant::from_nanos(0));
                }
            }
            _ => {}
        }
        match self.heap.arm(key, deadline, waker) {
            // The key is empty now.
            Err(Retired) if self.fault == Fault::TakesKeysOfAnEarlierUse => {
                self.heap.arm(key, deadline, waker)
            }
            result => result,
        }
    }

    fn reset(&self, key: &mut TimerKey, deadline: Instant) {
        let stays = key
            .get()
            .is_some_and(|(nanos, _)| nanos == deadline.as_nanos());
        match self.fault {
            Fault::KeepsThePlaceInLine if stays => {}
            Fault::ResetsNothing => {}
            Fault::ResetsWhatHasFired if !key.is_empty() => {
                let words = key.get();
                self.heap.reset(key, deadline);
                words
                    .filter(|_| key.is_empty())
                    .into_iter()
                    .for_each(|words| key.set(words));
            }
            _ => self.heap.reset(key, deadline),
        }
    }

    fn disarm(&self, key: &mut TimerKey) {
        match self.fault {
            Fault::ForgetsToDisarm => drop(key.take()),
            Fault::LeavesTheKey => {
                let words = key.get();
                self.heap.disarm(key);
                words.into_iter().for_each(|words| key.set(words));
            }
            _ => self.heap.disarm(key),
        }
    }

    fn next(&self) -> Instant {
        match self.fault {
            Fault::PublishesNothing => Instant::NEVER,
            Fault::PublishesForEver => self.heap.next().min(self.now()),
            _ => self.heap.next(),
        }
    }

    fn expire(&self, now: Instant, woken: &mut Vec<Waker>) {
        let before = woken.len();
        match self.fault {
            Fault::ExpiresEarly => self.heap.expire(now + TICK, woken),
            Fault::ExpiresLate => self.heap.expire(now - TICK, woken),
            _ => self.heap.expire(now, woken),
        }
        match self.fault {
            Fault::ExpiresInReverse => woken[before..].reverse(),
            Fault::WakesItself => woken[before..].iter().for_each(Waker::wake_by_ref),
            _ => {}
        }
    }

    fn attach(&self, alarm: Arc<Alarm>) {
        *self.alarm.lock().unwrap() = Some(Arc::clone(&alarm));
        if self.fault == Fault::TellsNobody {
            struct Deaf;
            impl Unpark for Deaf {
                fn unpark(&self) {}
            }
            self.heap.attach(Arc::new(Alarm::new(Arc::new(Deaf))));
        } else {
            self.heap.attach(alarm);
        }
    }

    fn retire(&self, woken: &mut Vec<Waker>) {
        *self.alarm.lock().unwrap() = None;
        match self.fault {
            Fault::RetiresSilently => self.heap.retire(&mut Vec::new()),
            _ => self.heap.retire(woken),
        }
    }
}
