//! What a job says of itself to whoever runs it.
//!
//! A job of [`to_thread`](crate::to_thread) catches its own panic, for whoever awaits it. The engine
//! that runs it sees nothing of that, and counts it all the same: the job leaves a note on its
//! thread, and the engine takes it when the job returns. Jobs that run inside jobs end before the
//! job around them, so each engine finds the note of its own.

use std::cell::Cell;

use crate::primitive::per_thread;

per_thread! {
    static PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// Says that the job which this thread runs has panicked.
pub(crate) fn note_panic() {
    PANICKED.with(|panicked| panicked.set(true));
}

/// Asks whether the job that has just returned said so.
pub(crate) fn take_panic() -> bool {
    PANICKED.with(Cell::take)
}
