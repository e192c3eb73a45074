//! A long random history, beside the simplest queue there is: a sorted list.
//!
//! # Implementation
//!
//! The history is a function of a fixed seed. It starts at several distances from the present, among
//! them those at which clocks of 32 bits, ticks of a wheel and signed milliseconds have run over.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::conformance::timers::rig::Rig;
use crate::conformance::timers::{DAY, MILLISECOND, NANOSECOND, SECOND};
use crate::instant::Instant;
use crate::timers::{TimerKey, Timers};

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
const OPERATIONS: u32 = 20_000;
const NAMES: usize = 200;

pub(super) fn agrees_with_a_sorted_list(make: impl Fn() -> &'static dyn Timers) {
    let hours = |tenths: u32| tenths * (DAY / 240);
    for offset in [
        Duration::ZERO,
        12 * DAY,
        hours(5952),  // 24.8 days: 2^31 milliseconds
        hours(11928), // 49.7 days: 2^32 milliseconds
        3650 * DAY,
    ] {
        let mut history = History::new(Rig::new(make()), offset);
        for operation in 0..OPERATIONS {
            history.step();
            history.check(operation);
        }
    }
}

struct History {
    rig: Rig,
    random: Xorshift,
    now: Duration,
    keys: Vec<TimerKey>,
    armed: Vec<Armed>,
    arming: u64,
}

/// Sorted by the first two fields.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Armed {
    deadline: Duration,
    arming: u64,
    name: usize,
}

struct Xorshift(u64);

impl History {
    fn new(rig: Rig, offset: Duration) -> Self {
        assert_eq!(rig.expire(offset), []);
        Self {
            rig,
            random: Xorshift(SEED),
            now: offset,
            keys: (0..NAMES).map(|_| TimerKey::new()).collect(),
            armed: Vec::new(),
            arming: 0,
        }
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..45 => self.arm(),
            45..65 => self.reset(),
            65..80 => self.disarm(),
            80..99 => self.expire(),
            _ => self.retire(),
        }
    }

    fn arm(&mut self) {
        let name = self.random.below(NAMES);
        let deadline = self.deadline();
        self.note(name, deadline);
        self.rig
            .move_to(&mut self.keys[name], number(name), deadline);
    }

    fn reset(&mut self) {
        let name = self.random.below(NAMES);
        let deadline = self.deadline();
        let is_armed = self.armed.iter().any(|armed| armed.name == name);
        if is_armed {
            self.note(name, deadline);
        }
        let at = self.rig.at(deadline);
        self.rig.timers.reset(&mut self.keys[name], at);
        assert_eq!(
            !self.keys[name].is_empty(),
            is_armed,
            "`reset` leaves the key empty exactly if the timer is not armed"
        );
    }

    /// Armed at that deadline, and last of all.
    fn note(&mut self, name: usize, deadline: Duration) {
        self.forget(name);
        self.arming += 1;
        let armed = Armed {
            deadline,
            arming: self.arming,
            name,
        };
        let place = self.armed.partition_point(|other| *other < armed);
        self.armed.insert(place, armed);
    }

    fn disarm(&mut self) {
        let name = self.random.below(NAMES);
        self.forget(name);
        self.rig.timers.disarm(&mut self.keys[name]);
    }

    fn expire(&mut self) {
        self.now += self.random.delay();
        let due = self
            .armed
            .partition_point(|armed| armed.deadline <= self.now);
        let expected: Vec<_> = self.armed.drain(..due).collect();
        let mut names = self.rig.expire(self.now);
        // The order of different deadlines is the queue's own affair.
        names.sort_by_key(|&name| {
            let armed = expected.iter().find(|armed| number(armed.name) == name);
            armed.map(|armed| armed.deadline)
        });
        let expected: Vec<_> = expected.iter().map(|armed| number(armed.name)).collect();
        assert_eq!(
            names, expected,
            "`expire` hands out every timer that is due and none later, those with equal deadlines \
             in the order in which they were armed (seed {SEED:#x}, at {:?})",
            self.now
        );
    }

    fn retire(&mut self) {
        let mut woken: Vec<Waker> = Vec::new();
        self.rig.timers.retire(&mut woken);
        let mut names = self.rig.wake(woken);
        names.sort_unstable();
        let mut expected: Vec<_> = self.armed.drain(..).map(|one| number(one.name)).collect();
        expected.sort_unstable();
        assert_eq!(
            names, expected,
            "`retire` hands out the waker of each timer"
        );
        self.rig.timers.attach(Arc::clone(&self.rig.alarm));
        for key in self.keys.iter_mut().filter(|key| !key.is_empty()) {
            self.rig.refuses(key);
        }
    }

    fn check(&self, operation: u32) {
        let earliest = self
            .armed
            .first()
            .map_or(Instant::NEVER, |armed| self.rig.at(armed.deadline));
        assert!(
            self.rig.timers.next() <= earliest,
            "`next` is no later than the earliest deadline (seed {SEED:#x}, operation {operation})"
        );
    }

    fn forget(&mut self, name: usize) {
        self.armed.retain(|armed| armed.name != name);
    }

    /// In the past, now, soon, often the same as another's, or never.
    fn deadline(&mut self) -> Duration {
        match self.random.below(20) {
            0 => Duration::MAX,
            1 => self.now.saturating_sub(self.random.delay()),
            2..6 if !self.armed.is_empty() => {
                let index = self.random.below(self.armed.len());
                self.armed[index].deadline
            }
            _ => self.now.saturating_add(self.random.delay()),
        }
    }
}

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a bound of a test is small");
        usize::try_from(self.next() % bound).expect("it is less than the bound")
    }

    fn delay(&mut self) -> Duration {
        let unit = match self.below(16) {
            0 => Duration::ZERO,
            1..4 => NANOSECOND,
            4..8 => 1000 * NANOSECOND,
            8..13 => MILLISECOND,
            13 | 14 => SECOND,
            _ => 60 * SECOND,
        };
        unit * number(self.below(1000))
    }
}

fn number(name: usize) -> u32 {
    u32::try_from(name).expect("a name of a test is small")
}
