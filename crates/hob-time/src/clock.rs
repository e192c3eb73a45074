//! Which clock a queue of timers goes by.

use hob_core::Instant;

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
}

impl Clock {
    /// Reads the clock.
    #[must_use]
    pub fn now(self) -> Instant {
        match self {
            Self::System => Instant::system(),
        }
    }
}
