//! The three lines of a channel: what those who wait ask for, and what they are given.

use std::mem;

use crate::channel::kind::Receivers;
use crate::channel::state::{Channel, Side, State, Store};
use crate::primitive::Guarded;
use crate::wait_queue::{Serve, Settle, WaitQueue, serve};
use crate::waker::WakeList;

/// The line of those who send or reserve.
pub(crate) struct Putters;

/// The line of the receivers of an `mpmc`.
pub(crate) struct Takers;

/// The line of those who wait until the channel is closed.
pub(crate) struct Closers;

/// What one who puts waits with.
pub(crate) enum Put<T> {
    /// A message, until there is room for it.
    Message(T),
    /// A message in the line of a rendezvous, until a receiver takes it.
    Offered(T),
    /// The wish for a slot.
    Slot,
    /// A message that is gone: taken by a receiver, or moved into the ring, or returned.
    Gone,
}

/// What one who puts is given.
pub(crate) enum Place<T> {
    /// The message was sent.
    Sent,
    /// A slot is reserved.
    Slot,
    /// The channel is closed; the message, if there was one.
    Refused(Option<T>),
}

/// What one who takes asks for.
pub(crate) struct Take {
    /// A newcomer would rather be given the message than a turn.
    direct: bool,
    is_in_line: bool,
}

/// What one who takes is given.
pub(crate) enum Taken<T> {
    Message(T),
    /// The right to take a message that is there.
    Turn,
    /// No message will come.
    Over,
}

/// The channel is closed.
pub(crate) struct Closing;

impl<T> Put<T> {
    pub(super) const fn is_message(&self) -> bool {
        matches!(self, Self::Message(_) | Self::Offered(_))
    }

    /// Takes the message away from a sender that will learn that it was.
    pub(super) fn deliver(&mut self) -> Option<T> {
        if self.is_message() {
            return self.take();
        }
        None
    }

    #[inline]
    fn take(&mut self) -> Option<T> {
        match mem::replace(self, Self::Gone) {
            Self::Message(message) | Self::Offered(message) => Some(message),
            Self::Slot | Self::Gone => None,
        }
    }
}

impl Take {
    /// Asks for a message, or a turn if it has to wait.
    pub(crate) const fn message() -> Self {
        Self {
            direct: true,
            is_in_line: false,
        }
    }

    /// Asks for a turn.
    pub(crate) const fn turn() -> Self {
        Self {
            direct: false,
            is_in_line: false,
        }
    }
}

/// Counts one more future that is in line or was.
fn one_more(count: u32) -> u32 {
    count
        .checked_add(1)
        .expect("256 GiB of futures do not wait at one channel")
}

impl<T> Settle for Channel<T> {
    type State = State<T>;

    fn lock(&self) -> &Guarded<State<T>> {
        self.guarded()
    }

    fn settle(&self, state: &mut State<T>, wakes: &mut WakeList) {
        serve::<Putters, _>(self, state, wakes);
        debug_assert!(
            state.side.store.offered == 0 || !state.side.putters.is_empty(),
            "what is offered is in line"
        );
        match state.receivers {
            Receivers::Many { .. } => serve::<Takers, _>(self, state, wakes),
            Receivers::One { .. } if wakes.is_full() => {}
            Receivers::One { .. } => wakes.extend(self.whom_to_wake(state)),
        }
        serve::<Closers, _>(self, state, wakes);
    }
}

impl<T> Serve<Putters> for Channel<T> {
    type Request = Put<T>;
    type Grant = Place<T>;
    type Store = Store<T>;

    fn parts(state: &mut State<T>) -> (&mut WaitQueue<Put<T>, Place<T>>, &mut Store<T>) {
        (&mut state.side.putters, &mut state.side.store)
    }

    fn is_ready(&self, store: &Store<T>, request: &Put<T>) -> bool {
        store.is_closed || (self.has_room(store) && !self.is_offer(request))
    }

    #[inline]
    fn take(&self, store: &mut Store<T>, request: &mut Put<T>) -> Option<Place<T>> {
        if matches!(request, Put::Gone) {
            return Some(Place::Sent);
        }
        if store.is_closed {
            self.withdraw(store, request);
            return Some(Place::Refused(request.take()));
        }
        if self.is_offer(request) || !self.has_room_or_wants(store) {
            return None;
        }
        if matches!(request, Put::Slot) {
            return store.reserve().then_some(Place::Slot);
        }
        let message = request.take()?;
        store.push(message);
        Some(Place::Sent)
    }

    fn put_back(&self, store: &mut Store<T>, grant: Place<T>) -> Option<Place<T>> {
        match grant {
            Place::Sent => None,
            Place::Slot => {
                store.unreserve();
                None
            }
            Place::Refused(_) => Some(grant),
        }
    }

    fn joins(&self, store: &mut Store<T>, request: &mut Put<T>) {
        if self.is_offer(request) {
            store.offered = one_more(store.offered);
            if let Some(message) = request.take() {
                *request = Put::Offered(message);
            }
        }
    }

    fn leaves(&self, store: &mut Store<T>, request: &Put<T>) {
        self.withdraw(store, request);
    }

    #[inline]
    fn try_take(&self, request: &mut Put<T>) -> Option<Place<T>> {
        self.change(|state| {
            let Side { putters, store } = &mut state.side;
            if putters.is_empty() {
                Serve::<Putters>::take(self, store, request)
            } else {
                None
            }
        })
    }
}

impl<T> Channel<T> {
    /// Whether it is a message that a receiver must come and take.
    const fn is_offer(&self, request: &Put<T>) -> bool {
        self.is_rendezvous() && request.is_message()
    }

    /// Counts a message that waits in line no more, if the request is one that did.
    fn withdraw(&self, store: &mut Store<T>, request: &Put<T>) {
        if matches!(request, Put::Offered(_)) {
            debug_assert!(self.is_rendezvous(), "elsewhere messages wait for room");
            store.offered -= 1;
        }
    }
}

impl<T> Serve<Takers> for Channel<T> {
    type Request = Take;
    type Grant = Taken<T>;
    type Store = Side<T>;

    fn parts(state: &mut State<T>) -> (&mut WaitQueue<Take, Taken<T>>, &mut Side<T>) {
        (state.receivers.line(), &mut state.side)
    }

    fn is_ready(&self, side: &Side<T>, _: &Take) -> bool {
        // What is offered may be hidden behind a reserve: then it yields once before it joins the line.
        let there = side.store.len() + side.store.offered as usize;
        there > side.store.promised() || side.store.is_over()
    }

    #[inline]
    fn take(&self, side: &mut Side<T>, request: &mut Take) -> Option<Taken<T>> {
        let is_newcomer = !request.is_in_line;
        let taken = if self.available(side) > side.store.promised() {
            let message = (request.direct && is_newcomer).then(|| side.pop());
            match message.flatten() {
                Some(message) => Taken::Message(message),
                None => {
                    side.store.promised = one_more(side.store.promised);
                    Taken::Turn
                }
            }
        } else if side.store.is_over() {
            Taken::Over
        } else {
            return None;
        };
        if !is_newcomer {
            request.is_in_line = false;
            side.store.waiting -= 1;
        }
        Some(taken)
    }

    fn put_back(&self, side: &mut Side<T>, grant: Taken<T>) -> Option<Taken<T>> {
        match grant {
            Taken::Message(message) => side.store.push_front(message),
            Taken::Turn => side.store.promised -= 1,
            Taken::Over => {}
        }
        None
    }

    fn joins(&self, side: &mut Side<T>, request: &mut Take) {
        request.is_in_line = true;
        side.store.waiting = one_more(side.store.waiting);
    }

    fn leaves(&self, side: &mut Side<T>, _: &Take) {
        side.store.waiting -= 1;
    }

    #[inline]
    fn try_take(&self, request: &mut Take) -> Option<Taken<T>> {
        self.change(|state| {
            if !state.receivers.are_in_line() {
                Serve::<Takers>::take(self, &mut state.side, request)
            } else {
                None
            }
        })
    }
}

impl<T> Serve<Closers> for Channel<T> {
    type Request = ();
    type Grant = Closing;
    type Store = Store<T>;

    fn parts(state: &mut State<T>) -> (&mut WaitQueue<(), Closing>, &mut Store<T>) {
        (&mut state.closing, &mut state.side.store)
    }

    fn is_ready(&self, store: &Store<T>, (): &()) -> bool {
        store.is_closed
    }

    fn take(&self, store: &mut Store<T>, (): &mut ()) -> Option<Closing> {
        store.is_closed.then_some(Closing)
    }

    fn put_back(&self, _: &mut Store<T>, _: Closing) -> Option<Closing> {
        None
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use crate::channel::{Kind, Sender, TrySendError, UNBOUNDED, channel};

    #[test]
    fn a_slot_beyond_those_that_can_be_counted_waits_for_one_to_be_given_back() {
        let (end, _receiver) = channel::<u8>(UNBOUNDED, Kind::Mpsc);
        let sender = Sender::new(end);
        sender
            .end()
            .change(|state| state.side.store.reserved = u32::MAX - 1);
        let last = sender.try_reserve().expect("it can be counted");
        assert!(matches!(sender.try_reserve(), Err(TrySendError::Full(()))));

        let mut cx = Context::from_waker(Waker::noop());
        let mut next = pin!(sender.reserve());
        assert!(next.as_mut().poll(&mut cx).is_pending());
        drop(last);
        let Poll::Ready(Ok(permit)) = next.poll(&mut cx) else {
            panic!("one was given back");
        };
        assert_eq!(sender.statistics().reserved, u32::MAX as usize);
        drop(permit);
    }
}
