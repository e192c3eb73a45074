//! Waking those whose time has come.

use std::task::Waker;

use hob_core::unhandled;

/// Wakes all of `woken` and leaves it empty.
///
/// A waker is foreign code: one that panics is reported, and neither ends the thread nor keeps the
/// others asleep.
pub(crate) fn wake_all(woken: &mut Vec<Waker>) {
    for waker in woken.drain(..) {
        unhandled::wake(waker);
    }
}
