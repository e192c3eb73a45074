//! What the handles of a queue share: the values, the counts, and by whom they change.

#![expect(
    missing_debug_implementations,
    unnameable_types,
    reason = "only the sealed trait of the orders reaches them from outside"
)]

use std::mem;

use crate::epoch::Epoch;
use crate::primitive::Guarded;
use crate::queue::order::sealed::Sealed;
use crate::wait_queue::WaitQueue;

/// A snapshot of a queue, for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct QueueStatistics {
    /// Values that are there to be got, those included that are promised.
    pub len: usize,
    /// How many there is room for; `None` without a limit.
    pub capacity: Option<usize>,
    /// Values that were promised: to getters who waited and have not run since, and to those who are
    /// comparing values to find theirs.
    pub promised: usize,
    /// Values that were put and are not done.
    pub unfinished: usize,
    /// Items that were dropped without a word: they count as done, but were they?
    pub dropped: u64,
    /// How many wait to put.
    pub putters_waiting: usize,
    /// How many wait to get.
    pub getters_waiting: usize,
    /// How many wait for all to be done.
    pub joiners_waiting: usize,
    /// Whether it was closed.
    pub is_closed: bool,
}

/// The state under its lock, and what the order needs beside it.
pub struct Shared<T, O: Sealed<T>> {
    pub(super) state: Guarded<State<T, O>>,
    pub(super) sorter: O::Sorter,
}

pub(crate) struct State<T, O: Sealed<T>> {
    pub(super) store: Store<T, O>,
    pub(super) putters: WaitQueue<Option<T>, Result<(), T>>,
    pub(super) getters: WaitQueue<Hand, Got<T>>,
    pub(super) joiners: WaitQueue<Epoch, ()>,
}

/// The state without the lines.
pub(crate) struct Store<T, O: Sealed<T>> {
    pub(super) values: O::Values,
    capacity: Option<usize>,
    /// How many values are there. With a sorter, not all of them are in `values`.
    there: usize,
    /// How many of them are promised to getters who have their turn, or are finding the value out.
    pub(super) promised: usize,
    pub(super) unfinished: usize,
    /// How many of the unfinished were got plain, and are not done.
    plain: usize,
    dropped: u64,
    phase: Phase,
    /// The moments at which all were done.
    pub(super) all_done: Epoch,
}

/// No value will come any more.
#[derive(Clone, Copy, Debug)]
pub struct Closed;

/// By what right a value is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Claim {
    /// Nobody waits, and there is one that is promised to nobody.
    Newcomer,
    /// It is the turn of one who waited.
    Turn,
}

/// Who says that the value is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hand {
    /// The item that the value is in.
    Item,
    /// Whoever got it.
    Plain,
}

/// What a getter is given.
pub(crate) enum Got<T> {
    /// The value itself: to one who did not wait.
    Value(T),
    /// The right to take one.
    Turn,
    Closed,
}

/// Why a value was not put at once.
pub(super) enum Refused<T> {
    Full(T),
    Closed(T),
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Phase {
    Open,
    /// Nothing new, but what is there can be got.
    Draining,
    /// Nothing is there, and nothing is taken.
    Closed,
}

impl<T, O: Sealed<T>> Shared<T, O> {
    pub(super) fn new(capacity: Option<usize>) -> Self {
        Self {
            state: Guarded::new(State {
                store: Store::new(capacity),
                putters: WaitQueue::new(),
                getters: WaitQueue::new(),
                joiners: WaitQueue::new(),
            }),
            sorter: O::Sorter::default(),
        }
    }
}

impl<T, O: Sealed<T>> State<T, O> {
    /// Puts a value, unless the queue is closed or somebody waits for the room.
    pub(super) fn try_put(&mut self, value: T) -> Result<(), Refused<T>> {
        if self.store.is_closed() {
            Err(Refused::Closed(value))
        } else if self.putters.is_empty() && self.store.has_room() {
            self.store.push(value);
            Ok(())
        } else {
            Err(Refused::Full(value))
        }
    }

    /// Promises a value to the caller, who then takes it out; `None` if there is none for it now.
    pub(super) fn hold(&mut self, claim: Claim) -> Option<Result<(), Closed>> {
        match claim {
            Claim::Newcomer if !self.getters.is_empty() => None,
            Claim::Newcomer => self.store.hold(),
            Claim::Turn => {
                self.store.give_up_turn();
                self.store.hold()
            }
        }
    }

    pub(super) fn statistics(&self) -> QueueStatistics {
        QueueStatistics {
            len: self.store.there,
            capacity: self.store.capacity,
            promised: self.store.promised,
            unfinished: self.store.unfinished,
            dropped: self.store.dropped,
            putters_waiting: self.putters.len(),
            getters_waiting: self.getters.len(),
            joiners_waiting: self.joiners.len(),
            is_closed: self.store.is_closed(),
        }
    }
}

impl<T, O: Sealed<T>> Store<T, O> {
    fn new(capacity: Option<usize>) -> Self {
        Self {
            values: O::Values::default(),
            capacity,
            there: 0,
            promised: 0,
            unfinished: 0,
            plain: 0,
            dropped: 0,
            phase: Phase::Open,
            all_done: Epoch::FIRST,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.there
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        self.capacity
    }

    pub(super) fn is_closed(&self) -> bool {
        self.phase != Phase::Open
    }

    pub(super) fn has_room(&self) -> bool {
        self.capacity.is_none_or(|capacity| self.there < capacity)
    }

    /// Puts a new value. There is room for it.
    pub(super) fn push(&mut self, value: T) {
        O::push_last(&mut self.values, value);
        self.there += 1;
        self.unfinished += 1;
    }

    /// Puts a value that is not done back to the front, beyond the capacity if need be.
    pub(super) fn requeue(&mut self, value: T) -> Result<(), T> {
        if self.phase == Phase::Closed {
            self.finish();
            return Err(value);
        }
        O::push_first(&mut self.values, value);
        self.there += 1;
        Ok(())
    }

    /// Gives up the right to a value, without having taken one.
    pub(super) fn give_up_turn(&mut self) {
        debug_assert!(self.promised > 0, "a turn is given up once");
        self.promised -= 1;
    }

    /// Promises a value that is promised to nobody yet; `None` if there is none now.
    fn hold(&mut self) -> Option<Result<(), Closed>> {
        if !self.has_free() {
            return self.is_over().then_some(Err(Closed));
        }
        self.promised += 1;
        Some(Ok(()))
    }

    /// Counts that a value that was promised was taken out. Until then it takes room.
    pub(super) fn taken(&mut self, hand: Hand) {
        debug_assert!(
            self.there > 0,
            "what is promised is there until it is taken"
        );
        self.give_up_turn();
        self.there -= 1;
        self.plain += usize::from(hand == Hand::Plain);
    }

    /// Counts a value as done.
    pub(super) fn finish(&mut self) {
        self.finish_many(1);
    }

    /// Counts a value as done whose item was dropped.
    pub(super) fn finish_dropped(&mut self) {
        self.finish();
        self.dropped += 1;
    }

    /// Counts a value as done that was got plain; `None` if there is none.
    pub(super) fn finish_plain(&mut self) -> Option<()> {
        self.plain = self.plain.checked_sub(1)?;
        self.finish();
        Some(())
    }

    fn finish_many(&mut self, count: usize) {
        debug_assert!(self.unfinished >= count, "a value is done once");
        self.unfinished -= count;
        if self.unfinished == 0 {
            self.all_done.advance();
        }
    }

    pub(super) fn close(&mut self) {
        self.phase = self.phase.max(Phase::Draining);
    }

    /// Closes, and gives out what is there, which counts as done.
    pub(super) fn close_now(&mut self) -> O::Values {
        self.phase = Phase::Closed;
        let there = mem::take(&mut self.there);
        self.finish_many(there);
        mem::take(&mut self.values)
    }

    /// Whether there is a value that is promised to nobody.
    pub(super) fn has_free(&self) -> bool {
        self.there > self.promised && self.phase != Phase::Closed
    }

    /// Whether those who get are told that nothing will come. As long as values are promised, one who
    /// has a turn may go without taking it.
    pub(super) fn is_over(&self) -> bool {
        match self.phase {
            Phase::Open => false,
            Phase::Draining => self.there == 0,
            Phase::Closed => true,
        }
    }
}
