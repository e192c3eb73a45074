//! When a busy worker looks up from its queue.
//!
//! A worker that always has tasks still owes the poller, the timers and the injector a look: after 61
//! polls, or after 5 ms if polls are long. The clock is read after the first, the second, the fourth
//! poll and so on: where polls are long the look comes within one and a half of that time, or after one poll, and
//! where they are short the readings cost little. One that may be over after a poll or two, such as that
//! of a short `block_on`, begins without a reading: its clock starts with the second poll.

use std::time::Duration;

use hob_core::Instant;

use crate::primitive::now;

const POLLS_PER_LOOK: u32 = 61;
const TIME_PER_LOOK: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) struct Turn {
    polls: u32,
    /// `None` until the first reading.
    looked: Option<Instant>,
}

impl Turn {
    pub(crate) fn new() -> Self {
        Self {
            polls: 0,
            looked: Some(now()),
        }
    }

    /// A turn that reads no clock before its second poll.
    pub(crate) fn short() -> Self {
        Self {
            polls: 0,
            looked: None,
        }
    }

    /// Counts a poll, and says whether it is time for a look.
    pub(crate) fn is_over(&mut self) -> bool {
        self.polls += 1;
        if self.polls >= POLLS_PER_LOOK {
            return true;
        }
        self.polls.is_power_of_two() && self.has_lasted()
    }

    fn has_lasted(&mut self) -> bool {
        match self.looked {
            // Half of it: the next reading comes after twice as many polls.
            Some(looked) => now() - looked >= TIME_PER_LOOK / 2,
            None => {
                self.looked = (self.polls > 1).then(now);
                false
            }
        }
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
    fn a_turn_of_long_polls_is_over_after_one() {
        let mut turn = Turn::new();
        turn.looked = Some(Instant::from_nanos(0));
        assert!(turn.is_over());
    }

    #[test]
    fn a_short_turn_reads_no_clock_for_one_poll() {
        let mut turn = Turn::short();
        assert!(!turn.is_over() && turn.looked.is_none());
        assert!(!turn.is_over() && turn.looked.is_some());
    }

    #[test]
    fn a_turn_is_over_before_its_polls_have_doubled() {
        let mut turn = Turn::new();
        assert!(!(0..5).any(|_| turn.is_over()), "five short polls");
        turn.looked = Some(Instant::from_nanos(0));
        assert_eq!((6..).find(|_| turn.is_over()), Some(8));
    }
}
