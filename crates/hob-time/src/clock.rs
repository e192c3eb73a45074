//! Which clock a queue of timers goes by: the system's, or a virtual one.
//!
//! # Implementation
//!
//! What a [`VirtualClock`] shows is one atomic word that lives as long as the process and is used again,
//! as the queues on it are. Relaxed throughout: the word publishes nothing but itself. A second word
//! counts the uses, so that a clock that was copied is given back once.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ptr;
use std::time::Duration;

use hob_core::{Instant, Recycler};

use crate::primitive::{AtomicU64, Ordering};

/// Which clock a queue of timers goes by.
///
/// # Examples
///
/// ```
/// # use hob_time::Clock;
/// let clock = Clock::System;
/// assert!(clock.now() <= clock.now());
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Clock {
    /// The system's monotonic clock.
    #[default]
    System,
    /// One that stands still until somebody moves it.
    Virtual(VirtualClock),
}

/// Which clock a runtime goes by.
///
/// # Examples
///
/// ```
/// # use hob_time::{RuntimeClock, Virtual};
/// assert_eq!(Virtual, RuntimeClock::Virtual);
/// assert_eq!(RuntimeClock::default(), RuntimeClock::System);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RuntimeClock {
    /// The system's monotonic clock.
    #[default]
    System,
    /// One of the runtime's own, that jumps to the next timer when there is nothing else to do: virtual
    /// time.
    Virtual,
}

/// A clock that stands still until somebody moves it. All copies show the same time.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use hob_time::{Clock, Instant, VirtualClock};
/// let clock = VirtualClock::open(Instant::from_nanos(1 << 60));
/// let before = clock.now();
/// clock.advance_to(before + Duration::from_secs(3600));
/// assert_eq!(clock.now() - before, Duration::from_secs(3600));
/// assert_eq!(Clock::Virtual(clock).now(), clock.now());
///
/// clock.advance_to(before);
/// assert!(clock.now() > before, "time does not go back");
/// clock.close();
/// ```
#[derive(Clone, Copy)]
pub struct VirtualClock {
    face: &'static Face,
    /// The number of this use of the face.
    use_number: u64,
}

/// What virtual clocks show, one after the other.
struct Face {
    nanos: AtomicU64,
    /// How many uses have ended.
    ended: AtomicU64,
}

/// The last instant that a clock shows.
const LAST: Instant = Instant::from_nanos(u64::MAX - 1);

static SHELF: Recycler<Face> = Recycler::new();

impl Clock {
    /// Reads the clock.
    #[must_use]
    pub fn now(self) -> Instant {
        match self {
            Self::System => Instant::system(),
            Self::Virtual(clock) => clock.now(),
        }
    }
}

impl VirtualClock {
    /// Takes a clock that shows `start`: one that was [closed](Self::close), if there is one.
    #[must_use]
    pub fn open(start: Instant) -> Self {
        let face = SHELF.take(
            |_| true,
            || Face {
                nanos: AtomicU64::new(0),
                ended: AtomicU64::new(0),
            },
        );
        face.nanos.store(start.as_nanos(), Ordering::Relaxed);
        Self {
            face,
            use_number: face.ended.load(Ordering::Relaxed),
        }
    }

    /// Reads the clock.
    #[must_use]
    pub fn now(self) -> Instant {
        Instant::from_nanos(self.face.nanos.load(Ordering::Relaxed))
    }

    /// Moves the clock to `to`, unless it shows a later time already.
    ///
    /// It never shows [`Instant::NEVER`], and a clock that was [closed](Self::close) moves no more. It wakes
    /// nobody: whoever moves the clock expires the queues that go by it.
    pub fn advance_to(self, to: Instant) {
        if self.is_open() {
            let nanos = to.min(LAST).as_nanos();
            self.face.nanos.fetch_max(nanos, Ordering::Relaxed);
        }
    }

    /// Moves the clock forward by `duration`, at the most to the last instant before
    /// [`Instant::NEVER`].
    ///
    /// Several that move it at once add up. As [`advance_to`](Self::advance_to) it wakes nobody; of a
    /// runtime's clock [`advance`](crate::advance()) is the better way.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use hob_time::{Instant, VirtualClock};
    /// let clock = VirtualClock::open(Instant::from_nanos(1 << 60));
    /// let before = clock.now();
    /// clock.advance(Duration::from_secs(2));
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(clock.now() - before, Duration::from_secs(3));
    /// clock.advance(Duration::MAX);
    /// assert!(clock.now() < Instant::NEVER);
    /// clock.close();
    /// ```
    pub fn advance(self, duration: Duration) {
        if self.is_open() {
            self.move_by(duration);
        }
    }

    /// The same, of whatever use the clock is in. For a queue, which goes by the clock from use to use.
    pub(crate) fn move_by(self, duration: Duration) {
        let later = |nanos| Some((Instant::from_nanos(nanos) + duration).min(LAST).as_nanos());
        let moved = (self.face.nanos).fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
        debug_assert!(moved.is_ok(), "there is always a later time");
    }

    /// Gives the clock up for another use; closing another copy of it does nothing.
    ///
    /// Whoever still holds a copy then reads the time of that use, and cannot move it.
    pub fn close(self) {
        let Self { face, use_number } = self;
        let ended = face.ended.compare_exchange(
            use_number,
            use_number + 1,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if ended.is_ok() {
            SHELF.give_back(face);
        }
    }
}

impl VirtualClock {
    /// Relaxed: who closes a clock while another thread moves it may see it moved afterwards.
    fn is_open(self) -> bool {
        self.face.ended.load(Ordering::Relaxed) == self.use_number
    }
}

impl PartialEq for VirtualClock {
    /// Whether the two show the same time for ever.
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.face, other.face)
    }
}

impl Eq for VirtualClock {}

impl Hash for VirtualClock {
    fn hash<H: Hasher>(&self, state: &mut H) {
        ptr::hash(self.face, state);
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualClock").field(&self.now()).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_closed_clock_does_not_move_the_next_one() {
        let start = Instant::from_nanos(1 << 60);
        let closed = VirtualClock::open(start);
        closed.close();
        let next = VirtualClock::open(start);
        closed.advance(Duration::from_secs(1));
        closed.advance_to(start + Duration::from_secs(1));
        assert_eq!(next.now(), start);
        next.close();
    }

    #[test]
    fn a_clock_is_given_back_once() {
        let start = Instant::from_nanos(1 << 60);
        let first = VirtualClock::open(start);
        first.close();
        let second = VirtualClock::open(start);
        first.close();
        let third = VirtualClock::open(start);
        assert_ne!(second, third, "nobody else may move the second one");
        second.close();
        third.close();
    }
}
