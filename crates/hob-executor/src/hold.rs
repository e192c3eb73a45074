//! Which core this thread holds: how a push finds the queue that it may push to.
//!
//! # Implementation
//!
//! A thread-local of this crate's own, beside the ambient context: anybody can enter a context, but only
//! a worker or a borrower, who stands on the board as the one that has the core, gets a [`Hold`]. So it
//! may guarantee what the queue asks: that one thread pushes there.

use std::cell::Cell;

use crate::primitive::per_thread;

per_thread! {
    static HELD: Cell<Held> = const { Cell::new(Held { pool: 0, has: Has::Nothing }) };
}

#[derive(Clone, Copy)]
struct Held {
    /// The address of the pool, which lives for ever.
    pool: usize,
    has: Has,
}

/// What a thread has of a pool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Has {
    /// It is a stranger.
    Nothing,
    /// It may borrow a core: it is in `block_on`.
    Leave,
    /// It holds a core.
    Core(usize),
}

/// What this thread has of `pool`.
pub(crate) fn of<P>(pool: &P) -> Has {
    let held = HELD.with(Cell::get);
    if held.pool == address(pool) {
        held.has
    } else {
        Has::Nothing
    }
}

/// Changes what this thread has of `pool`, of which it has something.
pub(crate) fn set<P>(pool: &P, has: Has) {
    let pool = address(pool);
    HELD.with(|held| {
        debug_assert_eq!(
            held.get().pool,
            pool,
            "this thread has nothing of that pool"
        );
        held.set(Held { pool, has });
    });
}

/// Gives this thread something of `pool`, until it is dropped; what it had before is kept for then.
#[must_use = "it is given back when this is dropped"]
pub(crate) struct Hold {
    before: Held,
}

impl Hold {
    pub(crate) fn new<P>(pool: &P, has: Has) -> Self {
        let pool = address(pool);
        let before = HELD.with(|held| held.replace(Held { pool, has }));
        Self { before }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        HELD.with(|held| held.set(self.before));
    }
}

fn address<P>(pool: &P) -> usize {
    std::ptr::from_ref(pool).addr()
}
