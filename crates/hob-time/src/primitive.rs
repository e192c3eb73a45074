//! The one door to atomics, cells and locks: std's, or loom's under `--cfg loom`.
//!
//! Statics cannot hold loom's types, which have no `const` constructor. They use [`Global`], which is
//! always std's and guards what happens once.

#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

#[cfg(not(loom))]
pub(crate) use self::system::{UnsafeCell, pause};

/// A lock in a `static`.
pub(crate) use std::sync::Mutex as Global;

/// Why no lock of this crate is ever poisoned.
pub(crate) const UNPOISONED: &str = "no foreign code runs under hob's locks, so none is poisoned";

/// Locks, or says why a poisoned lock is a bug of ours.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect(UNPOISONED)
}

/// Lets another thread of the model go on.
#[cfg(loom)]
pub(crate) fn pause(_times: u64) {
    loom::thread::yield_now();
}

#[cfg(not(loom))]
mod system {
    use std::hint::spin_loop;
    use std::thread;
    use std::time::Duration;

    /// How many times whoever waits looks again at once, and after that, when others have run.
    const SPINS: u64 = 64;
    const YIELDS: u64 = 64;
    const NAP: Duration = Duration::from_micros(50);

    /// Lets time pass until a short lock may have been given back; whoever waits for it has done so `times` before.
    #[expect(
        clippy::disallowed_methods,
        reason = "the owner was put off its core: there is nobody who could wake us"
    )]
    pub(crate) fn pause(times: u64) {
        if times < SPINS {
            spin_loop();
        } else if times < SPINS + YIELDS {
            thread::yield_now();
        } else {
            thread::sleep(NAP);
        }
    }

    /// Std's cell in the shape of loom's, which sees who touches it and when.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}
