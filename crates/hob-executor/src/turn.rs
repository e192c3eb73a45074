//! When a busy worker looks up from its queue.
//!
//! A worker that always has tasks still owes the poller, the timers and the injector a look: after 61
//! polls, or after 5 ms if polls are long. The clock is read every eighth poll only.

use std::time::Duration;

use hob_core::Instant;

const POLLS_PER_LOOK: u32 = 61;
const POLLS_PER_CLOCK: u32 = 8;
const TIME_PER_LOOK: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) struct Turn {
    polls: u32,
    looked: Instant,
}

impl Turn {
    pub(crate) fn new() -> Self {
        Self {
            polls: 0,
            looked: Instant::system(),
        }
    }

    /// Counts a poll, and says whether it is time for a look.
    pub(crate) fn is_over(&mut self) -> bool {
        self.polls += 1;
        if self.polls >= POLLS_PER_LOOK {
            return true;
        }
        self.polls.is_multiple_of(POLLS_PER_CLOCK)
            && Instant::system() - self.looked >= TIME_PER_LOOK
    }

    /// Starts the next turn.
    pub(crate) fn restart(&mut self) {
        *self = Self::new();
    }
}
