//! The one door to locks.
//!
//! A simulation runs on one thread. The locks are there because what futures reach must be `Sync`,
//! and because a waker may be called, or a socket dropped, on any thread: they are never contended.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

/// Locks, or says why a poisoned lock is a bug of ours.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("no foreign code runs under hob's locks, so none is poisoned")
}
