//! Long random histories of the wheel, beside the heap: whatever the one hands out, the other does, in the
//! same order.
//!
//! `HOB_STEPS` sets how long each history is, and `HOB_SEED` repeats one.

#![cfg(not(loom))]
#![expect(clippy::print_stdout, reason = "a failure shows the seed")]

use std::env;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use fastrand::Rng;
use hob_core::{Alarm, Instant, TimerKey, Timers, Unpark};
use hob_time::{Clock, Heap, Wheel};

const NAMES: usize = 300;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Somebody who waits; it is told from others, and never woken.
struct Somebody;

impl Wake for Somebody {
    fn wake(self: Arc<Self>) {}
}

struct Nobody;

impl Unpark for Nobody {
    fn unpark(&self) {}
}

/// The same timers in two queues.
struct History {
    rng: Rng,
    now: Instant,
    queues: [Box<dyn Timers>; 2],
    keys: Vec<[TimerKey; 2]>,
    deadlines: Vec<Instant>,
    wakers: Vec<Waker>,
    fired: u64,
}

impl History {
    fn new(seed: u64, start: Instant) -> Self {
        let history = Self {
            rng: Rng::with_seed(seed),
            now: start,
            queues: [Box::new(Wheel::new()), Box::new(Heap::new(Clock::System))],
            keys: (0..NAMES)
                .map(|_| [TimerKey::new(), TimerKey::new()])
                .collect(),
            deadlines: vec![start; NAMES],
            wakers: (0..2 * NAMES)
                .map(|_| Waker::from(Arc::new(Somebody)))
                .collect(),
            fired: 0,
        };
        history.attach();
        history
    }

    fn attach(&self) {
        for queue in &self.queues {
            queue.attach(Arc::new(Alarm::new(Arc::new(Nobody))));
        }
    }

    fn step(&mut self) {
        let name = self.rng.usize(..NAMES);
        match self.rng.u32(..1000) {
            0..400 => self.arm(name),
            400..600 => self.reset(name),
            600..750 => self.disarm(name),
            750..999 => self.expire(),
            _ => self.retire(),
        }
    }

    fn arm(&mut self, name: usize) {
        let deadline = self.deadline();
        // One of two wakers: often the same as before.
        let waker = &self.wakers[name + NAMES * self.rng.usize(..2)];
        for (queue, key) in self.queues.iter().zip(&mut self.keys[name]) {
            assert_eq!(queue.arm(key, deadline, waker), Ok(()));
        }
        self.deadlines[name] = deadline;
    }

    fn reset(&mut self, name: usize) {
        let deadline = if self.rng.bool() {
            // As an idle timeout is.
            self.deadlines[name].max(self.now) + self.delay(0..10)
        } else {
            self.deadline()
        };
        let left = [0, 1].map(|which| {
            let key = &mut self.keys[name][which];
            self.queues[which].reset(key, deadline);
            !key.is_empty()
        });
        assert_eq!(left[0], left[1], "both know whether it has fired");
        self.deadlines[name] = deadline;
    }

    fn disarm(&mut self, name: usize) {
        for (queue, key) in self.queues.iter().zip(&mut self.keys[name]) {
            queue.disarm(key);
        }
    }

    fn expire(&mut self) {
        self.now = if self.rng.u32(..4) == 0 {
            // To the very deadline, or a nanosecond before it.
            let next = self.queues[1].next();
            let before = Duration::from_nanos(self.rng.u64(..2));
            if next.is_never() || next - self.now > 10 * DAY {
                self.now
            } else {
                self.now.max(next - before)
            }
        } else {
            let leaps = self.rng.u32(..2_000) == 0;
            self.now + self.delay(if leaps { 0..18 } else { 0..13 })
        };
        // No clock shows never.
        self.now = self.now.min(Instant::NEVER - Duration::from_nanos(1));
        let mut woken = [Vec::new(), Vec::new()];
        for (queue, woken) in self.queues.iter().zip(&mut woken) {
            queue.expire(self.now, woken);
        }
        let [wheel, heap] = woken;
        assert_eq!(wheel.len(), heap.len(), "as many are due");
        let same = wheel.iter().zip(&heap).all(|(one, two)| one.will_wake(two));
        assert!(same, "the same are due, in the same order");
        self.fired += heap.len() as u64;
        assert!(
            self.queues[0].next() > self.now,
            "whoever drives it would spin"
        );
    }

    fn retire(&mut self) {
        let mut woken = [Vec::new(), Vec::new()];
        for (queue, woken) in self.queues.iter().zip(&mut woken) {
            queue.retire(woken);
        }
        assert_eq!(woken[0].len(), woken[1].len());
        self.attach();
        for keys in &mut self.keys {
            *keys = [TimerKey::new(), TimerKey::new()];
        }
    }

    fn check(&self) {
        let [wheel, heap] = [0, 1].map(|which| self.queues[which].next());
        assert!(wheel <= heap, "{wheel:?} is later than {heap:?}");
    }

    /// In the past, now, soon, often the same as another's, far off, or never.
    fn deadline(&mut self) -> Instant {
        match self.rng.u32(..20) {
            0 => Instant::NEVER,
            1 => self.now - self.delay(0..13),
            2..6 => self.deadlines[self.rng.usize(..NAMES)],
            6 => self.now + self.delay(0..21),
            _ => self.now + self.delay(0..13),
        }
    }

    /// Between nothing and ten to one of these powers of ten, in nanoseconds.
    fn delay(&mut self, powers: Range<u32>) -> Duration {
        let most = 10_u128.pow(self.rng.u32(powers));
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        Duration::from_nanos(self.rng.u64(0..=most))
    }
}

fn number_of(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().expect("it is a number"))
}

fn check(offset: Duration) {
    let steps = number_of("HOB_STEPS").unwrap_or(300_000);
    let seed = number_of("HOB_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("HOB_SEED={seed} repeats it");
    let mut history = History::new(seed, Instant::from_nanos(1 << 60) + offset);
    for _ in 0..steps {
        history.step();
        history.check();
    }
    assert!(history.fired > steps / 20, "many have fired");
}

#[test]
fn from_the_first_reading_of_the_clock() {
    check(Duration::ZERO);
}

#[test]
fn after_twelve_days() {
    check(12 * DAY);
}

#[test]
fn where_milliseconds_fill_thirty_one_bits() {
    check(Duration::from_millis(1 << 31) - Duration::from_secs(20));
}

#[test]
fn where_milliseconds_fill_thirty_two_bits() {
    check(Duration::from_millis(1 << 32) - Duration::from_secs(20));
}

#[test]
fn after_ten_years() {
    check(3653 * DAY);
}

#[test]
fn at_both_ends_of_the_scale() {
    let end = Instant::NEVER - Instant::from_nanos(1 << 60);
    let last = Instant::NEVER - Duration::from_nanos(1);
    for start in [
        Instant::from_nanos(0),
        Instant::from_nanos(1 << 60) + end - DAY,
    ] {
        let mut history = History::new(7, start);
        for _ in 0..100_000 {
            history.step();
            history.check();
        }
        let is_late = start > Instant::from_nanos(0);
        assert_eq!(history.now == last, is_late, "it ends where time does");
    }
}
