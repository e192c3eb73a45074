//! A clock that stands still until it is told to go on.

use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use hob_core::{Alarm, Instant, Retired, TimerKey, Timers};

#[derive(Default)]
pub(crate) struct StillClock(Mutex<State>);

#[derive(Default)]
struct State {
    passed: Duration,
    armed: Vec<Armed>,
    last_number: u64,
    retired: bool,
}

struct Armed {
    number: u64,
    deadline: Instant,
    waker: Waker,
}

impl StillClock {
    pub(crate) fn pass(&self, time: Duration) {
        self.0.lock().unwrap().passed += time;
    }

    /// How many timers are armed.
    pub(crate) fn armed(&self) -> usize {
        self.0.lock().unwrap().armed.len()
    }

    fn take(&self, key: &mut TimerKey) -> Option<Armed> {
        let (number, _) = key.take()?;
        let mut state = self.0.lock().unwrap();
        let index = state.armed.iter().position(|timer| timer.number == number);
        index.map(|index| state.armed.remove(index))
    }
}

impl Timers for StillClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(1 << 60) + self.0.lock().unwrap().passed
    }

    fn arm(&self, key: &mut TimerKey, deadline: Instant, waker: &Waker) -> Result<(), Retired> {
        drop(self.take(key));
        let waker = waker.clone();
        let mut state = self.0.lock().unwrap();
        if state.retired {
            return Err(Retired);
        }
        state.last_number += 1;
        let number = state.last_number;
        state.armed.push(Armed {
            number,
            deadline,
            waker,
        });
        key.set((number, 0));
        Ok(())
    }

    fn reset(&self, key: &mut TimerKey, deadline: Instant) {
        if let Some(timer) = self.take(key) {
            let armed = self.arm(key, deadline, &timer.waker);
            assert_eq!(armed, Ok(()), "it is armed, so the queue is not retired");
        }
    }

    fn disarm(&self, key: &mut TimerKey) {
        drop(self.take(key));
    }

    fn next(&self) -> Instant {
        let state = self.0.lock().unwrap();
        let deadlines = state.armed.iter().map(|timer| timer.deadline);
        deadlines.min().unwrap_or(Instant::NEVER)
    }

    fn expire(&self, now: Instant, woken: &mut Vec<Waker>) {
        let mut state = self.0.lock().unwrap();
        let due = state.armed.extract_if(.., |timer| timer.deadline <= now);
        woken.extend(due.map(|timer| timer.waker));
    }

    fn attach(&self, _alarm: Arc<Alarm>) {}

    fn retire(&self, woken: &mut Vec<Waker>) {
        let mut state = self.0.lock().unwrap();
        state.retired = true;
        woken.extend(state.armed.drain(..).map(|timer| timer.waker));
    }
}
