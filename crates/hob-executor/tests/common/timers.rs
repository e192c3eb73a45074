//! The simplest queue of timers that keeps the contract, on the real clock.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use hob_core::{Alarm, Instant, Retired, TimerKey, Timers, context};

#[derive(Default)]
pub(crate) struct Naps {
    state: Mutex<State>,
    next_nanos: AtomicU64,
}

#[derive(Default)]
struct State {
    armed: Vec<(u64, Instant, Waker)>,
    last_number: u64,
    alarm: Option<Arc<Alarm>>,
}

impl Naps {
    pub(crate) fn new() -> Self {
        let naps = Self::default();
        naps.publish(&State::default());
        naps
    }

    pub(crate) fn leak() -> &'static Self {
        Box::leak(Box::new(Self::new()))
    }

    fn take(&self, key: &mut TimerKey) -> Option<(u64, Instant, Waker)> {
        let (number, _) = key.take()?;
        let mut state = self.state.lock().unwrap();
        let index = state.armed.iter().position(|timer| timer.0 == number)?;
        let timer = state.armed.remove(index);
        self.publish(&state);
        Some(timer)
    }

    /// Publishes the earliest deadline, and returns it.
    fn publish(&self, state: &State) -> Instant {
        let deadlines = state.armed.iter().map(|(_, deadline, _)| *deadline);
        let next = deadlines.min().unwrap_or(Instant::NEVER);
        self.next_nanos.store(next.as_nanos(), Ordering::SeqCst);
        next
    }
}

impl Timers for Naps {
    fn now(&self) -> Instant {
        Instant::system()
    }

    fn arm(&self, key: &mut TimerKey, deadline: Instant, waker: &Waker) -> Result<(), Retired> {
        self.disarm(key);
        let waker = waker.clone();
        let mut state = self.state.lock().unwrap();
        state.last_number += 1;
        key.set((state.last_number, 0));
        let number = state.last_number;
        state.armed.push((number, deadline, waker));
        let next = self.publish(&state);
        let alarm = state.alarm.clone();
        drop(state);
        if let Some(alarm) = alarm {
            alarm.notify_earlier(next);
        }
        Ok(())
    }

    fn reset(&self, key: &mut TimerKey, deadline: Instant) {
        if let Some((_, _, waker)) = self.take(key) {
            self.arm(key, deadline, &waker).unwrap();
        }
    }

    fn disarm(&self, key: &mut TimerKey) {
        drop(self.take(key));
    }

    fn next(&self) -> Instant {
        Instant::from_nanos(self.next_nanos.load(Ordering::SeqCst))
    }

    fn expire(&self, now: Instant, woken: &mut Vec<Waker>) {
        let mut state = self.state.lock().unwrap();
        let due = state
            .armed
            .extract_if(.., |(_, deadline, _)| *deadline <= now);
        woken.extend(due.map(|(_, _, waker)| waker));
        self.publish(&state);
    }

    fn attach(&self, alarm: Arc<Alarm>) {
        self.state.lock().unwrap().alarm = Some(alarm);
    }

    fn retire(&self, woken: &mut Vec<Waker>) {
        let mut state = self.state.lock().unwrap();
        woken.extend(state.armed.drain(..).map(|(_, _, waker)| waker));
    }
}

/// Sleeps until a deadline, on the timers of the thread that polls it first.
pub(crate) struct Nap {
    pub(crate) deadline: Instant,
    pub(crate) armed: Option<(&'static dyn Timers, TimerKey)>,
}

impl Nap {
    pub(crate) fn new(deadline: Instant) -> Self {
        Self {
            deadline,
            armed: None,
        }
    }
}

impl Future for Nap {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::system() >= self.deadline {
            return Poll::Ready(());
        }
        let deadline = self.deadline;
        let (timers, key) = self.armed.get_or_insert_with(|| {
            let timers = context::timers().expect("the runtime has timers");
            (timers, TimerKey::new())
        });
        timers.arm(key, deadline, cx.waker()).unwrap();
        Poll::Pending
    }
}
