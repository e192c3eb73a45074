//! Orders in which the values of a queue come out.

use std::collections::VecDeque;

use hob_core::task::What;

use crate::queue::heap::{Incoming, Sorter};
use crate::queue::state::{Claim, Closed, Hand, Shared};
use crate::wait_queue::update;

use self::sealed::{Names, Sealed};

/// The order in which the values of a [`WorkQueue`](super::WorkQueue) come out.
///
/// There are three: [`Fifo`], [`Lifo`] and [`Priority`]. The trait is sealed: nobody else implements it.
pub trait Order<T>: Sealed<T> {}

/// First in, first out: the order of a [`Queue`](super::Queue).
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it has no values: it is a name")]
pub enum Fifo {}

/// Last in, first out: the order of a [`LifoQueue`](super::LifoQueue).
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it has no values: it is a name")]
pub enum Lifo {}

/// The smallest first, and first in, first out among equals: the order of a
/// [`PriorityQueue`](super::PriorityQueue).
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it has no values: it is a name")]
pub enum Priority {}

pub(super) mod sealed {
    use super::{Claim, Closed, Hand, Shared, What};

    /// What an order has to tell.
    #[expect(unnameable_types, reason = "the trait is sealed")]
    pub trait Sealed<T>: Sized {
        /// What the operations are called in dumps and panics.
        const NAMES: Names;

        /// The values, under the lock of the state.
        type Values: Default;

        /// What the order needs beside that lock.
        type Sorter: Default;

        /// Adds a value that comes out after those that are there, or after its equals.
        fn push_last(values: &mut Self::Values, value: T);

        /// Adds a value that comes out before those that are there, or before its equals.
        fn push_first(values: &mut Self::Values, value: T);

        /// Whether this very thread is comparing values of the queue.
        fn is_comparing(sorter: &Self::Sorter) -> bool {
            let _ = sorter;
            false
        }

        /// Takes the next value, if `claim` is a claim to one.
        fn take(shared: &Shared<T, Self>, claim: Claim, hand: Hand) -> Option<Result<T, Closed>>;

        /// Closes the queue and takes all that is there, in order.
        fn close_now(shared: &Shared<T, Self>) -> Vec<T>;
    }

    #[derive(Debug)]
    #[expect(
        unnameable_types,
        reason = "only the sealed trait reaches it from outside"
    )]
    pub struct Names {
        pub(in crate::queue) queue: What,
        pub(in crate::queue) put: What,
        pub(in crate::queue) put_blocking: What,
        pub(in crate::queue) get: What,
        pub(in crate::queue) get_blocking: What,
        pub(in crate::queue) join: What,
        pub(in crate::queue) join_blocking: What,
    }
}

impl<T> Order<T> for Fifo {}

impl<T> Sealed<T> for Fifo {
    const NAMES: Names = Names {
        queue: &"Queue",
        put: &"Queue::put",
        put_blocking: &"Queue::put_blocking",
        get: &"Queue::get",
        get_blocking: &"Queue::get_blocking",
        join: &"Queue::join",
        join_blocking: &"Queue::join_blocking",
    };

    type Values = VecDeque<T>;
    type Sorter = ();

    fn push_last(values: &mut VecDeque<T>, value: T) {
        values.push_back(value);
    }

    fn push_first(values: &mut VecDeque<T>, value: T) {
        values.push_front(value);
    }

    fn take(shared: &Shared<T, Self>, claim: Claim, hand: Hand) -> Option<Result<T, Closed>> {
        take_at_once(shared, claim, hand, VecDeque::pop_front)
    }

    fn close_now(shared: &Shared<T, Self>) -> Vec<T> {
        Vec::from(update(shared, |state| state.store.close_now()))
    }
}

impl<T> Order<T> for Lifo {}

impl<T> Sealed<T> for Lifo {
    const NAMES: Names = Names {
        queue: &"LifoQueue",
        put: &"LifoQueue::put",
        put_blocking: &"LifoQueue::put_blocking",
        get: &"LifoQueue::get",
        get_blocking: &"LifoQueue::get_blocking",
        join: &"LifoQueue::join",
        join_blocking: &"LifoQueue::join_blocking",
    };

    type Values = Vec<T>;
    type Sorter = ();

    fn push_last(values: &mut Vec<T>, value: T) {
        values.push(value);
    }

    // What came last and what comes back are both the next to come out.
    fn push_first(values: &mut Vec<T>, value: T) {
        values.push(value);
    }

    fn take(shared: &Shared<T, Self>, claim: Claim, hand: Hand) -> Option<Result<T, Closed>> {
        take_at_once(shared, claim, hand, Vec::pop)
    }

    fn close_now(shared: &Shared<T, Self>) -> Vec<T> {
        let mut values = update(shared, |state| state.store.close_now());
        values.reverse();
        values
    }
}

/// Takes a value whose place is known without asking foreign code.
fn take_at_once<T, O: Sealed<T>>(
    shared: &Shared<T, O>,
    claim: Claim,
    hand: Hand,
    pop: impl FnOnce(&mut O::Values) -> Option<T>,
) -> Option<Result<T, Closed>> {
    update(shared, |state| {
        let held = state.hold(claim)?;
        let take = |()| {
            let value = pop(&mut state.store.values).expect("as many are there as are counted");
            state.store.taken(hand);
            value
        };
        Some(held.map(take))
    })
}

impl<T: Ord> Order<T> for Priority {}

/// Values are put in as they come; whoever takes one sorts them first, with the lock of the state
/// released, under that of the sorter.
impl<T: Ord> Sealed<T> for Priority {
    const NAMES: Names = Names {
        queue: &"PriorityQueue",
        put: &"PriorityQueue::put",
        put_blocking: &"PriorityQueue::put_blocking",
        get: &"PriorityQueue::get",
        get_blocking: &"PriorityQueue::get_blocking",
        join: &"PriorityQueue::join",
        join_blocking: &"PriorityQueue::join_blocking",
    };

    type Values = Incoming<T>;
    type Sorter = Sorter<T>;

    fn push_last(values: &mut Incoming<T>, value: T) {
        values.push_last(value);
    }

    fn push_first(values: &mut Incoming<T>, value: T) {
        values.push_first(value);
    }

    fn is_comparing(sorter: &Sorter<T>) -> bool {
        sorter.is_lent_here()
    }

    fn take(shared: &Shared<T, Self>, claim: Claim, hand: Hand) -> Option<Result<T, Closed>> {
        // Dropped last, with no lock held.
        let _settles = Settles(shared);
        let taken = shared.sorter.with(|heap| {
            let held = {
                let mut state = shared.state.lock();
                let held = state.hold(claim)?;
                heap.add(&mut state.store.values);
                held
            };
            let take = |()| {
                let mut gives_up = GivesUp(Some(shared));
                let value = heap.pop().expect("as many are there as are counted");
                gives_up.0 = None;
                shared.state.lock().store.taken(hand);
                value
            };
            Some(held.map(take))
        });
        taken.unwrap_or_else(|| {
            if claim == Claim::Turn {
                shared.state.lock().store.give_up_turn();
            }
            refuse_inside_comparison()
        })
    }

    fn close_now(shared: &Shared<T, Self>) -> Vec<T> {
        let _settles = Settles(shared);
        let values = shared.sorter.with(|heap| {
            // From now on only what is in hand may come back.
            shared.state.lock().store.close();
            loop {
                heap.sort();
                let mut state = shared.state.lock();
                if state.store.values.is_empty() {
                    state.store.close_now();
                    return heap.take_all();
                }
                heap.add(&mut state.store.values);
            }
        });
        values.unwrap_or_else(|| refuse_inside_comparison())
    }
}

/// Foreign code that is called to compare values has come back for one. The heap is in disorder then,
/// and its lock is held by this very thread.
#[cold]
fn refuse_inside_comparison() -> ! {
    panic!("a comparison of the values of a PriorityQueue took values from that queue");
}

/// Serves the lines when it goes out of scope, also when a comparison panics: for itself, and for what
/// was called in comparisons.
struct Settles<'a, T: Ord>(&'a Shared<T, Priority>);

/// Gives a promise up if a comparison panics before the value is found.
struct GivesUp<'a, T: Ord>(Option<&'a Shared<T, Priority>>);

impl<T: Ord> Drop for Settles<'_, T> {
    fn drop(&mut self) {
        update(self.0, |_| ());
    }
}

impl<T: Ord> Drop for GivesUp<'_, T> {
    fn drop(&mut self) {
        if let Some(shared) = self.0 {
            shared.state.lock().store.give_up_turn();
        }
    }
}
