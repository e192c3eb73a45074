//! Wakers in the order in which they are due: no clock, no lock, no atomics.
//!
//! # Implementation
//!
//! A B-tree, and not a binary heap, since most timers are removed before they are due, from anywhere
//! in the middle. Its key is the deadline and a number that is never given out again. So equal
//! deadlines stand in the order of arming, the key alone finds its waker, and the key of a timer that
//! is gone finds nothing: there is no table of places. The number also tells the uses of a recycled queue
//! apart: those below the first of this use are of an earlier one.

use std::collections::BTreeMap;
use std::task::Waker;

use hob_core::Instant;

/// Wakers, ordered by deadline and then by when they were inserted.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    wakers: BTreeMap<(Instant, u64), Waker>,
    /// How many were ever inserted; `2^64` is out of reach.
    inserted: u64,
    /// How many of them before everything was last taken out.
    cleared: u64,
}

impl Deadlines {
    /// The earliest deadline, or [`Instant::NEVER`].
    pub(crate) fn next(&self) -> Instant {
        self.wakers
            .first_key_value()
            .map_or(Instant::NEVER, |(&(deadline, _), _)| deadline)
    }

    /// How many are waiting.
    pub(crate) fn len(&self) -> usize {
        self.wakers.len()
    }

    /// Adds a waker and returns its name.
    pub(crate) fn insert(&mut self, deadline: Instant, waker: Waker) -> (u64, u64) {
        let number = self.inserted;
        self.inserted += 1;
        let before = self.wakers.insert((deadline, number), waker);
        debug_assert!(before.is_none(), "a number was given out twice");
        (deadline.as_nanos(), number)
    }

    /// Whether what has that name has this deadline and this waker.
    pub(crate) fn is_armed(&self, name: (u64, u64), deadline: Instant, waker: &Waker) -> bool {
        let (nanos, number) = name;
        let armed = self.wakers.get(&(deadline, number));
        nanos == deadline.as_nanos() && armed.is_some_and(|armed| armed.will_wake(waker))
    }

    /// Takes out the waker of that name, if it is still there.
    pub(crate) fn remove(&mut self, (nanos, number): (u64, u64)) -> Option<Waker> {
        self.wakers.remove(&(Instant::from_nanos(nanos), number))
    }

    /// Takes out what is due at `now`, earliest first, and returns how many that were.
    ///
    /// [`Instant::NEVER`] is not due even then.
    pub(crate) fn expire(&mut self, now: Instant, woken: &mut Vec<Waker>) -> usize {
        let before = woken.len();
        while let Some(first) = self.wakers.first_entry() {
            let (deadline, _) = *first.key();
            if deadline > now || deadline.is_never() {
                break;
            }
            woken.push(first.remove());
        }
        woken.len() - before
    }

    /// Returns `true` if a waker of that name was inserted before the last [`clear`](Self::clear).
    pub(crate) const fn is_of_an_earlier_use(&self, (_, number): (u64, u64)) -> bool {
        number < self.cleared
    }

    /// Takes out all, earliest first, and ends the use.
    pub(crate) fn clear(&mut self, woken: &mut Vec<Waker>) {
        self.cleared = self.inserted;
        while let Some((_, waker)) = self.wakers.pop_first() {
            woken.push(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn check(deadlines: &[u64], now: u64, due: usize, next: Instant) {
        let mut queue = Deadlines::default();
        for &nanos in deadlines {
            let _name = queue.insert(at(nanos), Waker::noop().clone());
        }
        let mut woken = Vec::new();
        assert_eq!(queue.expire(at(now), &mut woken), due);
        assert_eq!(woken.len(), due);
        assert_eq!(queue.next(), next);
        assert_eq!(queue.len(), deadlines.len() - due);
    }

    #[test]
    fn expires_up_to_now_and_no_further() {
        check(&[], 5, 0, Instant::NEVER);
        check(&[5], 4, 0, at(5));
        check(&[5], 5, 1, Instant::NEVER);
        check(&[7, 5, 6, 5], 5, 2, at(6));
        check(&[0], 0, 1, Instant::NEVER);
    }

    #[test]
    fn never_is_not_due_at_the_end_of_time() {
        check(&[u64::MAX, u64::MAX - 1], u64::MAX, 1, Instant::NEVER);
    }

    #[test]
    fn a_name_finds_nothing_once_its_waker_is_gone() {
        let mut queue = Deadlines::default();
        let name = queue.insert(at(5), Waker::noop().clone());
        assert!(queue.remove(name).is_some());
        let _other = queue.insert(at(5), Waker::noop().clone());
        assert!(queue.remove(name).is_none());
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn a_name_tells_its_use() {
        let mut queue = Deadlines::default();
        let [fired, cleared] = [5, 7].map(|nanos| queue.insert(at(nanos), Waker::noop().clone()));
        let mut woken = Vec::new();
        assert_eq!(queue.expire(at(5), &mut woken), 1);
        assert!(!queue.is_of_an_earlier_use(fired), "it fired in this use");
        queue.clear(&mut woken);
        let fresh = queue.insert(at(5), Waker::noop().clone());
        let earlier = [fired, cleared, fresh].map(|name| queue.is_of_an_earlier_use(name));
        assert_eq!(earlier, [true, true, false]);
    }
}
