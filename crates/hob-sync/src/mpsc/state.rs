//! What the ends of a channel share, and when the other end is to hear of a change.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use crate::mpsc::error::TrySendError;
use crate::old_queue::{Serve, Settle, WaitQueue, serve, update};
use crate::primitive::Guarded;
use crate::waker::{WakeList, WakerSlot};

/// The capacity of a channel without a limit: memory ends long before.
pub(super) const UNBOUNDED: usize = usize::MAX;

/// Both ends hold one.
pub(super) type Channel<T> = Arc<Guarded<State<T>>>;

/// A sender, as far as the channel counts them.
pub(super) struct Handle<T>(Channel<T>);

/// A channel that is not kept open.
pub(super) struct WeakHandle<T>(Channel<T>);

/// A snapshot of a channel, for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MpscStatistics {
    /// Messages that are there to be received.
    pub len: usize,
    /// How many messages there is room for; `None` without a limit.
    pub capacity: Option<usize>,
    /// Slots that permits hold, or that were granted and not used yet.
    pub reserved: usize,
    /// How many senders there are.
    pub senders: usize,
    /// How many wait for a slot.
    pub senders_waiting: usize,
    /// Whether the receiver waits for a message.
    pub receiver_waits: bool,
    /// Whether the receiver was closed or dropped.
    pub is_closed: bool,
}

pub(super) struct State<T> {
    messages: VecDeque<T>,
    capacity: usize,
    reserved: usize,
    senders: usize,
    closed: bool,
    receiver_gone: bool,
    pub(super) receiver: WakerSlot,
    line: WaitQueue<(), Result<(), Closed>>,
}

/// What those in line are told when the channel is closed.
pub(super) struct Closed;

impl<T> Handle<T> {
    /// Makes a channel with its first sender.
    pub(super) fn new(capacity: usize) -> Self {
        Self(Arc::new(Guarded::new(State {
            messages: VecDeque::new(),
            capacity,
            reserved: 0,
            senders: 1,
            closed: false,
            receiver_gone: false,
            receiver: WakerSlot::default(),
            line: WaitQueue::new(),
        })))
    }

    pub(super) fn channel(&self) -> Channel<T> {
        Arc::clone(&self.0)
    }

    pub(super) fn lock(&self) -> &Guarded<State<T>> {
        &self.0
    }

    pub(super) fn downgrade(&self) -> WeakHandle<T> {
        WeakHandle(self.channel())
    }

    /// Sends if there is a slot and nobody waits for it.
    pub(super) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        update(&self.0, |state| {
            if state.closed {
                Err(TrySendError::Closed(message))
            } else if state.line.is_empty() && state.has_room() {
                state.messages.push_back(message);
                Ok(())
            } else {
                Err(TrySendError::Full(message))
            }
        })
    }

    /// Puts a message into a slot that was reserved; it comes back if nobody can receive it.
    pub(super) fn fill(&self, message: T) -> Result<(), T> {
        update(&self.0, |state| {
            state.unreserve();
            if state.receiver_gone {
                return Err(message);
            }
            state.messages.push_back(message);
            Ok(())
        })
    }

    /// Gives a reserved slot back.
    pub(super) fn unreserve(&self) {
        update(&self.0, State::unreserve);
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        self.0.lock().senders += 1;
        Self(self.channel())
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        update(&self.0, |state| state.senders -= 1);
    }
}

impl<T> WeakHandle<T> {
    /// A sender again, if there is still one.
    pub(super) fn upgrade(&self) -> Option<Handle<T>> {
        let mut state = self.0.lock();
        if state.senders == 0 {
            return None;
        }
        state.senders += 1;
        drop(state);
        Some(Handle(Arc::clone(&self.0)))
    }

    pub(super) fn lock(&self) -> &Guarded<State<T>> {
        &self.0
    }
}

impl<T> Clone for WeakHandle<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> State<T> {
    /// The next message, or `Some(None)` if none will come; `None` if neither is known.
    pub(super) fn receive(&mut self) -> Option<Option<T>> {
        match self.messages.pop_front() {
            Some(message) => Some(Some(message)),
            None => self.is_over().then_some(None),
        }
    }

    /// Moves up to `limit` messages out; `Some(0)` if none will come, `None` if one may.
    pub(super) fn receive_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> Option<usize> {
        let count = limit.min(self.messages.len());
        if count == 0 && !self.is_over() {
            return None;
        }
        buffer.extend(self.messages.drain(..count));
        Some(count)
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Ends the channel; the messages are to be dropped with the lock released.
    pub(super) fn receiver_gone(&mut self) -> (VecDeque<T>, Option<Waker>) {
        self.closed = true;
        self.receiver_gone = true;
        (mem::take(&mut self.messages), self.receiver.take())
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        (self.capacity != UNBOUNDED).then_some(self.capacity)
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Returns `true` if nothing new can be sent, except through permits that are out.
    pub(super) const fn is_ended(&self) -> bool {
        self.closed || self.senders == 0
    }

    pub(super) fn statistics(&self) -> MpscStatistics {
        MpscStatistics {
            len: self.len(),
            capacity: self.capacity(),
            reserved: self.reserved,
            senders: self.senders,
            senders_waiting: self.line.len(),
            receiver_waits: !self.receiver.is_empty(),
            is_closed: self.closed,
        }
    }

    fn has_room(&self) -> bool {
        self.messages.len() + self.reserved < self.capacity
    }

    /// Returns `true` if no message is there and none will come.
    fn is_over(&self) -> bool {
        self.messages.is_empty() && self.reserved == 0 && self.is_ended()
    }

    fn unreserve(&mut self) {
        debug_assert!(self.reserved > 0, "a slot is given back once");
        self.reserved -= 1;
    }
}

impl<T> Settle for State<T> {
    fn settle(&mut self, wakes: &mut WakeList) {
        serve(self, wakes);
        if !wakes.is_full() && (!self.messages.is_empty() || self.is_over()) {
            wakes.extend(self.receiver.take());
        }
    }
}

impl<T> Serve for State<T> {
    type Request = ();
    type Grant = Result<(), Closed>;

    fn line(&mut self) -> &mut WaitQueue<(), Result<(), Closed>> {
        &mut self.line
    }

    fn take(&mut self, (): ()) -> Option<Result<(), Closed>> {
        if self.closed {
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

/// Shows an end of a channel without waiting.
pub(super) fn debug<T>(
    name: &str,
    channel: &Guarded<State<T>>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut end = f.debug_struct(name);
    match channel.try_lock() {
        Some(state) => end.field("statistics", &state.statistics()),
        None => end.field("statistics", &format_args!("<locked>")),
    };
    end.finish_non_exhaustive()
}
