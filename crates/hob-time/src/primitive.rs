//! The one door to atomics and locks: std's, or loom's under `--cfg loom`.
//!
//! Statics cannot hold loom's types, which have no `const` constructor. They use [`Global`], which is
//! always std's and guards what happens once.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};

/// A lock in a `static`.
pub(crate) use std::sync::Mutex as Global;

/// Why no lock of this crate is ever poisoned.
pub(crate) const UNPOISONED: &str = "no foreign code runs under hob's locks, so none is poisoned";

/// Locks, or says why a poisoned lock is a bug of ours.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect(UNPOISONED)
}
