//! Waking those whose time has come.

use std::task::Waker;

use hob_core::panic::{self, contain};
use hob_core::unhandled::{self, Unhandled, UnhandledKind};

/// Wakes all of `woken` and leaves it empty.
///
/// A waker is foreign code: one that panics is reported, and neither ends the thread nor keeps the
/// others asleep.
pub(crate) fn wake_all(woken: &mut Vec<Waker>) {
    for waker in woken.drain(..) {
        if let Err(payload) = contain(|| waker.wake()) {
            let message = panic::message(&payload);
            let kind = UnhandledKind::CallbackPanicked;
            unhandled::report(&Unhandled::new(kind, None, message));
            panic::discard(payload);
        }
    }
}
