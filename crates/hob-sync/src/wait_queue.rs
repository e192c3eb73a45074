//! The line that every primitive of this crate has its waiters stand in.
//!
//! Who comes first is served first, and is *given* what it waits for: the permit, the turn or the
//! room is its own before it is woken. So nobody can take it away, and a waiter that goes without
//! having taken it hands it on to the next.
//!
//! # Implementation
//!
//! A primitive keeps its state, its lines included, under one lock, and tells through [`Serve`] how to
//! take something from that state and how to put it back. The rest is done here, once for all:
//! [`Wait`] is what its futures are made of, [`Serve::try_take`] serves those who do not wait, and
//! [`update`] those who change the state. Nothing is allocated: see [`WaitQueue`].
//!
//! ```text
//!               there, and nobody in line
//!   new ──────────────────────────────────────────► finished
//!    │                                                 ▲
//!    │ nothing there, or others wait                   │ poll takes the grant, without the lock
//!    ▼               grant_first                       │
//!   in line ─────────────────────────► granted ────────┘
//!    │ drop: the line closes up           │ drop: put back, for the next in line
//!    └───────────► gone ◄─────────────────┘
//! ```
//!
//! Three rules keep order. A newcomer takes nothing while somebody is in line. One that cannot be
//! served joins the line, whatever its budget. And one that could be served but has no budget left
//! yields as if it had not asked yet.
//!
//! Whoever changes the state serves the lines before it releases the lock, as far as the list of those
//! to wake has room; then it wakes them, and goes on serving. Nobody can get between: as long as the
//! line is not empty, newcomers join it.

mod line;
mod wait;

use std::ops::DerefMut;
use std::panic::Location;

pub(crate) use self::line::WaitQueue;
pub(crate) use self::wait::{Home, Part, Wait};

use crate::primitive::Guarded;
use crate::waker::WakeList;

/// A state under a lock, and what follows from a change of it for all its lines.
pub(crate) trait Settle {
    /// What the lock guards.
    type State;

    fn lock(&self) -> &Guarded<Self::State>;

    /// Serves every line as far as it goes, or until `wakes` is full.
    fn settle(&self, state: &mut Self::State, wakes: &mut WakeList);
}

/// A state that serves a line of waiters. `L` names the line where there are several.
pub(crate) trait Serve<L = ()>: Settle {
    /// What a waiter asks for.
    type Request;
    /// What it is given.
    type Grant;
    /// What it is given from: the state without the line.
    type Store;

    /// The line, and what it is served from.
    fn parts(
        state: &mut Self::State,
    ) -> (&mut WaitQueue<Self::Request, Self::Grant>, &mut Self::Store);

    /// Whether a newcomer who finds nobody in line would be served now.
    fn is_ready(&self, store: &Self::Store, request: &Self::Request) -> bool;

    /// Takes what is asked for, if it is there. The line has been looked at before.
    fn take(&self, store: &mut Self::Store, request: &mut Self::Request) -> Option<Self::Grant>;

    /// Puts back what was granted and not taken. What has no use any more is returned, to be dropped
    /// with the lock released.
    fn put_back(&self, store: &mut Self::Store, grant: Self::Grant) -> Option<Self::Grant>;

    /// Takes what a newcomer gets although others are in line, as it takes nothing away from them.
    fn take_past_line(
        &self,
        store: &mut Self::Store,
        request: &mut Self::Request,
    ) -> Option<Self::Grant> {
        let _ = (store, request);
        None
    }

    /// Notes what it is that the waiter who joins the line now waits for.
    fn joins(&self, store: &mut Self::Store, request: &mut Self::Request) {
        let _ = (store, request);
    }

    /// Notes that a waiter leaves the line and was granted nothing.
    fn leaves(&self, store: &mut Self::Store, request: &Self::Request) {
        let _ = (store, request);
    }

    /// Takes what is asked for, if it is there and nobody waits for it.
    fn try_take(&self, request: &mut Self::Request) -> Option<Self::Grant> {
        update(self, |state| {
            let (line, store) = Self::parts(state);
            if line.is_empty() {
                self.take(store, request)
            } else {
                None
            }
        })
    }
}

/// Serves one line as far as it goes, or until `wakes` is full.
pub(crate) fn serve<L, S: Serve<L> + ?Sized>(
    shared: &S,
    state: &mut S::State,
    wakes: &mut WakeList,
) {
    let (line, store) = S::parts(state);
    while !wakes.is_full() {
        let grant = line.with_first(|request| shared.take(store, request));
        let Some(grant) = grant.flatten() else { return };
        line.grant_first(grant, wakes);
    }
}

/// Changes the state, serves its lines, and wakes with the lock released.
pub(crate) fn update<S: Settle + ?Sized, R>(
    shared: &S,
    change: impl FnOnce(&mut S::State) -> R,
) -> R {
    let mut state = shared.lock().lock();
    let result = change(&mut state);
    release(shared, state);
    result
}

/// The end of an [`update`]: serves the lines of the state that was changed under its lock, `state`.
pub(crate) fn release<S: Settle + ?Sized>(shared: &S, mut state: impl DerefMut<Target = S::State>) {
    let mut wakes = WakeList::default();
    shared.settle(&mut state, &mut wakes);
    drop(state);
    loop {
        let may_be_more = wakes.is_full();
        wakes.wake_all();
        if !may_be_more {
            return;
        }
        shared.settle(&mut shared.lock().lock(), &mut wakes);
    }
}

/// What every future of this crate says that is polled once too often.
#[cold]
pub(crate) fn polled_after_ready(what: &str, place: &Location<'_>) -> ! {
    panic!("{what} at {place} was polled after it was ready");
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// A state that has things to give.
    struct Things(Guarded<State>);

    struct State {
        there: usize,
        line: WaitQueue<usize, usize>,
    }

    impl Settle for Things {
        type State = State;

        fn lock(&self) -> &Guarded<State> {
            &self.0
        }

        fn settle(&self, state: &mut State, wakes: &mut WakeList) {
            serve(self, state, wakes);
        }
    }

    impl Serve for Things {
        type Request = usize;
        type Grant = usize;
        type Store = usize;

        fn parts(state: &mut State) -> (&mut WaitQueue<usize, usize>, &mut usize) {
            (&mut state.line, &mut state.there)
        }

        fn is_ready(&self, there: &usize, request: &usize) -> bool {
            there >= request
        }

        fn take(&self, there: &mut usize, request: &mut usize) -> Option<usize> {
            *there = there.checked_sub(*request)?;
            Some(*request)
        }

        fn put_back(&self, there: &mut usize, grant: usize) -> Option<usize> {
            *there += grant;
            None
        }
    }

    impl Things {
        fn new(there: usize) -> Self {
            let line = WaitQueue::new();
            Self(Guarded::new(State { there, line }))
        }

        fn wait(&self, request: usize) -> Pin<Box<Wait<&Self>>> {
            Box::pin(Wait::new(self, request, &"test"))
        }

        fn waits(&self, request: usize) -> Pin<Box<Wait<&Self>>> {
            let mut wait = self.wait(request);
            assert_eq!(poll(&mut wait), Poll::Pending);
            wait
        }

        fn give(&self, more: usize) {
            update(self, |state| state.there += more);
        }

        fn in_line(&self) -> usize {
            self.0.lock().line.len()
        }
    }

    fn poll(wait: &mut Pin<Box<Wait<&Things>>>) -> Poll<usize> {
        wait.as_mut().poll(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_newcomer_does_not_pass_the_line() {
        let things = Things::new(1);
        let mut large = things.waits(2);
        assert_eq!(things.try_take(&mut 1), None);
        let _small = things.waits(1);
        things.give(1);
        assert_eq!(poll(&mut large), Poll::Ready(2));
        assert_eq!(things.in_line(), 1);
    }

    #[test]
    fn who_leaves_closes_the_line_up_wherever_it_stood() {
        for gone in 0..5 {
            let things = Things::new(0);
            let mut waits: Vec<_> = (0..5).map(|_| things.waits(1)).collect();
            drop(waits.remove(gone));
            assert_eq!(things.in_line(), 4);
            for wait in &mut waits {
                things.give(1);
                assert_eq!(poll(wait), Poll::Ready(1));
            }
            assert_eq!(things.in_line(), 0);
        }
    }

    #[test]
    fn what_was_granted_and_not_taken_goes_to_the_next() {
        let things = Things::new(0);
        let first = things.waits(1);
        let mut second = things.waits(1);
        things.give(1);
        assert_eq!(things.in_line(), 1, "the first has it");
        drop(first);
        assert_eq!(poll(&mut second), Poll::Ready(1));
        assert_eq!(things.0.lock().there, 0);
    }

    #[test]
    fn a_large_request_that_leaves_lets_the_small_ones_through() {
        let things = Things::new(1);
        let large = things.waits(5);
        let mut small = things.waits(1);
        drop(large);
        assert_eq!(poll(&mut small), Poll::Ready(1));
    }

    #[test]
    fn more_than_fit_into_the_wake_list_are_served_at_once() {
        let things = Things::new(0);
        let mut waits: Vec<_> = (0..100).map(|_| things.waits(1)).collect();
        things.give(99);
        assert_eq!(things.in_line(), 1);
        let served: usize = waits
            .iter_mut()
            .map(|wait| usize::from(poll(wait).is_ready()))
            .sum();
        assert_eq!(served, 99);
        assert_eq!(poll(&mut waits[99]), Poll::Pending);
    }

    #[test]
    fn a_wait_that_was_never_polled_asks_for_nothing() {
        let things = Things::new(0);
        drop(things.wait(1));
        things.give(1);
        assert_eq!(poll(&mut things.wait(1)), Poll::Ready(1));
    }

    #[test]
    fn a_part_keeps_its_owner() {
        let owner = Arc::new((Things::new(0), "owner"));
        let part = Part::new(Arc::clone(&owner), |owner| &owner.0);
        let mut wait = Box::pin(Wait::new(part, 1, &"test"));
        let cx = Context::from_waker(Waker::noop());
        assert_eq!(wait.as_mut().poll(&cx), Poll::Pending);
        let weak = Arc::downgrade(&owner);
        drop(owner);
        let alive = weak.upgrade().expect("the wait keeps it");
        alive.0.give(1);
        drop(alive);
        assert_eq!(wait.as_mut().poll(&cx), Poll::Ready(1));
        assert_eq!(wait.home().owner().1, "owner");
        drop(wait);
        assert!(weak.upgrade().is_none());
    }
}
