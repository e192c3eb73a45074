//! Whose turn it is to initialize a cell, and who waits for that.
//!
//! # Implementation
//!
//! ```text
//!            a turn is taken                 the value is set
//!   Empty ────────────────────► Initializing ────────────────► Set
//!     ▲                              │
//!     └──────────────────────────────┘
//!       the turn ends without a value
//! ```
//!
//! The phase and two lines lie under one lock. The line of those who would initialize is served one
//! turn at a time; the line of those who only wait is served when the value is there. While the phase
//! is `Empty` nobody waits for a turn: the first in line would have got it.
//!
//! The value itself lies in a `OnceLock` beside them, which whoever has the turn fills before the
//! phase becomes `Set`. So the lock orders the value before all who are told of it by a line, and the
//! `OnceLock` orders it before those who find it without having waited.

use crate::once_cell::OnceCell;
use crate::primitive::Guarded;
use crate::wait_queue::{Serve, Settle, WaitQueue, serve, update};
use crate::waker::WakeList;

/// The line of those who would initialize the cell.
pub(crate) struct Initializers;

/// The line of those who only wait for the value.
pub(crate) struct Watchers;

pub(crate) struct State {
    initializers: WaitQueue<(), Granted>,
    watchers: WaitQueue<(), ()>,
    phase: Phase,
}

/// How far a cell is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    Empty,
    Initializing,
    Set,
}

/// What one who would initialize is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Granted {
    /// It has the turn.
    Turn,
    /// It need not: the value is there.
    Set,
}

/// The right to initialize the cell, which ends with this.
pub(crate) struct Turn<'a, T>(&'a OnceCell<T>);

impl State {
    pub(super) const fn new(phase: Phase) -> Self {
        Self {
            initializers: WaitQueue::new(),
            watchers: WaitQueue::new(),
            phase,
        }
    }

    pub(super) const fn phase(&self) -> Phase {
        self.phase
    }

    /// Notes that the value was taken out, by whom nobody can stand in the way of.
    pub(super) const fn empty(&mut self) {
        self.phase = Phase::Empty;
    }

    /// How many wait for a turn, and how many for the value.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.initializers.len(), self.watchers.len())
    }
}

impl<'a, T> Turn<'a, T> {
    /// Makes a right of what a line granted.
    pub(crate) const fn new(cell: &'a OnceCell<T>) -> Self {
        Self(cell)
    }

    /// Sets the value, and tells all who wait.
    pub(crate) fn complete(self, value: T) -> &'a T {
        let cell = self.0;
        let set = cell.value.set(value);
        assert!(set.is_ok(), "only who has the turn sets the value");
        drop(self);
        cell.value()
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let cell = self.0;
        update(cell, |state| {
            debug_assert_eq!(state.phase, Phase::Initializing, "a turn ends once");
            state.phase = cell.phase_between_turns();
        });
    }
}

impl<T> OnceCell<T> {
    /// The value, for those who were told that it is there.
    pub(crate) fn value(&self) -> &T {
        self.get()
            .expect("who is told that the cell is set sees its value")
    }

    /// Takes the turn, if nobody has it.
    pub(super) fn try_turn(&self) -> Option<Granted> {
        <Self as Serve<Initializers>>::try_take(self, &mut ())
    }

    /// The phase as long as nobody has the turn.
    pub(super) fn phase_between_turns(&self) -> Phase {
        if self.get().is_some() {
            Phase::Set
        } else {
            Phase::Empty
        }
    }
}

impl<T> Settle for OnceCell<T> {
    type State = State;

    fn lock(&self) -> &Guarded<State> {
        &self.state
    }

    fn settle(&self, state: &mut State, wakes: &mut WakeList) {
        serve::<Initializers, _>(self, state, wakes);
        serve::<Watchers, _>(self, state, wakes);
    }
}

impl<T> Serve<Initializers> for OnceCell<T> {
    type Request = ();
    type Grant = Granted;
    type Store = Phase;

    fn parts(state: &mut State) -> (&mut WaitQueue<(), Granted>, &mut Phase) {
        (&mut state.initializers, &mut state.phase)
    }

    fn is_ready(&self, phase: &Phase, (): &()) -> bool {
        *phase != Phase::Initializing
    }

    fn take(&self, phase: &mut Phase, (): &mut ()) -> Option<Granted> {
        match phase {
            Phase::Empty => {
                *phase = Phase::Initializing;
                Some(Granted::Turn)
            }
            Phase::Initializing => None,
            Phase::Set => Some(Granted::Set),
        }
    }

    fn put_back(&self, phase: &mut Phase, grant: Granted) -> Option<Granted> {
        if grant == Granted::Turn {
            *phase = Phase::Empty;
        }
        None
    }

    fn try_take(&self, request: &mut ()) -> Option<Granted> {
        if self.get().is_some() {
            return Some(Granted::Set);
        }
        // Nobody is overtaken: see above.
        let phase = &mut self.state.lock().phase;
        <Self as Serve<Initializers>>::take(self, phase, request)
    }
}

impl<T> Serve<Watchers> for OnceCell<T> {
    type Request = ();
    type Grant = ();
    type Store = Phase;

    fn parts(state: &mut State) -> (&mut WaitQueue<(), ()>, &mut Phase) {
        (&mut state.watchers, &mut state.phase)
    }

    fn is_ready(&self, phase: &Phase, (): &()) -> bool {
        *phase == Phase::Set
    }

    fn take(&self, phase: &mut Phase, (): &mut ()) -> Option<()> {
        (*phase == Phase::Set).then_some(())
    }

    fn put_back(&self, _: &mut Phase, (): ()) -> Option<()> {
        None
    }

    fn try_take(&self, (): &mut ()) -> Option<()> {
        // Without the lock: whether it is not there yet is looked at again under it.
        self.get().map(drop)
    }
}
