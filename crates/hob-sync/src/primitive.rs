//! The one door to locks, atomics, cells and parking: `parking_lot`'s and std's, or loom's under
//! `--cfg loom`.
//!
//! Everything with a protocol takes them from here, so that a model sees them.

#[cfg(not(loom))]
pub(crate) use parking_lot::Mutex as Guarded;
#[cfg(not(loom))]
pub(crate) use parking_lot::{
    ReentrantMutex as Reentrant, RwLock as ReadWrite, RwLockReadGuard as ReadGuard,
    RwLockWriteGuard as WriteGuard,
};
#[cfg(not(loom))]
pub(crate) use std::sync::OnceLock;
#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    thread::{Thread, current, park},
};

#[cfg(not(loom))]
pub(crate) use self::system::{Track, UnsafeCell, assert_unshared};

#[cfg(loom)]
pub(crate) use self::model::{Guarded, Guarded as Reentrant, OnceLock, ReadWrite, assert_unshared};
#[cfg(loom)]
pub(crate) use loom::sync::{RwLockReadGuard as ReadGuard, RwLockWriteGuard as WriteGuard};
#[cfg(loom)]
pub(crate) use loom::{
    alloc::Track,
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    thread::{Thread, current, park},
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
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }

    /// Nothing, in the shape of loom's, which sees an allocation that holds it leak.
    #[derive(Debug)]
    pub(crate) struct Track<T>(T);

    impl<T> Track<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(value)
        }
    }

    /// Says to a model that nobody else may touch the atomic any more.
    pub(crate) const fn assert_unshared(_: &mut super::AtomicU32) {}
}

#[cfg(loom)]
mod model {
    use loom::sync::atomic::{AtomicBool, Ordering};
    use loom::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

    /// Says to the model that nobody else may touch the atomic any more.
    pub(crate) fn assert_unshared(atomic: &mut super::AtomicU32) {
        atomic.with_mut(|_| ());
    }

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

        /// No model locks a `Reentrant` twice, so whoever asks does not hold it.
        pub(crate) const fn is_owned_by_current_thread(&self) -> bool {
            let _ = self;
            false
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0
                .get_mut()
                .expect("no foreign code runs under hob's locks, so none is poisoned")
        }
    }

    /// Loom's read-write lock in the shape of `parking_lot`'s: no poison.
    pub(crate) struct ReadWrite<T>(RwLock<T>);

    impl<T> ReadWrite<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(RwLock::new(value))
        }

        pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().expect("no closure panics in a model")
        }

        pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().expect("no closure panics in a model")
        }
    }

    /// Std's cell that is set once, behind a flag by which loom sees what orders its users.
    pub(crate) struct OnceLock<T> {
        is_set: AtomicBool,
        value: std::sync::OnceLock<T>,
    }

    impl<T> OnceLock<T> {
        pub(crate) fn new() -> Self {
            Self {
                is_set: AtomicBool::new(false),
                value: std::sync::OnceLock::new(),
            }
        }

        pub(crate) fn get(&self) -> Option<&T> {
            self.is_set
                .load(Ordering::Acquire)
                .then(|| self.value.get())
                .flatten()
        }

        pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
            self.value.get_mut()
        }

        pub(crate) fn set(&self, value: T) -> Result<(), T> {
            self.value.set(value)?;
            self.is_set.store(true, Ordering::Release);
            Ok(())
        }

        pub(crate) fn take(&mut self) -> Option<T> {
            self.is_set.store(false, Ordering::Relaxed);
            self.value.take()
        }

        pub(crate) fn into_inner(self) -> Option<T> {
            self.value.into_inner()
        }
    }
}
