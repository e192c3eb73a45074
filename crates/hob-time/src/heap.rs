//! The plain queue of timers: one lock around an ordered list.
//!
//! [`Heap`] implements [`Timers`] in the simplest way that is right, and its `next` is exact. It serves where
//! time is virtual, and is the model that the [`Wheel`](crate::Wheel) is compared with.
//!
//! # Implementation
//!
//! One mutex guards the list and the attached [`Alarm`]. The earliest deadline is published in an
//! atomic beside it: stored while the lock is held, so that the stores have the order of the changes,
//! and read without the lock. Whoever arms a timer that is the earliest tells the alarm after the lock
//! is released; the drawing at [`hob_core::timers`] says why one of the two sides sees the other.
//!
//! Wakers and alarms are foreign code: cloned before the lock is taken, dropped after it is released.
//!
//! What becomes of it from use to use is told in `stage.rs`.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use hob_core::{Alarm, Instant, NotVirtual, Recycler, Retired, TimerKey, Timers};

use crate::clock::Clock;
use crate::deadlines::Deadlines;
use crate::primitive::{AtomicU64, Mutex, Ordering, lock};
use crate::stage::{Stage, tell};
use crate::statistics::TimersStatistics;

static SHELF: Recycler<Heap> = Recycler::new();

/// The plain queue of timers on a clock.
///
/// # Examples
///
/// ```
/// # use std::sync::Arc;
/// # use std::task::Waker;
/// # use hob_core::{Alarm, TimerKey, Timers, Unpark};
/// # use hob_time::{Clock, Heap};
/// # struct Nobody;
/// # impl Unpark for Nobody { fn unpark(&self) {} }
/// let heap = Heap::open(Clock::System);
/// heap.attach(Arc::new(Alarm::new(Arc::new(Nobody))));
///
/// let mut key = TimerKey::new();
/// heap.arm(&mut key, heap.now(), Waker::noop())?;
/// let mut woken = Vec::new();
/// heap.expire(heap.now(), &mut woken);
/// assert_eq!(woken.len(), 1);
///
/// heap.retire(&mut woken);
/// heap.close();
/// # Ok::<(), hob_core::Retired>(())
/// ```
pub struct Heap {
    clock: Clock,
    /// The earliest deadline. Relaxed throughout: it publishes nothing but itself, and the fences of
    /// [`Alarm`] order it where order matters.
    next_nanos: AtomicU64,
    state: Mutex<State>,
}

struct State {
    stage: Stage,
    deadlines: Deadlines,
    expired: u64,
}

impl Heap {
    /// Creates a heap that nobody drives yet.
    ///
    /// Sleeping futures want a `&'static` one: [`open`](Self::open) gives it.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            next_nanos: AtomicU64::new(Instant::NEVER.as_nanos()),
            state: Mutex::new(State {
                stage: Stage::Undriven,
                deadlines: Deadlines::default(),
                expired: 0,
            }),
        }
    }

    /// Takes a heap on that clock, one that was [closed](Self::close) if there is one.
    ///
    /// Nobody drives it until [`attach`](Timers::attach).
    #[must_use]
    pub fn open(clock: Clock) -> &'static Self {
        let heap = SHELF.take(|heap| heap.clock == clock, || Self::new(clock));
        heap.locked(|state| state.stage = Stage::Undriven);
        heap
    }

    /// Gives the heap up for another use, after it was [retired](Timers::retire).
    ///
    /// # Panics
    ///
    /// If it was not retired, or is closed already.
    pub fn close(&'static self) {
        let undriven = self.locked(|state| state.stage.shelve());
        assert!(undriven, "a heap is closed once, after it was retired");
        SHELF.give_back(self);
    }

    /// Returns how many timers are armed, and how many were due.
    #[must_use]
    pub fn statistics(&self) -> TimersStatistics {
        self.locked(|state| TimersStatistics {
            timers_armed: state.deadlines.len(),
            timers_expired: state.expired,
        })
    }

    /// Runs `change` under the lock, and publishes the earliest deadline before it is released.
    fn locked<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = lock(&self.state);
        let result = change(&mut state);
        let next = state.deadlines.next().as_nanos();
        self.next_nanos.store(next, Ordering::Relaxed);
        result
    }
}

impl Timers for Heap {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn arm(&self, key: &mut TimerKey, deadline: Instant, waker: &Waker) -> Result<(), Retired> {
        let mut waker = Some(waker.clone());
        let earliest = self.locked(|state| state.arm(key, deadline, &mut waker))?;
        tell(earliest, deadline);
        Ok(())
        // `waker`, by now the one that was displaced, is dropped here: after the lock.
    }

    fn reset(&self, key: &mut TimerKey, deadline: Instant) {
        let earliest = self.locked(|state| state.reset(key, deadline));
        tell(earliest, deadline);
    }

    fn disarm(&self, key: &mut TimerKey) {
        if let Some(name) = key.take() {
            drop(self.locked(|state| state.deadlines.remove(name)));
        }
    }

    fn next(&self) -> Instant {
        Instant::from_nanos(self.next_nanos.load(Ordering::Relaxed))
    }

    fn expire(&self, now: Instant, woken: &mut Vec<Waker>) {
        self.locked(|state| {
            let due = state.deadlines.expire(now, woken);
            state.expired += due as u64;
        });
    }

    fn attach(&self, alarm: Arc<Alarm>) {
        drop(self.locked(|state| {
            state.expired = 0;
            state.stage.change(Stage::Driven(alarm))
        }));
    }

    fn advance(&self, by: Duration) -> Result<(), NotVirtual> {
        let Clock::Virtual(clock) = self.clock else {
            return Err(NotVirtual);
        };
        let driver = self.locked(|state| {
            // Undriven, the clock may be another runtime's by now.
            let driver = state.stage.alarm().cloned();
            if driver.is_some() {
                clock.move_by(by);
            }
            driver
        });
        if driver.is_none() {
            return Err(NotVirtual);
        }
        // Whoever sleeps there looks at the clock again, however long the sleep was meant to be.
        tell(driver, Instant::from_nanos(0));
        Ok(())
    }

    fn retire(&self, woken: &mut Vec<Waker>) {
        drop(self.locked(|state| {
            state.deadlines.clear(woken);
            state.stage.change(Stage::Undriven)
        }));
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut heap = f.debug_struct("Heap");
        heap.field("clock", &self.clock).field("next", &self.next());
        // A dump must not wait: it may be asked for by whoever holds the lock.
        match self.state.try_lock() {
            Ok(state) => heap.field("timers_armed", &state.deadlines.len()),
            Err(_) => heap.field("timers_armed", &format_args!("<locked>")),
        };
        heap.finish_non_exhaustive()
    }
}

impl State {
    /// Arms or moves a timer, and leaves in `waker` what it displaced.
    ///
    /// Returns the alarm if the timer is earlier than all that were there.
    fn arm(
        &mut self,
        key: &mut TimerKey,
        deadline: Instant,
        waker: &mut Option<Waker>,
    ) -> Result<Option<Arc<Alarm>>, Retired> {
        let name = key.take();
        let Stage::Driven(alarm) = &self.stage else {
            debug_assert_eq!(self.deadlines.len(), 0, "nobody drives these timers");
            return Err(Retired);
        };
        if name.is_some_and(|name| self.deadlines.is_of_an_earlier_use(name)) {
            // Another runtime drives this heap now. Whoever has the key does not know it.
            return Err(Retired);
        }
        let offered = waker.as_ref().expect("the caller has put it there");
        if let Some(name) = name
            && self.deadlines.is_armed(name, deadline, offered)
        {
            key.set(name);
            return Ok(None);
        }
        let earliest = deadline < self.deadlines.next();
        let displaced = name.and_then(|name| self.deadlines.remove(name));
        let waker = mem::replace(waker, displaced).expect("the caller has put it there");
        key.set(self.deadlines.insert(deadline, waker));
        Ok(earliest.then(|| Arc::clone(alarm)))
    }

    /// Moves a timer that is still armed. Returns the alarm as [`arm`](Self::arm) does.
    fn reset(&mut self, key: &mut TimerKey, deadline: Instant) -> Option<Arc<Alarm>> {
        let waker = key.take().and_then(|name| self.deadlines.remove(name))?;
        let Stage::Driven(alarm) = &self.stage else {
            unreachable!("nobody drives these timers, so there are none");
        };
        let earliest = deadline < self.deadlines.next();
        key.set(self.deadlines.insert(deadline, waker));
        earliest.then(|| Arc::clone(alarm))
    }
}
