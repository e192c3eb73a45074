//! What is to happen on the network, in its order.

use std::collections::BTreeMap;

use hob_core::Instant;

/// Things to come. Those of the same instant happen in the order in which they were added.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    things: BTreeMap<Key, T>,
    added: u64,
}

/// Names a thing to come, so that it can be called off.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Key(Instant, u64);

impl<T> Schedule<T> {
    pub(super) const fn new() -> Self {
        Self {
            things: BTreeMap::new(),
            added: 0,
        }
    }

    pub(super) fn add(&mut self, at: Instant, thing: T) -> Key {
        self.added += 1;
        let key = Key(at, self.added);
        self.things.insert(key, thing);
        key
    }

    /// Calls a thing off; nothing is done for one that has happened.
    pub(super) fn cancel(&mut self, key: &mut Option<Key>) {
        if let Some(key) = key.take() {
            self.things.remove(&key);
        }
    }

    /// When the next thing happens, or never.
    pub(super) fn next(&self) -> Instant {
        self.things
            .first_key_value()
            .map_or(Instant::NEVER, |(key, _)| key.0)
    }

    /// Takes out the next thing that is due at `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<T> {
        let first = self.things.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_happen_in_their_order_and_not_before_their_time() {
        let mut schedule = Schedule::new();
        let at = Instant::from_nanos;
        schedule.add(at(2), "third");
        schedule.add(at(1), "first");
        let mut gone = Some(schedule.add(at(1), "called off"));
        schedule.add(at(1), "second");
        schedule.cancel(&mut gone);
        assert_eq!((gone, schedule.next()), (None, at(1)));
        assert_eq!(schedule.take_due(at(0)), None);
        assert_eq!(schedule.take_due(at(1)), Some("first"));
        assert_eq!(schedule.take_due(at(1)), Some("second"));
        assert_eq!(schedule.take_due(at(1)), None);
        assert_eq!(schedule.take_due(at(9)), Some("third"));
        assert!(schedule.next().is_never());
    }
}
