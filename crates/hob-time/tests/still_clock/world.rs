//! A runtime's surroundings with a clock that moves when a test says so.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use hob_core::context::{self, Local, Role};
use hob_core::env::Parts;
use hob_core::task::Occupant;
use hob_core::{Alarm, Env, Instant, Retired, TaskLabel, TaskSlot, TimerKey, Timers, Unpark};
use hob_time::{Clock, Heap, TimersStatistics};

/// A heap under a clock that stands still.
pub(crate) struct Still {
    now_nanos: AtomicU64,
    /// How often it was read.
    readings: AtomicUsize,
    heap: Heap,
    /// What another thread does just before the next timer is armed.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// Surroundings with such a clock.
pub(crate) struct World {
    pub(crate) timers: &'static Still,
    env: Arc<Env>,
}

/// Counts how often it was woken.
#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

struct Nobody;

impl World {
    pub(crate) fn new() -> Self {
        let start = Instant::system() + Duration::from_secs(1_000_000);
        let timers: &'static Still = Box::leak(Box::new(Still {
            now_nanos: AtomicU64::new(start.as_nanos()),
            readings: AtomicUsize::new(0),
            heap: Heap::new(Clock::System),
            meanwhile: Mutex::new(None),
        }));
        timers.attach(Arc::new(Alarm::new(Arc::new(Nobody))));
        let parts = Parts {
            timers: Some(timers),
            ..Parts::default()
        };
        Self {
            timers,
            env: Arc::new(Env::new(parts)),
        }
    }

    /// The runtime ends, and another one uses its timers. Returns who had waited.
    pub(crate) fn hand_over(&self) -> Vec<Waker> {
        end(&self.env, self.timers)
    }

    /// The same, but only just before the next timer is armed.
    pub(crate) fn hand_over_meanwhile(&self) {
        let (env, timers) = (Arc::clone(&self.env), self.timers);
        let act = Box::new(move || drop(end(&env, timers)));
        *self.timers.meanwhile.lock().unwrap() = Some(act);
    }

    pub(crate) fn enter<R>(&self, inside: impl FnOnce() -> R) -> R {
        context::enter(&Local::new(&self.env, Role::Worker), inside)
    }

    /// Enters as a poll of a task, which has a budget.
    pub(crate) fn in_task<R>(&self, inside: impl FnOnce() -> R) -> (R, Option<&'static str>) {
        let slot: &'static TaskSlot = Box::leak(Box::new(TaskSlot::new()));
        slot.occupy(Occupant {
            label: TaskLabel::new(None, std::panic::Location::caller()),
            parent: None,
            env: self.env.id(),
        });
        let local = Local::new(&self.env, Role::Worker);
        let result = context::enter(&local, || local.in_task(slot, inside));
        let snapshot = slot.snapshot(self.env.id());
        let wait = snapshot.and_then(|snapshot| snapshot.wait);
        (result, wait.map(|wait| wait.what))
    }

    pub(crate) fn poll<F: Future + Unpin>(&self, future: &mut F) -> Poll<F::Output> {
        self.poll_with(future, Waker::noop())
    }

    pub(crate) fn poll_with<F: Future + Unpin>(
        &self,
        future: &mut F,
        waker: &Waker,
    ) -> Poll<F::Output> {
        self.enter(|| poll_with(future, waker))
    }

    /// Moves the clock, and wakes those who are due.
    pub(crate) fn advance(&self, duration: Duration) {
        let now = self.timers.now() + duration;
        self.timers
            .now_nanos
            .store(now.as_nanos(), Ordering::SeqCst);
        let mut woken = Vec::new();
        self.timers.expire(now, &mut woken);
        woken.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn armed(&self) -> usize {
        self.timers.statistics().timers_armed
    }
}

fn end(env: &Env, timers: &Still) -> Vec<Waker> {
    env.end();
    let mut woken = Vec::new();
    timers.retire(&mut woken);
    timers.attach(Arc::new(Alarm::new(Arc::new(Nobody))));
    woken
}

impl Still {
    pub(crate) fn statistics(&self) -> TimersStatistics {
        self.heap.statistics()
    }

    /// How often the clock was read since the last call.
    pub(crate) fn take_readings(&self) -> usize {
        self.readings.swap(0, Ordering::SeqCst)
    }
}

impl Wakes {
    pub(crate) fn waker() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    /// How often since the last call.
    pub(crate) fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

pub(crate) fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// A body for timeouts: pending until it is told an output, and counting its polls.
#[derive(Clone, Default)]
pub(crate) struct Body(Arc<Mutex<(usize, Option<u32>)>>);

impl Body {
    pub(crate) fn finish(&self, output: u32) {
        self.0.lock().unwrap().1 = Some(output);
    }

    pub(crate) fn polls(&self) -> usize {
        self.0.lock().unwrap().0
    }
}

impl Future for Body {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<u32> {
        let mut state = self.0.lock().unwrap();
        state.0 += 1;
        state.1.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Timers for Still {
    fn now(&self) -> Instant {
        self.readings.fetch_add(1, Ordering::SeqCst);
        Instant::from_nanos(self.now_nanos.load(Ordering::SeqCst))
    }

    fn arm(&self, key: &mut TimerKey, deadline: Instant, waker: &Waker) -> Result<(), Retired> {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        meanwhile.into_iter().for_each(|act| act());
        self.heap.arm(key, deadline, waker)
    }

    fn reset(&self, key: &mut TimerKey, deadline: Instant) {
        self.heap.reset(key, deadline);
    }

    fn disarm(&self, key: &mut TimerKey) {
        self.heap.disarm(key);
    }

    fn next(&self) -> Instant {
        self.heap.next()
    }

    fn expire(&self, now: Instant, woken: &mut Vec<Waker>) {
        self.heap.expire(now, woken);
    }

    fn attach(&self, alarm: Arc<Alarm>) {
        self.heap.attach(alarm);
    }

    fn retire(&self, woken: &mut Vec<Waker>) {
        self.heap.retire(woken);
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Unpark for Nobody {
    fn unpark(&self) {}
}
