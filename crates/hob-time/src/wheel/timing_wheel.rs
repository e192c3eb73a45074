//! The wheel itself: no clock, no lock, no atomics.
//!
//! # Implementation
//!
//! Time is counted in ticks of 2¹⁷ nanoseconds, 131 µs, and a tick is a number of 47 bits. The wheel has a
//! level for each six of them, and a level has 64 slots:
//!
//! ```text
//!   level   one slot      the level
//!     0      131 µs         8.4 ms
//!     1      8.4 ms       537   ms
//!     2      537 ms        34   s
//!     3       34 s         37   min
//!     4       37 min       39   h
//!     5       39 h        104   days
//!     6      104 days      18   years
//!     7       18 years     all that a word of nanoseconds holds, so nothing wraps around
//! ```
//!
//! When a timer is put in, its level is that of the highest six bits in which its tick differs from `elapsed`,
//! the tick up to which everything has been taken out. So each slot of a level lies before all slots of the next,
//! and the first slot in use is found by one look at a bit map a level. When `elapsed` reaches a slot it is
//! turned out: what is due is handed out, and the rest is put in again, into lower levels. What is left in the
//! tick of the present comes back to its slot.
//!
//! **In batches.** A slot may hold a million timers. It is turned out a batch at a time, so that the lock
//! around the wheel is never held for long; meanwhile what is left stands in a slot of its own, and `next` stays
//! in the past.
//!
//! **Exact deadlines.** A slot knows a bound, the earliest deadline that was put into it. The wheel's `next`
//! is the bound of its first slot, so whoever drives it is not woken at the beginning of a slot for nothing.
//!
//! **What does not fire costs least.** A timer that is moved to later stays where it is and only notes its
//! new deadline; it moves when its slot is reached. Taking a timer out leaves the bounds as they are. So
//! `next` may be too early, which costs one look at that time.
//!
//! **Order.** Lists have none. Whoever takes out what is due sorts it by deadline, and then by the number of
//! the arming; numbers are never given out again, and tell also whether a name is still that of the timer there.
//!
//! **Memory.** The slab keeps the room for as many timers as there ever were at once, and gives it back when
//! there is none.
//!
//! Insert, remove and reset are O(1). Timers stand in a slab, so a future holds two words and need not be
//! pinned; `docs/decisions/0012-timers.md` has what was compared.
//!
//! # References
//!
//! - G. Varghese, A. Lauck, *Hashed and hierarchical timing wheels*, 1987,
//!   <https://doi.org/10.1145/41457.37504>: scheme 7.
//! - Tokio's wheel of 6 levels of 64 slots, for the level found by an exclusive or.

use std::mem;
use std::task::Waker;

use hob_core::Instant;
use slab::Slab;

/// A tick is so many bits of nanoseconds.
const TICK_BITS: u32 = 17;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
const LEVELS: usize = 8;
/// The slot of timers that are never due, behind all others.
const NEVER: usize = LEVELS * SLOTS;
/// The slot of those that are being turned out.
const TURNED_OUT: usize = NEVER + 1;
/// No timer.
const NONE: u32 = u32::MAX;
/// The room for so many timers is kept also when there is none.
const KEPT: usize = 1024;

/// Timers by their deadlines.
#[derive(Debug)]
pub(super) struct TimingWheel {
    timers: Slab<Timer>,
    /// `LEVELS` times `SLOTS`, and the two behind them.
    slots: Box<[Slot]>,
    /// A bit for each slot that is not empty.
    in_use: [u64; LEVELS],
    /// The tick up to which all was taken out.
    elapsed: u64,
    /// The latest time that it was told.
    now: Instant,
    /// No later than the earliest deadline.
    next: Instant,
    /// How many names were given out; `2^64` is out of reach.
    named: u64,
    /// How many of them before everything was last taken out.
    cleared: u64,
}

/// What names a timer: its place, and the number of its arming.
pub(super) type Name = (u64, u64);

#[derive(Debug)]
struct Timer {
    deadline: Instant,
    number: u64,
    waker: Waker,
    before: u32,
    behind: u32,
    slot: u16,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    first: u32,
    /// No later than the deadline of any timer in it; of no meaning if there is none.
    earliest: Instant,
}

/// A timer that is due.
#[derive(Debug)]
pub(super) struct Due {
    deadline: Instant,
    number: u64,
    waker: Waker,
}

/// Whether a batch was all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "more may be due"]
pub(super) enum Rest {
    Nothing,
    Some,
}

/// The wakers of what is due, earliest first.
pub(super) fn in_order(mut due: Vec<Due>) -> impl Iterator<Item = Waker> {
    due.sort_unstable_by_key(|due| (due.deadline, due.number));
    due.into_iter().map(|due| due.waker)
}

impl Slot {
    const EMPTY: Self = Self {
        first: NONE,
        earliest: Instant::NEVER,
    };
}

impl TimingWheel {
    pub(super) fn new() -> Self {
        Self {
            timers: Slab::new(),
            slots: vec![Slot::EMPTY; TURNED_OUT + 1].into(),
            in_use: [0; LEVELS],
            elapsed: 0,
            now: Instant::from_nanos(0),
            next: Instant::NEVER,
            named: 0,
            cleared: 0,
        }
    }

    /// A time no later than the earliest deadline; [`Instant::NEVER`] if it is known that there is none.
    #[inline]
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// How many timers there are.
    pub(super) fn len(&self) -> usize {
        self.timers.len()
    }

    /// Adds a timer and returns its name.
    #[inline]
    pub(super) fn insert(&mut self, deadline: Instant, waker: Waker) -> Name {
        let number = self.deal_number();
        let timer = Timer {
            deadline,
            number,
            waker,
            before: NONE,
            behind: NONE,
            slot: 0,
        };
        let index = u32::try_from(self.timers.vacant_key()).unwrap_or(NONE);
        assert_ne!(index, NONE, "so many timers take two hundred gigabytes");
        self.timers.insert(timer);
        self.link(index);
        self.next = self.next.min(deadline);
        (u64::from(index), number)
    }

    /// Takes out the timer of that name, if it is still there, and returns its waker.
    #[inline]
    pub(super) fn remove(&mut self, name: Name) -> Option<Waker> {
        let index = self.find(name)?;
        self.unlink(index);
        let timer = self.timers.remove(index as usize);
        if self.timers.is_empty() {
            self.give_back_room();
        }
        Some(timer.waker)
    }

    /// Moves the timer of that name, if it is still there, and returns its new name.
    #[inline]
    pub(super) fn reset(&mut self, name: Name, deadline: Instant) -> Option<Name> {
        let index = self.find(name)?;
        let number = self.deal_number();
        let timer = &mut self.timers[index as usize];
        timer.number = number;
        let before = mem::replace(&mut timer.deadline, deadline);
        if deadline < before {
            self.unlink(index);
            self.link(index);
            self.next = self.next.min(deadline);
        }
        Some((u64::from(index), number))
    }

    /// The same, if it has that waker; where the deadline is the one that it has, it stays where it is.
    #[inline]
    pub(super) fn reset_for(
        &mut self,
        name: Name,
        deadline: Instant,
        waker: &Waker,
    ) -> Option<Name> {
        let index = self.find(name)?;
        let timer = &self.timers[index as usize];
        if !timer.waker.will_wake(waker) {
            None
        } else if timer.deadline == deadline {
            Some(name)
        } else {
            self.reset(name, deadline)
        }
    }

    /// Takes out what is due at `now`, in no order, and looks at no more than `batch` timers for it.
    ///
    /// [`Instant::NEVER`] is not due even then. A time before the last one counts as that. As long as there is
    /// a rest, [`next`](Self::next) stays as it was.
    pub(super) fn expire(&mut self, now: Instant, batch: usize, due: &mut Vec<Due>) -> Rest {
        self.now = self.now.max(now);
        let end = tick(self.now);
        let mut left = batch;
        loop {
            self.turn_out(&mut left, due);
            if self.slots[TURNED_OUT].first != NONE {
                return Rest::Some;
            }
            match self.first() {
                Some((slot, start)) if start < end || self.is_due_in(slot, start, end) => {
                    self.elapsed = self.elapsed.max(start);
                    self.begin_to_turn_out(slot);
                }
                first => {
                    self.elapsed = self.elapsed.max(end);
                    self.next = first.map_or(Instant::NEVER, |(slot, _)| self.slots[slot].earliest);
                    return Rest::Nothing;
                }
            }
        }
    }

    /// Returns `true` if that name was given out before the last [`clear`](Self::clear).
    #[inline]
    pub(super) const fn is_of_an_earlier_use(&self, (_, number): Name) -> bool {
        number < self.cleared
    }

    /// Takes out all, and ends the use: the next one may go by another clock.
    pub(super) fn clear(&mut self, woken: &mut Vec<Waker>) {
        let timers = mem::take(&mut self.timers);
        woken.extend(timers.into_iter().map(|(_, timer)| timer.waker));
        *self = Self {
            slots: mem::take(&mut self.slots),
            named: self.named,
            cleared: self.named,
            ..Self::new()
        };
        self.slots.fill(Slot::EMPTY);
    }

    fn deal_number(&mut self) -> u64 {
        let number = self.named;
        self.named += 1;
        number
    }

    /// Where the timer of that name is, if it is still there.
    #[inline]
    fn find(&self, (place, number): Name) -> Option<u32> {
        let timer = self.timers.get(place as usize)?;
        (timer.number == number).then_some(place as u32)
    }

    /// Puts a timer into the slot of its deadline.
    #[inline]
    fn link(&mut self, index: u32) {
        let deadline = self.timers[index as usize].deadline;
        let number = self.slot_of(deadline);
        let slot = &mut self.slots[number];
        let behind = mem::replace(&mut slot.first, index);
        slot.earliest = if behind == NONE {
            deadline
        } else {
            slot.earliest.min(deadline)
        };
        if number < NEVER {
            self.in_use[number / SLOTS] |= 1 << (number % SLOTS);
        }
        if behind != NONE {
            self.timers[behind as usize].before = index;
        }
        let timer = &mut self.timers[index as usize];
        (timer.before, timer.behind) = (NONE, behind);
        timer.slot = number as u16;
    }

    /// Takes a timer out of its slot.
    #[inline]
    fn unlink(&mut self, index: u32) {
        let timer = &self.timers[index as usize];
        let (before, behind) = (timer.before, timer.behind);
        let number = usize::from(timer.slot);
        if before != NONE {
            self.timers[before as usize].behind = behind;
            if behind != NONE {
                self.timers[behind as usize].before = before;
            }
            return;
        }
        if behind != NONE {
            let behind = &mut self.timers[behind as usize];
            behind.before = NONE;
            behind.slot = number as u16;
        }
        self.slots[number].first = behind;
        if behind == NONE && number < NEVER {
            self.in_use[number / SLOTS] &= !(1 << (number % SLOTS));
        }
    }

    /// The slot that a deadline belongs to, from where the wheel stands. One of the past belongs to the
    /// slot where it stands.
    #[inline]
    fn slot_of(&self, deadline: Instant) -> usize {
        if deadline.is_never() {
            return NEVER;
        }
        let tick = tick(deadline).max(self.elapsed);
        // The highest bit that differs; where none does, any bit of the lowest level will do.
        let differs = (tick ^ self.elapsed) | 1;
        let level = differs.ilog2() / SLOT_BITS;
        let within = (tick >> (level * SLOT_BITS)) as usize % SLOTS;
        level as usize * SLOTS + within
    }

    /// The first slot in use, and the tick with which it begins; without that of those never due.
    fn first(&self) -> Option<(usize, u64)> {
        let level = self.in_use.iter().position(|slots| *slots != 0)?;
        let within = self.in_use[level].trailing_zeros();
        let bits = level as u32 * SLOT_BITS;
        let around = self.elapsed >> (bits + SLOT_BITS) << (bits + SLOT_BITS);
        let start = around | (u64::from(within) << bits);
        debug_assert!(
            start >= self.elapsed >> bits << bits,
            "a slot was passed by"
        );
        Some((level * SLOTS + within as usize, start))
    }

    /// Whether a slot that begins with the present tick is to be turned out: one of a higher level always is, and
    /// that of the tick itself if something is due in it.
    fn is_due_in(&self, slot: usize, start: u64, present: u64) -> bool {
        start == present && (slot >= SLOTS || self.slots[slot].earliest <= self.now)
    }

    /// Moves all timers of a slot to the one of those that are turned out, which is empty.
    fn begin_to_turn_out(&mut self, slot: usize) {
        debug_assert_eq!(self.slots[TURNED_OUT].first, NONE);
        self.slots[TURNED_OUT] = mem::replace(&mut self.slots[slot], Slot::EMPTY);
        self.in_use[slot / SLOTS] &= !(1 << (slot % SLOTS));
        let first = self.slots[TURNED_OUT].first;
        // Only of the first one it matters, and it is handed on.
        self.timers[first as usize].slot = TURNED_OUT as u16;
    }

    /// Takes out what is due of those that are turned out, and puts the rest where it belongs now, until so
    /// many are `left`.
    fn turn_out(&mut self, left: &mut usize, due: &mut Vec<Due>) {
        loop {
            let index = self.slots[TURNED_OUT].first;
            if index == NONE || *left == 0 {
                break;
            }
            *left -= 1;
            self.unlink(index);
            let deadline = self.timers[index as usize].deadline;
            if deadline > self.now || deadline.is_never() {
                self.link(index);
            } else {
                let Timer { number, waker, .. } = self.timers.remove(index as usize);
                due.push(Due {
                    deadline,
                    number,
                    waker,
                });
            }
        }
        if self.timers.is_empty() {
            self.give_back_room();
        }
    }

    /// Gives back the memory of many timers, now that there are none.
    fn give_back_room(&mut self) {
        if self.timers.capacity() > KEPT {
            self.timers = Slab::new();
        }
    }
}

const fn tick(instant: Instant) -> u64 {
    instant.as_nanos() >> TICK_BITS
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use super::*;

    const TICK: u64 = 1 << TICK_BITS;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn wheel(deadlines: &[u64]) -> (TimingWheel, Vec<Name>) {
        let mut wheel = TimingWheel::new();
        let names = deadlines
            .iter()
            .map(|nanos| wheel.insert(at(*nanos), Waker::noop().clone()))
            .collect();
        (wheel, names)
    }

    fn due(wheel: &mut TimingWheel, now: u64) -> usize {
        let mut due = Vec::new();
        assert_eq!(wheel.expire(at(now), usize::MAX, &mut due), Rest::Nothing);
        due.len()
    }

    fn check(deadlines: &[u64], now: u64, expected: usize, next: Instant) {
        let (mut wheel, _names) = wheel(deadlines);
        assert_eq!(due(&mut wheel, now), expected, "{deadlines:?} at {now}");
        assert_eq!(wheel.next(), next, "{deadlines:?} at {now}");
        assert_eq!(wheel.len(), deadlines.len() - expected);
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
    fn next_is_exact_in_every_level() {
        for level in 0..LEVELS as u32 {
            let far = TICK << (level * SLOT_BITS);
            let Some(deadline) = far.checked_add(far / 2 + 3) else {
                continue;
            };
            check(&[deadline], deadline - 1, 0, at(deadline));
            check(&[deadline + 1, deadline], deadline, 1, at(deadline + 1));
        }
    }

    #[test]
    fn never_is_not_due_at_the_end_of_time() {
        check(&[u64::MAX, u64::MAX - 1], u64::MAX, 1, Instant::NEVER);
    }

    #[test]
    fn a_level_that_is_full_of_one_bits_runs_over_into_the_next() {
        for boundary in [1 << 23, 1 << 29, 1 << 41, (1 << 60) | (1 << 53)] {
            let (mut wheel, _names) = wheel(&[]);
            assert_eq!(due(&mut wheel, boundary - 1), 0);
            for delay in [0, 1, TICK, 64 * TICK] {
                let _name = wheel.insert(at(boundary + delay), Waker::noop().clone());
            }
            for delay in [0, 1, TICK, 64 * TICK] {
                assert_eq!(wheel.next(), at(boundary + delay));
                assert_eq!(due(&mut wheel, boundary + delay - 1), 0);
                assert_eq!(due(&mut wheel, boundary + delay), 1);
            }
        }
    }

    #[test]
    fn one_that_is_moved_to_later_stays_until_its_slot_is_reached() {
        let (mut wheel, names) = wheel(&[5, TICK * 70]);
        let slot = wheel.timers[0].slot;
        let name = wheel.reset(names[0], at(TICK * 100)).expect("it is there");
        assert_eq!(wheel.timers[0].slot, slot);
        assert_eq!(due(&mut wheel, 5), 0, "a look for nothing");
        assert_eq!(wheel.next(), at(TICK * 70), "and no second one");
        assert_eq!(due(&mut wheel, TICK * 100 - 1), 1);
        assert!(wheel.remove(names[0]).is_none(), "that name is gone");
        assert!(wheel.remove(name).is_some());
    }

    #[test]
    fn batches_take_out_the_same_whatever_happens_in_between() {
        let deadlines: Vec<u64> = (0..100).map(|number| 700 * TICK + number % 50).collect();
        let (mut wheel, names) = wheel(&deadlines);
        let now = 700 * TICK + 24;
        let mut due = Vec::new();
        assert_eq!(wheel.expire(at(now), 10, &mut due), Rest::Some);
        assert!(wheel.next() <= at(now), "there is a rest");
        // In between, the first and others of those that are turned out go, move, and come.
        let there: Vec<Name> = names
            .iter()
            .copied()
            .filter(|name| wheel.find(*name).is_some())
            .collect();
        let first = wheel.slots[TURNED_OUT].first as usize;
        let gone = names[first];
        let was_due = wheel.timers[first].deadline <= at(now);
        assert!(wheel.remove(gone).is_some());
        let moved = there.iter().find(|name| **name != gone).expect("many");
        let moved_was_due = wheel.timers[moved.0 as usize].deadline <= at(now);
        assert!(wheel.reset(*moved, at(0)).is_some());
        let _name = wheel.insert(at(now), Waker::noop().clone());
        let mut batches = 0;
        while wheel.expire(at(now), 10, &mut due) == Rest::Some {
            batches += 1;
        }
        assert!(batches > 5);
        let expected = 50 + 1 - usize::from(was_due) + usize::from(!moved_was_due);
        assert_eq!(due.len(), expected);
        assert_eq!(wheel.next(), at(now + 1));
        let order: Vec<_> = due.iter().map(|due| due.deadline).collect();
        assert!(!order.is_sorted(), "a test of the order needs disorder");
        assert_eq!(in_order(due).count(), expected);
    }

    #[test]
    fn a_slot_that_was_emptied_is_passed_over() {
        let (mut wheel, names) = wheel(&[5 * TICK, 5 * TICK, 700 * TICK]);
        assert!(wheel.remove(names[0]).is_some());
        assert!(wheel.remove(names[1]).is_some());
        assert_eq!(due(&mut wheel, 1), 0);
        assert_eq!(wheel.next(), at(700 * TICK));
    }

    #[test]
    fn a_look_leaves_the_wheel_at_the_present() {
        let (mut wheel, _names) = wheel(&[]);
        assert_eq!(due(&mut wheel, 1 << 60), 0);
        let _name = wheel.insert(at((1 << 60) + TICK), Waker::noop().clone());
        assert!(wheel.timers[0].slot < SLOTS as u16, "in the lowest level");
    }

    #[test]
    fn a_time_of_the_past_takes_out_what_was_due_at_the_last_one() {
        let (mut wheel, _names) = wheel(&[]);
        assert_eq!(due(&mut wheel, 10 * TICK), 0);
        let _name = wheel.insert(at(9 * TICK), Waker::noop().clone());
        assert_eq!(due(&mut wheel, 8 * TICK), 1);
    }

    #[test]
    fn room_for_many_is_given_back() {
        let deadlines: Vec<u64> = (0..10_000).collect();
        let (mut wheel, names) = wheel(&deadlines);
        for name in names {
            assert!(wheel.remove(name).is_some());
        }
        assert!(wheel.timers.capacity() <= KEPT);
        let _names: Vec<Name> = deadlines
            .iter()
            .map(|nanos| wheel.insert(at(*nanos), Waker::noop().clone()))
            .collect();
        assert_eq!(due(&mut wheel, 10_000), 10_000);
        assert!(wheel.timers.capacity() <= KEPT);
    }

    #[test]
    fn a_timer_takes_forty_eight_bytes() {
        assert_eq!(size_of::<Timer>(), 48);
        assert!(Duration::from_nanos(TICK) < Duration::from_micros(132));
    }
}
