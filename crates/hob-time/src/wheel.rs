//! The queue of timers that runtimes use: a timing wheel behind a lock of its own.
//!
//! # Implementation
//!
//! Each worker has a wheel. Arming, moving and dropping a timer take that wheel's lock for a few dozen
//! instructions, and nobody else wants it as a rule: a timer belongs to the wheel of the worker that
//! polled it first. [`expire`](Timers::expire) takes it for [`BATCH`] timers at a time, and sorts what is due
//! when it has given it back. So any worker can serve the wheel of one that is stuck.
//!
//! The time at which the wheel is to be looked at is published in an atomic beside it: stored while the lock
//! is held, so that the stores have the order of the changes, and read without the lock. It changes seldom:
//! a timer that is taken out, or moved to later, leaves it where it was. Whoever brings it forward tells the
//! [`Alarm`] after the lock is released; the drawing at [`hob_core::timers`] says why one of the two sides
//! sees the other.
//!
//! Wakers and alarms are foreign code: cloned before the lock is taken, dropped after it is released. A
//! timer that is armed again with the waker that it has clones none.
//!
//! What becomes of it from use to use is told in `stage.rs`.

mod timing_wheel;

use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use hob_core::{Alarm, Instant, Recycler, Retired, TimerKey, Timers};

use self::timing_wheel::{Due, Name, Rest, TimingWheel, in_order};
use crate::clock::Clock;
use crate::primitive::{AtomicU64, Ordering};
use crate::small_lock::SmallLock;
use crate::stage::{Stage, tell};
use crate::statistics::TimersStatistics;

static SHELF: Recycler<Wheel> = Recycler::new();

/// How many timers are looked at while the lock is held: some 20 µs.
const BATCH: usize = 512;

/// The queue of timers that runtimes use, on the system's clock: exact, and O(1) where nothing fires.
///
/// Its [`next`](Timers::next) may be earlier than the earliest deadline, where timers were dropped or moved
/// to later. On a [`VirtualClock`](crate::VirtualClock) that would move time for nothing; there, a
/// [`Heap`](crate::Heap) serves.
///
/// # Examples
///
/// ```
/// # use std::sync::Arc;
/// # use std::task::Waker;
/// # use hob_core::{Alarm, TimerKey, Timers, Unpark};
/// # use hob_time::Wheel;
/// # struct Nobody;
/// # impl Unpark for Nobody { fn unpark(&self) {} }
/// let wheel = Wheel::open();
/// wheel.attach(Arc::new(Alarm::new(Arc::new(Nobody))));
///
/// let mut key = TimerKey::new();
/// wheel.arm(&mut key, wheel.now(), Waker::noop())?;
/// let mut woken = Vec::new();
/// wheel.expire(wheel.now(), &mut woken);
/// assert_eq!(woken.len(), 1);
///
/// wheel.retire(&mut woken);
/// wheel.close();
/// # Ok::<(), hob_core::Retired>(())
/// ```
pub struct Wheel {
    /// When to look. Relaxed throughout: it publishes nothing but itself, and the fences of [`Alarm`]
    /// order it where order matters.
    next_nanos: AtomicU64,
    state: SmallLock<State>,
}

struct State {
    stage: Stage,
    wheel: TimingWheel,
    expired: u64,
}

/// Whom to tell that the time to look was brought forward.
type Told = Option<Arc<Alarm>>;

/// What became of a timer that was to be armed again.
enum Again {
    Armed(Told),
    /// It is gone, or has another waker.
    Anew,
}

impl Wheel {
    /// Creates a wheel that nobody drives yet.
    ///
    /// Sleeping futures want a `&'static` one: [`open`](Self::open) gives it.
    #[must_use]
    pub fn new() -> Self {
        Self {
            next_nanos: AtomicU64::new(Instant::NEVER.as_nanos()),
            state: SmallLock::new(State {
                stage: Stage::Undriven,
                wheel: TimingWheel::new(),
                expired: 0,
            }),
        }
    }

    /// Takes a wheel, one that was [closed](Self::close) if there is one.
    ///
    /// Nobody drives it until [`attach`](Timers::attach).
    #[must_use]
    pub fn open() -> &'static Self {
        let wheel = SHELF.take(|_| true, Self::new);
        wheel.state.with(|state| state.stage = Stage::Undriven);
        wheel
    }

    /// Gives the wheel up for another use, after it was [retired](Timers::retire).
    ///
    /// # Panics
    ///
    /// If it was not retired, or is closed already.
    pub fn close(&'static self) {
        let undriven = self.state.with(|state| state.stage.shelve());
        assert!(undriven, "a wheel is closed once, after it was retired");
        SHELF.give_back(self);
    }

    /// Returns how many timers are armed, and how many were due.
    #[must_use]
    pub fn statistics(&self) -> TimersStatistics {
        self.state.with(|state| state.statistics())
    }

    /// Publishes the time to look; the caller has the lock.
    #[inline]
    fn publish(&self, state: &State) {
        self.next_nanos
            .store(state.wheel.next().as_nanos(), Ordering::Relaxed);
    }

    /// Publishes the time to look if it is `deadline`, which was armed just now. Returns whom to tell.
    #[inline]
    fn publish_earlier(&self, state: &State, deadline: Instant) -> Told {
        if deadline >= self.next() {
            return None;
        }
        self.publish(state);
        state.stage.alarm().cloned()
    }

    fn expire_batch(&self, now: Instant, due: &mut Vec<Due>) -> Rest {
        self.state.with(|state| {
            let before = due.len();
            let rest = state.wheel.expire(now, BATCH, due);
            state.expired += (due.len() - before) as u64;
            self.publish(state);
            rest
        })
    }

    /// Arms the timer of that name, if it is there and has that waker.
    #[inline]
    fn arm_again(
        &self,
        key: &mut TimerKey,
        name: Name,
        deadline: Instant,
        waker: &Waker,
    ) -> Result<Again, Retired> {
        self.state.with(|state| {
            state.admit(key)?;
            let Some(name) = state.wheel.reset_for(name, deadline, waker) else {
                return Ok(Again::Anew);
            };
            key.set(name);
            Ok(Again::Armed(self.publish_earlier(state, deadline)))
        })
    }
}

impl State {
    /// Empties the key, and fails, unless it may be armed here.
    #[inline]
    fn admit(&self, key: &mut TimerKey) -> Result<(), Retired> {
        let is_driven = self.stage.alarm().is_some();
        debug_assert!(
            is_driven || self.wheel.len() == 0,
            "nobody drives these timers"
        );
        // Of an earlier use: another runtime drives this wheel now. Whoever has the key does not know.
        let is_stale = |name| self.wheel.is_of_an_earlier_use(name);
        if is_driven && !key.get().is_some_and(is_stale) {
            return Ok(());
        }
        *key = TimerKey::new();
        Err(Retired)
    }

    fn statistics(&self) -> TimersStatistics {
        TimersStatistics {
            timers_armed: self.wheel.len(),
            timers_expired: self.expired,
        }
    }
}

impl Timers for Wheel {
    fn now(&self) -> Instant {
        Clock::System.now()
    }

    fn arm(&self, key: &mut TimerKey, deadline: Instant, waker: &Waker) -> Result<(), Retired> {
        if let Some(name) = key.get()
            && let Again::Armed(told) = self.arm_again(key, name, deadline, waker)?
        {
            tell(told, deadline);
            return Ok(());
        }
        let waker = waker.clone();
        // The second is dropped at the end: after the lock.
        let (armed, _displaced) = self.state.with(|state| {
            if let Err(retired) = state.admit(key) {
                return (Err(retired), Some(waker));
            }
            let displaced = key.take().and_then(|name| state.wheel.remove(name));
            key.set(state.wheel.insert(deadline, waker));
            (Ok(self.publish_earlier(state, deadline)), displaced)
        });
        tell(armed?, deadline);
        Ok(())
    }

    fn reset(&self, key: &mut TimerKey, deadline: Instant) {
        let Some(name) = key.take() else { return };
        let told = self.state.with(|state| {
            let name = state.wheel.reset(name, deadline)?;
            key.set(name);
            self.publish_earlier(state, deadline)
        });
        tell(told, deadline);
    }

    fn disarm(&self, key: &mut TimerKey) {
        if let Some(name) = key.take() {
            drop(self.state.with(|state| state.wheel.remove(name)));
        }
    }

    #[inline]
    fn next(&self) -> Instant {
        Instant::from_nanos(self.next_nanos.load(Ordering::Relaxed))
    }

    fn expire(&self, now: Instant, woken: &mut Vec<Waker>) {
        let mut due = Vec::new();
        while self.expire_batch(now, &mut due) == Rest::Some {}
        woken.extend(in_order(due));
    }

    fn attach(&self, alarm: Arc<Alarm>) {
        drop(self.state.with(|state| {
            state.expired = 0;
            state.stage.change(Stage::Driven(alarm))
        }));
    }

    fn retire(&self, woken: &mut Vec<Waker>) {
        drop(self.state.with(|state| {
            state.wheel.clear(woken);
            self.publish(state);
            state.stage.change(Stage::Undriven)
        }));
    }
}

impl Default for Wheel {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Wheel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut wheel = f.debug_struct("Wheel");
        wheel.field("next", &self.next());
        // A dump must not wait: it may be asked for by whoever holds the lock.
        match self.state.try_with(|state| state.statistics()) {
            Some(statistics) => wheel.field("statistics", &statistics),
            None => wheel.field("statistics", &format_args!("<locked>")),
        };
        wheel.finish_non_exhaustive()
    }
}
