//! When timers come thick, they are served together.
//!
//! # Implementation
//!
//! Going to sleep and waking costs several times what firing a timer does. A hundred thousand timers in a
//! second need not be as many wake-ups: where at least [`MANY`] have fired within one slack, 100 µs as a
//! rule, whoever sleeps until the next one sleeps until a slack after the last of them instead, and serves
//! what is due by then together.
//!
//! A timer that is served so was not due when that one fired, so it is late by less than a slack. Two tasks
//! that sleep for 50 µs over and over fire four times in 100 µs, and are not delayed.
//!
//! It reads no clock: the instants are those that whoever expires timers has at hand. The workers of a pool
//! share one, without a lock and in no order: it is a guess at what comes next, and a wrong one makes a timer
//! late by a slack, or costs a wake-up.

use std::time::Duration;

use hob_core::Instant;

use crate::primitive::{AtomicU64, Ordering};

/// So many timers that fire within one slack are many.
const MANY: u64 = 8;

const SLACK_MAX: Duration = Duration::from_secs(1);

/// How thick timers come.
#[derive(Debug)]
pub(crate) struct Gather {
    /// How late a timer may be; zero for none.
    slack: Duration,
    /// When the stretch began in which they are counted. It lasts for a slack.
    begun_nanos: AtomicU64,
    /// How many have fired in it.
    fired: AtomicU64,
    /// When the last of them did.
    last_nanos: AtomicU64,
}

impl Gather {
    /// A slack of more than a second counts as one: nothing is to wait for ever.
    pub(crate) fn new(slack: Duration) -> Self {
        Self {
            slack: slack.min(SLACK_MAX),
            begun_nanos: AtomicU64::new(0),
            fired: AtomicU64::new(0),
            last_nanos: AtomicU64::new(0),
        }
    }

    /// At `now` so many have fired, and no other is due.
    pub(crate) fn note(&self, now: Instant, fired: usize) {
        if fired == 0 || self.slack.is_zero() {
            return;
        }
        let mut in_all = fired as u64;
        if now - read(&self.begun_nanos) >= self.slack {
            self.begun_nanos.store(now.as_nanos(), Ordering::Relaxed);
        } else {
            in_all = in_all.saturating_add(self.fired.load(Ordering::Relaxed));
        }
        self.fired.store(in_all, Ordering::Relaxed);
        self.last_nanos.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// How late timers must be for somebody to serve them, beside the one who sleeps for them.
    pub(crate) fn overdue(&self) -> Duration {
        self.slack + Duration::from_millis(1)
    }

    /// Until when to sleep, where the next timer is due at `next`.
    pub(crate) fn until(&self, next: Instant) -> Instant {
        if self.slack.is_zero() {
            return next;
        }
        let last = read(&self.last_nanos);
        // One that was due then, and was left, must not wait any longer.
        if self.fired.load(Ordering::Relaxed) < MANY || next <= last {
            return next;
        }
        next.max(last + self.slack)
    }
}

fn read(nanos: &AtomicU64) -> Instant {
    Instant::from_nanos(nanos.load(Ordering::Relaxed))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SLACK: Duration = Duration::from_micros(100);

    fn at(micros: u64) -> Instant {
        Instant::from_nanos(1_000_000_000 + micros * 1_000)
    }

    /// Timers fired at these instants; the next one is due at `next`.
    fn check(fired: &[(u64, u64)], next: u64, until: u64) {
        let gather = Gather::new(SLACK);
        for (micros, fired) in fired {
            gather.note(at(*micros), *fired as usize);
        }
        assert_eq!(gather.until(at(next)), at(until), "{fired:?}, {next}");
    }

    #[test]
    fn few_timers_fire_on_their_own() {
        check(&[], 10, 10);
        check(&[(0, 1)], 10, 10);
        check(&[(0, MANY - 1)], 10, 10);
        check(&[(0, MANY - 1), (50, 0)], 60, 60);
    }

    #[test]
    fn many_at_once_gather_the_next_ones() {
        check(&[(0, MANY)], 10, 100);
        check(&[(0, MANY)], 99, 100);
    }

    #[test]
    fn many_one_by_one_gather_the_next_ones() {
        let one_by_one: Vec<_> = (0..MANY).map(|number| (number * 10, 1)).collect();
        check(&one_by_one[1..], 80, 80);
        check(&one_by_one, 80, 170);
    }

    #[test]
    fn what_comes_after_the_slack_is_not_delayed() {
        check(&[(0, MANY)], 100, 100);
        check(&[(0, MANY)], 5_000, 5_000);
    }

    #[test]
    fn what_was_left_is_not_delayed() {
        check(&[(50, MANY)], 50, 50);
        check(&[(50, MANY)], 40, 40);
    }

    #[test]
    fn timers_that_come_thin_again_fire_on_their_own() {
        check(&[(0, MANY), (100, MANY), (200, 1)], 210, 210);
    }

    #[test]
    fn two_tasks_that_sleep_for_half_a_slack_are_never_delayed() {
        let gather = Gather::new(SLACK);
        for turn in 0..1_000 {
            let now = at(turn * 51);
            gather.note(now, 2);
            let next = now + SLACK / 2;
            assert_eq!(gather.until(next), next);
        }
    }

    #[test]
    fn no_timer_is_late_by_more_than_the_slack() {
        let gather = Gather::new(SLACK);
        let dues = (0..10_000_u64).map(|number| at(number * number % 7 + number * 10));
        let mut dues: Vec<_> = dues.collect();
        dues.sort();
        let mut wakes = 0;
        while let Some(next) = dues.first().copied() {
            let now = gather.until(next);
            let due = dues.partition_point(|due| *due <= now);
            assert!(now - next <= SLACK);
            gather.note(now, due);
            dues.drain(..due);
            wakes += 1;
        }
        assert!(wakes < 1_050, "{wakes} wake-ups for 10,000 timers");
    }

    #[test]
    fn the_longest_slack_is_a_second() {
        let gather = Gather::new(Duration::MAX);
        gather.note(at(0), 1_000);
        assert_eq!(gather.until(at(1)), at(1_000_000));
    }

    #[test]
    fn without_slack_every_timer_fires_on_its_own() {
        let gather = Gather::new(Duration::ZERO);
        gather.note(at(0), 1_000);
        assert_eq!(gather.until(at(1)), at(1));
    }
}
