//! What a thread that polls tasks shows to others: how often it has polled, and what it polls now.
//!
//! # Implementation
//!
//! One word, the *mark*, is odd while a poll runs and even in between. Only the thread itself writes,
//! so a poll costs three plain stores on a cache line that nobody else writes, and no clock. Whoever
//! sees the same odd mark twice has seen the same poll twice; how long it has lasted at least is a
//! matter of the observer's own clock.
//!
//! ```text
//!   owner                                observer
//!   begin   subject  := what  Release    mark     Acquire   odd: a poll runs
//!           mark     := odd   Release    subject  Acquire
//!    poll                                mark               the same: the subject was this poll's
//!   end     mark     := even  Release
//! ```
//!
//! The observer that has seen the odd mark sees the subject of that poll or a later one. If it is a
//! later one's, then the store of the subject that it has seen came after the mark of that later poll's
//! predecessor had become even: the second look at the mark finds that, and the observation is void.
//!
//! # References
//!
//! - The even and odd counts are those of a seqlock; see Hans-J. Boehm, *Can seqlocks get along with
//!   programming language memory models?*, 2012, <https://dl.acm.org/doi/10.1145/2247684.2247688>.

use std::fmt;
use std::panic::Location;

use hob_core::{AtomicRef, TaskSlot};

use crate::primitive::{AtomicBool, AtomicU64, Ordering};

/// What one thread shows. It is written by that thread only; it has cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Pulse {
    /// Odd while a poll runs, even in between; it only grows, until the next [`reset`](Self::reset).
    mark: AtomicU64,
    /// The task that is polled; `None` while the main future of a `block_on` is.
    task: AtomicRef<TaskSlot>,
    /// Where the last `block_on` was called.
    main: AtomicRef<Location<'static>>,
    /// Whether the thread may poll. The handshake with the watchdog is told in `watchdog.rs`.
    awake: AtomicBool,
}

/// One look at a thread that polls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    /// Which poll it is; odd.
    pub(crate) mark: u64,
    /// What it polls.
    pub(crate) subject: Subject,
}

/// What is polled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// A task.
    Task(&'static TaskSlot),
    /// The main future of the `block_on` that was called there.
    Main(&'static Location<'static>),
}

/// Ends the poll of a main future, also when that panics.
#[must_use = "the poll ends when it is dropped"]
pub(crate) struct MainPoll<'a>(&'a Pulse);

impl Pulse {
    /// No poll has begun.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A poll of the task in `slot` begins, on the thread that this belongs to. It must not unwind.
    pub(crate) fn begin(&self, slot: &'static TaskSlot) {
        // Release: who sees it sees also that the poll before has ended.
        self.task.store(Some(slot), Ordering::Release);
        self.advance();
    }

    /// The poll has ended.
    pub(crate) fn end(&self) {
        let mark = self.advance();
        debug_assert!(mark.is_multiple_of(2), "a poll ended that had not begun");
    }

    /// A poll of the main future of a `block_on` begins, on the thread that this belongs to; `place` is
    /// where that was called.
    pub(crate) fn begin_main(&self, place: &'static Location<'static>) -> MainPoll<'_> {
        self.main.store(Some(place), Ordering::Release);
        self.task.store(None, Ordering::Release);
        self.advance();
        MainPoll(self)
    }

    /// Only the owner writes, so a plain load and store will do. Returns the new mark.
    fn advance(&self) -> u64 {
        let mark = self.mark.load(Ordering::Relaxed) + 1;
        self.mark.store(mark, Ordering::Release);
        mark
    }

    /// The thread polls nothing from now on, until it [wakes](Self::wake).
    pub(crate) fn rest(&self) {
        debug_assert!(self.mark().is_multiple_of(2), "the thread is in a poll");
        self.awake.store(false, Ordering::Release);
    }

    /// The thread may poll from now on. For the watchdog, which puts a fence behind it.
    pub(crate) fn wake(&self) {
        self.awake.store(true, Ordering::Relaxed);
    }

    /// Whether the thread polls nothing.
    pub(crate) fn rests(&self) -> bool {
        !self.awake.load(Ordering::Acquire)
    }

    /// How many polls have begun since the last [`reset`](Self::reset).
    pub(crate) fn polls(&self) -> u64 {
        self.mark().div_ceil(2)
    }

    /// Odd while a poll runs, even in between.
    pub(crate) fn mark(&self) -> u64 {
        self.mark.load(Ordering::Acquire)
    }

    /// The poll that runs now, if one does.
    pub(crate) fn running(&self) -> Option<Running> {
        let mark = self.mark();
        if mark.is_multiple_of(2) {
            return None;
        }
        let subject = match self.task.load(Ordering::Acquire) {
            Some(slot) => Subject::Task(slot),
            None => Subject::Main(self.main.load(Ordering::Acquire)?),
        };
        self.is_in(mark).then_some(Running { mark, subject })
    }

    /// Whether the poll of that mark runs still.
    pub(crate) fn is_in(&self, mark: u64) -> bool {
        self.mark() == mark
    }

    /// Begins anew, between two owners: nobody polls here.
    pub(crate) fn reset(&self) {
        debug_assert!(self.mark().is_multiple_of(2), "the owner is in a poll");
        self.task.store(None, Ordering::Relaxed);
        self.main.store(None, Ordering::Relaxed);
        self.awake.store(false, Ordering::Relaxed);
        self.mark.store(0, Ordering::Release);
    }
}

impl Drop for MainPoll<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl fmt::Debug for Pulse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pulse")
            .field("polls", &self.polls())
            .field("running", &self.running())
            .finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use hob_core::panic::contain;

    use super::*;

    fn slot() -> &'static TaskSlot {
        Box::leak(Box::default())
    }

    fn task_of(pulse: &Pulse) -> Option<&'static TaskSlot> {
        match pulse.running()?.subject {
            Subject::Task(slot) => Some(slot),
            Subject::Main(_) => None,
        }
    }

    #[test]
    fn a_poll_shows_its_task_from_begin_to_end() {
        let (pulse, slots) = (Pulse::new(), [slot(), slot()]);
        assert!(pulse.running().is_none());
        for (poll, slot) in slots.into_iter().enumerate() {
            pulse.begin(slot);
            assert!(std::ptr::eq(task_of(&pulse).expect("it is polled"), slot));
            pulse.end();
            assert!(pulse.running().is_none());
            assert_eq!(pulse.polls(), poll as u64 + 1);
        }
    }

    #[test]
    fn a_main_future_shows_where_it_was_called_from() {
        let (pulse, here) = (Pulse::new(), Location::caller());
        let poll = pulse.begin_main(here);
        match pulse.running().expect("it is polled").subject {
            Subject::Main(place) => assert_eq!(place, here),
            Subject::Task(_) => panic!("there is no task"),
        }
        drop(poll);
        pulse.begin(slot());
        assert!(task_of(&pulse).is_some(), "a task comes after it");
        pulse.end();
    }

    #[test]
    fn a_main_future_that_panics_has_ended() {
        let pulse = Pulse::new();
        let poll = || {
            let _poll = pulse.begin_main(Location::caller());
            panic!("the main future");
        };
        assert!(contain(poll).is_err());
        assert!(pulse.running().is_none());
    }

    #[test]
    fn two_polls_of_one_task_have_two_marks() {
        let (pulse, slot) = (Pulse::new(), slot());
        let marks = [(); 2].map(|()| {
            pulse.begin(slot);
            let mark = pulse.running().expect("it is polled").mark;
            assert!(pulse.is_in(mark));
            pulse.end();
            assert!(!pulse.is_in(mark));
            mark
        });
        assert_ne!(marks[0], marks[1]);
    }

    #[test]
    fn a_reset_forgets_all_polls() {
        let pulse = Pulse::new();
        pulse.begin(slot());
        pulse.end();
        pulse.reset();
        assert_eq!(pulse.polls(), 0);
        assert!(pulse.running().is_none());
    }

    #[test]
    fn nobody_shares_the_cache_line() {
        assert_eq!(align_of::<Pulse>() % 128, 0);
        assert_eq!(size_of::<Pulse>() % 128, 0);
    }
}
