//! What happened in a simulation, as one number and, if asked for, in full.
//!
//! Everything that the seed decides is noted here: which task ran when, what the clock showed, what
//! the network did. Two runs with the same number did the same. Nothing that differs from process to
//! process goes in: no address in memory, no number of the process, no content of a message.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem;
use std::panic::Location;
use std::time::Duration;

use crate::net::NetworkEvent;
use crate::primitive::{Mutex, lock};

/// One thing that happened.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Event {
    /// A task was spawned there.
    Spawned(Actor, Place),
    /// A task, or the main future, is polled, at that time since the start.
    Polled(Actor, Duration),
    /// The main future is ready; what follows is the end of the rest.
    MainReady,
    /// A task was woken for no reason.
    WokenForNothing(Actor),
    /// Nothing was runnable: the clock was moved on to that time since the start.
    TimeMoved(Duration),
    /// The network did something.
    Network(NetworkEvent),
    /// The program noted something itself.
    Noted(u64),
}

/// Who runs: tasks are numbered in the order in which they were spawned, from 1.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Actor {
    /// The main future.
    Main,
    /// A task.
    Task(usize),
    /// A task that stands in no table, because it was made by hand.
    Unlisted,
}

/// A line of the source.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Place {
    file: &'static str,
    line: u32,
    column: u32,
}

/// The events of one simulation.
pub(crate) struct Trace {
    inner: Mutex<Inner>,
}

struct Inner {
    /// With fixed keys, so that it gives the same number in every process.
    hasher: DefaultHasher,
    /// Over who was polled, and nothing else.
    order: DefaultHasher,
    kept: Option<Vec<Event>>,
}

/// A number that tells runs apart: two simulations with the same one did the same.
///
/// It holds as long as program, hob and compiler are the same.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TraceHash(u64);

impl Trace {
    /// An empty trace, which keeps the events if `keep`.
    pub(crate) fn new(keep: bool) -> Self {
        Self {
            inner: Mutex::new(Inner {
                hasher: DefaultHasher::new(),
                order: DefaultHasher::new(),
                kept: keep.then(Vec::new),
            }),
        }
    }

    pub(crate) fn note(&self, event: impl Into<Event>) {
        let event = event.into();
        let mut inner = lock(&self.inner);
        event.hash(&mut inner.hasher);
        if let Event::Polled(actor, _) = event {
            actor.hash(&mut inner.order);
        }
        if let Some(kept) = &mut inner.kept {
            kept.push(event);
        }
    }

    pub(crate) fn hash(&self) -> TraceHash {
        TraceHash(lock(&self.inner).hasher.finish())
    }

    /// Over the order of polls alone: times would make all runs differ, in whatever order they go.
    pub(crate) fn order(&self) -> TraceHash {
        TraceHash(lock(&self.inner).order.finish())
    }

    /// Takes out the events that were kept.
    pub(crate) fn take(&self) -> Vec<Event> {
        mem::take(&mut lock(&self.inner).kept).unwrap_or_default()
    }
}

impl TraceHash {
    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<NetworkEvent> for Event {
    fn from(event: NetworkEvent) -> Self {
        Self::Network(event)
    }
}

impl From<&'static Location<'static>> for Place {
    fn from(place: &'static Location<'static>) -> Self {
        Self {
            file: place.file(),
            line: place.line(),
            column: place.column(),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawned(actor, place) => write!(f, "{actor} is spawned at {place}"),
            Self::Polled(actor, at) => write!(f, "{actor} is polled at {at:?}"),
            Self::MainReady => f.write_str("the main future is ready"),
            Self::WokenForNothing(actor) => write!(f, "{actor} is woken for no reason"),
            Self::TimeMoved(to) => write!(f, "nothing is runnable, and time moves on to {to:?}"),
            Self::Network(event) => write!(f, "{event}"),
            Self::Noted(hash) => write!(f, "the program notes {hash:016x}"),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Main => f.write_str("the main future"),
            Self::Task(number) => write!(f, "the task spawned as number {number}"),
            Self::Unlisted => f.write_str("a task that was made by hand"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column } = self;
        write!(f, "{file}:{line}:{column}")
    }
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceHash({self})")
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(events: &[Event]) -> TraceHash {
        let trace = Trace::new(false);
        for event in events {
            trace.note(event.clone());
        }
        trace.hash()
    }

    #[test]
    fn the_order_of_events_counts() {
        let [one, two] = [1, 2].map(|task| Event::Polled(Actor::Task(task), Duration::ZERO));
        assert_eq!(
            hash_of(&[one.clone(), two.clone()]),
            hash_of(&[one.clone(), two.clone()])
        );
        assert_ne!(hash_of(&[one.clone(), two.clone()]), hash_of(&[two, one]));
    }

    #[test]
    fn events_are_kept_if_asked_for() {
        for keep in [false, true] {
            let trace = Trace::new(keep);
            trace.note(Event::Noted(7));
            assert_eq!(trace.take().len(), usize::from(keep));
        }
    }
}
