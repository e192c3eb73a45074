//! What a queue of timers tells about itself.

/// A snapshot of a queue of timers, for dumps and tests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct TimersStatistics {
    /// How many timers are armed now.
    pub timers_armed: usize,
    /// How many timers were handed out because they were due, since the queue was last attached.
    pub timers_expired: u64,
}
