//! What a poller counts.
//!
//! # Implementation
//!
//! The counters of the seat have one writer, the thread that sits there, so they are plain loads and
//! stores; only rings come from many threads. Nothing is ordered by them.

use crate::primitive::{AtomicU64, Ordering};

/// A snapshot of a poller, for dumps and tests. It counts from when the poller was opened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ReactorStatistics {
    /// How many descriptors are watched now.
    pub registered: usize,
    /// How often the seat looked for events, or slept.
    pub turns: u64,
    /// How many events it took from the system.
    pub events: u64,
    /// How often a sleeper was woken by another thread, at the price of a system call.
    pub rings: u64,
    /// Nobody drives the poller any more.
    pub is_retired: bool,
}

#[derive(Debug)]
pub(crate) struct Counters {
    turns: AtomicU64,
    events: AtomicU64,
    rings: AtomicU64,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            turns: AtomicU64::new(0),
            events: AtomicU64::new(0),
            rings: AtomicU64::new(0),
        }
    }

    pub(crate) fn reset(&self) {
        for counter in [&self.turns, &self.events, &self.rings] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// For the thread at the seat.
    pub(crate) fn add_turn(&self, events: usize) {
        let add = |counter: &AtomicU64, more: u64| {
            counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Relaxed);
        };
        add(&self.turns, 1);
        add(&self.events, events as u64);
    }

    pub(crate) fn add_ring(&self) {
        self.rings.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self, registered: usize, is_retired: bool) -> ReactorStatistics {
        ReactorStatistics {
            registered,
            turns: self.turns.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            rings: self.rings.load(Ordering::Relaxed),
            is_retired,
        }
    }
}
