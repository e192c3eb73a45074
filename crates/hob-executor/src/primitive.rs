//! The one door to atomics, locks and the clock: std's, or loom's under `--cfg loom`.

use hob_core::Instant;

#[cfg(loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence},
};

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

/// What models are made of.
#[cfg(all(test, loom))]
pub(crate) use loom::{cell::UnsafeCell, model, model::Builder as ModelBuilder, thread};

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

/// A model has no time, so whoever sleeps until some instant yields, and wakes: as if it had come.
pub(crate) fn let_time_pass() {
    #[cfg(loom)]
    loom::thread::yield_now();
}
