//! Messages that the only receiver has at hand, which cost it no lock.
//!
//! The receiver of an `mpsc` takes all messages out at once, when it takes the lock at all: it swaps
//! the ring for its own empty one, the *hand*, and gives them from there one by one. Until it does, they
//! are still in the channel as far as anybody can tell: they take up room, and are counted.
//!
//! # Implementation
//!
//! The number of messages at hand is in one atomic word, beside a flag. To take one is one subtraction.
//!
//! ```text
//!   word  =  messages at hand << 2  |  LINE  |  WANTED
//! ```
//!
//! `LINE` is set in the word of an `mpmc` and never changes. Its receivers have no hand, but stand in a
//! line: that is how this word tells what kind of channel it is.
//!
//! `WANTED` is set by whoever stands first in line for room, under the lock, by the very operation that
//! looks how many there are. A message is taken either before that, and is seen, or after it, and then
//! the receiver sees the flag, takes the lock and serves the line. All but that subtraction happens under
//! the lock. The order of changes of one word is all that counts, so all accesses are Relaxed: what is
//! at hand is the receiver's own.

use std::collections::VecDeque;
use std::mem;

use crate::channel::kind::Kind;
use crate::channel::state::{Channel, Side, State, Store, UNBOUNDED};
use crate::primitive::{AtomicUsize, Guarded, Ordering};

/// Messages that the only receiver has at hand.
///
/// They are reached by `&mut` alone, so this can be shared whatever they are. The lock says so in safe
/// code; it is never taken.
pub(crate) struct Hand<T> {
    messages: Guarded<VecDeque<T>>,
    /// Whether the channel was empty when it was last taken from.
    is_last: bool,
}

/// The number of messages that the only receiver has at hand.
pub(super) struct AtHand(AtomicUsize);

const WANTED: usize = 1;
const LINE: usize = 2;
const ONE: usize = 4;

impl<T> Hand<T> {
    pub(crate) fn empty() -> Self {
        Self {
            messages: Guarded::new(VecDeque::new()),
            is_last: false,
        }
    }

    #[inline]
    pub(crate) fn messages(&mut self) -> &mut VecDeque<T> {
        self.messages.get_mut()
    }

    /// Whether the next one to receive is likely to wait: nothing more was there when last looked.
    pub(crate) const fn is_last(&self) -> bool {
        self.is_last
    }
}

impl AtHand {
    pub(super) fn none(kind: Kind) -> Self {
        let word = match kind {
            Kind::Mpsc => 0,
            Kind::Mpmc => LINE,
        };
        Self(AtomicUsize::new(word))
    }

    /// What kind of channel it is.
    pub(super) fn kind(&self) -> Kind {
        if self.0.load(Ordering::Relaxed) & LINE == 0 {
            Kind::Mpsc
        } else {
            Kind::Mpmc
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.load(Ordering::Relaxed) / ONE
    }

    /// As [`len`](Self::len), by one who waits until there are fewer, and is to be served then.
    pub(super) fn len_wanted(&self) -> usize {
        let word = self.0.load(Ordering::Relaxed);
        if word < ONE || word & WANTED != 0 {
            // None: then only somebody with the lock makes room. Or it is known that room is wanted.
            return word / ONE;
        }
        self.0.fetch_or(WANTED, Ordering::Relaxed) / ONE
    }

    /// Sets the number, under the lock: the line is to be served before it is released.
    fn set(&self, count: usize) {
        debug_assert_eq!(self.kind(), Kind::Mpsc, "others have no hand");
        self.0.store(count * ONE, Ordering::Relaxed);
    }
}

impl<T> Channel<T> {
    /// Tells that `count` messages that were at hand are there no more.
    #[inline]
    pub(crate) fn taken_at_hand(&self, count: usize) {
        let word = &self.at_hand().0;
        if self.capacity() == UNBOUNDED {
            // Nobody wants room, so nobody else writes.
            let left = word.load(Ordering::Relaxed) - count * ONE;
            word.store(left, Ordering::Relaxed);
        } else if word.fetch_sub(count * ONE, Ordering::Relaxed) & WANTED != 0 {
            self.serve_wanted();
        }
    }

    #[cold]
    fn serve_wanted(&self) {
        self.change(|_| self.at_hand().0.fetch_and(!WANTED, Ordering::Relaxed));
    }

    /// Tells that the receiver goes, with what it has at hand.
    pub(crate) fn drop_hand(&self) {
        self.change(|state| {
            // Else those in line would be given the room of it, and think that they have sent.
            state.side.store.is_closed = true;
            self.at_hand().set(0);
        });
    }

    /// How many messages there are, at hand or in the ring.
    pub(crate) fn len(&self) -> usize {
        self.look(|store| self.len_of(store))
    }

    pub(super) fn len_of(&self, store: &Store<T>) -> usize {
        store.len() + self.at_hand().len()
    }
}

impl<T> State<T> {
    /// The next message for the only receiver, whose hand is empty, and all others into that; or
    /// `Some(None)` if none will come, and `None` if neither is known.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        channel: &Channel<T>,
        hand: &mut Hand<T>,
    ) -> Option<Option<T>> {
        debug_assert!(hand.messages().is_empty(), "what is at hand is taken first");
        let Some(message) = self.side.pop() else {
            return self.side.store.is_over().then_some(None);
        };
        let Side { putters, store } = &mut self.side;
        hand.is_last = store.len() == 0 && putters.is_empty();
        if store.len() > 0 {
            let hand = hand.messages();
            mem::swap(hand, store.ring());
            channel.at_hand().set(hand.len());
        }
        Some(Some(message))
    }

    /// Up to `limit` messages for the only receiver, from its hand and from the ring: `Some(0)` if none
    /// will come.
    pub(crate) fn receive_many(
        &mut self,
        channel: &Channel<T>,
        hand: &mut Hand<T>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Option<usize> {
        hand.is_last = limit >= channel.len_of(&self.side.store) && self.side.putters.is_empty();
        let hand = hand.messages();
        let at_hand = limit.min(hand.len());
        if at_hand > 0 {
            buffer.extend(hand.drain(..at_hand));
            channel.at_hand().set(hand.len());
        }
        let taken = if at_hand < limit {
            self.side.pop_many(buffer, limit - at_hand)
        } else {
            None
        };
        match at_hand + taken.unwrap_or(0) {
            0 => self.side.store.is_over().then_some(0),
            count => Some(count),
        }
    }
}
