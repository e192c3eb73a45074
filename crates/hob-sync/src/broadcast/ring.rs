//! The messages of a broadcast, and where its receivers stand. It knows of no lock and no waker.
//!
//! # Implementation
//!
//! See the drawing in the documentation of [`broadcast`](super). What always holds: a message is held,
//! that is, at the head or behind it, exactly as long as somebody stands at it or before it; so
//! somebody stands at the head unless the ring is empty. A position grows for ever; its slot is that
//! position modulo the number of slots, a power of two.

use std::mem;

use crate::broadcast::slot::{Message, Slot, is_plain};

/// Messages, each held until all who were there have taken it, or it is overwritten.
pub(super) struct Ring<T> {
    slots: Box<[Slot<T>]>,
    capacity: usize,
    /// The oldest message that is held.
    head: u64,
    /// The message that is sent next.
    tail: u64,
    /// How many receivers have taken all.
    up_to_date: usize,
}

/// Where a receiver stands.
///
/// It may have fetched some plain messages ahead of taking them. The ring does not count that: a
/// receiver stands where it stood before until it has taken them.
pub(super) struct Cursor<T> {
    /// The message that it takes next.
    next: u64,
    /// Where the ring counts it, if that message is still held.
    counted: u64,
    /// Copies of the next messages, the very next one last.
    ahead: Vec<T>,
}

/// What a receiver finds that has not taken all.
pub(super) enum Found<T> {
    Message(Message<T>),
    /// So many were overwritten.
    Lagged(u64),
}

/// How many slots are made first, if there is to be room for so many.
const SLOTS_FIRST: usize = 4;

/// As many plain messages are fetched at a time at most.
const AHEAD_MAX: u64 = 8;

impl<T> Ring<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            slots: Box::default(),
            capacity,
            head: 0,
            tail: 0,
            up_to_date: 0,
        }
    }

    /// The position of the message that is sent next.
    pub(super) const fn tail(&self) -> u64 {
        self.tail
    }

    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many messages are held.
    pub(super) const fn len(&self) -> usize {
        (self.tail - self.head) as usize
    }

    /// How many messages are held for a receiver.
    pub(super) fn len_from(&self, cursor: &Cursor<T>) -> usize {
        (self.tail - cursor.next.max(self.head)) as usize
    }

    /// Lets a receiver in, in front of the message that is sent next.
    pub(super) fn join(&mut self) -> Cursor<T> {
        self.up_to_date += 1;
        Cursor {
            next: self.tail,
            counted: self.tail,
            ahead: Vec::new(),
        }
    }

    /// Lets a receiver go, and with it what only it had to take.
    pub(super) fn leave(&mut self, cursor: &Cursor<T>) -> Vec<Message<T>> {
        *self.standing_at(cursor.counted.max(self.head)) -= 1;
        self.release_taken()
    }

    /// Lets go of what all have taken.
    fn release_taken(&mut self) -> Vec<Message<T>> {
        let mut unwanted = Vec::new();
        while self.head < self.tail && *self.standing_at(self.head) == 0 {
            unwanted.extend(self.release_head());
        }
        unwanted
    }

    /// Adds a message; the one that had to make way for it is returned.
    pub(super) fn push(&mut self, message: T) -> Option<Message<T>> {
        let overwritten = self.make_way();
        self.push_slot().fill(message);
        overwritten
    }

    /// Adds a plain message, of which there is a copy for each receiver.
    pub(super) fn push_copies(&mut self, copies: impl Iterator<Item = T>) {
        // It is plain too: nobody misses it.
        drop(self.make_way());
        self.push_slot().copies.extend(copies);
    }

    /// Lets go of the oldest message if there is no room for another.
    fn make_way(&mut self) -> Option<Message<T>> {
        if self.len() < self.capacity {
            return None;
        }
        let behind = mem::take(self.standing_at(self.head));
        *self.standing_at(self.head + 1) += behind;
        self.release_head()
    }

    /// Adds a slot for a message that all receivers have still to take.
    fn push_slot(&mut self) -> &mut Slot<T> {
        if self.len() == self.slots.len() {
            self.grow();
        }
        let standing = mem::take(&mut self.up_to_date);
        let position = self.tail;
        self.tail += 1;
        self.slot(position).standing = standing;
        debug_assert!(*self.standing_at(self.head) > 0, "nobody is to take it");
        self.slot(position)
    }

    /// Takes what comes next for a receiver, if there is something.
    pub(super) fn take(&mut self, cursor: &mut Cursor<T>) -> Option<Found<T>> {
        if cursor.next < self.head {
            return Some(Found::Lagged(cursor.skip_to(self.head)));
        }
        let message = match cursor.pop() {
            Some(message) => {
                self.recount(cursor);
                Message::Moved(message)
            }
            None if cursor.next == self.tail => return None,
            None => self.take_next(cursor),
        };
        if is_plain::<T>() && cursor.ahead.is_empty() {
            self.fetch(cursor);
        }
        Some(Found::Message(message))
    }

    /// Takes the message that a receiver stands at.
    fn take_next(&mut self, cursor: &mut Cursor<T>) -> Message<T> {
        let next = cursor.next;
        let slot = self.slot(next);
        slot.standing -= 1;
        let copy = slot.copies.pop().map(Message::Moved);
        let is_last = slot.standing == 0 && next == self.head;
        let message = if is_last {
            let released = self.release_head();
            copy.or(released)
        } else {
            copy.or_else(|| self.slot(next).share())
        };
        *self.standing_at(next + 1) += 1;
        (cursor.next, cursor.counted) = (next + 1, next + 1);
        message.expect("a message is held")
    }

    /// Counts a receiver where it stands, after it has taken what it had fetched.
    fn recount(&mut self, cursor: &mut Cursor<T>) {
        *self.standing_at(cursor.counted.max(self.head)) -= 1;
        *self.standing_at(cursor.next) += 1;
        cursor.counted = cursor.next;
        // They are plain: nobody misses them.
        drop(self.release_taken());
    }

    /// Fetches copies of the next few messages, if there are.
    fn fetch(&mut self, cursor: &mut Cursor<T>) {
        let next = cursor.next;
        let end = self.tail.min(next + AHEAD_MAX);
        let end = (next..end)
            .find(|position| self.slot(*position).copies.is_empty())
            .unwrap_or(end);
        if end - next > 1 {
            let copies = (next..end).rev();
            let copies = copies.filter_map(|position| self.slot(position).copies.pop());
            cursor.ahead.extend(copies);
        }
    }

    fn release_head(&mut self) -> Option<Message<T>> {
        let message = self.slot(self.head).release();
        self.head += 1;
        message
    }

    fn standing_at(&mut self, position: u64) -> &mut usize {
        if position == self.tail {
            &mut self.up_to_date
        } else {
            &mut self.slot(position).standing
        }
    }

    fn slot(&mut self, position: u64) -> &mut Slot<T> {
        let index = index(position, self.slots.len());
        &mut self.slots[index]
    }

    /// Doubles the slots, all of which are in use.
    #[cold]
    fn grow(&mut self) {
        let first = SLOTS_FIRST.min(self.capacity.next_power_of_two());
        let len = (2 * self.slots.len()).max(first);
        let mut slots: Box<[_]> = (0..len).map(|_| Slot::new()).collect();
        for position in self.head..self.tail {
            mem::swap(self.slot(position), &mut slots[index(position, len)]);
        }
        self.slots = slots;
    }
}

/// Where a position lies among `len` slots, a power of two.
const fn index(position: u64, len: usize) -> usize {
    position as usize & (len.wrapping_sub(1))
}

impl<T> Cursor<T> {
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Takes what was fetched, unless it is the last of it: then it is time to fetch more.
    pub(super) fn pop_ahead(&mut self) -> Option<T> {
        if self.ahead.len() > 1 {
            self.pop()
        } else {
            None
        }
    }

    fn pop(&mut self) -> Option<T> {
        let message = self.ahead.pop()?;
        self.next += 1;
        Some(message)
    }

    /// Moves on over what is not held any more, and tells how much that is.
    fn skip_to(&mut self, head: u64) -> u64 {
        let missed = head - self.next;
        let fetched = self.ahead.len();
        // Those that were fetched and are still held stay.
        self.ahead.truncate(fetched.saturating_sub(missed as usize));
        (self.next, self.counted) = (head, head);
        missed
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn take(ring: &mut Ring<u64>, cursor: &mut Cursor<u64>) -> Option<Result<u64, u64>> {
        Some(match ring.take(cursor)? {
            Found::Message(message) => Ok(message.into_inner()),
            Found::Lagged(missed) => Err(missed),
        })
    }

    /// Sends a plain message to one receiver, or what would be one to many.
    fn push(ring: &mut Ring<u64>, number: u64) {
        if number.is_multiple_of(5) {
            ring.push(number);
        } else {
            ring.push_copies([number].into_iter());
        }
    }

    #[test]
    fn it_grows_to_its_capacity_and_keeps_order() {
        for capacity in 1..20 {
            let mut ring = Ring::new(capacity);
            let mut cursor = ring.join();
            (0..100).for_each(|number| push(&mut ring, number));
            assert_eq!(ring.slots.len(), capacity.next_power_of_two());
            let oldest = 100 - capacity as u64;
            assert_eq!(take(&mut ring, &mut cursor), Some(Err(oldest)));
            for number in oldest..100 {
                assert_eq!(take(&mut ring, &mut cursor), Some(Ok(number)));
            }
            assert_eq!(take(&mut ring, &mut cursor), None);
            assert_eq!(ring.len(), 0);
        }
    }

    #[test]
    fn it_grows_around_its_end() {
        let mut ring = Ring::new(16);
        let mut cursor = ring.join();
        for number in 0..3 {
            push(&mut ring, number);
            assert_eq!(take(&mut ring, &mut cursor), Some(Ok(number)));
        }
        (3..19).for_each(|number| push(&mut ring, number));
        for number in 3..19 {
            assert_eq!(take(&mut ring, &mut cursor), Some(Ok(number)));
        }
    }

    #[test]
    fn what_was_fetched_and_overwritten_is_missed() {
        for more in 0..12 {
            let mut ring = Ring::new(8);
            let mut cursor = ring.join();
            let send = |ring: &mut Ring<u64>, number| ring.push_copies([number].into_iter());
            (0..8).for_each(|number| send(&mut ring, number));
            assert_eq!(take(&mut ring, &mut cursor), Some(Ok(0)));
            assert_eq!(cursor.ahead.len(), 7);
            (8..8 + more).for_each(|number| send(&mut ring, number));
            let oldest = more.max(1);
            let missed = take(&mut ring, &mut cursor);
            let expected = if more > 1 { Err(more - 1) } else { Ok(1) };
            assert_eq!(missed, Some(expected));
            for number in oldest + u64::from(more <= 1)..8 + more {
                assert_eq!(take(&mut ring, &mut cursor), Some(Ok(number)), "{more}");
            }
            assert_eq!(take(&mut ring, &mut cursor), None);
            assert_eq!(ring.len(), 0);
        }
    }
}
