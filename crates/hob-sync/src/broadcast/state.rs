//! The state behind the handles of a broadcast, and what its two lines wait for.

use std::fmt;

use smallvec::SmallVec;

use crate::broadcast::error::RecvError;
use crate::broadcast::ring::{Cursor, Found, Ring};
use crate::broadcast::slot::{COPIES_MAX, Message, is_plain};
use crate::dump::{glance, show};
use crate::epoch::Epoch;
use crate::primitive::{AtomicUsize, Guarded, Ordering};
use crate::wait_queue::{Serve, Settle, WaitQueue, serve, update};
use crate::waker::WakeList;

/// What the handles share.
pub(super) struct Shared<T> {
    state: Guarded<State<T>>,
    /// The position of the message that is sent next, modulo the width of this word. It is written
    /// under the lock. Without it, the one who reads it may miss what others do meanwhile, no more.
    tail: AtomicUsize,
    /// How many receivers there are, as `tail` is written and read.
    receivers: AtomicUsize,
    capacity: usize,
}

pub(super) struct State<T> {
    /// Those who have taken all.
    arrivals: WaitQueue<u64, ()>,
    /// Those who wait until nobody listens.
    farewells: WaitQueue<Epoch, ()>,
    store: Store<T>,
}

/// The state without the lines.
pub(super) struct Store<T> {
    ring: Ring<T>,
    senders: usize,
    receivers: usize,
    /// The moments at which the last receiver went.
    left_alone: Epoch,
}

/// The line of receivers. A request is the position of the message that comes next for them.
pub(super) enum Arrival {}

/// The line of those who wait until nobody listens.
pub(super) enum Farewell {}

/// What a receiver receives.
pub(super) enum Received<T> {
    Message(Message<T>),
    Error(RecvError),
}

/// A snapshot of a broadcast, for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BroadcastStatistics {
    /// Messages that are held for those who have not taken them yet, as
    /// [`Sender::len`](super::Sender::len) counts them.
    pub len: usize,
    /// How many messages are held at most.
    pub capacity: usize,
    /// Senders that exist, weak ones not counted.
    pub senders: usize,
    /// Receivers that exist.
    pub receivers: usize,
    /// How many stand in line for a message.
    pub waiting: usize,
    /// How many wait in [`Sender::closed`](super::Sender::closed).
    pub waiting_for_closed: usize,
}

impl<T> Shared<T> {
    /// The state with one sender and no receiver.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            state: Guarded::new(State {
                arrivals: WaitQueue::new(),
                farewells: WaitQueue::new(),
                store: Store {
                    ring: Ring::new(capacity),
                    senders: 1,
                    receivers: 0,
                    left_alone: Epoch::FIRST,
                },
            }),
            tail: AtomicUsize::new(0),
            receivers: AtomicUsize::new(0),
            capacity,
        }
    }

    /// Lets a receiver in, in front of the message that is sent next.
    pub(super) fn add_receiver(&self) -> Cursor<T> {
        self.with(|store| {
            store.receivers += 1;
            self.receivers.store(store.receivers, Ordering::Relaxed);
            store.ring.join()
        })
    }

    /// Lets a receiver go, and with it the messages that only it had to take.
    pub(super) fn receiver_gone(&self, cursor: &Cursor<T>) -> Vec<Message<T>> {
        update(self, |State { store, .. }| {
            store.receivers -= 1;
            self.receivers.store(store.receivers, Ordering::Relaxed);
            if store.receivers == 0 {
                store.left_alone.advance();
            }
            store.ring.leave(cursor)
        })
    }

    /// Asks or changes what no line waits for.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Store<T>) -> R) -> R {
        act(&mut self.state.lock().store)
    }

    /// Takes what comes next for a receiver, if there is something.
    pub(super) fn take(&self, cursor: &mut Cursor<T>) -> Option<Received<T>> {
        if is_plain::<T>()
            && self.is_held(cursor)
            && let Some(message) = cursor.pop_ahead()
        {
            return Some(Received::Message(Message::Moved(message)));
        }
        self.with(|store| store.take(cursor))
    }

    /// Whether the next message of a receiver has not been overwritten.
    fn is_held(&self, cursor: &Cursor<T>) -> bool {
        let tail = self.tail.load(Ordering::Relaxed);
        tail.wrapping_sub(cursor.next() as usize) <= self.capacity
    }

    /// Publishes how far the ring is.
    fn sent(&self, store: &Store<T>) -> usize {
        let tail = store.ring.tail() as usize;
        self.tail.store(tail, Ordering::Relaxed);
        store.receivers
    }

    pub(super) fn statistics(&self) -> BroadcastStatistics {
        self.state.lock().statistics()
    }

    /// What all handles show of themselves.
    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(name, glance(&self.state, State::statistics), f)
    }
}

impl<T: Clone> Shared<T> {
    /// Adds a message, if somebody listens, and tells how many do.
    pub(super) fn send(&self, message: T) -> Result<usize, T> {
        let copies = self.receivers.load(Ordering::Relaxed);
        if is_plain::<T>() && (1..=COPIES_MAX).contains(&copies) {
            self.send_plain(message, copies)
        } else {
            self.send_shared(message)
        }
    }

    /// Makes copies for all receivers, if they are no more than they were, ahead of the lock.
    fn send_plain(&self, message: T, count: usize) -> Result<usize, T> {
        let mut copies = SmallVec::<[T; COPIES_MAX]>::new();
        copies.extend((1..count).map(|_| message.clone()));
        let sent = update(self, |State { store, .. }| {
            let is_enough = (1..=count).contains(&store.receivers);
            if !is_enough {
                return Err(message);
            }
            store.ring.push_copies(copies.drain(..).chain([message]));
            Ok(self.sent(store))
        });
        sent.or_else(|message| self.send_shared(message))
    }
}

impl<T> Shared<T> {
    fn send_shared(&self, message: T) -> Result<usize, T> {
        let (receivers, overwritten) = update(self, |State { store, .. }| {
            if store.receivers == 0 {
                return Err(message);
            }
            let overwritten = store.ring.push(message);
            Ok((self.sent(store), overwritten))
        })?;
        // Foreign code, now that the lock is released and all are woken.
        drop(overwritten);
        Ok(receivers)
    }
}

impl<T> State<T> {
    pub(super) const fn sender_gone(&mut self) {
        self.store.senders -= 1;
    }

    fn statistics(&self) -> BroadcastStatistics {
        BroadcastStatistics {
            len: self.store.ring.len(),
            capacity: self.store.ring.capacity(),
            senders: self.store.senders,
            receivers: self.store.receivers,
            waiting: self.arrivals.len(),
            waiting_for_closed: self.farewells.len(),
        }
    }
}

impl<T> Store<T> {
    pub(super) const fn ring(&self) -> &Ring<T> {
        &self.ring
    }

    pub(super) const fn receivers(&self) -> usize {
        self.receivers
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.senders == 0
    }

    pub(super) const fn add_sender(&mut self) {
        self.senders += 1;
    }

    fn take(&mut self, cursor: &mut Cursor<T>) -> Option<Received<T>> {
        match self.ring.take(cursor) {
            Some(Found::Message(message)) => Some(Received::Message(message)),
            Some(Found::Lagged(missed)) => Some(Received::Error(RecvError::Lagged(missed))),
            None => self
                .is_closed()
                .then_some(Received::Error(RecvError::Closed)),
        }
    }

    const fn has_something(&self, next: u64) -> bool {
        self.ring.tail() != next || self.is_closed()
    }
}

impl<T: Clone> Received<T> {
    /// What it is to the user; foreign code, if the message has to be cloned.
    pub(super) fn into_result(self) -> Result<T, RecvError> {
        match self {
            Self::Message(message) => Ok(message.into_inner()),
            Self::Error(error) => Err(error),
        }
    }
}

impl<T> Settle for Shared<T> {
    type State = State<T>;

    fn lock(&self) -> &Guarded<State<T>> {
        &self.state
    }

    fn settle(&self, state: &mut State<T>, wakes: &mut WakeList) {
        serve::<Arrival, _>(self, state, wakes);
        serve::<Farewell, _>(self, state, wakes);
    }
}

/// What is granted is the knowledge that something is there. It stays there until it is taken.
impl<T> Serve<Arrival> for Shared<T> {
    type Request = u64;
    type Grant = ();
    type Store = Store<T>;

    fn parts(state: &mut State<T>) -> (&mut WaitQueue<u64, ()>, &mut Store<T>) {
        (&mut state.arrivals, &mut state.store)
    }

    fn is_ready(&self, store: &Store<T>, next: &u64) -> bool {
        store.has_something(*next)
    }

    fn take(&self, store: &mut Store<T>, next: &mut u64) -> Option<()> {
        store.has_something(*next).then_some(())
    }

    fn take_past_line(&self, store: &mut Store<T>, next: &mut u64) -> Option<()> {
        // Each takes for itself. Those in line have taken more than this one, which nobody would wake
        // for what is there.
        store.has_something(*next).then_some(())
    }

    fn put_back(&self, _: &mut Store<T>, (): ()) -> Option<()> {
        None
    }

    fn try_take(&self, next: &mut u64) -> Option<()> {
        // What comes meanwhile, or that no sender is left, is found under the lock of the line.
        (self.tail.load(Ordering::Relaxed) != *next as usize).then_some(())
    }
}

impl<T> Serve<Farewell> for Shared<T> {
    type Request = Epoch;
    type Grant = ();
    type Store = Store<T>;

    fn parts(state: &mut State<T>) -> (&mut WaitQueue<Epoch, ()>, &mut Store<T>) {
        (&mut state.farewells, &mut state.store)
    }

    fn is_ready(&self, store: &Store<T>, _: &Epoch) -> bool {
        store.receivers == 0
    }

    fn take(&self, store: &mut Store<T>, joined: &mut Epoch) -> Option<()> {
        // Also if somebody came again before all who waited were told.
        (store.receivers == 0 || *joined < store.left_alone).then_some(())
    }

    fn put_back(&self, _: &mut Store<T>, (): ()) -> Option<()> {
        None
    }

    fn joins(&self, store: &mut Store<T>, joined: &mut Epoch) {
        *joined = store.left_alone;
    }
}
