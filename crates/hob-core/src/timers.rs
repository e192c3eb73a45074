//! The seam between a sleeping future and the clock and queue that will wake it.
//!
//! # Implementation
//!
//! Whoever sleeps until the least deadline of some queues says so in an [`Alarm`] that those queues
//! know. Arming an earlier timer then ends the sleep. Both sides write first and read afterwards:
//!
//! ```text
//!   sleeper                              arm, on any thread
//!   alarm.until = least next  (store)    queue.next = deadline   (store)
//!   fence                                fence
//!   look at every queue.next  (load)     alarm.until             (load)
//!   differs? do not sleep                later? unpark
//! ```
//!
//! The fences are sequentially consistent, so at least one of the two sees the other's store.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::instant::Instant;
use crate::park::Unpark;
use crate::primitive::{AtomicU64, Ordering, fence};

/// A clock and the queue of timers on it.
///
/// `now`, `arm` and `disarm` are for futures, from any thread; `next` and `expire` for the worker
/// that drives the queue; `attach` and `retire` for the runtime that owns it.
///
/// # Contract
///
/// Implementations must
///
/// - wake no waker and drop none while they hold a lock: `arm` and `disarm` drop what they displaced
///   afterwards, `expire` hands wakers to the caller;
/// - hand out in `expire` every timer whose deadline is at or before `now` and none later, those with
///   equal deadlines in the order in which they were armed. Where two threads expire at once, each hands out
///   a part;
/// - publish in `next` a deadline no later than the earliest armed one, and follow the protocol of
///   the module's documentation with the attached [`Alarm`] when a new timer is the earliest;
/// - take [`Instant::NEVER`] and instants of the past;
/// - not panic. A worker of a pool reports a panic and begins again, and so does the teardown about
///   `retire`. Elsewhere it passes through: to the future that polls, to whoever is in `block_on`, and from
///   `attach` to whoever builds the runtime, of which something may be left over then.
pub trait Timers: Send + Sync {
    /// The present.
    fn now(&self) -> Instant;

    /// Arms a timer, or moves the one that `key` names; `waker` replaces the one it had.
    ///
    /// A key whose timer has fired is armed anew. A timer that has this deadline and this waker already
    /// stays where it is; any other counts as armed now.
    ///
    /// # Errors
    ///
    /// [`Retired`] if nobody drives this queue any more, or if the key is of an earlier use of a recycled
    /// queue, which somebody else drives now; the key is left empty.
    fn arm(&self, key: &mut TimerKey, deadline: Instant, waker: &Waker) -> Result<(), Retired>;

    /// Moves the timer that `key` names, which keeps its waker, and counts as armed now.
    ///
    /// If it has fired, or nobody drives this queue any more, the key is left empty: whoever waited
    /// has been woken.
    fn reset(&self, key: &mut TimerKey, deadline: Instant);

    /// Forgets the timer, if it is still armed, and empties the key.
    fn disarm(&self, key: &mut TimerKey);

    /// A time no later than the earliest deadline, or [`Instant::NEVER`]; never takes a lock.
    fn next(&self) -> Instant;

    /// Takes out the timers that are due at `now`.
    fn expire(&self, now: Instant, woken: &mut Vec<Waker>);

    /// Starts a use of the queue: `alarm` is told of timers that become the earliest.
    fn attach(&self, alarm: Arc<Alarm>);

    /// Moves the clock forward, if it is a virtual one, and ends the sleep of whoever waits for a timer.
    ///
    /// What is due then is handed out by the next `expire`, as if the driver had been stuck so long. For
    /// futures and tests, from any thread.
    ///
    /// # Errors
    ///
    /// [`NotVirtual`] if the clock goes by itself; the default.
    fn advance(&self, by: Duration) -> Result<(), NotVirtual> {
        let _ = by;
        Err(NotVirtual)
    }

    /// Ends the use. The wakers of armed timers are handed out: whoever slept looks for another
    /// queue.
    fn retire(&self, woken: &mut Vec<Waker>);
}

/// Names an armed timer; empty until it is armed.
///
/// Two words that belong to the queue: as a rule a place in it, and a number that is never used again.
#[derive(Debug, Eq, PartialEq)]
pub struct TimerKey {
    place: u64,
    /// `u64::MAX` while it is empty.
    number: u64,
}

/// Nobody drives this queue or poller any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct Retired;

/// The clock goes by itself, and nobody can move it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct NotVirtual;

/// Until when somebody sleeps, and how to end that sleep.
pub struct Alarm {
    /// The sleeper's deadline in nanoseconds; zero while nobody sleeps.
    until_nanos: AtomicU64,
    unpark: Arc<dyn Unpark>,
}

impl TimerKey {
    const EMPTY: u64 = u64::MAX;

    /// An empty key.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            place: 0,
            number: Self::EMPTY,
        }
    }

    /// Returns `true` until the key is armed, and after it was disarmed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.number == Self::EMPTY
    }

    /// The two words of the queue.
    #[must_use]
    pub const fn get(&self) -> Option<(u64, u64)> {
        if self.is_empty() {
            None
        } else {
            Some((self.place, self.number))
        }
    }

    /// Sets the two words; for implementations of [`Timers`].
    ///
    /// # Panics
    ///
    /// If the second is `u64::MAX`, in debug builds: that is the empty key.
    pub const fn set(&mut self, (place, number): (u64, u64)) {
        debug_assert!(number != Self::EMPTY, "that number stands for none");
        *self = Self { place, number };
    }

    /// Empties the key and returns what it held.
    pub const fn take(&mut self) -> Option<(u64, u64)> {
        let words = self.get();
        *self = Self::new();
        words
    }
}

impl Default for TimerKey {
    fn default() -> Self {
        Self::new()
    }
}

impl Alarm {
    /// An alarm that ends sleeps through `unpark`.
    #[must_use]
    pub fn new(unpark: Arc<dyn Unpark>) -> Self {
        Self {
            until_nanos: AtomicU64::new(0),
            unpark,
        }
    }

    /// Says that the caller is about to sleep until the least deadline of `queues`, and returns it.
    ///
    /// After it, a timer that is armed earlier in one of them ends the sleep.
    pub fn set(&self, queues: impl Iterator<Item = &'static dyn Timers> + Clone) -> Instant {
        loop {
            let least = least(queues.clone());
            // Relaxed: the fence orders it before the second look; see the module's drawing.
            self.until_nanos.store(least.as_nanos(), Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if self::least(queues.clone()) >= least {
                return least;
            }
        }
    }

    /// Says that the caller no longer sleeps.
    pub fn clear(&self) {
        self.until_nanos.store(0, Ordering::Relaxed);
    }

    /// Ends the sleep if it would last longer than `deadline`.
    ///
    /// For implementations of [`Timers`], after they have published `deadline` in `next`.
    pub fn notify_earlier(&self, deadline: Instant) {
        fence(Ordering::SeqCst);
        if deadline.as_nanos() < self.until_nanos.load(Ordering::Relaxed) {
            self.unpark.unpark();
        }
    }
}

fn least(queues: impl Iterator<Item = &'static dyn Timers>) -> Instant {
    queues.map(Timers::next).min().unwrap_or(Instant::NEVER)
}

impl std::error::Error for Retired {}

impl fmt::Display for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the runtime that drove this object has ended")
    }
}

impl std::error::Error for NotVirtual {}

impl fmt::Display for NotVirtual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the clock here goes by itself and cannot be moved: there is virtual time only on a runtime \
             that was built with it, and in a simulation",
        )
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = Instant::from_nanos(self.until_nanos.load(Ordering::Relaxed));
        f.debug_struct("Alarm")
            .field("until", &until)
            .finish_non_exhaustive()
    }
}
