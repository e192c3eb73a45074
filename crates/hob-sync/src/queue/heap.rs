//! How a priority queue finds its smallest value while foreign code compares.
//!
//! `Ord` is foreign code: a comparison may panic, take long, or call back into the queue. So none is
//! made under the lock of the state, and none when a value is put.
//!
//! # Implementation
//!
//! Under the lock of the state, values only come in, with a rank that tells equals apart. Whoever takes
//! a value moves what has come in to the heap, which has a lock of its own, the sorter's; it is locked
//! before that of the state. The comparisons are made under that one, so `put`, `len`, `close` and so
//! on do not wait for them and may be called by them. To take a value cannot be done inside a
//! comparison: the sorter notices that its thread is in it already.
//!
//! A call that a comparison makes serves nobody in line, as wakers that it would wake may want to take
//! a value on the spot. Whoever compares serves the lines when it has released the sorter.
//!
//! Until the value is found it is promised, and takes room: if a comparison panics, nobody has taken
//! that room, and nobody was told that nothing is left.
//!
//! ```text
//!   put, requeue ──► Incoming ── get ──► Heap ──► the smallest
//!                    lock of the state    lock of the sorter
//! ```
//!
//! The heap is a vector that is only ever permuted by swaps. When a comparison panics, everything is
//! still in it, in disorder; as many as are known to be in order are noted after each step, so whoever
//! comes next puts them in order again.

#![expect(
    missing_debug_implementations,
    unnameable_types,
    reason = "only the sealed trait of the orders reaches them from outside"
)]

use std::cell::RefCell;
use std::cmp::Ordering;
use std::mem;

use crate::primitive::Reentrant;

/// Values that were not compared yet, under the lock of the state.
pub struct Incoming<T> {
    entries: Vec<Entry<T>>,
    /// The rank of the last value that was put.
    last: i64,
    /// The rank of the last value that came back.
    first: i64,
}

/// A value, and its place among its equals.
struct Entry<T> {
    value: T,
    rank: i64,
}

/// The heap and its lock, under which foreign code runs.
pub struct Sorter<T>(Reentrant<RefCell<Heap<T>>>);

pub(super) struct Heap<T> {
    entries: Vec<Entry<T>>,
    /// So many of them, from the beginning, are a heap: none comes after those at twice its index
    /// plus one and plus two.
    heaped: usize,
}

impl<T> Incoming<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn push_last(&mut self, value: T) {
        self.last += 1;
        let rank = self.last;
        self.entries.push(Entry { value, rank });
    }

    pub(super) fn push_first(&mut self, value: T) {
        self.first -= 1;
        let rank = self.first;
        self.entries.push(Entry { value, rank });
    }
}

impl<T> Default for Incoming<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            last: 0,
            first: 0,
        }
    }
}

impl<T: Ord> Entry<T> {
    fn is_before(&self, other: &Self) -> bool {
        match self.value.cmp(&other.value) {
            Ordering::Less => true,
            Ordering::Equal => self.rank < other.rank,
            Ordering::Greater => false,
        }
    }
}

impl<T> Sorter<T> {
    /// Lends the heap out, unless that is going on in this very thread.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Heap<T>) -> R) -> Option<R> {
        let heap = self.0.lock();
        let mut heap = heap.try_borrow_mut().ok()?;
        Some(act(&mut heap))
    }

    /// Whether it is lent out in this very thread.
    pub(super) fn is_lent_here(&self) -> bool {
        self.0.is_owned_by_current_thread()
    }
}

impl<T> Default for Sorter<T> {
    fn default() -> Self {
        Self(Reentrant::new(RefCell::new(Heap {
            entries: Vec::new(),
            heaped: 0,
        })))
    }
}

impl<T: Ord> Heap<T> {
    /// Adds what has come in, without comparing it yet.
    pub(super) fn add(&mut self, incoming: &mut Incoming<T>) {
        self.entries.append(&mut incoming.entries);
    }

    /// Takes the smallest. If a comparison panics, nothing is taken.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.put_in_order();
        let last = self.entries.len().checked_sub(1)?;
        self.heaped = 0;
        self.entries.swap(0, last);
        self.sift_down(last);
        self.heaped = last;
        self.entries.pop().map(|entry| entry.value)
    }

    /// Puts all in order, the smallest first. If a comparison panics, all are still there.
    pub(super) fn sort(&mut self) {
        self.put_in_order();
        self.heaped = 0;
        for end in (1..self.entries.len()).rev() {
            self.entries.swap(0, end);
            self.sift_down(end);
        }
        self.entries.reverse();
        // What is in order is a heap, too.
        self.heaped = self.entries.len();
    }

    /// Takes all, as they lie.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        self.heaped = 0;
        let entries = mem::take(&mut self.entries);
        entries.into_iter().map(|entry| entry.value).collect()
    }

    fn put_in_order(&mut self) {
        // If a comparison panics, it stays zero.
        let mut heaped = mem::take(&mut self.heaped);
        while heaped < self.entries.len() {
            self.sift_up(heaped);
            heaped += 1;
        }
        self.heaped = heaped;
    }

    /// Lets the entry at `index` rise to where it belongs among those before it.
    fn sift_up(&mut self, mut index: usize) {
        while index > 0 {
            let parent = (index - 1) / 2;
            if !self.entries[index].is_before(&self.entries[parent]) {
                return;
            }
            self.entries.swap(index, parent);
            index = parent;
        }
    }

    /// Lets the first entry sink to where it belongs among the first `end`.
    fn sift_down(&mut self, end: usize) {
        let mut index = 0;
        loop {
            let mut child = 2 * index + 1;
            if child >= end {
                return;
            }
            if child + 1 < end && self.entries[child + 1].is_before(&self.entries[child]) {
                child += 1;
            }
            if !self.entries[child].is_before(&self.entries[index]) {
                return;
            }
            self.entries.swap(index, child);
            index = child;
        }
    }
}
