//! The state of a channel, and what can be done with it under its lock.

use std::collections::VecDeque;
use std::task::Waker;

use hob_core::unhandled;

use crate::channel::error::TrySendError;
use crate::channel::hand::AtHand;
use crate::channel::kind::{Kind, Names, Receivers};
use crate::channel::serve::{Closing, Place, Put};
use crate::primitive::Guarded;
use crate::wait_queue::{WaitQueue, release};

/// The capacity of a channel whose messages are taken from their senders.
pub(crate) const RENDEZVOUS: usize = 0;

/// The capacity of a channel without a limit: memory ends long before.
pub(crate) const UNBOUNDED: usize = usize::MAX;

/// What all ends of a channel share.
pub(crate) struct Channel<T> {
    capacity: usize,
    at_hand: AtHand,
    state: Guarded<State<T>>,
}

pub(crate) struct State<T> {
    pub(super) receivers: Receivers<T>,
    pub(super) closing: WaitQueue<(), Closing>,
    pub(crate) side: Side<T>,
}

/// All but the receivers, and the line of those who wait for the end.
pub(crate) struct Side<T> {
    pub(super) putters: WaitQueue<Put<T>, Place<T>>,
    pub(super) store: Store<T>,
}

/// What the lines are served from.
///
/// The counts are small, so that an empty channel is. Those that callers can drive up by forgetting what
/// they were given are checked: `reserved` here, those of the ends in `ends`. The others count futures in
/// line, or that were: pinned, so never without their memory, which for `u32::MAX` of them would be more
/// than 256 GiB. One more would be a panic.
pub(crate) struct Store<T> {
    ring: VecDeque<T>,
    /// Slots that permits hold, or that were granted and not used yet.
    pub(super) reserved: u32,
    /// Turns that were granted and not used yet.
    pub(super) promised: u32,
    /// Receivers that wait and have no turn yet; of an `mpsc`, whether its receiver waits.
    pub(super) waiting: u32,
    /// Messages that wait in line; counted in a rendezvous only.
    pub(super) offered: u32,
    pub(super) senders: u32,
    pub(super) is_closed: bool,
}

impl<T> Channel<T> {
    /// A channel of one sender and one receiver.
    pub(super) fn new(capacity: usize, kind: Kind) -> Self {
        let store = Store {
            ring: VecDeque::new(),
            reserved: 0,
            promised: 0,
            waiting: 0,
            offered: 0,
            senders: 1,
            is_closed: false,
        };
        let putters = WaitQueue::new();
        Self {
            capacity,
            at_hand: AtHand::none(kind),
            state: Guarded::new(State {
                receivers: Receivers::one_of(kind),
                closing: WaitQueue::new(),
                side: Side { putters, store },
            }),
        }
    }

    pub(crate) fn guarded(&self) -> &Guarded<State<T>> {
        &self.state
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many messages there is room for, if there is a limit.
    pub(crate) fn limit(&self) -> Option<usize> {
        (self.capacity != UNBOUNDED).then_some(self.capacity)
    }

    pub(super) const fn at_hand(&self) -> &AtHand {
        &self.at_hand
    }

    pub(super) fn names(&self) -> &'static Names {
        self.at_hand.kind().names()
    }

    pub(super) const fn is_rendezvous(&self) -> bool {
        self.capacity == RENDEZVOUS
    }

    /// Changes the state, and serves those who wait, if anybody does.
    #[inline]
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut state = self.state.lock();
        let result = change(&mut state);
        if state.is_awaited() {
            release(self, state);
        } else if let Some(waker) = self.whom_to_wake(&mut state) {
            drop(state);
            unhandled::wake(waker);
        }
        result
    }

    /// The waker of the only receiver, if it waits and has no reason to.
    #[inline]
    pub(super) fn whom_to_wake(&self, state: &mut State<T>) -> Option<Waker> {
        let State {
            receivers, side, ..
        } = state;
        match receivers {
            Receivers::One { waker, .. }
                if waker.is_some() && (self.available(side) > 0 || side.store.is_over()) =>
            {
                waker.take()
            }
            Receivers::One { .. } | Receivers::Many { .. } => None,
        }
    }

    /// Looks at what is there.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Store<T>) -> R) -> R {
        look(&self.state.lock().side.store)
    }

    /// Sends if there is room and nobody waits for it.
    #[inline]
    pub(super) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.change(|state| {
            let Side { putters, store } = &mut state.side;
            if store.is_closed {
                Err(TrySendError::Closed(message))
            } else if putters.is_empty() && self.has_room(store) {
                store.ring.push_back(message);
                Ok(())
            } else {
                Err(TrySendError::Full(message))
            }
        })
    }

    /// As [`try_send`](Self::try_send), for a send that can wait: in a rendezvous it has to.
    #[inline]
    pub(super) fn try_place(&self, message: T) -> Result<(), TrySendError<T>> {
        if self.is_rendezvous() && !self.look(Store::is_closed) {
            return Err(TrySendError::Full(message));
        }
        self.try_send(message)
    }

    /// Reserves a slot if there is one and nobody waits for it.
    pub(super) fn try_reserve(&self) -> Result<(), TrySendError<()>> {
        self.change(|state| {
            let Side { putters, store } = &mut state.side;
            if store.is_closed {
                Err(TrySendError::Closed(()))
            } else if putters.is_empty() && self.has_room(store) && store.reserve() {
                Ok(())
            } else {
                Err(TrySendError::Full(()))
            }
        })
    }

    /// Whether nothing can be sent without waiting.
    pub(crate) fn is_full(&self) -> bool {
        let state = self.state.lock();
        let Side { putters, store } = &state.side;
        !(putters.is_empty() && self.has_room(store))
    }

    /// Puts a message into a slot that was reserved; it comes back if nobody can receive it.
    pub(super) fn fill(&self, message: T) -> Result<(), T> {
        self.change(|state| {
            let store = &mut state.side.store;
            store.unreserve();
            if state.receivers.count() == 0 {
                return Err(message);
            }
            store.ring.push_back(message);
            Ok(())
        })
    }

    /// Gives a reserved slot back.
    pub(super) fn unreserve(&self) {
        self.change(|state| state.side.store.unreserve());
    }

    /// Takes what is there, for one who was given a turn. There may be nothing, in a rendezvous.
    pub(crate) fn use_turn<R>(&self, take: impl FnOnce(&mut Side<T>) -> Option<R>) -> Option<R> {
        self.change(|state| {
            state.side.store.promised -= 1;
            let taken = take(&mut state.side);
            debug_assert!(
                taken.is_some() || self.is_rendezvous(),
                "a message in the ring waits for whoever has a turn"
            );
            taken
        })
    }

    /// Takes what is there, unless others wait for it.
    pub(crate) fn take_unpromised<R>(
        &self,
        take: impl FnOnce(&mut Side<T>) -> Option<R>,
    ) -> Result<R, IsOver> {
        self.change(|state| {
            let side = &mut state.side;
            if !state.receivers.are_in_line() && self.available(side) > side.store.promised() {
                return Ok(take(side).expect("it was counted under this lock"));
            }
            Err(IsOver(side.store.is_over()))
        })
    }

    pub(crate) fn close(&self) {
        self.change(|state| state.side.store.is_closed = true);
    }

    pub(super) fn has_room(&self, store: &Store<T>) -> bool {
        let capacity = match self.capacity {
            RENDEZVOUS => store.waiting as usize + store.promised(),
            capacity => capacity,
        };
        let there = store.ring.len() + store.reserved();
        there < capacity && there + self.at_hand.len() < capacity
    }

    /// As [`has_room`](Self::has_room), asked for one who waits if there is none.
    pub(super) fn has_room_or_wants(&self, store: &Store<T>) -> bool {
        self.has_room(store)
            || store.ring.len() + store.reserved() + self.at_hand.len_wanted() < self.capacity
    }

    /// How many messages there are to be taken.
    pub(super) fn available(&self, side: &mut Side<T>) -> usize {
        let ring = side.store.ring.len();
        if self.is_rendezvous() && side.putters.with_first(|put| put.is_message()) == Some(true) {
            ring + side.store.offered as usize
        } else {
            ring
        }
    }
}

/// Whether no message will come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsOver(pub(crate) bool);

impl<T> State<T> {
    /// Whether somebody waits in a line that a change of the state could serve.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        self.receivers.are_in_line()
            || !self.side.putters.is_empty()
            || (self.side.store.is_closed && !self.closing.is_empty())
    }

    /// Whether [`receive`](Self::receive) would know.
    pub(crate) fn is_ready(&mut self) -> bool {
        let Side { putters, store } = &mut self.side;
        let is_offered =
            store.offered > 0 && putters.with_first(|put| put.is_message()) == Some(true);
        store.len() > 0 || is_offered || store.is_over()
    }

    /// Files the waker of the only receiver, if it is not there already, with the clone that was made
    /// for it. What it displaces is left in `clone`. Returns `false` if a clone is needed and none was
    /// made.
    pub(crate) fn file(&mut self, waker: &Waker, clone: &mut Option<Waker>) -> bool {
        let filed = self.receivers.waker();
        if !filed.as_ref().is_some_and(|filed| filed.will_wake(waker)) {
            let Some(waker) = clone.take() else {
                return false;
            };
            *clone = filed.replace(waker);
        }
        self.side.store.waiting = 1;
        true
    }

    /// The only receiver does not wait any more; its waker is to be dropped with the lock released.
    #[must_use]
    pub(crate) fn unfile(&mut self) -> Option<Waker> {
        self.side.store.waiting = 0;
        self.receivers.waker().take()
    }
}

impl<T> Side<T> {
    /// Takes the oldest message out.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.store.ring.pop_front().or_else(|| self.pop_offered())
    }

    /// Takes up to `limit` messages out, one of which there is a turn for, and for the others nobody has
    /// one; `None` if none is there.
    pub(crate) fn pop_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> Option<usize> {
        let there = self.store.ring.len();
        // In a rendezvous the turns of others may be for what is offered, which comes after the ring.
        let free = there.saturating_sub(self.store.promised()).max(1);
        let count = limit.min(free).min(there);
        if count > 0 {
            buffer.extend(self.store.ring.drain(..count));
            return Some(count);
        }
        buffer.push(self.pop_offered()?);
        Some(1)
    }

    /// Takes the message of the first in line from there, in a rendezvous. Elsewhere a message that
    /// waits while the ring is empty waits for a slot, as all are reserved.
    fn pop_offered(&mut self) -> Option<T> {
        if self.store.offered == 0 {
            return None;
        }
        let message = self.putters.with_first(Put::deliver).flatten()?;
        self.store.offered -= 1;
        Some(message)
    }
}

impl<T> Store<T> {
    pub(super) fn ring(&mut self) -> &mut VecDeque<T> {
        &mut self.ring
    }

    pub(super) fn push(&mut self, message: T) {
        self.ring.push_back(message);
    }

    /// Puts a message back that was taken last.
    pub(super) fn push_front(&mut self, message: T) {
        self.ring.push_front(message);
    }

    /// Takes all messages out, to be dropped with the lock released.
    pub(super) fn drain(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.ring)
    }

    /// How many are in the ring.
    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether nothing new can be sent, except through permits that are out.
    pub(crate) const fn is_ended(&self) -> bool {
        self.is_closed || self.senders == 0
    }

    /// Whether no message is there and none will come.
    pub(super) fn is_over(&self) -> bool {
        self.ring.is_empty() && self.reserved == 0 && self.is_ended()
    }

    /// Slots that permits hold, or that were granted and not used yet.
    pub(super) const fn reserved(&self) -> usize {
        self.reserved as usize
    }

    /// Turns that were granted and not used yet.
    pub(super) const fn promised(&self) -> usize {
        self.promised as usize
    }

    /// Reserves a slot, unless there are as many as can be counted: then one has to be given back first.
    #[must_use]
    pub(super) const fn reserve(&mut self) -> bool {
        match self.reserved.checked_add(1) {
            Some(reserved) => {
                self.reserved = reserved;
                true
            }
            None => false,
        }
    }

    pub(super) fn unreserve(&mut self) {
        debug_assert!(self.reserved > 0, "a slot is given back once");
        self.reserved -= 1;
    }
}
