//! The one door to atomics and locks: std's, or loom's under `--cfg loom`.
//!
//! Everything with a protocol takes its atomics from here, so that a model sees them. Statics
//! cannot: loom's types have no `const` constructor. They use [`Global`], which is always std's and
//! guards cold lists only.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

/// A `static` that is made anew for each run of a model.
#[cfg(loom)]
pub(crate) use loom::lazy_static;

/// A value for each thread; loom's threads share one thread of the system's.
#[cfg(loom)]
macro_rules! per_thread {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = const { $init:expr };) => {
        loom::thread_local! { $(#[$attribute])* static $name: $type = $init; }
    };
}
#[cfg(loom)]
pub(crate) use per_thread;
#[cfg(not(loom))]
pub(crate) use std::thread_local as per_thread;

/// A lock in a `static`.
pub(crate) use std::sync::Mutex as Global;
/// A counter in a `static`.
pub(crate) use std::sync::atomic::AtomicU64 as GlobalCounter;
pub(crate) use std::sync::atomic::Ordering as GlobalOrdering;

/// Locks, or says why a poisoned lock is a bug of ours.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("no foreign code runs under hob's locks, so none is poisoned")
}
