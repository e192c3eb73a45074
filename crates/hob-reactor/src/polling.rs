//! The portable poller: the `polling` crate, one event at a time.
//!
//! # Implementation
//!
//! Every registration is oneshot: an event disarms it, and [`rearm`](Reactor::rearm) arms it again.
//! Interests add up: an entry remembers which directions are wanted, so two tasks that ask for one
//! direction each, in either order, both get their event. The system disarms both directions at once,
//! so the direction that is wanted and did not come is reported too. Its waiter tries in vain, and
//! arms it again with a descriptor that it borrows: no descriptor is kept here, where its number
//! could belong to somebody else by now.
//!
//! One lock guards the entries and the poller, which is there between `open` and `retire`. Arming
//! happens under it, so that an entry and the system agree; sources are told after it is released,
//! since a source calls `register` under its own lock.
//!
//! `rearm` with the key of an ended registration does nothing: whoever ended it wakes the waiters.

#![expect(
    unsafe_code,
    reason = "the polling crate leaves it to its caller to deregister before a descriptor closes"
)]

use std::fmt;
use std::io;
use std::mem;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use hob_core::reactor::retired;
use hob_core::unhandled::wake_all;
use hob_core::{DescriptorRef, Direction, Interest, IoSource, Park, Reactor, Readiness, Recycler};
use hob_core::{Unpark, Until};
use polling::{Event, Events, Poller};

use crate::engine::{explain_open, not_ours, remaining};
use crate::home::Home;
use crate::primitive::{Mutex, lock};
use crate::registry::Registry;
use crate::statistics::{Counters, ReactorStatistics};
use crate::token::{Sleeper, Token};

/// The reactor's face of a poller of the `polling` crate. See [`polling`](crate::polling()).
///
/// # Examples
///
/// ```
/// # use hob_core::{Park, Until};
/// let (polling, mut seat) = hob_reactor::Polling::open()?;
/// seat.park(Until::Now, &mut Vec::new());
/// assert_eq!(polling.statistics().turns, 1);
/// # std::io::Result::Ok(())
/// ```
pub struct Polling {
    home: Home,
    state: Mutex<State>,
    counters: Counters,
}

/// The seat at a [`Polling`]: whoever parks here sleeps until a descriptor is ready.
///
/// Dropping it retires the reactor and wakes those who waited.
pub struct PollingSeat {
    polling: &'static Polling,
    poller: Arc<Poller>,
    token: Arc<Token>,
    events: Events,
    /// What the events of one turn mean; empty between turns.
    ready: Vec<(Arc<IoSource>, Readiness)>,
}

static SHELF: Recycler<Polling> = Recycler::new();

impl Polling {
    /// Opens a poller.
    ///
    /// # Errors
    ///
    /// As [`polling`](crate::polling()).
    pub fn open() -> io::Result<(&'static Self, PollingSeat)> {
        let poller = Arc::new(Poller::new()?);
        let mut events = Events::new();
        // A kernel or a sandbox that refuses the wait is found out here, not by a worker.
        poller
            .wait(&mut events, Some(Duration::ZERO))
            .map_err(explain_open)?;
        let polling = SHELF.take(|_| true, Self::new);
        polling.counters.reset();
        polling.home.settle();
        lock(&polling.state).poller = Some(Arc::clone(&poller));
        let seat = PollingSeat {
            polling,
            poller,
            token: Arc::new(Token::new()),
            events,
            ready: Vec::new(),
        };
        Ok((polling, seat))
    }

    /// Returns what it watches, and what it has done.
    #[must_use]
    pub fn statistics(&self) -> ReactorStatistics {
        let state = lock(&self.state);
        self.counters
            .snapshot(state.registry.len(), state.poller.is_none())
    }

    fn new() -> Self {
        Self {
            state: Mutex::new(State {
                poller: None,
                registry: Registry::new(),
            }),
            counters: Counters::new(),
            home: Home::new(),
        }
    }
}

impl Reactor for Polling {
    fn register(&self, fd: DescriptorRef<'_>, source: &Arc<IoSource>) -> io::Result<u64> {
        let DescriptorRef::Os(fd) = fd else {
            return Err(not_ours(fd));
        };
        self.home.check()?;
        let mut state = lock(&self.state);
        let State { poller, registry } = &mut *state;
        let Some(poller) = poller else {
            return Err(retired());
        };
        let key = registry.insert(Entry {
            source: Arc::clone(source),
            wanted: Wanted::default(),
        })?;
        // SAFETY: `fd` is open, as it is borrowed here. Its owner calls `deregister` before it closes
        // the descriptor, which deletes it from the poller. Where the owner was leaked instead, no
        // call is made with the old number: `rearm` and `deregister` borrow the descriptor anew.
        let added = unsafe { poller.add(&fd, Wanted::default().event(key)) };
        if let Err(error) = added {
            // The caller holds the source too, so no waker is dropped under the lock.
            registry.remove(key);
            return Err(error);
        }
        Ok(key)
    }

    fn rearm(&self, fd: DescriptorRef<'_>, key: u64, interest: Interest) -> io::Result<()> {
        let DescriptorRef::Os(fd) = fd else {
            return Err(not_ours(fd));
        };
        self.home.check()?;
        let mut state = lock(&self.state);
        let State { poller, registry } = &mut *state;
        let (Some(poller), Some(entry)) = (poller, registry.get_mut(key)) else {
            return Ok(());
        };
        entry.wanted.add(interest);
        poller.modify(fd, entry.wanted.event(key))
    }

    fn deregister(&self, fd: DescriptorRef<'_>, key: u64) -> io::Result<()> {
        let DescriptorRef::Os(fd) = fd else {
            return Err(not_ours(fd));
        };
        if !self.home.is_here() {
            return Ok(());
        }
        let mut state = lock(&self.state);
        let gone = state.registry.remove(key);
        let deleted = match (&gone, &state.poller) {
            (Some(_), Some(poller)) => poller.delete(fd),
            // The key of an earlier use: the poller that it was for has been closed.
            _ => Ok(()),
        };
        drop(state);
        drop(gone);
        deleted
    }

    fn retire(&self, woken: &mut Vec<Waker>) {
        let mut state = lock(&self.state);
        let poller = state.poller.take();
        let entries = state.registry.drain();
        drop(state);
        drop(poller);
        for (key, entry) in entries {
            entry.source.unbind(self, key, woken);
        }
    }
}

impl PollingSeat {
    /// Waits for events.
    fn wait(&mut self, timeout: Option<Duration>) {
        self.events.clear();
        if let Err(error) = self.poller.wait(&mut self.events, timeout) {
            panic!("a poller that `open` has tried fails: {error}");
        }
        self.polling.counters.add_turn(self.events.len());
    }

    /// Tells the sources what was seen.
    fn deliver(&mut self, woken: &mut Vec<Waker>) {
        if self.events.is_empty() {
            return;
        }
        let mut state = lock(&self.polling.state);
        for event in self.events.iter() {
            // An event that was on its way when its registration ended finds no entry.
            if let Some(entry) = state.registry.get_mut(event.key as u64) {
                let readiness = entry.wanted.take(event);
                self.ready.push((Arc::clone(&entry.source), readiness));
            }
        }
        drop(state);
        for (source, readiness) in self.ready.drain(..) {
            source.set_ready(readiness, woken);
        }
    }
}

impl Park for PollingSeat {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        let timeout = remaining(until);
        if timeout == Some(Duration::ZERO) {
            self.token.take();
            self.wait(timeout);
        } else if self.token.begin_sleep() == Sleeper::Asleep {
            self.wait(timeout);
            self.token.end_sleep();
        } else {
            self.wait(Some(Duration::ZERO));
        }
        self.deliver(woken);
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        Arc::new(PollingUnparker {
            token: Arc::clone(&self.token),
            poller: Arc::downgrade(&self.poller),
            polling: self.polling,
        })
    }
}

impl Drop for PollingSeat {
    fn drop(&mut self) {
        let mut woken = Vec::new();
        self.polling.retire(&mut woken);
        SHELF.give_back(self.polling);
        wake_all(&mut woken);
    }
}

impl fmt::Debug for Polling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Polling")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PollingSeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollingSeat")
            .field("poller", &self.poller)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

struct State {
    /// `None` before it is opened, and once it is retired.
    poller: Option<Arc<Poller>>,
    registry: Registry<Entry>,
}

struct Entry {
    source: Arc<IoSource>,
    wanted: Wanted,
}

/// Which directions the system was asked for since the last event.
#[derive(Clone, Copy, Default)]
struct Wanted {
    readable: bool,
    writable: bool,
}

impl Wanted {
    fn add(&mut self, interest: Interest) {
        self.readable |= interest.contains(Direction::Read);
        self.writable |= interest.contains(Direction::Write);
    }

    /// What an event means, which has disarmed both directions: also one that did not come.
    fn take(&mut self, event: Event) -> Readiness {
        let wanted = mem::take(self);
        let mut readiness = Readiness::NONE;
        if event.readable || wanted.readable {
            readiness |= Direction::Read.into();
        }
        if event.writable || wanted.writable {
            readiness |= Direction::Write.into();
        }
        readiness
    }

    fn event(self, key: u64) -> Event {
        let key = usize::try_from(key).expect("a key is made of two halves of a `usize`");
        Event::new(key, self.readable, self.writable)
    }
}

/// Leaves a token, and notifies the poller if the seat's owner sleeps.
struct PollingUnparker {
    token: Arc<Token>,
    poller: Weak<Poller>,
    polling: &'static Polling,
}

impl Unpark for PollingUnparker {
    fn unpark(&self) {
        if self.token.leave() == Sleeper::Asleep
            && let Some(poller) = self.poller.upgrade()
        {
            poller
                .notify()
                .expect("an open poller takes a notification");
            self.polling.counters.add_ring();
        }
    }
}
