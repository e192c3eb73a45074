//! A point in time, as whole nanoseconds in one word.
//!
//! # Implementation
//!
//! The zero of the scale lies 36 years before the first reading of the process's monotonic clock, so
//! that instants before that reading exist too; the end lies 548 years after it and means *never*.
//! All arithmetic saturates: no duration, however long, panics or wraps.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::sync::OnceLock;
use std::time::Duration;

use crate::context;

/// A point in time on the clock of the runtime: real, or virtual in a simulation.
///
/// Unlike [`std::time::Instant`] it is a plain number of nanoseconds, saturates instead of
/// panicking, and knows [`NEVER`](Self::NEVER).
///
/// # Examples
///
/// ```
/// # use hob_core::Instant;
/// # use std::time::Duration;
/// let now = Instant::now();
/// assert_eq!((now + Duration::from_secs(2)) - now, Duration::from_secs(2));
/// assert_eq!(now + Duration::MAX, Instant::NEVER);
/// assert_eq!(now - (now + Duration::from_secs(1)), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(u64);

/// Where the first reading of the process's clock lies on our scale.
const ORIGIN_NANOS: u64 = 1 << 60;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

impl Instant {
    /// The end of time: a deadline that is never reached.
    pub const NEVER: Self = Self(u64::MAX);

    /// The present, on the clock of the runtime that this thread is in, else on the system's.
    #[must_use]
    pub fn now() -> Self {
        context::timers().map_or_else(Self::system, |timers| timers.now())
    }

    /// The present on the system's monotonic clock, whatever runtime this thread is in.
    ///
    /// For implementations of [`Timers`](crate::Timers) and [`Park`](crate::Park); programs want
    /// [`now`](Self::now).
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one door of time")]
    pub fn system() -> Self {
        // Before the present, which would else come before it at the first reading.
        let origin = origin();
        let since = std::time::Instant::now().saturating_duration_since(origin);
        // The process is not that old: nothing overflows.
        Self(ORIGIN_NANOS + since.as_secs() * NANOS_PER_SECOND + u64::from(since.subsec_nanos()))
    }

    /// The instant that many nanoseconds after the zero of the scale, for virtual clocks.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the zero of the scale.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns `true` for [`NEVER`](Self::NEVER).
    #[must_use]
    pub const fn is_never(self) -> bool {
        self.0 == u64::MAX
    }

    /// The time that has passed since `self`; zero if `self` lies in the future.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Self::now() - self
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    #[must_use]
    pub const fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The instant `duration` later, or [`NEVER`](Self::NEVER).
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos_of(duration)))
    }

    /// The instant `duration` earlier, or the zero of the scale.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_of(duration)))
    }
}

/// The nanoseconds of `duration`, or as many as a word holds.
const fn nanos_of(duration: Duration) -> u64 {
    // By words: `Duration::as_nanos` computes in 128 bits.
    duration
        .as_secs()
        .saturating_mul(NANOS_PER_SECOND)
        .saturating_add(duration.subsec_nanos() as u64)
}

/// The first reading of the process's clock. It is made here: an instant that somebody has converted may
/// be far off, and the present beyond the end of a scale around it.
#[expect(clippy::disallowed_methods, reason = "this is the one door of time")]
fn origin() -> std::time::Instant {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    *ORIGIN.get_or_init(std::time::Instant::now)
}

/// What `reach` gives for the longest of `distance` and its halves that it can express.
fn farthest<T>(mut distance: Duration, reach: impl Fn(Duration) -> Option<T>) -> Option<T> {
    while !distance.is_zero() {
        if let Some(there) = reach(distance) {
            return Some(there);
        }
        distance /= 2;
    }
    reach(distance)
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        self.saturating_sub(duration)
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}

impl From<std::time::Instant> for Instant {
    fn from(instant: std::time::Instant) -> Self {
        let origin = origin();
        let scale = Self(ORIGIN_NANOS);
        match instant.checked_duration_since(origin) {
            Some(after) => scale + after,
            None => scale - origin.duration_since(instant),
        }
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> Self {
        let origin = origin();
        let scale = Instant(ORIGIN_NANOS);
        if instant >= scale {
            let after = instant - scale;
            farthest(after, |after| origin.checked_add(after)).unwrap_or(origin)
        } else {
            let before = scale - instant;
            farthest(before, |before| origin.checked_sub(before)).unwrap_or(origin)
        }
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_never() {
            return f.write_str("Instant(never)");
        }
        let origin = Self(ORIGIN_NANOS);
        let (sign, distance) = if *self >= origin {
            ("+", *self - origin)
        } else {
            ("-", origin - *self)
        };
        write!(f, "Instant({sign}{distance:?})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let now = Instant::system();
        assert_eq!(now + Duration::MAX, Instant::NEVER);
        assert_eq!(Instant::NEVER + Duration::from_secs(1), Instant::NEVER);
        assert_eq!(now - Duration::MAX, Instant::from_nanos(0));
        assert_eq!(now - Instant::NEVER, Duration::ZERO);
    }

    #[test]
    fn durations_saturate_where_a_word_is_full() {
        let word = Duration::from_nanos(u64::MAX);
        for (duration, nanos) in [
            (Duration::ZERO, 0),
            (Duration::new(3, 7), 3_000_000_007),
            (word, u64::MAX),
            (word + Duration::from_nanos(1), u64::MAX),
            (Duration::from_secs(u64::MAX), u64::MAX),
            (Duration::MAX, u64::MAX),
        ] {
            assert_eq!(nanos_of(duration), nanos, "{duration:?}");
        }
    }

    #[test]
    fn what_the_other_clock_cannot_express_is_as_far_as_it_can() {
        let up_to = |limit: u64| move |far: Duration| (far.as_secs() <= limit).then_some(far);
        let far = Duration::from_secs(1000);
        assert_eq!(farthest(far, up_to(1000)), Some(far));
        assert_eq!(farthest(far, up_to(600)), Some(far / 2));
        assert_eq!(farthest(far, |_| None::<()>), None);
        let never: std::time::Instant = Instant::NEVER.into();
        assert!(Instant::from(never) > Instant::system() + Duration::from_secs(3600));
    }

    #[test]
    fn std_and_back() {
        let now = Instant::system();
        for there in [
            now,
            now + Duration::from_secs(5),
            now - Duration::from_secs(5),
        ] {
            let std: std::time::Instant = there.into();
            assert_eq!(Instant::from(std), there);
        }
    }

    #[test]
    fn the_clock_does_not_go_back() {
        let before = Instant::system();
        assert!(Instant::system() >= before);
    }
}
