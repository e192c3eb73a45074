//! The three lines of a channel: what those who wait ask for, and what they are given.

use std::mem;

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
    /// A message, until there is room for it or a receiver takes it.
    Message(T),
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
        matches!(self, Self::Message(_))
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
            Self::Message(message) => Some(message),
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

impl<T> Settle for Channel<T> {
    type State = State<T>;

    fn lock(&self) -> &Guarded<State<T>> {
        self.guarded()
    }

    fn settle(&self, state: &mut State<T>, wakes: &mut WakeList) {
        serve::<Putters, _>(self, state, wakes);
        serve::<Takers, _>(self, state, wakes);
        serve::<Closers, _>(self, state, wakes);
        if !wakes.is_full() {
            wakes.extend(self.whom_to_wake(state));
        }
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
            return Some(Place::Refused(request.take()));
        }
        if self.is_offer(request) || !self.has_room_or_wants(store) {
            return None;
        }
        Some(match request.take() {
            Some(message) => {
                store.push(message);
                Place::Sent
            }
            None => {
                store.reserved += 1;
                Place::Slot
            }
        })
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
            store.offered += 1;
        }
    }

    fn leaves(&self, store: &mut Store<T>, request: &Put<T>) {
        if self.is_offer(request) {
            store.offered = store.offered.saturating_sub(1);
        }
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
}

impl<T> Serve<Takers> for Channel<T> {
    type Request = Take;
    type Grant = Taken<T>;
    type Store = Side<T>;

    fn parts(state: &mut State<T>) -> (&mut WaitQueue<Take, Taken<T>>, &mut Side<T>) {
        (&mut state.takers, &mut state.side)
    }

    fn is_ready(&self, side: &Side<T>, _: &Take) -> bool {
        // What senders offer is not looked at: then the newcomer joins the line, and has its turn.
        side.store.len() > side.store.promised || side.store.is_over()
    }

    #[inline]
    fn take(&self, side: &mut Side<T>, request: &mut Take) -> Option<Taken<T>> {
        let is_newcomer = !request.is_in_line;
        let taken = if self.available(side) > side.store.promised {
            let message = (request.direct && is_newcomer).then(|| side.pop());
            match message.flatten() {
                Some(message) => Taken::Message(message),
                None => {
                    side.store.promised += 1;
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
        side.store.waiting += 1;
    }

    fn leaves(&self, side: &mut Side<T>, _: &Take) {
        side.store.waiting -= 1;
    }

    #[inline]
    fn try_take(&self, request: &mut Take) -> Option<Taken<T>> {
        self.change(|state| {
            if state.takers.is_empty() {
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
