//! The three lines of a queue: who is served, with what, and what follows if it goes without.

use crate::epoch::Epoch;
use crate::primitive::Guarded;
use crate::queue::order::sealed::Sealed;
use crate::queue::state::{Claim, Closed, Got, Hand, Shared, State, Store};
use crate::wait_queue::{Serve, Settle, WaitQueue, serve};
use crate::waker::WakeList;

/// The line of those who put.
pub(crate) enum Putters {}
/// The line of those who get.
pub(crate) enum Getters {}
/// The line of those who wait for all to be done.
pub(crate) enum Joiners {}

impl<T, O: Sealed<T>> Settle for Shared<T, O> {
    type State = State<T, O>;

    fn lock(&self) -> &Guarded<State<T, O>> {
        &self.state
    }

    fn settle(&self, state: &mut State<T, O>, wakes: &mut WakeList) {
        if O::is_comparing(&self.sorter) {
            // Wakers are not to run under the lock of the sorter: whoever compares serves the lines once
            // that lock is released.
            return;
        }
        // Putters first: what they put is for those who get.
        serve::<Putters, _>(self, state, wakes);
        serve::<Getters, _>(self, state, wakes);
        serve::<Joiners, _>(self, state, wakes);
    }
}

/// The value goes from its putter's place in line straight into the queue.
impl<T, O: Sealed<T>> Serve<Putters> for Shared<T, O> {
    type Request = Option<T>;
    type Grant = Result<(), T>;
    type Store = Store<T, O>;

    fn parts(
        state: &mut State<T, O>,
    ) -> (&mut WaitQueue<Option<T>, Result<(), T>>, &mut Store<T, O>) {
        (&mut state.putters, &mut state.store)
    }

    fn is_ready(&self, store: &Store<T, O>, _: &Option<T>) -> bool {
        store.is_closed() || store.has_room()
    }

    fn take(&self, store: &mut Store<T, O>, request: &mut Option<T>) -> Option<Result<(), T>> {
        let mut value = || request.take().expect("it is there until it is put");
        if store.is_closed() {
            Some(Err(value()))
        } else if store.has_room() {
            store.push(value());
            Some(Ok(()))
        } else {
            None
        }
    }

    fn put_back(&self, _: &mut Store<T, O>, grant: Result<(), T>) -> Option<Result<(), T>> {
        // What was put stays. What was refused is dropped.
        Some(grant)
    }
}

impl<T, O: Sealed<T>> Serve<Getters> for Shared<T, O> {
    type Request = Hand;
    type Grant = Got<T>;
    type Store = Store<T, O>;

    fn parts(state: &mut State<T, O>) -> (&mut WaitQueue<Hand, Got<T>>, &mut Store<T, O>) {
        (&mut state.getters, &mut state.store)
    }

    fn is_ready(&self, store: &Store<T, O>, _: &Hand) -> bool {
        store.has_free() || store.is_over()
    }

    fn take(&self, store: &mut Store<T, O>, _: &mut Hand) -> Option<Got<T>> {
        if store.has_free() {
            store.promised += 1;
            Some(Got::Turn)
        } else {
            store.is_over().then_some(Got::Closed)
        }
    }

    fn put_back(&self, store: &mut Store<T, O>, grant: Got<T>) -> Option<Got<T>> {
        match grant {
            Got::Turn => store.give_up_turn(),
            Got::Closed => {}
            Got::Value(_) => unreachable!("whoever is given a value takes it at once"),
        }
        None
    }

    fn try_take(&self, hand: &mut Hand) -> Option<Got<T>> {
        let taken = O::take(self, Claim::Newcomer, *hand)?;
        Some(taken.map_or_else(|Closed| Got::Closed, Got::Value))
    }
}

impl<T, O: Sealed<T>> Serve<Joiners> for Shared<T, O> {
    type Request = Epoch;
    type Grant = ();
    type Store = Store<T, O>;

    fn parts(state: &mut State<T, O>) -> (&mut WaitQueue<Epoch, ()>, &mut Store<T, O>) {
        (&mut state.joiners, &mut state.store)
    }

    fn is_ready(&self, store: &Store<T, O>, _: &Epoch) -> bool {
        store.unfinished == 0
    }

    fn take(&self, store: &mut Store<T, O>, joined: &mut Epoch) -> Option<()> {
        (store.unfinished == 0 || *joined < store.all_done).then_some(())
    }

    fn put_back(&self, _: &mut Store<T, O>, (): ()) -> Option<()> {
        None
    }

    fn joins(&self, store: &mut Store<T, O>, joined: &mut Epoch) {
        *joined = store.all_done;
    }
}
