//! A queue of timers that is a list in the order of arming, on the system's clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use hob::engine::{Alarm, Instant, Retired, TimerKey, Timers};

use crate::Counter;

pub static NOW: Counter = Counter::new();
pub static ARM: Counter = Counter::new();
pub static EXPIRE: Counter = Counter::new();
pub static RETIRE: Counter = Counter::new();

/// A list of timers.
pub struct ToyTimers {
    list: Mutex<List>,
    /// The earliest deadline, for those who must not wait for the lock.
    next_nanos: AtomicU64,
}

#[derive(Default)]
struct List {
    timers: Vec<Timer>,
    last_number: u64,
    /// Counts the uses, each from `attach` to `retire`; every key belongs to one.
    uses: u64,
    /// Rung when a timer becomes the earliest; `None` while nobody drives the list.
    alarm: Option<Arc<Alarm>>,
}

struct Timer {
    number: u64,
    deadline: Instant,
    waker: Waker,
}

impl ToyTimers {
    /// A list that lives as long as the process: sleeping futures may outlive their runtime.
    pub fn open() -> &'static Self {
        Box::leak(Box::new(Self {
            list: Mutex::default(),
            next_nanos: AtomicU64::new(Instant::NEVER.as_nanos()),
        }))
    }

    /// Changes the list, and publishes the earliest deadline before anybody else sees the list.
    fn change<R>(&self, change: impl FnOnce(&mut List) -> R) -> R {
        let mut list = self.list.lock().expect("no foreign code runs under it");
        let result = change(&mut list);
        self.next_nanos
            .store(list.next().as_nanos(), Ordering::Relaxed);
        result
    }
}

impl List {
    fn next(&self) -> Instant {
        let deadlines = self.timers.iter().map(|timer| timer.deadline);
        deadlines.min().unwrap_or(Instant::NEVER)
    }

    /// Whether a timer is armed with this deadline and this waker.
    fn has(&self, (number, _): (u64, u64), deadline: Instant, waker: &Waker) -> bool {
        self.timers.iter().any(|timer| {
            (timer.number, timer.deadline) == (number, deadline) && timer.waker.will_wake(waker)
        })
    }

    fn remove(&mut self, words: (u64, u64)) -> Option<Timer> {
        let (number, of_use) = words;
        let mut timers = self.timers.iter();
        let index = timers.position(|timer| (timer.number, self.uses) == (number, of_use))?;
        Some(self.timers.remove(index))
    }
}

impl Timers for ToyTimers {
    fn now(&self) -> Instant {
        NOW.add_one();
        Instant::system()
    }

    fn arm(&self, key: &mut TimerKey, deadline: Instant, waker: &Waker) -> Result<(), Retired> {
        ARM.add_one();
        // Cloned before the lock is taken, and dropped after it is released: a waker is not ours.
        let waker = waker.clone();
        let old = key.take();
        let (alarm, displaced) = self.change(|list| {
            let (Some(alarm), true) = (
                list.alarm.clone(),
                old.is_none_or(|(_, of_use)| of_use == list.uses),
            ) else {
                return (None, Some(waker));
            };
            if let Some(words) = old
                && list.has(words, deadline, &waker)
            {
                key.set(words);
                return (Some((alarm, false)), Some(waker));
            }
            let displaced = old.and_then(|words| list.remove(words));
            list.last_number += 1;
            key.set((list.last_number, list.uses));
            let earliest = deadline < list.next();
            list.timers.push(Timer {
                number: list.last_number,
                deadline,
                waker,
            });
            let displaced = displaced.map(|timer| timer.waker);
            (Some((alarm, earliest)), displaced)
        });
        if let Some((alarm, true)) = &alarm {
            alarm.notify_earlier(deadline);
        }
        drop(displaced);
        alarm.map(drop).ok_or(Retired)
    }

    fn reset(&self, key: &mut TimerKey, deadline: Instant) {
        let Some(words) = key.take() else { return };
        let earliest = self.change(|list| {
            let earliest = deadline < list.next();
            // At the end of the list: it counts as armed now.
            let timer = list.remove(words)?;
            list.timers.push(Timer { deadline, ..timer });
            key.set(words);
            list.alarm.clone().filter(|_| earliest)
        });
        if let Some(alarm) = earliest {
            alarm.notify_earlier(deadline);
        }
    }

    fn disarm(&self, key: &mut TimerKey) {
        if let Some(words) = key.take() {
            drop(self.change(|list| list.remove(words)));
        }
    }

    fn next(&self) -> Instant {
        Instant::from_nanos(self.next_nanos.load(Ordering::Relaxed))
    }

    fn expire(&self, now: Instant, woken: &mut Vec<Waker>) {
        EXPIRE.add_one();
        self.change(|list| {
            let due = list.timers.extract_if(.., |timer| timer.deadline <= now);
            woken.extend(due.map(|timer| timer.waker));
        });
    }

    fn attach(&self, alarm: Arc<Alarm>) {
        self.change(|list| {
            list.uses += 1;
            list.alarm = Some(alarm);
        });
    }

    fn retire(&self, woken: &mut Vec<Waker>) {
        RETIRE.add_one();
        drop(self.change(|list| {
            woken.extend(list.timers.drain(..).map(|timer| timer.waker));
            list.alarm.take()
        }));
    }
}
