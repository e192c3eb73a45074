//! The one door to locks, atomics and parking: `parking_lot`'s and std's, or loom's under
//! `--cfg loom`.
//!
//! Everything with a protocol takes them from here, so that a model sees them.

#[cfg(not(loom))]
pub(crate) use parking_lot::Mutex as Guarded;
#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread::{Thread, current, park},
};

#[cfg(loom)]
pub(crate) use self::model::Guarded;
#[cfg(loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicBool, Ordering},
    thread::{Thread, current, park},
};

#[cfg(loom)]
mod model {
    use loom::sync::{Mutex, MutexGuard};

    /// Loom's mutex in the shape of `parking_lot`'s: no poison.
    pub(crate) struct Guarded<T>(Mutex<T>);

    impl<T> Guarded<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0
                .lock()
                .expect("no foreign code runs under hob's locks, so none is poisoned")
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }
}
