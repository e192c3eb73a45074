//! The one door to locks, atomics, cells and parking: `parking_lot`'s and std's, or loom's under
//! `--cfg loom`.
//!
//! Everything with a protocol takes them from here, so that a model sees them.

#[cfg(not(loom))]
pub(crate) use parking_lot::Mutex as Guarded;
#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread::{Thread, current, park},
};

#[cfg(not(loom))]
pub(crate) use self::system::UnsafeCell;

#[cfg(loom)]
pub(crate) use self::model::Guarded;
#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread::{Thread, current, park},
};

#[cfg(not(loom))]
mod system {
    /// Std's cell in the shape of loom's, which sees who touches it and when.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T: ?Sized>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

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
