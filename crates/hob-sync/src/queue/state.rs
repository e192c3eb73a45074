//! What the handles of a queue share: the entries, the counts, and three lines of waiters.

use std::collections::VecDeque;
use std::mem;

use crate::old_queue::{Serve, Settle, WaitQueue, serve};
use crate::waker::WakeList;

/// The capacity of a queue without a limit: memory ends long before.
pub(super) const UNBOUNDED: usize = usize::MAX;

/// A snapshot of a queue, for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct QueueStatistics {
    /// Values that are there to be got.
    pub len: usize,
    /// How many there is room for; `None` without a limit.
    pub capacity: Option<usize>,
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

pub(super) struct State<T> {
    /// In order of their ranks.
    entries: VecDeque<Entry<T>>,
    capacity: usize,
    /// Room that was granted to putters who have not used it yet.
    reserved: usize,
    /// Entries that were granted to getters who have not taken them yet: they may come back.
    handed: usize,
    unfinished: usize,
    dropped: u64,
    phase: Phase,
    /// The ranks of the next entries at either end.
    rank_front: i64,
    rank_back: i64,
    pub(super) putters: WaitQueue<(), Result<(), Closed>>,
    getters: WaitQueue<(), Result<Entry<T>, Closed>>,
    joiners: WaitQueue<(), ()>,
}

/// A value and its place in the order, which it keeps if it comes back from a getter who was dropped.
pub(super) struct Entry<T> {
    rank: i64,
    pub(super) value: T,
}

/// What waiters are told when the queue is closed.
pub(super) struct Closed;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Phase {
    Open,
    /// Nothing new, but what is there can be got.
    Draining,
    /// Nothing is there, and nothing is taken.
    Closed,
}

/// The line of those who put.
pub(super) enum Putters {}
/// The line of those who get.
pub(super) enum Getters {}
/// The line of those who wait for all to be done.
pub(super) enum Joiners {}

impl<T> State<T> {
    pub(super) const fn new(capacity: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            capacity,
            reserved: 0,
            handed: 0,
            unfinished: 0,
            dropped: 0,
            phase: Phase::Open,
            rank_front: -1,
            rank_back: 0,
            putters: WaitQueue::new(),
            getters: WaitQueue::new(),
            joiners: WaitQueue::new(),
        }
    }

    /// Puts a new value at the end. There is room for it.
    pub(super) fn push(&mut self, value: T) {
        let rank = self.rank_back;
        self.rank_back += 1;
        self.entries.push_back(Entry { rank, value });
        self.unfinished += 1;
    }

    /// Puts a value into room that was granted; it comes back if the queue was closed since.
    pub(super) fn fill(&mut self, value: T) -> Result<(), T> {
        self.unreserve();
        if self.is_closed() {
            return Err(value);
        }
        self.push(value);
        Ok(())
    }

    /// Puts a value that is not done back to the front, beyond the capacity if need be.
    pub(super) fn requeue(&mut self, value: T) -> Result<(), T> {
        if self.phase == Phase::Closed {
            self.finish();
            return Err(value);
        }
        let rank = self.rank_front;
        self.rank_front -= 1;
        self.entries.push_front(Entry { rank, value });
        Ok(())
    }

    /// Counts a value as done.
    pub(super) fn finish(&mut self) {
        debug_assert!(self.unfinished > 0, "a value is done once");
        self.unfinished -= 1;
    }

    /// Counts a value as done whose item was dropped.
    pub(super) fn finish_dropped(&mut self) {
        self.finish();
        self.dropped += 1;
    }

    pub(super) fn close(&mut self) {
        self.phase = self.phase.max(Phase::Draining);
    }

    /// Closes, and gives out what is there, which counts as done.
    pub(super) fn close_now(&mut self) -> VecDeque<Entry<T>> {
        self.phase = Phase::Closed;
        self.unfinished -= self.entries.len();
        mem::take(&mut self.entries)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        (self.capacity != UNBOUNDED).then_some(self.capacity)
    }

    pub(super) const fn unfinished(&self) -> usize {
        self.unfinished
    }

    pub(super) fn is_closed(&self) -> bool {
        self.phase != Phase::Open
    }

    pub(super) fn has_room(&self) -> bool {
        self.entries.len() + self.reserved < self.capacity
    }

    pub(super) fn statistics(&self) -> QueueStatistics {
        QueueStatistics {
            len: self.len(),
            capacity: self.capacity(),
            unfinished: self.unfinished,
            dropped: self.dropped,
            putters_waiting: self.putters.len(),
            getters_waiting: self.getters.len(),
            joiners_waiting: self.joiners.len(),
            is_closed: self.is_closed(),
        }
    }

    fn unreserve(&mut self) {
        debug_assert!(self.reserved > 0, "room is given back once");
        self.reserved -= 1;
    }
}

impl<T> Settle for State<T> {
    fn settle(&mut self, wakes: &mut WakeList) {
        // Getters first: what they take makes room for putters.
        serve::<Getters, _>(self, wakes);
        serve::<Putters, _>(self, wakes);
        serve::<Joiners, _>(self, wakes);
    }
}

impl<T> Serve<Putters> for State<T> {
    type Request = ();
    type Grant = Result<(), Closed>;

    fn line(&mut self) -> &mut WaitQueue<(), Result<(), Closed>> {
        &mut self.putters
    }

    fn take(&mut self, (): ()) -> Option<Result<(), Closed>> {
        if self.is_closed() {
            return Some(Err(Closed));
        }
        let room = self.has_room();
        self.reserved += usize::from(room);
        room.then_some(Ok(()))
    }

    fn put_back(&mut self, grant: Result<(), Closed>) -> Option<Result<(), Closed>> {
        if grant.is_ok() {
            self.unreserve();
        }
        None
    }
}

impl<T> Serve<Getters> for State<T> {
    type Request = ();
    type Grant = Result<Entry<T>, Closed>;

    fn line(&mut self) -> &mut WaitQueue<(), Result<Entry<T>, Closed>> {
        &mut self.getters
    }

    fn take(&mut self, (): ()) -> Option<Result<Entry<T>, Closed>> {
        match self.entries.pop_front() {
            Some(entry) => {
                self.handed += 1;
                Some(Ok(entry))
            }
            // What was handed to somebody else may come back and has to find a getter.
            None => (self.is_closed() && self.handed == 0).then_some(Err(Closed)),
        }
    }

    fn taken(&mut self, grant: &Result<Entry<T>, Closed>) {
        self.handed -= usize::from(grant.is_ok());
    }

    fn put_back(&mut self, grant: Result<Entry<T>, Closed>) -> Option<Result<Entry<T>, Closed>> {
        let Ok(entry) = grant else { return None };
        self.handed -= 1;
        if self.phase == Phase::Closed {
            self.finish();
            return Some(Ok(entry));
        }
        let place = self
            .entries
            .partition_point(|other| other.rank < entry.rank);
        self.entries.insert(place, entry);
        None
    }
}

impl<T> Serve<Joiners> for State<T> {
    type Request = ();
    type Grant = ();

    fn line(&mut self) -> &mut WaitQueue<(), ()> {
        &mut self.joiners
    }

    fn take(&mut self, (): ()) -> Option<()> {
        (self.unfinished == 0).then_some(())
    }

    fn put_back(&mut self, (): ()) -> Option<()> {
        None
    }
}
