//! The one door to atomics, locks and the clock: std's, or loom's under `--cfg loom`.

use hob_core::Instant;

#[cfg(loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
};

/// What models are made of.
#[cfg(all(test, loom))]
pub(crate) use loom::{model, thread};

/// Locks, or says why a poisoned lock is a bug of ours.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("no foreign code runs under hob's locks, so none is poisoned")
}

/// The present; in a model no time passes, since the same choices must lead to the same end.
pub(crate) fn now() -> Instant {
    if cfg!(loom) {
        Instant::from_nanos(0)
    } else {
        Instant::system()
    }
}
