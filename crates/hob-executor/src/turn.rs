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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_over_after_sixty_one_polls_at_the_latest() {
        let mut turn = Turn::new();
        for _ in 0..3 {
            let polls = (1..).find(|_| turn.is_over());
            assert!(polls <= Some(POLLS_PER_LOOK));
            turn.restart();
        }
    }

    #[test]
    fn a_turn_of_long_polls_is_over_at_the_next_look_at_the_clock() {
        let mut turn = Turn::new();
        turn.looked = Instant::from_nanos(0);
        assert_eq!((1..).find(|_| turn.is_over()), Some(POLLS_PER_CLOCK));
    }
}
